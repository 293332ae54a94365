//! Header values, folded (RFC 5322 §2.2.3).
//!
//! Each function returns what follows `Name: `, with CRLF and one space or tab where it folds. Lines keep
//! to 78 characters where a fold is possible. The caller has [checked](super::check) the input.

use super::encoded_word::{self, EncodedWords};
use crate::message::Mailbox;

/// How a mail client writes headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderStyle {
    /// Text that is not ASCII.
    pub(crate) encoded_words: EncodedWords,
    /// What a folded line starts with: a space or a tab.
    pub(crate) fold: char,
    /// Whether every display name stands between quotes, and every address without a name between
    /// angle brackets, as Outlook writes them without Exchange.
    pub(crate) quotes_names: bool,
}

impl HeaderStyle {
    /// UTF-8, folded with a space, names quoted only when they must.
    pub(crate) const PLAIN: Self = Self {
        encoded_words: EncodedWords::UTF_8,
        fold: ' ',
        quotes_names: false,
    };
}

/// Line length to fold at, in characters (RFC 5322 §2.1.1).
const FOLD_AT: usize = 78;

/// Least room for an encoded word on a line that has text already. Below it the word starts a line
/// of its own.
const LEAST_WORD: usize = 22;

/// Longest word of plain ASCII. A longer one is written as encoded words, which can be folded.
const LONGEST_WORD: usize = 300;

/// Characters that a display name may hold only between quotes: the specials of RFC 5322 §3.2.3.
const SPECIALS: &[u8] = b"()<>[]:;@\\,.\"";

/// The value of a header of free text, such as `Subject`.
pub(crate) fn unstructured(name: &str, text: &str, style: &HeaderStyle) -> String {
    let text = text.trim();
    let column = name.len() + 2;
    // Some parsers read a fold as one space, so a run of spaces that might be folded is encoded.
    let folds_badly = column + text.len() > FOLD_AT && text.contains("  ");
    // A tab would be read as part of the text, so that every client folds it with the space it has.
    let style = HeaderStyle {
        fold: ' ',
        ..*style
    };
    let mut folder = Folder::new(column, &style);
    if encoded_word::needs_encoding(text)
        || folds_badly
        || text.split(' ').any(|word| word.len() > LONGEST_WORD)
    {
        folder.encoded_words(text, false);
    } else {
        folder.words(text);
    }
    folder.out
}

