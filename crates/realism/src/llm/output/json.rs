//! Subject and text out of JSON, however badly it is written.

/// What JSON holds of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JsonMail {
    pub(super) subject: Option<String>,
    pub(super) body: String,
    /// Whether the text ends inside a value.
    pub(super) is_cut: bool,
}

/// Reads the mail out of JSON in `text`; `None` if there is none.
///
/// The object may stand behind a few words, be nested, use other names for its fields, hold the
/// text in parts or as a list of paragraphs, break lines inside a value, forget to escape a quote,
/// use single quotes, or end in the middle.
pub(super) fn read(text: &str) -> Option<JsonMail> {
    let start = object_start(text)?;
    let mut reader = Reader {
        rest: &text[start..],
        field: Field::Other,
        mail: JsonMail::default(),
        parts: Vec::new(),
        had_body: false,
        had_field: false,
    };
    reader.run();
    if !reader.had_field {
        return None;
    }
    let mut mail = reader.mail;
    mail.body = reader.parts.join("\n\n");
    Some(mail)
}

/// How many bytes of an object tell whether it has named fields; it keeps the search linear.
const AHEAD: usize = 100;

/// Where an object starts: at the first brace or bracket that a quote, a brace or a name of a field
/// follows, at the start of a line, unless a subject line stands before it.
fn object_start(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        if words.starts_with(['{', '[']) {
            let ahead = &text[at..];
            let ahead = &ahead[..ahead.floor_char_boundary(AHEAD)];
            let inner =
                ahead.trim_start_matches(|c: char| matches!(c, '{' | '[') || c.is_whitespace());
            let named =
                inner.starts_with(['"', '\'', '“']) || super::header::header_of(inner).is_some();
            if named {
                return Some(at);
            }
        }
        if super::header::subject_of(line).is_some() {
            return None;
        }
        at += line.len();
    }
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Subject,
    /// The text, or all of it that is not in other parts.
    Body,
    /// A part of the text that stands beside the body.
    Part,
    /// Something that we have no use for.
    Other,
}

