//! One message: what is known of it, and what gives it away.

use std::hash::{DefaultHasher, Hash, Hasher};

use decnet_realism::tells::{TextTell, text_tells};

use super::alternative;
use super::bytes::{contains, find, slice, split_at_last_byte};
use super::catalogue::{Tell, TellSet};
use super::date::{self, MailDate, Zone};
use super::decode::{payload, text};
use super::head::Head;
use super::mailer::{self, BoundaryClass, IdClass, Mailer};
use super::new_text::{self, NewText, QuoteStyle};
use super::reader::{Kind, Mime, Part, headers, parameter};
use super::subject;
use super::values::{
    Lines, address, apple_builds_agree, ids, is_named_after, is_unescaped, longer_than,
    seconds_in_name, size_in_name, thread_start,
};
use super::{Finding, Place};
use crate::mime::header::collapse;

/// Lines longer than this are against RFC 5322.
const LINE_MAX: usize = 998;

/// Decoded text is looked at so far for bytes that are not ASCII.
const ASCII_WITHIN: usize = 20_000;

/// Longest detail of a finding, in characters.
const DETAIL_MAX: usize = 80;

/// Longest list of references that is kept.
const REFERENCES_MAX: usize = 100;

/// What a mailbox keeps of a message: nothing of its text.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) tells: TellSet,
    pub(super) date: Option<MailDate>,
    /// Hash of the Message-ID, if there is one.
    pub(super) id: Option<u64>,
    /// Hash of the sender's address in lower case.
    pub(super) sender: u64,
    pub(super) parent: Option<u64>,
    pub(super) references: Vec<u64>,
    /// Hash of the subject without prefixes.
    pub(super) subject: u64,
    pub(super) is_reply_by_subject: bool,
    pub(super) mailer: Mailer,
    pub(super) id_class: IdClass,
    pub(super) header_order: u64,
    pub(super) is_in_sent: bool,
    pub(super) is_received_here: bool,
    pub(super) has_received: bool,
    pub(super) quotes: bool,
    pub(super) style_contradicts: bool,
    pub(super) has_attachment: bool,
    pub(super) has_html: bool,
    pub(super) has_cc: bool,
    /// Hash of the new text, if it has eight words.
    pub(super) body: Option<u64>,
    /// Smallest hashes of three words in a row, in order, if there are twelve words.
    pub(super) shingles: Vec<u32>,
}

pub(super) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Where findings go.
struct Found {
    findings: Vec<Finding>,
    set: TellSet,
}

impl Found {
    fn add(&mut self, tell: Tell, detail: impl FnOnce() -> String) {
        if !self.set.contains(tell) {
            self.set.insert(tell);
            self.findings.push(Finding {
                tell,
                detail: detail(),
            });
        }
    }

    fn add_if(&mut self, condition: bool, tell: Tell, detail: &[u8]) {
        if condition {
            self.add(tell, || shown(detail));
        }
    }
}

