//! Attached files, read by programs that did not write them: Python's `csv`, `zlib` and `struct`,
//! and checks of PDF and iCalendar that are written from the standards.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::process::{Command, Stdio};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Timelike, Utc, Weekday};
use decnet_emailgen::attachment::{
    Attachment, AttachmentKind, AttachmentRequest, Producer, attach,
};
use decnet_emailgen::message::Installation;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

const KINDS: [AttachmentKind; 4] = [
    AttachmentKind::Pdf,
    AttachmentKind::Csv,
    AttachmentKind::Image,
    AttachmentKind::Calendar,
];

const PRODUCERS: [Producer; 5] = [
    Producer::Word,
    Producer::Excel,
    Producer::LibreOffice,
    Producer::MacQuartz,
    Producer::GoogleDocs,
];

/// Language, zone, topic.
const PLACES: [(&str, &str, &str); 8] = [
    ("en", "America/New_York", "budget for the new office"),
    ("en-GB", "Europe/London", "quarterly figures"),
    ("es", "Europe/Madrid", "presupuesto de la oficina nueva"),
    ("de", "Europe/Berlin", "Umzug ins neue Büro"),
    ("fr", "Africa/Casablanca", "déménagement de l'équipe"),
    ("it", "Europe/Rome", "trasloco del magazzino"),
    ("pt", "America/Sao_Paulo", "manutenção do armazém"),
    ("nl", "Asia/Kolkata", "verhuizing; naar \"kantoor\", nieuw"),
];

const HOSTILE: [&str; 12] = [
    "",
    "=HYPERLINK(\"http://evil.example\";\"x\")",
    "+1+1|cmd",
    "@SUM(A1)",
    "-2+3",
    "x\r\nATTENDEE:mailto:evil@evil.example\r\nBEGIN:VALARM",
    ") Tj ET endstream endobj (\\",
    "../../etc/passwd",
    "..",
    "\u{202e}fdp.exe\u{0}\u{7}\u{feff}",
    "日本語 \u{1f600} кириллица \u{301}\u{301}\u{301}",
    "a;b,c:d\"e\"\\n\\,",
];

fn request<'a>(topic: &'a str, people: &'a [(&'a str, &'a str)]) -> AttachmentRequest<'a> {
    AttachmentRequest {
        topic,
        language: "en",
        author_name: "Ana Ruiz",
        author_address: "ana@corp.example",
        recipients: people,
        date: date("2026-03-06T11:22:33+01:00"),
        time_zone: "Europe/Madrid",
        producer: Producer::Word,
        installation: Installation::default(),
    }
}

fn date(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).expect("a date")
}

/// Files of every kind, with what they were made from.
fn check_all(requests: &[AttachmentRequest<'_>], seeds: u64) {
    let mut questions = Vec::new();
    let mut zlib = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        for seed in 0..seeds {
            for kind in KINDS {
                let seed = seed * 1000 + number as u64;
                let file = attach(kind, request, &mut ChaCha8Rng::seed_from_u64(seed));
                assert_eq!(file.kind, kind);
                check_name(&file);
                match kind {
                    AttachmentKind::Pdf => {
                        zlib.extend(check_pdf(&file.bytes, request));
                        assert!((15_000..180_000).contains(&file.bytes.len()));
                    }
                    AttachmentKind::Calendar => check_calendar(&file.bytes, request),
                    AttachmentKind::Csv => {
                        assert!((500..40_000).contains(&file.bytes.len()));
                        let separator = separator(request);
                        questions.push((format!("csv {separator}"), file.bytes));
                    }
                    AttachmentKind::Image => {
                        assert!((5_000..120_000).contains(&file.bytes.len()));
                        questions.push(("png -".to_owned(), file.bytes));
                    }
                }
            }
        }
    }
    questions.extend(zlib.into_iter().map(|bytes| ("zlib -".to_owned(), bytes)));
    for (answer, (kind, bytes)) in read_with_python(&questions).iter().zip(&questions) {
        assert_eq!(answer.get("defect"), None, "{kind}");
        match kind.split(' ').next() {
            Some("csv") => check_rows(&answer["rows"]),
            Some("png") => {
                let names: Vec<&str> = answer["names"]
                    .as_array()
                    .expect("names")
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                assert_eq!(names.first(), Some(&"IHDR"));
                assert_eq!(names.last(), Some(&"IEND"));
                assert!(
                    names.contains(&"sRGB") && names.contains(&"pHYs"),
                    "{names:?}"
                );
            }
            _ => assert!(!bytes.is_empty()),
        }
    }
}

