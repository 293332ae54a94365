//! `decnet llm parse`

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use decnet_realism::llm::output::{ExpectedMail, read_mail};
use serde_json::{Value, json};

use crate::failure::{Failure, Kind};
use crate::output::{bold, one_line, safe_text, say, warn};

/// Longest output that is read, in bytes; a mail has a few kilobytes.
const OUTPUT_MAX: u64 = 4 << 20;

/// Reads each file as a mail. A file that holds none is told of, and the others go on.
pub(crate) fn run(files: &[std::path::PathBuf], reply: bool, json: bool) -> Result<(), Failure> {
    let expected = ExpectedMail {
        is_reply: reply,
        ..ExpectedMail::default()
    };
    let mut unreadable = 0;
    for path in files {
        let text = match read(path) {
            Ok(text) => text,
            Err(failure) if files.len() == 1 => return Err(failure),
            Err(failure) => {
                warn(&failure.to_string());
                unreadable += 1;
                continue;
            }
        };
        let reading = read_mail(&text, &expected);
        let file = path.display().to_string();
        if json {
            let value: Value = match &reading {
                Ok(mail) => json!({
                    "file": file,
                    "ok": true,
                    "subject": mail.subject,
                    "body": mail.body,
                    "problems": [],
                }),
                Err(problems) => json!({
                    "file": file,
                    "ok": false,
                    "subject": null,
                    "body": null,
                    "problems": problems.iter().map(|problem| json!({
                        "code": problem.code(),
                        "message": problem.to_string(),
                    })).collect::<Vec<_>>(),
                }),
            };
            say(&value.to_string());
            continue;
        }
        say(&bold(&one_line(&file)));
        match &reading {
            Ok(mail) => say(&format!(
                "Subject: {}\n\n{}\n",
                one_line(&mail.subject),
                safe_text(&mail.body)
            )),
            Err(problems) => {
                for problem in problems {
                    say(&format!(
                        "cannot be sent: {}",
                        one_line(&problem.to_string())
                    ));
                }
                say("");
            }
        }
    }
    if unreadable == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Kind::BadInput,
        format!("{unreadable} of {} files could not be read", files.len()),
    ))
}

/// The text of a file. What is no UTF-8 is replaced: saved output may be cut anywhere.
fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::reading(path, &error);
    let mut bytes = Vec::new();
    let limit = OUTPUT_MAX + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    }
    .map_err(failed)?;
    if bytes.len() as u64 > OUTPUT_MAX {
        return Err(Failure::new(
            Kind::BadInput,
            format!("{} is larger than {OUTPUT_MAX} bytes", path.display()),
        ));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
