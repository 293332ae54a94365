//! Points from files: JSON lines or CSV with `target`, `ts`, `impressions` and `engagements`.

use std::io::{self, BufRead};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::ledger::check_target_name;
use crate::point::Point;

/// Longest line, in bytes.
pub const LINE_MAX: usize = 64 << 10;

/// Reads points one by one, so that a file of any size needs little memory.
///
/// A file that begins with `{` is JSON lines, any other is CSV (RFC 4180) with the names of its
/// columns in the first line; further fields and columns are passed over, and blank lines too. `ts`
/// is RFC 3339 or Unix time in seconds; a time without a zone is UTC. Counts are whole numbers from 0.
///
/// ```
/// use decnet_self_heal::import::Points;
///
/// let file = "ts,target,impressions,engagements\n2026-05-01T12:00:00Z,\"mail,01\",500,5\n";
/// let points: Result<Vec<_>, _> = Points::of(file.as_bytes())?.collect();
/// let (target, point) = &points.unwrap()[0];
/// assert_eq!((target.as_str(), point.impressions), ("mail,01", 500));
/// # Ok::<(), decnet_self_heal::import::ImportError>(())
/// ```
#[derive(Debug)]
pub struct Points<R> {
    format: Format<R>,
    not_after: DateTime<Utc>,
}

/// A line that holds no point, or a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line is not what it should be; the lines after it can be read.
    #[error("line {line}: {what}")]
    BadLine {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// The file cannot be read on.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The first line does not name the columns.
    #[error(
        "the first line has to name the columns target, ts, impressions and engagements; {missing} is missing"
    )]
    Header {
        /// The first that is missing.
        missing: &'static str,
    },
}

impl ImportError {
    /// Whether lines after it can be read.
    pub fn is_of_one_line(&self) -> bool {
        matches!(self, Self::BadLine { .. })
    }
}

#[derive(Debug)]
enum Format<R> {
    JsonLines(Lines<R>),
    Csv(Box<Csv<R>>),
    /// After an error that nothing can follow.
    Over,
}

#[derive(Debug)]
struct Csv<R> {
    lines: Lines<R>,
    columns: Columns,
}

/// Where the columns are.
#[derive(Clone, Copy, Debug)]
struct Columns {
    target: usize,
    ts: usize,
    impressions: usize,
    engagements: usize,
}

impl<R: BufRead> Points<R> {
    /// The points of `reader`.
    ///
    /// # Errors
    ///
    /// [`ImportError`] when it cannot be read, or is CSV without names of columns.
    pub fn of(reader: R) -> Result<Self, ImportError> {
        let mut lines = Lines::new(reader);
        let Some(first) = lines.peek()? else {
            return Ok(Self::new(Format::Over));
        };
        if first.trim_start().starts_with('{') {
            return Ok(Self::new(Format::JsonLines(lines)));
        }
        let columns = Columns::of(&fields(first))?;
        lines.consume();
        let csv = Csv { lines, columns };
        Ok(Self::new(Format::Csv(Box::new(csv))))
    }

    /// Takes points after `moment` for bad lines: what lies in the future was not counted, and would
    /// push out what was. Default: none.
    pub fn not_after(mut self, moment: DateTime<Utc>) -> Self {
        self.not_after = moment;
        self
    }

    fn new(format: Format<R>) -> Self {
        Self {
            format,
            not_after: DateTime::<Utc>::MAX_UTC,
        }
    }
}

impl<R: BufRead> Iterator for Points<R> {
    type Item = Result<(String, Point), ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let not_after = self.not_after;
        let counted = |(target, point): (String, Point)| match point.at > not_after {
            true => Err(format!("{} lies in the future", point.at.to_rfc3339())),
            false => Ok((target, point)),
        };
        let next = match &mut self.format {
            Format::JsonLines(lines) => lines.next_with(|line| json_point(line).and_then(counted)),
            Format::Csv(csv) => {
                let columns = csv.columns;
                csv.lines
                    .next_with(|line| csv_point(line, &columns).and_then(counted))
            }
            Format::Over => None,
        };
        if next
            .as_ref()
            .is_none_or(|next| matches!(next, Err(error) if !error.is_of_one_line()))
        {
            self.format = Format::Over;
        }
        next
    }
}