fn separator(request: &AttachmentRequest<'_>) -> char {
    let comma = request.producer == Producer::GoogleDocs
        || !["es", "de", "fr", "it", "pt", "nl"].contains(&request.language);
    if comma { ',' } else { ';' }
}

#[test]
fn files_of_every_place_and_program_are_valid() {
    let people = [
        ("Ben Cole", "ben@corp.example"),
        ("Müller, Jörg", "jm@corp.example"),
    ];
    let mut requests = Vec::new();
    for (number, (language, time_zone, topic)) in PLACES.into_iter().enumerate() {
        for step in 0..2 {
            requests.push(AttachmentRequest {
                language,
                time_zone,
                producer: PRODUCERS[(number + step) % PRODUCERS.len()],
                installation: Installation::default(),
                ..request(topic, &people)
            });
        }
    }
    check_all(&requests, 2);
}

#[test]
fn hostile_words_stay_words() {
    let long = "long words without any end ".repeat(4_000);
    let wide = "ß".repeat(50_000);
    for (number, text) in HOSTILE.into_iter().chain([&*long, &*wide]).enumerate() {
        let people: Vec<(&str, &str)> = vec![(text, text); 200];
        let hostile = AttachmentRequest {
            author_name: text,
            author_address: text,
            // Unknown languages are English.
            language: if number % 2 == 0 { "de" } else { text },
            time_zone: text,
            producer: PRODUCERS[number % PRODUCERS.len()],
            installation: Installation::default(),
            ..request(text, &people)
        };
        check_all(&[hostile], 1);
    }
}

#[test]
fn dates_at_the_ends_of_time_are_survived() {
    for extreme in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        for kind in KINDS {
            let request = AttachmentRequest {
                date: extreme.fixed_offset(),
                ..request("budget", &[])
            };
            let file = attach(kind, &request, &mut ChaCha8Rng::seed_from_u64(5));
            assert!(!file.bytes.is_empty());
        }
    }
}

#[test]
fn names_are_in_the_language_of_the_writer() {
    let mut names: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
    for (language, zone, topic) in PLACES {
        for seed in 0..60 {
            let request = AttachmentRequest {
                language,
                time_zone: zone,
                ..request(topic, &[])
            };
            let file = attach(
                AttachmentKind::Csv,
                &request,
                &mut ChaCha8Rng::seed_from_u64(seed),
            );
            names.entry(language).or_default().insert(file.file_name);
        }
    }
    for (language, word) in [
        ("en", "costs"),
        ("es", "costes"),
        ("de", "kosten"),
        ("fr", "coûts"),
        ("it", "costi"),
        ("pt", "custos"),
        ("nl", "kosten"),
    ] {
        let all = &names[language];
        assert!(all.len() > 15, "{language}: {}", all.len());
        assert!(
            all.iter().any(|name| name.to_lowercase().contains(word)),
            "{language}: {all:?}"
        );
    }
}

fn check_name(file: &Attachment) {
    let name = &file.file_name;
    assert!(name.len() <= 120, "{name}");
    assert!(!name.starts_with(['.', ' ', '-']), "{name}");
    assert!(
        !name
            .chars()
            .any(|c| c.is_control() || "/\\:*?\"<>|\u{202e}\u{feff}".contains(c)),
        "{name:?}"
    );
    let (extension, media_type) = match file.kind {
        AttachmentKind::Pdf => ("pdf", "application/pdf"),
        AttachmentKind::Csv => ("csv", "text/csv"),
        AttachmentKind::Image => ("png", "image/png"),
        AttachmentKind::Calendar => ("ics", "text/calendar; method=REQUEST; charset=UTF-8"),
    };
    let (stem, found) = name.rsplit_once('.').expect("an extension");
    assert!(!stem.is_empty());
    assert_eq!((found, file.media_type), (extension, media_type));
}