fn field_of(key: &str) -> Field {
    let name: String = key
        .chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .take(24)
        .collect();
    match name.as_str() {
        "subject" | "subjectline" | "emailsubject" | "mailsubject" | "asunto" | "betreff"
        | "objet" | "sujet" | "oggetto" | "assunto" | "onderwerp" | "title" | "titulo"
        | "título" | "titel" => Field::Subject,
        "body" | "emailbody" | "mailbody" | "bodytext" | "text" | "content" | "contents"
        | "message" | "messagebody" | "email" | "emailtext" | "emailcontent" | "mail" | "reply"
        | "answer" | "response" | "output" | "cuerpo" | "texto" | "mensaje" | "contenido"
        | "correo" | "respuesta" | "inhalt" | "nachricht" | "antwort" | "corps" | "texte"
        | "contenu" | "corpo" | "testo" | "messaggio" | "mensagem" | "conteúdo" | "paragraphs" => {
            Field::Body
        }
        "greeting" | "salutation" | "opening" | "closing" | "signoff" | "farewell" | "saludo"
        | "despedida" | "anrede" | "grußformel" => Field::Part,
        _ => Field::Other,
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// The field whose value comes next.
    field: Field,
    mail: JsonMail,
    parts: Vec<String>,
    had_body: bool,
    had_field: bool,
}

impl<'a> Reader<'a> {
    fn run(&mut self) {
        // The depth of the list that holds the paragraphs of the body, if one does.
        let mut list_depth = None;
        let mut depth = 0_usize;
        loop {
            self.rest = self.rest.trim_start();
            let Some(sign) = self.rest.chars().next() else {
                self.mail.is_cut = depth > 0;
                return;
            };
            match sign {
                '{' | '[' => {
                    depth += 1;
                    if sign == '[' && self.field == Field::Body {
                        list_depth = Some(depth);
                    }
                    self.skip(sign);
                }
                '}' | ']' => {
                    depth = depth.saturating_sub(1);
                    if list_depth.is_some_and(|list| depth < list) {
                        list_depth = None;
                        self.had_body = true;
                    }
                    self.field = Field::Other;
                    self.skip(sign);
                    if depth == 0 {
                        return;
                    }
                }
                ',' | ':' | ';' => {
                    self.skip(sign);
                    if sign == ',' && list_depth.is_none() {
                        self.field = Field::Other;
                    }
                }
                '"' | '\'' | '“' => {
                    self.skip(sign);
                    let Some(text) = self.string(sign) else {
                        // Cut inside a string.
                        return;
                    };
                    self.rest = self.rest.trim_start();
                    if self.rest.starts_with(':') && list_depth.is_none() {
                        self.field = field_of(&text);
                    } else if !self.value(self.field, text, list_depth.is_some()) {
                        return;
                    }
                }
                _ => {
                    // A bare name, number or word.
                    let end = self
                        .rest
                        .find([',', ':', '}', ']', '\n'])
                        .unwrap_or(self.rest.len());
                    let word = self.rest[..end].trim();
                    self.rest = &self.rest[end..];
                    if self.rest.starts_with(':') {
                        self.field = field_of(word);
                    }
                }
            }
            self.mail.is_cut = false;
        }
    }

    fn skip(&mut self, sign: char) {
        self.rest = &self.rest[sign.len_utf8()..];
    }

    /// Takes a value in; whether to go on. A second subject or body belongs to a second mail.
    fn value(&mut self, field: Field, text: String, in_list: bool) -> bool {
        match field {
            Field::Subject => {
                if self.mail.subject.is_some() && self.had_body {
                    return false;
                }
                self.had_field = true;
                self.mail.subject.get_or_insert(text);
            }
            Field::Body => {
                if self.had_body {
                    return false;
                }
                self.had_field = true;
                self.had_body = !in_list;
                // The whole mail may have been put into one field, as JSON once more.
                match text
                    .trim_start()
                    .starts_with('{')
                    .then(|| read_inner(&text))
                    .flatten()
                {
                    Some(inner) => {
                        self.mail.subject = self.mail.subject.take().or(inner.subject);
                        self.parts.push(inner.body);
                    }
                    None => self.parts.push(text),
                }
            }
            Field::Part => self.parts.push(text),
            Field::Other => {}
        }
        true
    }

    /// Reads on to the end of a string. Cut inside one, it takes in what there is and gives `None`.
    fn string(&mut self, quote: char) -> Option<String> {
        let close = if quote == '“' { '”' } else { quote };
        let mut text = String::new();
        let mut rest = self.rest;
        while let Some(at) = rest.find(['\\', close]) {
            text.push_str(&rest[..at]);
            let from = &rest[at..];
            if from.starts_with(close) {
                let after = &from[close.len_utf8()..];
                if ends_string(after) {
                    self.rest = after;
                    return Some(text);
                }
                text.push(close);
                rest = after;
            } else {
                rest = unescape(&from[1..], &mut text);
            }
        }
        text.push_str(rest);
        self.rest = "";
        self.mail.is_cut = true;
        self.cut_value(text);
        None
    }

    /// Takes in the value that the end of the text cut.
    fn cut_value(&mut self, text: String) {
        match self.field {
            Field::Body if !self.had_body => {
                self.had_field = true;
                self.parts.push(text);
            }
            Field::Part => self.parts.push(text),
            Field::Subject if self.mail.subject.is_none() => {
                self.had_field = true;
                self.mail.subject = Some(text);
            }
            _ => {}
        }
    }
}

/// One level of JSON inside a string; deeper ones stay text, which bounds the work.
fn read_inner(text: &str) -> Option<JsonMail> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let mut mail = JsonMail::default();
    let mut parts = Vec::new();
    for (key, value) in fields {
        let serde_json::Value::String(text) = value else {
            continue;
        };
        match field_of(&key) {
            Field::Subject => mail.subject = Some(text),
            Field::Body | Field::Part => parts.push(text),
            Field::Other => {}
        }
    }
    mail.body = parts.join("\n\n");
    (!parts.is_empty()).then_some(mail)
}

/// Whether a quote that `after` follows ends its string: a sign of JSON comes next.
fn ends_string(after: &str) -> bool {
    // Blanks beyond this are no layout of an object, and the bound keeps the look linear.
    const BLANKS_MAX: usize = 64;
    let next = after.chars().take(BLANKS_MAX).find(|c| !c.is_whitespace());
    match next {
        None | Some('}' | ']' | ':') => true,
        // A comma inside a text is followed by words, one between fields by a name.
        Some(',') => {
            let beyond = &after.trim_start()[1..];
            let beyond = beyond[..beyond.floor_char_boundary(BLANKS_MAX)].trim_start();
            let name = beyond
                .split(':')
                .next()
                .filter(|name| name.len() < beyond.len());
            beyond.is_empty()
                || beyond.starts_with(['"', '\'', '}', ']', '“', '{'])
                || name.is_some_and(|name| field_of(name) != Field::Other)
        }
        Some(_) => false,
    }
}