/// Lines of bounded length.
#[derive(Debug)]
struct Lines<R> {
    reader: R,
    number: u64,
    buffer: Vec<u8>,
    is_buffered: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            buffer: Vec::new(),
            is_buffered: false,
        }
    }

    /// The next line that is not blank, which stays the next one.
    fn peek(&mut self) -> Result<Option<&str>, ImportError> {
        loop {
            if !self.is_buffered && !self.fill()? {
                return Ok(None);
            }
            self.is_buffered = true;
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
            self.is_buffered = false;
        }
        let line = self.number;
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                self.is_buffered = false;
                let what = "it is not UTF-8".to_owned();
                Err(ImportError::BadLine { line, what })
            }
        }
    }

    fn consume(&mut self) {
        self.is_buffered = false;
    }

    fn next_with<T>(
        &mut self,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Result<T, ImportError>> {
        let found = match self.peek() {
            Ok(Some(text)) => read(text),
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        self.consume();
        let line = self.number;
        Some(found.map_err(|what| ImportError::BadLine { line, what }))
    }

    /// Reads a line. Whether there was one.
    fn fill(&mut self) -> Result<bool, ImportError> {
        self.buffer.clear();
        self.number += 1;
        let mut is_too_long = false;
        let mut is_empty = true;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if available.is_empty() {
                break;
            }
            is_empty = false;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available
                .get(..end.unwrap_or(available.len()))
                .unwrap_or_default();
            is_too_long |= self.buffer.len() + part.len() > LINE_MAX;
            if !is_too_long {
                self.buffer.extend_from_slice(part);
            }
            let used = end.map_or(available.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        // Some programs begin a file with a byte order mark.
        if self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        if is_too_long {
            let what = format!("it is longer than {LINE_MAX} bytes");
            let line = self.number;
            return Err(ImportError::BadLine { line, what });
        }
        Ok(!is_empty)
    }
}

impl Columns {
    fn of(names: &[String]) -> Result<Self, ImportError> {
        let place = |missing: &'static str, other: &str| {
            let is_it = |name: &String| {
                let name = name.trim();
                name.eq_ignore_ascii_case(missing) || name.eq_ignore_ascii_case(other)
            };
            let found = names.iter().position(is_it);
            found.ok_or(ImportError::Header { missing })
        };
        Ok(Self {
            target: place("target", "target")?,
            ts: place("ts", "timestamp")?,
            impressions: place("impressions", "impressions")?,
            engagements: place("engagements", "engagements")?,
        })
    }
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    // What is read is text in memory: nothing can fail but UTF-8, which it is.
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().map(str::to_owned).collect(),
        Ok(false) | Err(_) => Vec::new(),
    }
}

fn csv_point(line: &str, columns: &Columns) -> Result<(String, Point), String> {
    let fields = fields(line);
    let field = |name: &str, at: usize| {
        let field = fields.get(at).map(String::as_str);
        field.ok_or_else(|| format!("{name} is missing"))
    };
    let count = |name: &str, at: usize| {
        let text = field(name, at)?.trim();
        text.parse::<u64>()
            .map_err(|_| format!("{name} {:?} is no whole number from 0", short(text)))
    };
    let target = field("target", columns.target)?.to_owned();
    check_target_name(&target).map_err(|error| error.to_string())?;
    let point = Point {
        at: moment(field("ts", columns.ts)?)?,
        impressions: count("impressions", columns.impressions)?,
        engagements: count("engagements", columns.engagements)?,
    };
    Ok((target, point))
}

fn json_point(line: &str) -> Result<(String, Point), String> {
    #[derive(Deserialize)]
    struct Row {
        target: String,
        #[serde(alias = "timestamp")]
        ts: Value,
        impressions: u64,
        engagements: u64,
    }
    let row: Row = serde_json::from_str(line).map_err(|error| {
        // Its own line and column are those of a text of one line.
        let what = error.to_string();
        let end = what.find(" at line ").unwrap_or(what.len());
        what.get(..end).unwrap_or_default().to_owned()
    })?;
    check_target_name(&row.target).map_err(|error| error.to_string())?;
    let at = match &row.ts {
        Value::String(text) => moment(text)?,
        number => moment(&number.to_string())?,
    };
    let point = Point {
        at,
        impressions: row.impressions,
        engagements: row.engagements,
    };
    Ok((row.target, point))
}

