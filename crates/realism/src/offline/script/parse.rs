//! Reading of script texts. It happens at build time only; the build script and the tests of the
//! crate share this file.

/// One script as it was read.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Name in the text.
    pub(crate) id: String,
    /// What the thread is about; `*` suits any topic.
    pub(crate) topic: String,
    /// Alternatives of the subject.
    pub(crate) subject: String,
    /// Sentences of each mail.
    pub(crate) mails: Vec<Vec<String>>,
}

/// Every script of a text, with the line and the nature of each fault.
pub(crate) fn parse(text: &str, slots: &[&str]) -> (Vec<Draft>, Vec<(usize, String)>) {
    let mut scripts: Vec<Draft> = Vec::new();
    let mut faults: Vec<(usize, String)> = Vec::new();
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        let line = line.trim();
        let mut fault = |what: &str| faults.push((number, format!("{what}: {line}")));
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(id) = line.strip_prefix("## ") {
            if scripts.last().is_some_and(|script| !is_complete(script)) {
                fault("the script before this one is not complete");
            }
            let id = id.split_whitespace().next().unwrap_or_default();
            if scripts.iter().any(|script| script.id == id) {
                fault("a second script of this name");
            }
            scripts.push(Draft {
                id: id.to_owned(),
                topic: String::new(),
                subject: String::new(),
                mails: Vec::new(),
            });
            continue;
        }
        for what in line_faults(line, slots) {
            fault(&what);
        }
        let Some(script) = scripts.last_mut() else {
            fault("text before the first script");
            continue;
        };
        if let Some(topic) = line.strip_prefix("topic:") {
            topic.trim().clone_into(&mut script.topic);
        } else if let Some(subject) = line.strip_prefix("subject:") {
            subject.trim().clone_into(&mut script.subject);
        } else if let Some(mail) = line.strip_suffix(':').and_then(|n| n.parse::<usize>().ok()) {
            if mail != script.mails.len() + 1 {
                fault("mails out of order");
            }
            script.mails.push(Vec::new());
        } else if let Some(sentences) = script.mails.last_mut() {
            sentences.push(line.to_owned());
        } else {
            fault("a sentence outside a mail");
        }
    }
    if scripts.last().is_some_and(|script| !is_complete(script)) {
        faults.push((number, "the last script is not complete".to_owned()));
    }
    scripts.retain(is_complete);
    (scripts, faults)
}

fn is_complete(script: &Draft) -> bool {
    !script.topic.is_empty() && !script.subject.is_empty() && script.mails.len() > 1
}

/// What is wrong within a line: brackets, slots, characters that nobody types.
fn line_faults(line: &str, slots: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut open = Vec::new();
    for c in line.chars() {
        match c {
            '[' | '(' | '{' => open.push(c),
            ']' | ')' | '}' => {
                let pair = match c {
                    ']' => '[',
                    ')' => '(',
                    _ => '{',
                };
                if open.pop() != Some(pair) {
                    faults.push(format!("a {c} that closes nothing"));
                }
            }
            '\u{2013}' | '\u{2014}' | '\u{2018}'..='\u{201f}' | '\t' => {
                faults.push(format!("{c:?} is not typed in mail"));
            }
            _ => {}
        }
    }
    if let Some(open) = open.last() {
        faults.push(format!("a {open} that stays open"));
    }
    for (at, _) in line.match_indices('{') {
        let slot = line[at + 1..].split('}').next().unwrap_or_default();
        if !slots.contains(&slot) {
            faults.push(format!("no slot {slot}"));
        }
    }
    let star = line.strip_prefix("* ").unwrap_or(line);
    if star.contains('*') && line != "topic: *" {
        faults.push("a stray *".to_owned());
    }
    if line.split(" | ").any(|part| {
        part.trim_start_matches(['*', ' ']).is_empty() || part.trim_end().ends_with(" |")
    }) {
        faults.push("an empty alternative".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read() {
        let (scripts, faults) = parse(
            "## one  a note\ntopic: the thing\nsubject: thing | Thing\n1:\nHi. | Hello.\n-\n* Yes?\n2:\nNo.\n",
            &[],
        );
        assert_eq!(faults, []);
        assert_eq!(scripts[0].id, "one");
        assert_eq!(scripts[0].topic, "the thing");
        assert_eq!(scripts[0].subject, "thing | Thing");
        assert_eq!(
            scripts[0].mails,
            [vec!["Hi. | Hello.", "-", "* Yes?"], vec!["No."]]
        );
    }

    #[test]
    fn faults_name_their_line() {
        let check = |text: &str, line: usize, what: &str| {
            let (_, faults) = parse(text, &["name"]);
            assert!(
                faults
                    .iter()
                    .any(|(at, fault)| *at == line && fault.starts_with(what)),
                "{text:?}: {faults:?}"
            );
        };
        check("x\n## two\n", 1, "text before the first script");
        check("## two\n2:\n", 2, "mails out of order");
        check("## two\n1:\n## three\n", 3, "the script before");
        check("## two\nHello.\n", 2, "a sentence outside a mail");
        check("## two\n1:\nHi {nme}.\n", 3, "no slot nme");
        check("## two\n1:\nHi [a|b.\n", 3, "a [ that stays open");
        check("## two\n1:\nHi a]b.\n", 3, "a ] that closes nothing");
        check(
            "## two\n1:\nHi \u{2014} you.\n",
            3,
            "'\u{2014}' is not typed",
        );
        check("## two\n1:\nHi. |  | Ho.\n", 3, "an empty alternative");
        check("## a\n## a\n", 2, "a second script");
    }
}
