//! The files that people attach: a report or a scan as PDF, a table as CSV, a screenshot, an
//! invitation.
//!
//! [`attach`] is a pure function: the same request and the same generator give the same bytes, and
//! no two draws give the same file. What a file says about its origin (dates, author, program)
//! follows from the sender and the date of the mail; what stays the same for a person or a company
//! (version of the program, colour, logo) follows from the [`Installation`].
//!
//! It does not put anything into MIME and touches no file. The topic and all names are taken as
//! hostile, and come out as one harmless line of bounded length.

mod calendar;
mod csv;
mod document;
mod drawing;
mod figures;
mod file_name;
mod image;
mod locale;
mod pdf;
mod picture;
mod raster;
mod text;
mod zone;

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use locale::Locale;

use crate::message::Installation;

/// A file as it is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// Name as the sender gave it: UTF-8, at most 120 bytes, with extension. No control
    /// characters, no slashes, no leading dot.
    pub file_name: String,
    /// Value of `Content-Type`, with its parameters except `name`.
    pub media_type: &'static str,
    /// The file, not encoded for transfer.
    pub bytes: Vec<u8>,
}

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachmentKind {
    /// A text document, a table or a scan: 15 to 180 kB.
    Pdf,
    /// A table: 0.5 to 40 kB.
    Csv,
    /// A screenshot as PNG: 5 to 120 kB.
    Image,
    /// An invitation to a meeting, RFC 5546 `REQUEST`: 0.6 to 16 kB.
    Calendar,
}

/// The program that people of one kind of computer make their files with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Producer {
    /// Microsoft Word on Windows. Its tables come from Excel.
    Word,
    /// Microsoft Excel on Windows: PDFs are tables.
    Excel,
    /// LibreOffice on Linux.
    LibreOffice,
    /// An application of macOS that prints to PDF.
    MacQuartz,
    /// Google Docs and Sheets in a browser.
    GoogleDocs,
}

/// What a file is made from.
#[derive(Clone, Copy, Debug)]
pub struct AttachmentRequest<'a> {
    /// What the mail is about.
    pub topic: &'a str,
    /// Language of the writer, a BCP 47 tag. Other than English, Spanish, German, French, Italian,
    /// Portuguese and Dutch give English.
    pub language: &'a str,
    /// Who writes.
    pub author_name: &'a str,
    /// Address of the writer.
    pub author_address: &'a str,
    /// Names and addresses of the readers.
    pub recipients: &'a [(&'a str, &'a str)],
    /// Date of the mail, in the sender's zone. The file is older.
    pub date: DateTime<FixedOffset>,
    /// IANA name of the sender's zone. With a name that is not known, the offset of `date` holds.
    pub time_zone: &'a str,
    /// What the sender makes files with.
    pub producer: Producer,
    /// What everything constant about the sender and the company follows from.
    pub installation: Installation,
}

/// Makes a file of this kind.
#[must_use]
pub fn attach(
    kind: AttachmentKind,
    request: &AttachmentRequest<'_>,
    rng: &mut ChaCha8Rng,
) -> Attachment {
    let date = if PLAUSIBLE_YEARS.contains(&request.date.year()) {
        request.date
    } else {
        DateTime::UNIX_EPOCH.fixed_offset() + TimeDelta::days(YEARS_FROM_EPOCH * 366)
    };
    let locale = Locale::of(request.language, request.time_zone);
    let title = text::title(request.topic).unwrap_or_else(|| locale.word("report").to_owned());
    let subject = Subject {
        heading: if drawing::can_show(&title) {
            title.clone()
        } else {
            locale.word("report").to_owned()
        },
        title,
        author: text::person(request.author_name, request.author_address),
        people: request
            .recipients
            .iter()
            .take(MAX_PEOPLE)
            .map(|(name, address)| text::person(name, address))
            .collect(),
        company: text::company(request.author_address),
        made: made_before(date, rng),
        date,
        locale,
        request,
    };
    let (media_type, (file_name, bytes)) = match kind {
        AttachmentKind::Pdf => ("application/pdf", pdf::make(&subject, rng)),
        AttachmentKind::Csv => ("text/csv", csv::make(&subject, rng)),
        AttachmentKind::Image => ("image/png", image::make(&subject, rng)),
        AttachmentKind::Calendar => (
            "text/calendar; method=REQUEST; charset=UTF-8",
            calendar::make(&subject, rng),
        ),
    };
    Attachment {
        kind,
        file_name,
        media_type,
        bytes,
    }
}