fn check_rows(rows: &Value) {
    let rows: Vec<Vec<&str>> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            let cells = row.as_array().expect("cells");
            cells.iter().filter_map(Value::as_str).collect()
        })
        .collect();
    let width = rows.iter().map(Vec::len).max().expect("rows");
    assert!(width >= 4 && rows.len() >= 8, "{rows:?}");
    for row in &rows {
        // Either the whole table or the title above it.
        assert!(row.len() == width || row.len() <= 1, "{row:?}");
        for cell in row {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell}"
            );
            assert!(!cell.contains(|c: char| c.is_control()), "{cell:?}");
        }
    }
    // Amounts of the lines and their total, in hundredths.
    let amount = |text: &str| text.replace([',', '.'], "").parse::<i64>();
    let is_number = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() > 3 && matches!(bytes[bytes.len() - 3], b'.' | b',') && amount(text).is_ok()
    };
    let body: Vec<&Vec<&str>> = rows
        .iter()
        .filter(|row| row.len() == width && is_number(row[width - 1]))
        .collect();
    if let Some((total, lines)) = body.split_last()
        && total[width - 3].is_empty()
    {
        let sum: i64 = lines
            .iter()
            .map(|line| amount(line[width - 1]).expect("a number"))
            .sum();
        assert_eq!(amount(total[width - 1]), Ok(sum));
    }
}

/// Offsets, lengths and trailer of a PDF with a cross-reference table (ISO 32000-1, 7.5). Gives the
/// streams, which are all packed with Flate.
fn check_pdf(bytes: &[u8], request: &AttachmentRequest<'_>) -> Vec<Vec<u8>> {
    let find = |from: usize, what: &[u8]| {
        bytes[from..]
            .windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at)
    };
    assert!(bytes.starts_with(b"%PDF-1."));
    let tail = String::from_utf8_lossy(&bytes[bytes.len() - 64..]).into_owned();
    let (before, _) = tail.split_once("%%EOF").expect("an end");
    let table: usize = before
        .split_whitespace()
        .next_back()
        .expect("a number")
        .parse()
        .expect("an offset");
    let text = String::from_utf8_lossy(&bytes[table..]).into_owned();
    let mut lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    assert_eq!(lines.next(), Some("xref"));
    let count: usize = lines
        .next()
        .and_then(|line| line.strip_prefix("0 "))
        .expect("one section")
        .parse()
        .expect("a count");
    let offsets: Vec<usize> = lines
        .by_ref()
        .take(count)
        .skip(1)
        .map(|line| {
            assert!(line.ends_with(" 00000 n") && line.len() == 18, "{line:?}");
            line[..10].parse().expect("an offset")
        })
        .collect();
    assert!(offsets.len() > 5);
    assert!(text.contains(&format!("/Size {count}")) && text.contains("/Root 1 0 R"));
    let mut streams = Vec::new();
    for (number, &offset) in offsets.iter().enumerate() {
        let head = format!("{} 0 obj\n", number + 1);
        assert!(bytes[offset..].starts_with(head.as_bytes()), "{head}");
        // A string may hold the word `endobj`: the object goes up to where the next one begins.
        let end = offsets
            .iter()
            .copied()
            .filter(|&other| other > offset)
            .min()
            .unwrap_or(table);
        assert!(bytes[..end].trim_ascii_end().ends_with(b"endobj"));
        let object = String::from_utf8_lossy(&bytes[offset..end]).into_owned();
        let Some((dictionary, _)) = object.split_once("stream\n") else {
            assert_eq!(object.matches("<<").count(), object.matches(">>").count());
            continue;
        };
        let length: usize = dictionary
            .split_once("/Length ")
            .expect("a length")
            .1
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .expect("digits")
            .parse()
            .expect("a length");
        assert!(dictionary.contains("/FlateDecode"));
        let from = find(offset, b"stream\n").expect("a stream") + 7;
        assert!(
            bytes[from + length..].starts_with(b"\nendstream"),
            "{number}"
        );
        streams.push(bytes[from..from + length].to_vec());
    }
    let all = String::from_utf8_lossy(bytes);
    for (_, rest) in all
        .match_indices("/CreationDate (D:")
        .map(|(at, found)| (at, &all[at + found.len()..]))
    {
        let stamp = NaiveDateTime::parse_from_str(&rest[..14], "%Y%m%d%H%M%S").expect("a date");
        let zone = &rest[14..21];
        let utc = if zone.starts_with('Z') {
            stamp
        } else {
            assert_eq!(zone, "+01'00'");
            stamp - chrono::TimeDelta::hours(1)
        };
        let age = request.date.naive_utc() - utc;
        assert!((1..27 * 60).contains(&age.num_minutes()), "{age}");
    }
    streams
}

