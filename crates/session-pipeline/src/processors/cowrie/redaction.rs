//! Takes passwords out of what attackers type.
//!
//! Two kinds are found: passwords that were captured in the same session before, wherever they
//! stand; and words that stand where well-known programs take a password. It is a net with holes:
//! a password that a script reads from a file of its own looks like any other word.

use crate::processors::cowrie::arguments::{Place, in_word};
use crate::processors::cowrie::captured::{Captured, REDACTED};
use crate::processors::cowrie::shell::{Token, tokens};

/// Longest text that is looked at, in bytes; what comes after it is cut off.
pub(crate) const TEXT_MAX: usize = 4096;
/// How deep scripts in quotes are looked into: `sh -c "sh -c '…'"`.
const NESTING_MAX: usize = 3;

const QUOTES: [char; 2] = ['"', '\''];

/// Programs that read a password from what is piped into them.
const READ_PASSWORDS: &[&str] = &["passwd", "chpasswd", "smbpasswd", "sudo", "su"];
/// Programs that write their arguments.
const WRITE_ARGUMENTS: &[&str] = &["echo", "printf"];
/// Words before the name of the program that is run.
const WRAPPERS: &[&str] = &["sudo", "busybox", "nohup", "env", "exec", "command", "time"];

/// `text` without passwords; at most [`TEXT_MAX`] bytes of it are looked at.
pub(crate) fn redact(session: &str, captured: &Captured, text: &str) -> String {
    let text = cut(text);
    let mut ranges = captured.find(session, text);
    in_command_line(text, 0, 0, &mut ranges);
    in_addresses(text, &mut ranges);
    replace(text, ranges)
}

/// The beginning of a long text. A word that is cut in two goes as a whole, for it may be half a
/// password.
fn cut(text: &str) -> &str {
    if text.len() <= TEXT_MAX {
        return text;
    }
    let beginning = text
        .get(..text.floor_char_boundary(TEXT_MAX))
        .unwrap_or_default();
    let end = beginning
        .rfind(char::is_whitespace)
        .unwrap_or(beginning.len());
    beginning.get(..end).unwrap_or_default()
}

/// Puts one mark where ranges were, which may overlap.
fn replace(text: &str, mut ranges: Vec<(usize, usize)>) -> String {
    ranges.sort_unstable();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end) in ranges {
        if end <= at {
            continue;
        }
        if start >= at {
            clean.push_str(text.get(at..start).unwrap_or_default());
            clean.push_str(REDACTED);
        }
        at = end;
    }
    clean.push_str(text.get(at..).unwrap_or_default());
    clean
}

/// Finds passwords in the arguments of commands. `text` starts at `base` of the whole.
fn in_command_line(text: &str, base: usize, nesting: usize, found: &mut Vec<(usize, usize)>) {
    let tokens = tokens(text);
    let mut written: Vec<(usize, usize)> = Vec::new();
    let mut break_before = Token::End;
    for command in tokens.split_inclusive(|token| is_break(*token)) {
        let is_piped = break_before == Token::Pipe;
        break_before = command.last().copied().unwrap_or(Token::End);
        let words: Vec<(usize, usize)> = command
            .iter()
            .filter_map(|token| match token {
                Token::Word(start, end) => Some((*start, *end)),
                _ => None,
            })
            .collect();
        let word = |at: usize| {
            words
                .get(at)
                .and_then(|(start, end)| text.get(*start..*end))
        };
        let name = (0..words.len()).find(|at| word(*at).is_some_and(is_program));
        let program = name.and_then(word).map(base_name).unwrap_or_default();
        let reads = (0..name.map_or(words.len(), |at| at + 1))
            .filter_map(word)
            .any(|word| READ_PASSWORDS.contains(&base_name(word)));
        if reads {
            if is_piped {
                found.extend(
                    written
                        .iter()
                        .map(|(start, end)| (base + start, base + end)),
                );
            }
            let here = command.windows(2).filter_map(|pair| match pair {
                [Token::HereString, Token::Word(start, end)] => Some((base + start, base + end)),
                _ => None,
            });
            found.extend(here);
        }
        let arguments = words
            .get(name.map_or(words.len(), |at| at + 1)..)
            .unwrap_or_default();
        for (at, (start, end)) in words.iter().enumerate() {
            let argument = text.get(*start..*end).unwrap_or_default();
            let is_argument = name.is_some_and(|name| at > name);
            let next = words.get(at + 1).copied();
            let place = in_word(program, is_argument, argument, word(at + 1));
            let place = place.and_then(|place| match place {
                Place::Here(from) => Some((*start, *end, from)),
                Place::Next(from) => next.map(|(start, end)| (start, end, from)),
            });
            if let Some((start, end, from)) = place {
                let is_quoted = text
                    .get(start..)
                    .is_some_and(|word| word.starts_with(QUOTES));
                let quote = usize::from(is_quoted && from > 0);
                found.push((base + start + from, base + end - quote));
            }
            if nesting < NESTING_MAX && argument.starts_with(QUOTES) && argument.len() > 2 {
                let inner = argument.get(1..argument.len() - 1).unwrap_or_default();
                if inner.contains([' ', '|']) {
                    in_command_line(inner, base + start + 1, nesting + 1, found);
                }
            }
        }
        written = if WRITE_ARGUMENTS.contains(&program) {
            let is_text = |(start, end): &&(usize, usize)| {
                !text
                    .get(*start..*end)
                    .is_some_and(|word| word.starts_with('-'))
            };
            arguments.iter().filter(is_text).copied().collect()
        } else {
            Vec::new()
        };
    }
}