/// The start of something hostile, for people to read.
fn shown(bytes: &[u8]) -> String {
    let start = slice(bytes, 0, bytes.len().min(DETAIL_MAX * 4));
    let text = String::from_utf8_lossy(start);
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(DETAIL_MAX) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// Reads a message. `for_mailbox` asks for what only a mailbox needs.
pub(super) fn read(bytes: &[u8], place: &Place<'_>, for_mailbox: bool) -> (Vec<Finding>, Facts) {
    let mut head = Head::default();
    let mut index = 0;
    let body = headers(bytes, |name, value| {
        head.add(index, name, value);
        index += 1;
    });
    let mime = Mime::of(head.root.with_body(body));
    let id_class = IdClass::of(head.message_id);
    let mailer = Mailer::of(
        head.user_agent,
        head.x_mailer,
        head.message_id,
        id_class,
        head.has_exchange_headers,
    );
    let mut message = Reader {
        place,
        body,
        date: head.date.and_then(date::read),
        head,
        mime,
        id_class,
        mailer,
        found: Found {
            findings: Vec::new(),
            set: TellSet::default(),
        },
        facts: Facts::default(),
    };
    message.identity();
    message.dates();
    message.storage(bytes);
    message.threading();
    message.parts();
    message.words(for_mailbox);
    message.finish(for_mailbox)
}

/// A message on its way through the checks.
struct Reader<'a, 'p> {
    place: &'p Place<'p>,
    body: &'a [u8],
    head: Head<'a>,
    mime: Mime<'a>,
    date: Option<MailDate>,
    id_class: IdClass,
    mailer: Mailer,
    found: Found,
    facts: Facts,
}

impl Reader<'_, '_> {
    fn is_received_here(&self) -> bool {
        !contains(self.place.folder.as_bytes(), b"sent")
            && !contains(self.place.folder.as_bytes(), b"draft")
    }

    fn identity(&mut self) {
        let Self {
            head,
            found,
            mailer,
            id_class,
            place,
            ..
        } = self;
        let (mailer, class, id) = (*mailer, *id_class, head.message_id);
        if let Some(name) = head.twice {
            found.add(Tell::DuplicateSingletonHeader, || name.to_owned());
        }
        if let [Some(from), rest @ ..] = head.places
            && rest
                .iter()
                .all(|place| place.is_some_and(|place| place < from))
        {
            found.add(Tell::MimeHeadersBeforeFrom, String::new);
        }
        found.add_if(class == IdClass::Absent, Tell::MidAbsent, b"");
        found.add_if(class == IdClass::MakeMsgid, Tell::MidMakeMsgid, id);
        let (local, domain) = mailer::sides(id);
        if class == IdClass::Hex32 && !mailer.makes_hex32() {
            found.add(Tell::MidHex32WithoutExchangeHeaders, || shown(id));
            found.add_if(mailer::is_uuid4_hex(local), Tell::MidUuid4Hex, id);
        }
        found.add_if(is_named_after(place.file_name, id), Tell::MidIsFileName, id);
        let dotless = split_at_last_byte(id, b'@').map_or(id, |(_, domain)| domain);
        found.add_if(
            !id.is_empty() && find(dotless, b'.').is_none(),
            Tell::MidDomainHasNoDot,
            id,
        );
        found.add_if(
            mailer.makes(class) == Some(false),
            Tell::MidContradictsMua,
            id,
        );
        found.add_if(mailer == Mailer::None, Tell::NoMuaTraceAtAll, b"");
        match class {
            IdClass::Gmail => found.add_if(local.len() != 51, Tell::GmailMidLength, id),
            IdClass::ExchangeOnline | IdClass::ExchangeOnlineUpper => found.add_if(
                !mailer::exchange_servers_agree(id),
                Tell::ExchangeMidServersDiffer,
                id,
            ),
            _ => {}
        }
        if mailer.is_apple() {
            found.add_if(
                head.spells_message_id_in_capitals,
                Tell::AppleHeaderCaseWrong,
                b"Message-ID",
            );
            found.add_if(
                mailer == Mailer::AppleMac && !apple_builds_agree(head.x_mailer, head.mime_version),
                Tell::AppleBuildMismatch,
                head.mime_version,
            );
        }
        let address = address(head.from);
        let senders = split_at_last_byte(address, b'@').map_or(&[][..], |(_, domain)| domain);
        found.add_if(
            mailer.uses_senders_domain()
                && mailer.makes(class) == Some(true)
                && !senders.is_empty()
                && !senders.eq_ignore_ascii_case(domain),
            Tell::MidDomainNotSenders,
            id,
        );
        found.add_if(
            is_unescaped(head.from),
            Tell::DisplayNameUnescaped,
            head.from,
        );
        for value in [head.from, head.to, head.cc, head.subject] {
            let is_sound = mailer.is_sound_client();
            found.add_if(
                is_sound && !value.is_ascii(),
                Tell::RawEightBitHeader,
                value,
            );
            if is_sound && find(value, b'?').is_some() {
                found.add_if(
                    subject::has_malformed_word(value),
                    Tell::EncodedWordMalformed,
                    value,
                );
            }
        }
        self.facts.sender = hash(&address.to_ascii_lowercase());
        self.facts.id = (!id.is_empty()).then(|| hash(id));
    }

    fn dates(&mut self) {
        let raw = self.head.date.unwrap_or_default();
        let found = &mut self.found;
        let Some(date) = self.date else {
            found.add(Tell::DateAbsent, || shown(raw));
            return;
        };
        found.add_if(date.zone.is_utc(), Tell::DateUtc, raw);
        if date.zone == Zone::MinusZero {
            found.add(Tell::DateMinus0000, || shown(raw));
            found.add_if(
                self.mailer.is_sound_client(),
                Tell::DateMinus0000FromAClient,
                raw,
            );
        }
        let local = date.local_seconds();
        found.add_if(local.rem_euclid(60) == 0, Tell::DateSecondsZero, raw);
        found.add_if(date.weekday() >= 5, Tell::Weekend, raw);
        found.add_if(date.hour() < 5, Tell::Night, raw);
        found.add_if(
            self.mailer == Mailer::Exchange
                && self.id_class.is_exchange_online()
                && date.zone != Zone::PlusZero,
            Tell::ExchangeOnlineDateNotUtc,
            raw,
        );
    }

    fn storage(&mut self, bytes: &[u8]) {
        let (head, body) = bytes.split_at(bytes.len() - self.body.len());
        let (mut lines, body) = (Lines::of(head), Lines::of(body));
        let found = &mut self.found;
        found.add_if(!lines.go_with(&body), Tell::MixedLineEnds, b"");
        lines.add(&body);
        found.add_if(lines.longest > LINE_MAX, Tell::LineOver998, b"");
        // Dovecot's S= counts what the file holds, W= what IMAP shows: with CRLF everywhere.
        for (field, actual) in [("S=", bytes.len()), ("W=", bytes.len() + lines.lf)] {
            if let Some(size) = size_in_name(self.place.file_name, field)
                && size != actual
            {
                found.add(Tell::FileSizeWrong, || {
                    format!("{field}{size}, but {actual} octets")
                });
            }
        }
        if !self.is_received_here() {
            return;
        }
        let (found, received) = (&mut self.found, &self.head.received);
        found.add_if(received.count == 0, Tell::ReceivedMissingOutsideSent, b"");
        found.add_if(received.goes_back, Tell::ReceivedNotMonotone, b"");
        let Some(date) = self.date else {
            return;
        };
        if let Some(oldest) = received.oldest
            && date.seconds - oldest > 300
        {
            found.add(Tell::DateAfterDelivery, || {
                format!("{} s", date.seconds - oldest)
            });
        }
        let delivered = received.newest.unwrap_or(date.seconds);
        let is_far = |seconds: i64| delivered.abs_diff(seconds) > 3_600;
        if self.place.modified_at.is_some_and(is_far) {
            found.add(Tell::MtimeFarFromDelivery, String::new);
        }
        if seconds_in_name(self.place.file_name).is_some_and(is_far) {
            found.add(Tell::FileNameFarFromDelivery, || {
                self.place.file_name.to_owned()
            });
        }
    }

    fn threading(&mut self) {
        let Self {
            head,
            found,
            facts,
            mailer,
            date,
            ..
        } = self;
        let mailer = *mailer;
        let decoded = subject::decoded(head.subject);
        let subject = collapse(&decoded);
        let is_reply = subject::is_reply(&subject);
        let is_forward = !is_reply && subject::is_forward(&subject);
        let base = subject::base(&subject);
        found.add_if(
            base.contains("business communication"),
            Tell::SubjectBusinessCommunication,
            subject.as_bytes(),
        );
        found.add_if(subject.is_empty(), Tell::SubjectEmpty, b"");
        found.add_if(
            subject::is_title_case(&subject),
            Tell::SubjectTitleCase,
            subject.as_bytes(),
        );
        found.add_if(
            is_reply && mailer.is_microsoft() && subject.starts_with("Re:"),
            Tell::OutlookReplyPrefixNotRe,
            subject.as_bytes(),
        );

        let parent = ids(head.in_reply_to).next();
        let references: Vec<&[u8]> = ids(head.references).collect();
        found.add_if(
            is_reply && parent.is_none(),
            Tell::ReplyWithoutIrt,
            subject.as_bytes(),
        );
        if let Some(parent) = parent {
            found.add_if(references.is_empty(), Tell::IrtWithoutReferences, parent);
            found.add_if(
                !is_reply && !is_forward,
                Tell::IrtWithoutPrefix,
                subject.as_bytes(),
            );
            if references.last().is_some_and(|last| *last != parent) {
                found.add(Tell::IrtNotLastReference, || shown(parent));
                found.add_if(
                    mailer == Mailer::Gmail,
                    Tell::IrtNotLastReferenceGmail,
                    parent,
                );
            }
        }
        facts.parent = parent.map(hash);
        let kept = references.len().saturating_sub(REFERENCES_MAX);
        facts.references = references.iter().skip(kept).map(|id| hash(*id)).collect();
        facts.is_reply_by_subject = is_reply && !is_forward;
        facts.subject = hash(&base);

        if mailer == Mailer::Exchange {
            found.add_if(
                head.thread_index.is_none(),
                Tell::ExchangeWithoutThreadIndex,
                b"",
            );
        }
        if let Some(index) = head.thread_index {
            match thread_start(index) {
                None => found.add(Tell::ThreadIndexUndecodable, || shown(index)),
                Some(start) => {
                    let is_later = date.is_some_and(|date| start > date.seconds + 86_400);
                    found.add_if(is_later, Tell::ThreadIndexAfterDate, index);
                }
            }
        }
    }

    fn parts(&mut self) {
        let Self {
            mime,
            found,
            mailer,
            head,
            id_class,
            ..
        } = self;
        let mailer = *mailer;
        found.add_if(mime.html_first, Tell::HtmlBeforeText, b"");
        found.add_if(
            mime.plain.is_none() && mime.html.is_some(),
            Tell::HtmlOnly,
            b"",
        );
        if mailer == Mailer::Gmail {
            found.add_if(mime.root == Kind::Plain, Tell::GmailNotMultipart, b"");
            for part in [mime.plain, mime.html].into_iter().flatten() {
                let charset = part.charset();
                let is_other_form = charset.eq_ignore_ascii_case(b"utf-8") && charset != b"UTF-8"
                    || charset == b"us-ascii";
                found.add_if(
                    is_other_form && !contains(part.content_type, b"name="),
                    Tell::GmailCharset,
                    part.content_type,
                );
            }
        }
        if !mime.is_multipart {
            return;
        }
        let boundary = mime.boundary;
        let class = BoundaryClass::of(boundary);
        found.add_if(
            class == BoundaryClass::Python && !head.is_of_a_list,
            Tell::PythonBoundary,
            boundary,
        );
        found.add_if(
            mailer == Mailer::Gmail && class != BoundaryClass::Gmail,
            Tell::GmailBoundaryWrong,
            boundary,
        );
        found.add_if(
            mime.root == Kind::Alternative && mailer.bounds_with(class) == Some(false),
            Tell::BoundaryContradictsMua,
            boundary,
        );
        if class == BoundaryClass::Apple {
            let wrong = match mailer {
                Mailer::AppleMac => boundary.starts_with(b"Apple-Mail-"),
                Mailer::IPhone | Mailer::IPad => boundary.starts_with(b"Apple-Mail="),
                _ => false,
            };
            found.add_if(wrong, Tell::AppleBoundaryWrong, boundary);
        }
        if class == BoundaryClass::Exchange
            && mailer == Mailer::Exchange
            && id_class.is_exchange_online()
        {
            if !mailer::is_exchange_boundary(boundary) {
                found.add(Tell::ExchangeBoundaryMalformed, || shown(boundary));
            }
            found.add_if(
                !mailer::exchange_boundary_agrees(boundary, head.message_id),
                Tell::ExchangeBoundaryNotOfMid,
                boundary,
            );
        }
    }

    fn words(&mut self, for_mailbox: bool) {
        let Some(part) = self.mime.plain.or(self.mime.html) else {
            self.reply_quotes(&NewText::default());
            return;
        };
        let bytes = payload(&part);
        let decoded = text(&bytes, part.charset());
        let html_text;
        let text_of_mail: &str = if self.mime.plain.is_some() {
            &decoded
        } else {
            html_text = alternative::visible(&decoded);
            &html_text
        };
        self.encoding(&part, &bytes, text_of_mail);
        if let (Some(_), Some(html)) = (self.mime.plain, self.mime.html)
            && self.mime.root == Kind::Alternative
            && self.mime.is_multipart
        {
            let html_bytes = payload(&html);
            let html_text = text(&html_bytes, html.charset());
            self.found.add_if(
                alternative::disagrees(text_of_mail, &html_text),
                Tell::AltHtmlDisagrees,
                b"",
            );
        }
        let new = new_text::split(text_of_mail);
        self.reply_quotes(&new);
        for trace in text_tells(&new.text) {
            self.found.add(of_text(trace.tell), || {
                shown(new.text.get(trace.range).unwrap_or_default().as_bytes())
            });
        }
        super::courtesy::find(&new.text, |tell| self.found.add(tell, String::new));
        if for_mailbox {
            let sketch = super::duplicates::sketch(&new.text);
            self.facts.body = sketch.body;
            self.facts.shingles = sketch.shingles;
        }
    }

    fn encoding(&mut self, part: &Part<'_>, bytes: &[u8], text: &str) {
        let found = &mut self.found;
        let start = slice(bytes, 0, bytes.len().min(ASCII_WITHIN));
        let is = |encoding: &[u8]| part.encoding.eq_ignore_ascii_case(encoding);
        if is(b"base64") {
            found.add(Tell::B64TextPart, String::new);
            found.add_if(
                !bytes.is_empty() && start.is_ascii() && part.kind == Kind::Plain,
                Tell::B64PlainAscii,
                b"",
            );
        }
        let is_bare = part.encoding.is_empty() || is(b"7bit");
        found.add_if(is_bare && !start.is_ascii(), Tell::UndeclaredEightBit, b"");
        let is_flowed = parameter(part.content_type, b"format")
            .is_some_and(|format| format.eq_ignore_ascii_case(b"flowed"));
        if self.mime.root != Kind::Plain && !is_flowed {
            return;
        }
        let is_long = longer_than(text, 200);
        found.add_if(is_flowed && is_long, Tell::FlowedLongLine, b"");
        found.add_if(
            self.mime.root == Kind::Plain && !is_flowed && is_long && (is_bare || is(b"8bit")),
            Tell::SingleLineParagraph,
            b"",
        );
    }

    fn reply_quotes(&mut self, new: &NewText) {
        let facts = &mut self.facts;
        let is_reply = facts.parent.is_some() || facts.is_reply_by_subject;
        let style = new.style;
        let quotes_as_outlook = matches!(
            style,
            QuoteStyle::OutlookRule | QuoteStyle::OutlookHeader | QuoteStyle::OriginalMessage
        );
        let marks_quotes = matches!(
            self.mailer,
            Mailer::Gmail
                | Mailer::Thunderbird
                | Mailer::AppleMac
                | Mailer::IPhone
                | Mailer::Evolution
                | Mailer::Mutt
        );
        facts.quotes = new.quoted_lines > 0;
        facts.style_contradicts = facts.quotes
            && (marks_quotes && quotes_as_outlook
                || self.mailer.is_microsoft() && style == QuoteStyle::AttributedPrefix);
        self.found
            .add_if(is_reply && !facts.quotes, Tell::ReplyWithoutAnyQuote, b"");
        self.found.add_if(
            is_reply && facts.style_contradicts,
            Tell::QuoteStyleContradictsMua,
            b"",
        );
    }

    fn finish(self, for_mailbox: bool) -> (Vec<Finding>, Facts) {
        let is_received_here = self.is_received_here();
        let mut facts = self.facts;
        if for_mailbox {
            facts.tells = self.found.set;
            facts.date = self.date;
            facts.mailer = self.mailer;
            facts.id_class = self.id_class;
            facts.header_order = self.head.order;
            facts.is_in_sent = contains(self.place.folder.as_bytes(), b"sent");
            facts.is_received_here = is_received_here;
            facts.has_received = self.head.received.count > 0;
            facts.has_attachment = self.mime.attachments > 0;
            facts.has_html = self.mime.html.is_some();
            facts.has_cc = self.head.has_cc;
        }
        (self.found.findings, facts)
    }
}

/// The row of a trace in a text.
fn of_text(tell: TextTell) -> Tell {
    match tell {
        TextTell::EmDash => Tell::EmDash,
        TextTell::SmartQuotes => Tell::SmartQuotes,
        TextTell::MarkdownFence => Tell::MarkdownFence,
        TextTell::MarkdownBoldOrHeading => Tell::MarkdownBoldOrHeading,
        TextTell::Placeholder => Tell::Placeholder,
        TextTell::PlaceholderLeft => Tell::PlaceholderLeft,
        TextTell::AiDisclaimer => Tell::AiDisclaimer,
        TextTell::AiSpeaks => Tell::AiSpeaks,
        TextTell::LeakedSubject => Tell::LeakedSubject,
        TextTell::PromptRemains => Tell::PromptRemains,
        TextTell::InvisibleCharacter => Tell::InvisibleCharacter,
        TextTell::PhraseHopeThisFinds => Tell::PhraseHopeThisFinds,
        TextTell::PhraseDontHesitate => Tell::PhraseDontHesitate,
        TextTell::PhraseCircleBack => Tell::PhraseCircleBack,
        TextTell::PhraseDelveLeverage => Tell::PhraseDelveLeverage,
        TextTell::PhraseLetMeKnowIf => Tell::PhraseLetMeKnowIf,
        TextTell::PhraseAsDiscussed => Tell::PhraseAsDiscussed,
        TextTell::PhraseMovingForward => Tell::PhraseMovingForward,
        TextTell::PhraseLookForward => Tell::PhraseLookForward,
        TextTell::PhraseEnsureThat => Tell::PhraseEnsureThat,
        TextTell::PhraseAdditionally => Tell::PhraseAdditionally,
        TextTell::PhraseJustWantedTo => Tell::PhraseJustWantedTo,
    }
}
