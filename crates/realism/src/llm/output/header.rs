//! Lines such as `Subject: …` and `From: …`, in the languages that models write.

/// What a header line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderKind {
    /// The subject.
    Subject,
    /// Who writes, or who reads.
    Address,
    /// When it was sent.
    Date,
    /// Anything else that only a mail program writes.
    Technical,
    /// A name for the text, such as `Body:`.
    Body,
}

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) kind: HeaderKind,
    /// What stands behind the colon, without marks of Markdown around it.
    pub(super) value: &'a str,
    /// Whether the line is a Markdown heading without a colon: `## Subject`.
    pub(super) is_heading: bool,
}

/// Longest label in bytes, such as `línea de asunto`; it bounds the look at each line.
const LABEL_MAX: usize = 28;

/// The header line that `line` is, if it is one.
pub(super) fn header_of(line: &str) -> Option<Header<'_>> {
    let words = line.trim_start_matches(is_mark);
    let bytes = words.as_bytes();
    if !bytes
        .first()
        .is_some_and(|first| first.is_ascii_alphabetic() || *first >= 0x80)
    {
        return None;
    }
    let ahead = &bytes[..bytes.len().min(LABEL_MAX + 8)];
    let colon = ahead.iter().position(|&byte| byte == b':' || byte == 0xef);
    let (label, value) = match colon {
        Some(at) if bytes[at] == b':' => (&words[..at], &words[at + 1..]),
        Some(at) if words[at..].starts_with('：') => {
            (&words[..at], &words[at + '：'.len_utf8()..])
        }
        _ => {
            let heading = line.trim_start().starts_with('#');
            return heading
                .then(|| kind_of(words))
                .flatten()
                .map(|kind| Header {
                    kind,
                    value: "",
                    is_heading: true,
                });
        }
    };
    Some(Header {
        kind: kind_of(label)?,
        value: unmarked(value),
        is_heading: false,
    })
}

/// The value of a subject line: with a colon, or as `Subject - value`.
pub(super) fn subject_of(line: &str) -> Option<&str> {
    match header_of(line) {
        Some(Header {
            kind: HeaderKind::Subject,
            value,
            is_heading: false,
        }) => return Some(value),
        Some(_) => return None,
        None => {}
    }
    let words = line.trim_start_matches(is_mark);
    let label = words
        .bytes()
        .take_while(u8::is_ascii_alphabetic)
        .take(LABEL_MAX)
        .count();
    let rest = words[label..].trim_start_matches(is_mark);
    let value = ["- ", "– ", "— "]
        .iter()
        .find_map(|dash| rest.strip_prefix(dash))?;
    let spaced = words[label..].starts_with([' ', '*']);
    (spaced && kind_of(&words[..label]) == Some(HeaderKind::Subject)).then(|| unmarked(value))
}

/// `value` without blanks and the marks that started before its label.
pub(super) fn unmarked(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`'))
}

/// Marks of Markdown that may stand before a label.
fn is_mark(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_' | '#' | '`' | '"')
}

fn kind_of(label: &str) -> Option<HeaderKind> {
    let label = label.trim_matches(is_mark);
    if label.is_empty() || label.len() > LABEL_MAX {
        return None;
    }
    let mut folded = [0; LABEL_MAX];
    let folded = &mut folded[..label.len()];
    folded.copy_from_slice(label.as_bytes());
    folded.make_ascii_lowercase();
    // Only letters without an accent change their case here; the list has both cases of the others.
    Some(match std::str::from_utf8(folded).ok()? {
        "subject"
        | "subject line"
        | "email subject"
        | "email subject line"
        | "e-mail subject"
        | "mail subject"
        | "suggested subject"
        | "suggested subject line"
        | "new subject"
        | "asunto"
        | "asunto del correo"
        | "asunto del mensaje"
        | "línea de asunto"
        | "betreff"
        | "betreffzeile"
        | "objet"
        | "objet du mail"
        | "objet de l'e-mail"
        | "sujet"
        | "oggetto"
        | "assunto"
        | "onderwerp"
        | "ämne"
        | "Ämne"
        | "emne"
        | "aihe"
        | "temat"
        | "tárgy"
        | "тема"
        | "Тема"
        | "konu"
        | "předmět"
        | "assumpte"
        | "件名"
        | "主题"
        | "主旨"
        | "主題" => HeaderKind::Subject,
        "from" | "to" | "cc" | "bcc" | "reply-to" | "reply to" | "sender" | "recipient" | "de"
        | "para" | "cco" | "von" | "an" | "kopie" | "blindkopie" | "à" | "À" | "cci" | "da"
        | "a cc" | "ccn" | "van" | "aan" | "remitente" | "destinatario" | "absender"
        | "empfänger" | "expéditeur" | "destinataire" | "mittente" | "remetente"
        | "destinatário" | "responder a" | "antwort an" | "från" | "till" | "fra" | "til" => {
            HeaderKind::Address
        }
        "date" | "sent" | "sent on" | "date sent" | "fecha" | "enviado" | "enviado el"
        | "datum" | "gesendet" | "gesendet am" | "envoyé" | "envoyé le" | "data" | "inviato"
        | "enviado em" | "verzonden" | "received on" => HeaderKind::Date,
        "message-id"
        | "message id"
        | "mime-version"
        | "content-type"
        | "content-transfer-encoding"
        | "in-reply-to"
        | "references"
        | "x-mailer"
        | "return-path"
        | "received"
        | "delivered-to"
        | "importance"
        | "x-priority"
        | "thread-topic"
        | "user-agent"
        | "list-unsubscribe" => HeaderKind::Technical,
        "body" | "email body" | "e-mail body" | "mail body" | "message body" | "body text"
        | "cuerpo" | "cuerpo del correo" | "cuerpo del mensaje" | "corps" | "corps du mail"
        | "corps du message" | "corpo" | "corpo do email" | "corpo do e-mail" | "mailtext"
        | "texto del correo" => HeaderKind::Body,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_in_any_dress() {
        for (line, expected) in [
            ("Subject: Plan", Some("Plan")),
            ("  SUBJECT :Plan ", Some("Plan")),
            ("**Subject:** Plan", Some("Plan")),
            ("**Subject: Plan**", Some("Plan")),
            ("### Subject: Plan", Some("Plan")),
            ("Subject - Plan", Some("Plan")),
            ("**Subject** – Plan", Some("Plan")),
            ("Asunto：Plan", Some("Plan")),
            ("Betreff: AW: Plan", Some("AW: Plan")),
            ("Línea de asunto: Plan", Some("Plan")),
            ("Subject:", Some("")),
            ("Subject matter - experts", None),
            ("Subject-Plan", None),
            ("The subject: x", None),
            ("From: Ana", None),
            ("- Subject: x", None),
            ("", None),
        ] {
            assert_eq!(subject_of(line), expected, "{line}");
        }
        assert_eq!(
            header_of("Sent: Monday").map(|h| h.kind),
            Some(HeaderKind::Date)
        );
        assert_eq!(
            header_of("Reply-To : x@y.z").map(|h| h.kind),
            Some(HeaderKind::Address)
        );
        assert_eq!(header_of("Time: 10:00"), None);
        assert!(header_of("## Subject").is_some_and(|h| h.is_heading));
    }
}