/// Finds passwords in addresses: `scheme://user:X@host`.
fn in_addresses(text: &str, found: &mut Vec<(usize, usize)>) {
    for (scheme, _) in text.match_indices("://") {
        let start = scheme + 3;
        let rest = text.get(start..).unwrap_or_default();
        let end = rest
            .find(|letter: char| {
                letter.is_whitespace()
                    || matches!(letter, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')
            })
            .unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let Some(at) = authority.rfind('@') else {
            continue;
        };
        if let Some(colon) = authority.get(..at).and_then(|user| user.find(':')) {
            found.push((start + colon + 1, start + at));
        }
    }
}

fn is_break(token: Token) -> bool {
    matches!(token, Token::Pipe | Token::End)
}

/// Whether a word is the program of its command, and no variable, option, or program that runs it.
fn is_program(word: &str) -> bool {
    !word.contains('=') && !word.starts_with('-') && !WRAPPERS.contains(&base_name(word))
}

fn base_name(word: &str) -> &str {
    let word = word.trim_matches(QUOTES);
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_taken_out() {
        let mut captured = Captured::default();
        captured.add("s", "hunter2-pass");
        let check = |text: &str, expected: &str| {
            assert_eq!(redact("s", &captured, text), expected, "{text}");
        };
        // As seen in Cowrie's logs.
        check(
            "echo \"root:N3wpass\"|chpasswd|bash",
            "echo [redacted]|chpasswd|bash",
        );
        check(
            "echo -e \"hunter2-pass\\nN3w\\nN3w\"|passwd|bash",
            "echo -e [redacted]|passwd|bash",
        );
        check(
            "echo 321 | sudo passwd root",
            "echo [redacted] | sudo passwd root",
        );
        check("echo x | sudo -S id", "echo [redacted] | sudo -S id");
        check("nosuch -p hunter2-pass", "nosuch -p [redacted]");
        check("xhunter2-passx", "x[redacted]x");
        // Programs.
        check(
            "mysql -uroot -pSqlPw123; sshpass -p Zz9 ssh 192.0.2.9",
            "mysql -uroot -p[redacted]; sshpass -p [redacted] ssh 192.0.2.9",
        );
        check("mysql -u root -p shop", "mysql -u root -p shop");
        check("sshpass -pZz9 ssh h", "sshpass -p[redacted] ssh h");
        check(
            "curl -s -u ana:X http://h/",
            "curl -s -u ana:[redacted] http://h/",
        );
        check(
            "curl --user=ana:X http://h/",
            "curl --user=ana:[redacted] http://h/",
        );
        check("curl -u ana http://h/", "curl -u ana http://h/");
        check(
            "wget --http-password=X http://h/",
            "wget --http-password=[redacted] http://h/",
        );
        check("tool --password X y", "tool --password [redacted] y");
        check(
            "wget http://u:secretpw@h:1/x.sh",
            "wget http://u:[redacted]@h:1/x.sh",
        );
        check("wget ftp://u:a@b@h/x", "wget ftp://u:[redacted]@h/x");
        check("git clone https://u@h/x", "git clone https://u@h/x");
        check("PGPASSWORD=X psql -h h", "PGPASSWORD=[redacted] psql -h h");
        check("export MYSQL_PWD='X Y'", "export MYSQL_PWD=[redacted]");
        check(
            "curl -u 'ana:X' http://h/",
            "curl -u 'ana:[redacted]' http://h/",
        );
        check("passwd <<< secret", "passwd <<< [redacted]");
        check(
            "sh -c \"echo a:b|chpasswd\"",
            "sh -c \"echo [redacted]|chpasswd\"",
        );
        // What is no password stays.
        check("cat /etc/passwd | head -1", "cat /etc/passwd | head -1");
        check("echo hello | grep x; passwd", "echo hello | grep x; passwd");
        check("OLDPWD=/tmp ls", "OLDPWD=/tmp ls");
        check("mkdir -p /tmp/x", "mkdir -p /tmp/x");
        check("", "");
    }

    #[test]
    fn long_text_is_cut_between_words() {
        let text = format!("{} {}", "a".repeat(4000), "secret".repeat(100));
        assert_eq!(redact("s", &Captured::default(), &text), "a".repeat(4000));
        assert_eq!(
            redact("s", &Captured::default(), &"a".repeat(5000)).len(),
            TEXT_MAX
        );
    }
}