/// RFC 5545 and RFC 5546, as far as an invitation goes.
fn check_calendar(bytes: &[u8], request: &AttachmentRequest<'_>) {
    let text = std::str::from_utf8(bytes).expect("utf-8");
    assert!((600..16_000).contains(&text.len()), "{}", text.len());
    assert!(text.ends_with("\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(line.len() <= 75, "{line}");
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
    let unfolded = text.replace("\r\n ", "");
    let mut open = Vec::new();
    let mut seen: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in unfolded.split_terminator("\r\n") {
        // The first colon outside of quotation marks ends the name and its parameters.
        let mut quoted = false;
        let colon = line
            .char_indices()
            .find(|&(_, c)| {
                quoted ^= c == '"';
                c == ':' && !quoted
            })
            .map(|(at, _)| at)
            .expect("a value");
        let (head, value) = (&line[..colon], &line[colon + 1..]);
        let name = head.split(';').next().expect("a name");
        assert!(
            name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'),
            "{line}"
        );
        match name {
            "BEGIN" => open.push(value),
            "END" => assert_eq!(open.pop(), Some(value)),
            _ => {
                let path = format!("{}.{name}", open.last().expect("inside"));
                seen.entry(path).or_default().push(line);
            }
        }
    }
    assert!(open.is_empty());
    let value = |path: &str| {
        let lines = seen.get(path).unwrap_or_else(|| panic!("no {path}"));
        assert_eq!(lines.len(), 1, "{path}");
        lines[0].split_once(':').expect("a value").1
    };
    assert_eq!(value("VCALENDAR.VERSION"), "2.0");
    assert_eq!(value("VCALENDAR.METHOD"), "REQUEST");
    assert!(!value("VCALENDAR.PRODID").is_empty());
    assert_eq!(value("VEVENT.SEQUENCE"), "0");
    assert!(value("VEVENT.UID").len() >= 26);
    assert!(seen["VEVENT.ORGANIZER"][0].contains(":mailto:"));
    let attendees = seen.get("VEVENT.ATTENDEE").map_or(0, Vec::len);
    assert!(attendees <= 41);
    if request.author_address.ends_with("@corp.example") {
        assert_eq!(attendees, request.recipients.len() + 1);
        assert_eq!(value("VTIMEZONE.TZID"), request.time_zone);
    }
    let stamp =
        NaiveDateTime::parse_from_str(value("VEVENT.DTSTAMP"), "%Y%m%dT%H%M%SZ").expect("utc");
    assert!(stamp < request.date.naive_utc());
    let zone = value("VTIMEZONE.TZID");
    let local = |path: &str| {
        assert!(seen[path][0].contains(&format!(";TZID={zone}:")));
        NaiveDateTime::parse_from_str(value(path), "%Y%m%dT%H%M%S").expect("local time")
    };
    let (start, end) = (local("VEVENT.DTSTART"), local("VEVENT.DTEND"));
    assert!(start > request.date.naive_utc() && end > start);
    assert!(!matches!(start.weekday(), Weekday::Sat | Weekday::Sun));
    assert!((9..17).contains(&start.hour()) && start.minute().is_multiple_of(30));
    assert!(seen.contains_key("STANDARD.TZOFFSETTO"));
}

/// One answer for each file, in order.
fn read_with_python(files: &[(String, Vec<u8>)]) -> Vec<Value> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/support/read_attachments.py"
    );
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 must be installed: it reads the files");
    let mut input = String::new();
    for (kind, bytes) in files {
        input.push_str(kind);
        input.push(' ');
        input.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
        input.push('\n');
    }
    let mut stdin = python.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().expect("python3 ran");
    writer.join().expect("no panic").expect("python3 read");
    assert!(output.status.success());
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .expect("json is utf-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("json"))
        .collect();
    assert_eq!(answers.len(), files.len());
    answers
}
