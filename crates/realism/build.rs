//! Compiles the script texts of each language into tables, so that a process that writes a mail
//! reads no text first. A fault in a text stops the build with its file and line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "src/offline/script/parse.rs"]
mod parse;
#[path = "src/offline/slots.rs"]
mod slots;

/// Languages, and the texts each is made of.
const LANGUAGES: [&str; 2] = ["en", "es"];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo names the output folder of a build script in no other way"
)]
fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the output folder"));
    for code in ["src/offline/script/parse.rs", "src/offline/slots.rs"] {
        println!("cargo:rerun-if-changed={code}");
    }
    let mut faults = Vec::new();
    for language in LANGUAGES {
        let folder = Path::new("src/language").join(language);
        println!("cargo:rerun-if-changed={}", folder.display());
        let mut scripts = Vec::new();
        for path in texts_of(&folder) {
            println!("cargo:rerun-if-changed={}", path.display());
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let (read, wrong) = parse::parse(&text, slots::SLOTS);
            scripts.extend(read);
            faults.extend(
                wrong
                    .into_iter()
                    .map(|(line, fault)| format!("{}:{line}: {fault}", path.display())),
            );
        }
        for (index, script) in scripts.iter().enumerate() {
            if scripts[..index].iter().any(|other| other.id == script.id) {
                faults.push(format!("{}: two scripts {}", folder.display(), script.id));
            }
        }
        let (text, tables) = compile(&scripts);
        for (name, content) in [("txt", text), ("rs", tables)] {
            let path = out.join(format!("scripts_{language}.{name}"));
            fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    assert!(
        faults.is_empty(),
        "the script texts have faults\n{}",
        faults.join("\n")
    );
}

/// The texts of a folder, by name; the order decides nothing but the order of topics.
fn texts_of(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
        .collect();
    paths.sort();
    paths
}

/// All sentences as one text, and the tables of ranges in it.
fn compile(scripts: &[parse::Draft]) -> (String, String) {
    let mut text = String::new();
    let (mut rows, mut mails, mut lines) = (String::new(), String::new(), String::new());
    let (mut mail_count, mut line_count) = (0_usize, 0_usize);
    let mut topics = String::new();
    for script in scripts {
        let mut span = |part: &str| {
            let start = text.len();
            text.push_str(part);
            format!("Span({start}, {})", text.len())
        };
        let (id, topic, subject) = (span(&script.id), span(&script.topic), span(&script.subject));
        let first = mail_count;
        for mail in &script.mails {
            let start = line_count;
            for line in mail {
                line_count += 1;
                let line = span(line);
                write!(lines, "{line}, ").expect("a string takes text");
            }
            mail_count += 1;
            write!(mails, "Span({start}, {line_count}), ").expect("a string takes text");
        }
        let in_subject = slots::SLOTS
            .iter()
            .enumerate()
            .filter(|(_, slot)| script.subject.contains(&format!("{{{slot}}}")))
            .fold(0_u64, |bits, (index, _)| bits | 1 << index);
        writeln!(
            rows,
            "Row {{ id: {id}, topic: {topic}, subject: {subject}, in_subject: {in_subject}, \
             mails: Span({first}, {mail_count}) }},"
        )
        .expect("a string takes text");
        if script.topic != "*" {
            write!(topics, "{:?}, ", script.topic).expect("a string takes text");
        }
    }
    let tables = format!(
        "static ROWS: &[Row] = &[\n{rows}];\nstatic MAILS: &[Span] = &[{mails}];\n\
         static LINES: &[Span] = &[{lines}];\nstatic TOPICS: &[&str] = &[{topics}];\n"
    );
    (text, tables)
}