/// Writes what the escape behind a backslash stands for, and gives what follows it.
fn unescape<'a>(from: &'a str, text: &mut String) -> &'a str {
    let mut signs = from.chars();
    let Some(sign) = signs.next() else {
        return "";
    };
    match sign {
        'n' => text.push('\n'),
        't' | 'f' | 'b' => text.push(' '),
        'r' => {}
        'u' => return unescape_unicode(from, text),
        '"' | '\\' | '/' | '\'' => text.push(sign),
        other => {
            text.push('\\');
            text.push(other);
        }
    }
    signs.as_str()
}

fn unescape_unicode<'a>(from: &'a str, text: &mut String) -> &'a str {
    let unit = |from: &str| {
        let digits = from.strip_prefix('u')?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(from) else {
        // Not an escape after all.
        return &from[1..];
    };
    let after = &from[5..];
    let second = after.strip_prefix('\\').and_then(unit);
    let pair = [Some(first), second].into_iter().flatten();
    match char::decode_utf16(pair).next() {
        Some(Ok(c)) => {
            text.push(c);
            if c.len_utf16() == 2 {
                &after[6..]
            } else {
                after
            }
        }
        _ => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_come_out_of_any_json() {
        for (text, subject, body) in [
            (
                r#"{"subject": "S", "body": "Hi,\n\nB"}"#,
                Some("S"),
                "Hi,\n\nB",
            ),
            (r#"{ "body" : "B", "subject":"S" }"#, Some("S"), "B"),
            (r#"{"Asunto": "S", "Cuerpo": "B"}"#, Some("S"), "B"),
            (
                r#"{"email": {"subject": "S", "from": "x", "body": "B"}}"#,
                Some("S"),
                "B",
            ),
            (
                r#"[{"subject": "S", "text": "B"}, {"subject": "T", "text": "C"}]"#,
                Some("S"),
                "B",
            ),
            (
                r#"{"subject": "S", "greeting": "Hi,", "body": "B", "closing": "Bye"}"#,
                Some("S"),
                "Hi,\n\nB\n\nBye",
            ),
            (
                r#"{"subject": "S", "body": ["A", "B"]}"#,
                Some("S"),
                "A\n\nB",
            ),
            (
                "{\"subject\": \"S\", \"body\": \"line\nline\"}",
                Some("S"),
                "line\nline",
            ),
            (
                r#"{"subject": "S", "body": "he said "go", and left"}"#,
                Some("S"),
                r#"he said "go", and left"#,
            ),
            ("{'subject': 'S', 'body': 'it\\'s B'}", Some("S"), "it's B"),
            (r#"{subject: "S", body: "B"}"#, Some("S"), "B"),
            (r#"{"subject": "S", "body": "B",}"#, Some("S"), "B"),
            (
                "Here it is:\n{\"subject\": \"S\", \"body\": \"B\"}\nBye",
                Some("S"),
                "B",
            ),
            (
                r#"{"body": "\u00e9\ud83d\ude00 \ud83d x \uZZ"}"#,
                None,
                "é😀  x ZZ",
            ),
            (
                r#"{"response": "{\"subject\": \"S\", \"body\": \"B\"}"}"#,
                Some("S"),
                "B",
            ),
            (
                r#"{"subject": "S", "priority": 1, "body": "B"}"#,
                Some("S"),
                "B",
            ),
            (r#"{"subject": "S"}"#, Some("S"), ""),
        ] {
            let mail = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (mail.subject.as_deref(), mail.body.as_str(), mail.is_cut),
                (subject, body, false),
                "{text}"
            );
        }
        for (text, body) in [
            (r#"{"subject": "S", "body": "B and th"#, "B and th"),
            (r#"{"subject": "S", "body": "B" "#, "B"),
            (r#"{"body": "B and \"#, "B and "),
        ] {
            let mail = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((mail.body.as_str(), mail.is_cut), (body, true), "{text}");
        }
        for text in [
            "",
            "{",
            "{}",
            "no",
            "[x]",
            r#"{"a": 1}"#,
            "Subject: S\n\n{\"body\": \"B\"}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