/// A time as people and programs write it.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let utc = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ] {
        if let Ok(at) = NaiveDateTime::parse_from_str(utc, form) {
            return Ok(at.and_utc());
        }
    }
    let seconds = text
        .parse::<f64>()
        .ok()
        .filter(|seconds| seconds.abs() < 1e11);
    let micros = seconds.map(|seconds| (seconds * 1e6) as i64);
    micros
        .and_then(DateTime::from_timestamp_micros)
        .ok_or_else(|| {
            format!(
                "ts {:?} is neither RFC 3339, such as 2026-05-01T12:00:00Z, nor Unix time in seconds",
                short(text)
            )
        })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> Vec<Result<(String, Point), String>> {
        let points = Points::of(file.as_bytes()).unwrap();
        points
            .map(|point| point.map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn both_formats_say_the_same() {
        let csv = "\u{feff}Target, ts ,impressions,engagements,more\r\n\r\n\"a,\"\"b\",2026-05-01T14:00:00+02:00,10,1,x\r\nc,1777636800.5,20,2\n";
        let json = concat!(
            r#"{"target":"a,\"b","ts":"2026-05-01 12:00:00","impressions":10,"engagements":1}"#,
            "\n\n",
            r#"{"target":"c","timestamp":1777636800.5,"impressions":20,"engagements":2,"x":[]}"#
        );
        let (csv, json) = (read(csv), read(json));
        assert_eq!(csv, json);
        let (name, point) = csv[0].as_ref().unwrap();
        assert_eq!((name.as_str(), point.impressions), ("a,\"b", 10));
        assert_eq!(point.at.to_rfc3339(), "2026-05-01T12:00:00+00:00");
        assert_eq!(
            csv[1].as_ref().unwrap().1.at.timestamp_millis(),
            1_777_636_800_500
        );
    }

    #[test]
    fn a_bad_line_costs_itself_alone_and_is_named() {
        let long = "x".repeat(LINE_MAX);
        let file = format!(
            "{{\"target\":\"a\",\"ts\":1,\"impressions\":1,\"engagements\":1}}\nnull\n{long}{long}\n{{\"target\":\"\",\"ts\":1,\"impressions\":1,\"engagements\":1}}\n{{\"target\":\"a\",\"ts\":\"yesterday\",\"impressions\":1,\"engagements\":1}}\n{{\"target\":\"a\",\"ts\":2,\"impressions\":-1,\"engagements\":1}}\n{{\"target\":\"a\",\"ts\":3,\"impressions\":1,\"engagements\":1}}"
        );
        let read = read(&file);
        assert_eq!(read.len(), 7);
        assert!(read[0].is_ok() && read[6].is_ok());
        for (index, line) in read.iter().enumerate().take(6).skip(1) {
            let error = line.as_ref().unwrap_err();
            assert!(
                error.starts_with(&format!("line {}: ", index + 1)),
                "{error}"
            );
        }
        assert!(read[4].as_ref().unwrap_err().contains("RFC 3339"));
    }

    #[test]
    fn what_lies_in_the_future_is_left_out() {
        let file = "target,ts,impressions,engagements\na,100,1,1\na,101,1,1\n";
        let points = Points::of(file.as_bytes()).unwrap();
        let latest = DateTime::from_timestamp(100, 0).unwrap();
        let read: Vec<_> = points.not_after(latest).collect();
        assert!(read[0].is_ok());
        let error = read[1].as_ref().unwrap_err().to_string();
        assert!(
            error.starts_with("line 3: ") && error.contains("future"),
            "{error}"
        );
    }

    #[test]
    fn a_header_that_misses_a_column_names_it() {
        let error = Points::of("target,impressions,engagements\n".as_bytes()).unwrap_err();
        assert!(error.to_string().contains("; ts is missing"), "{error}");
        assert_eq!(Points::of("".as_bytes()).unwrap().count(), 0);
        assert_eq!(Points::of(" \n\n".as_bytes()).unwrap().count(), 0);
    }

    #[test]
    fn bytes_that_are_no_text_cost_their_line() {
        let file = b"target,ts,impressions,engagements\n\xff,1,1,1\na,1,1,1\n";
        let read: Vec<bool> = Points::of(&file[..])
            .unwrap()
            .map(|point| point.is_ok())
            .collect();
        assert_eq!(read, [false, true]);
    }
}
