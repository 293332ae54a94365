//! Tables as spreadsheets export them.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Producer, Subject, figures, file_name};

/// Name and bytes of a table.
pub(super) fn make(subject: &Subject<'_>, rng: &mut ChaCha8Rng) -> (String, Vec<u8>) {
    let locale = &subject.locale;
    let mut sheet = Sheet::of(subject);
    if rng.random_bool(0.3) {
        sheet.row(&[&subject.title]);
        sheet.row(&[""]);
    }
    let word = match rng.random_range(0..10) {
        0..6 => {
            costs(subject, &mut sheet, rng);
            "costs"
        }
        6..8 => {
            months(subject, &mut sheet, rng);
            "budget"
        }
        _ => {
            tasks(subject, &mut sheet, rng);
            "tasks_name"
        }
    };
    let name = file_name::document(subject, locale.word(word), "csv", rng);
    (name, sheet.bytes)
}

fn costs(subject: &Subject<'_>, sheet: &mut Sheet, rng: &mut ChaCha8Rng) {
    let locale = &subject.locale;
    // From a page to a year of bookings: even on a logarithmic scale.
    let magnitude = rng.random_range(1.25..2.55_f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "17 to 354"
    )]
    let count = libm::pow(10.0, magnitude) as usize;
    let lines = figures::cost_lines(subject, count, rng);
    // A long title in hundreds of lines would make most of the file.
    let with_project = rng.random_bool(0.35) && count * subject.title.len() < 10_000;
    let mut head = vec![
        locale.word("date"),
        locale.word("item"),
        locale.word("department"),
        locale.word("quantity"),
        locale.word("price"),
        locale.word("amount"),
    ];
    if with_project {
        head.insert(1, locale.word("project"));
    }
    sheet.row(&head);
    let mut total = 0;
    for line in &lines {
        total += line.amount();
        let date = locale.date(line.date);
        let quantity = line.quantity.to_string();
        let (price, amount) = (locale.plain(line.price), locale.plain(line.amount()));
        let mut cells: Vec<&str> = vec![
            &date,
            line.item,
            line.department,
            &quantity,
            &price,
            &amount,
        ];
        if with_project {
            cells.insert(1, &subject.title);
        }
        sheet.row(&cells);
    }
    if rng.random_bool(0.7) {
        let total = locale.plain(total);
        let mut cells = vec![locale.word("total"), "", "", "", "", &total];
        if with_project {
            cells.insert(1, "");
        }
        sheet.row(&cells);
    }
}

fn months(subject: &Subject<'_>, sheet: &mut Sheet, rng: &mut ChaCha8Rng) {
    let locale = &subject.locale;
    sheet.row(&[
        locale.word("department"),
        locale.word("month"),
        locale.word("planned"),
        locale.word("actual"),
    ]);
    let departments = super::some_of(&locale.words("departments"), rng.random_range(2..7), rng);
    let count = rng.random_range(8..=12);
    let mut totals = (0, 0);
    for department in departments {
        for line in figures::month_lines(subject, count, rng) {
            totals = (totals.0 + line.planned, totals.1 + line.actual);
            let month = format!("{} {}", locale.month(line.month0), line.year);
            sheet.row(&[
                department,
                &month,
                &locale.plain(line.planned),
                &locale.plain(line.actual),
            ]);
        }
    }
    sheet.row(&[
        locale.word("total"),
        "",
        &locale.plain(totals.0),
        &locale.plain(totals.1),
    ]);
}

fn tasks(subject: &Subject<'_>, sheet: &mut Sheet, rng: &mut ChaCha8Rng) {
    let locale = &subject.locale;
    sheet.row(&[
        locale.word("number"),
        locale.word("task"),
        locale.word("department"),
        locale.word("owner"),
        locale.word("due"),
        locale.word("status"),
    ]);
    let count = rng.random_range(9..40);
    let departments = locale.words("departments");
    for (index, line) in figures::task_lines(subject, count, rng).iter().enumerate() {
        sheet.row(&[
            &(index + 1).to_string(),
            line.task,
            super::one_of(&departments, rng),
            &line.owner,
            &locale.date(line.due),
            line.status,
        ]);
    }
}

/// A file in the dialect of one program.
struct Sheet {
    separator: char,
    line_end: &'static str,
    bytes: Vec<u8>,
}

impl Sheet {
    fn of(subject: &Subject<'_>) -> Sheet {
        let list = subject.locale.list;
        let (separator, line_end, mark) = match subject.request.producer {
            // "CSV UTF-8": with a byte order mark, or Excel itself would not read it back.
            Producer::Word | Producer::Excel => (list, "\r\n", "\u{feff}"),
            Producer::LibreOffice => (list, "\n", ""),
            Producer::MacQuartz => (list, "\r\n", ""),
            // Always a comma: numbers with a decimal comma are quoted.
            Producer::GoogleDocs => (',', "\r\n", ""),
        };
        Sheet {
            separator,
            line_end,
            bytes: mark.as_bytes().to_vec(),
        }
    }

    fn row(&mut self, cells: &[&str]) {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.push(self.separator);
            }
            if cell.contains(['"', '\r', '\n', self.separator]) {
                let quoted = cell.replace('"', "\"\"");
                self.bytes.extend(format!("\"{quoted}\"").bytes());
            } else {
                self.bytes.extend(cell.bytes());
            }
        }
        self.bytes.extend(self.line_end.bytes());
    }

    fn push(&mut self, c: char) {
        self.bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
    }
}