/// Which kind a person attaches: PDF 45 %, image 30 %, CSV 15 %, invitation 10 %.
///
/// An estimate: published measurements of office mail count spreadsheets and text documents, which
/// are not made here, and invitations usually not at all. Only the order is well known: documents,
/// then pictures, then tables.
#[must_use]
pub fn draw_kind(rng: &mut ChaCha8Rng) -> AttachmentKind {
    match rng.random_range(0..100) {
        0..45 => AttachmentKind::Pdf,
        45..75 => AttachmentKind::Image,
        75..90 => AttachmentKind::Csv,
        _ => AttachmentKind::Calendar,
    }
}

/// Readers beyond this number are left out of a file: it has to stay small whatever it is asked.
const MAX_PEOPLE: usize = 40;

/// Dates outside are replaced, so that adding some months to a date never leaves what chrono can
/// hold, and every year has four digits.
const PLAUSIBLE_YEARS: std::ops::Range<i32> = 1980..9900;
const YEARS_FROM_EPOCH: i64 = 50;

/// A request with everything in it made harmless.
struct Subject<'a> {
    /// The topic, not empty.
    title: String,
    /// The title where the font can show it, otherwise only what the file is.
    heading: String,
    /// Not empty.
    author: String,
    /// The readers.
    people: Vec<String>,
    /// First label of the sender's domain.
    company: String,
    /// Date of the mail.
    date: DateTime<FixedOffset>,
    /// When the file was finished, in the sender's zone.
    made: DateTime<FixedOffset>,
    locale: Locale,
    request: &'a AttachmentRequest<'a>,
}

impl Subject<'_> {
    /// A number that is constant for a purpose and the sender.
    fn habit(&self, purpose: &str) -> u64 {
        text::hash(&[purpose, self.request.author_address]) ^ self.request.installation.person
    }

    /// A number that is constant for a purpose and the sender's company.
    fn house(&self, purpose: &str) -> u64 {
        text::hash(&[purpose, &self.company]) ^ self.request.installation.company
    }

    /// Somebody in the mail.
    fn anybody(&self, rng: &mut ChaCha8Rng) -> &str {
        let number = rng.random_range(0..=self.people.len());
        self.people.get(number).unwrap_or(&self.author)
    }
}

/// Most files are attached minutes after they are finished, some hours later or the next day.
fn made_before(date: DateTime<FixedOffset>, rng: &mut ChaCha8Rng) -> DateTime<FixedOffset> {
    let minutes = match rng.random_range(0..10) {
        0..7 => 1..45,
        7..9 => 45..150,
        _ => 23 * 60..25 * 60,
    };
    let seconds = rng.random_range(minutes) * 60 + rng.random_range(0..60);
    date - TimeDelta::seconds(seconds)
}

/// One of `items`.
fn one_of<'t>(items: &[&'t str], rng: &mut ChaCha8Rng) -> &'t str {
    if items.is_empty() {
        return "";
    }
    items
        .get(rng.random_range(0..items.len()))
        .copied()
        .unwrap_or_default()
}

/// `count` different ones of `items`, or all, in random order.
fn some_of<'t>(items: &[&'t str], count: usize, rng: &mut ChaCha8Rng) -> Vec<&'t str> {
    let mut left = items.to_vec();
    let mut drawn = Vec::new();
    while drawn.len() < count && !left.is_empty() {
        drawn.push(left.swap_remove(rng.random_range(0..left.len())));
    }
    drawn
}

#[cfg(test)]
mod tests;