/// The value of a header with mailboxes, such as `To`: a bare address where the display name is
/// blank.
pub(crate) fn mailboxes(name: &str, mailboxes: &[Mailbox<'_>], style: &HeaderStyle) -> String {
    let mut folder = Folder::new(name.len() + 2, style);
    for (index, mailbox) in mailboxes.iter().enumerate() {
        let comma = if index + 1 < mailboxes.len() { "," } else { "" };
        let display_name = collapse(mailbox.name);
        let address = mailbox.address;
        if display_name.is_empty() {
            if style.quotes_names {
                folder.word(&format!("<{address}>{comma}"));
            } else {
                folder.word(&format!("{address}{comma}"));
            }
            continue;
        }
        let is_encoded = encoded_word::needs_encoding(&display_name);
        let phrase = if is_encoded {
            encoded_word::encode(&display_name, &style.encoded_words, FOLD_AT, true).join(" ")
        } else if style.quotes_names || display_name.bytes().any(|b| SPECIALS.contains(&b)) {
            quoted(&display_name)
        } else {
            display_name
        };
        let bracketed = format!("<{address}>{comma}");
        // A mailbox is not divided when it fits a line: the fold goes between two of them.
        let width = 1 + phrase.len() + 1 + bracketed.len();
        if index > 0 && folder.column + width > FOLD_AT {
            folder.fold_next();
        }
        if is_encoded && folder.column + width > FOLD_AT {
            folder.encoded_words(&collapse(mailbox.name), true);
        } else {
            folder.words(&phrase);
        }
        folder.word(&bracketed);
    }
    folder.out
}

/// The value of a header with message ids, such as `References`: one id on each line.
pub(crate) fn message_ids(ids: &str, style: &HeaderStyle) -> String {
    let mut value = String::with_capacity(ids.len() * 2);
    for (index, id) in ids.split_ascii_whitespace().enumerate() {
        if index > 0 {
            value.push_str("\r\n");
            value.push(style.fold);
        }
        value.push_str(id);
    }
    value
}

/// A whole field, its name included, broken at spaces as Microsoft's and Google's servers break
/// theirs.
pub(crate) fn folded(field: &str) -> String {
    let mut folder = Folder::new(0, &HeaderStyle::PLAIN);
    folder.words(field);
    folder.out
}

/// A name with single spaces: what is left of any other white space in a phrase once it has been
/// folded and parsed again.
pub(crate) fn collapse(name: &str) -> String {
    let mut collapsed = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// A quoted string (RFC 5322 §3.2.4).
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Puts words one after the other and starts a new line where the next one does not fit.
struct Folder<'s> {
    out: String,
    column: usize,
    style: &'s HeaderStyle,
}

impl<'s> Folder<'s> {
    fn new(column: usize, style: &'s HeaderStyle) -> Self {
        Self {
            out: String::with_capacity(96),
            column,
            style,
        }
    }

    /// Lets the next word start a line.
    fn fold_next(&mut self) {
        self.column = FOLD_AT;
    }

    fn words(&mut self, text: &str) {
        if self.column + text.len() <= FOLD_AT && self.out.is_empty() {
            self.out.push_str(text);
            self.column += text.len();
            return;
        }
        for word in text.split(' ') {
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        if !self.out.is_empty() {
            if self.column + 1 + word.len() > FOLD_AT {
                self.fold();
            } else {
                self.out.push(' ');
                self.column += 1;
            }
        }
        self.out.push_str(word);
        self.column += word.len();
    }

    fn encoded_words(&mut self, text: &str, at_spaces: bool) {
        let room = FOLD_AT.saturating_sub(self.column);
        let room = if room < LEAST_WORD { FOLD_AT } else { room };
        for word in encoded_word::encode(text, &self.style.encoded_words, room, at_spaces) {
            self.word(&word);
        }
    }

    fn fold(&mut self) {
        self.out.push_str("\r\n");
        self.out.push(self.style.fold);
        self.column = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_when_they_must() {
        let from = |name: &str| {
            let address = "j@corp.com";
            mailboxes("From", &[Mailbox { name, address }], &HeaderStyle::PLAIN)
        };
        assert_eq!(from("John Smith"), "John Smith <j@corp.com>");
        assert_eq!(from(" John \t Smith "), "John Smith <j@corp.com>");
        assert_eq!(from("John Q. Smith"), "\"John Q. Smith\" <j@corp.com>");
        assert_eq!(from("Smith, John"), "\"Smith, John\" <j@corp.com>");
        assert_eq!(
            from("John (Ops) Smith"),
            "\"John (Ops) Smith\" <j@corp.com>"
        );
        assert_eq!(
            from("John \"JJ\" Smith"),
            "\"John \\\"JJ\\\" Smith\" <j@corp.com>"
        );
        assert_eq!(from("a\\b"), "\"a\\\\b\" <j@corp.com>");
        assert_eq!(from("O'Neil"), "O'Neil <j@corp.com>");
        assert_eq!(
            from("José Núñez"),
            "=?UTF-8?B?Sm9zw6kgTsO6w7Fleg==?= <j@corp.com>"
        );
        assert_eq!(from(""), "j@corp.com");
    }

    #[test]
    fn subjects_fold_at_spaces() {
        assert_eq!(unstructured("Subject", "Q3", &HeaderStyle::PLAIN), "Q3");
        let value = unstructured("Subject", &"word ".repeat(100), &HeaderStyle::PLAIN);
        assert!(value.lines().all(|line| line.len() <= 78));
        assert_eq!(value.replace("\r\n", "").split(' ').count(), 100);
    }

    #[test]
    fn encoded_headers_keep_to_the_line() {
        for text in ["é".repeat(400), "José ".repeat(80), "x".repeat(900)] {
            let value = unstructured("Subject", &text, &HeaderStyle::PLAIN);
            assert!(
                format!("Subject: {value}")
                    .split("\r\n")
                    .all(|line| line.len() <= 78)
            );
        }
    }

    #[test]
    fn people_are_folded_between() {
        let people = [
            ("Ana García", "ana@corp.example"),
            ("John Q. Smith", "john@corp.example"),
        ];
        let people = people.map(|(name, address)| Mailbox { name, address });
        let list = [people[0], people[1], people[0], people[1]];
        assert_eq!(
            mailboxes("To", &list, &HeaderStyle::PLAIN),
            "=?UTF-8?Q?Ana_Garc=C3=ADa?= <ana@corp.example>,\r\n \
             \"John Q. Smith\" <john@corp.example>,\r\n \
             =?UTF-8?Q?Ana_Garc=C3=ADa?= <ana@corp.example>,\r\n \
             \"John Q. Smith\" <john@corp.example>"
        );
    }

    #[test]
    fn ids_go_one_to_a_line() {
        assert_eq!(
            message_ids("<a@x> <b@x>", &HeaderStyle::PLAIN),
            "<a@x>\r\n <b@x>"
        );
    }
}
