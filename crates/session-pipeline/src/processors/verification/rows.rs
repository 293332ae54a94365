//! Rows of an agent's log: who said what.
//!
//! A row is a JSON object. Of `user` and `assistant` rows the text counts, whether `message.content`
//! is a string or a list of blocks. Fields of other rows may hold anything.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json;
use crate::lines::BadLine;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    User,
    Assistant,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn<'l> {
    pub(super) speaker: Speaker,
    pub(super) uuid: Option<Cow<'l, str>>,
    pub(super) at: Option<DateTime<Utc>>,
    /// Never blank.
    pub(super) text: Cow<'l, str>,
}

/// Reads a line. `None` if nobody said anything in it: another kind of row, a tool's result, a row
/// that the agent's program wrote in the user's name, or one of a sub-agent, whose user is a model.
pub(super) fn read(line: &str) -> Result<Option<Turn<'_>>, BadLine> {
    let row: Row<'_> = json::object(line)?;
    let speaker = match row.kind.text() {
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        _ => return Ok(None),
    };
    let hidden = [
        &row.is_meta,
        &row.is_sidechain,
        &row.is_compact_summary,
        &row.is_api_error,
    ];
    if hidden.into_iter().any(Loose::is_true) {
        return Ok(None);
    }
    let Some(Loose::Object(message)) = row.message else {
        return Err(BadLine::WrongType);
    };
    let text = match message.content {
        Content::Text(text) => text,
        Content::Blocks(texts) => joined(texts),
        Content::Other => return Err(BadLine::WrongType),
    };
    let text = match speaker {
        Speaker::User => typed_by_user(text),
        Speaker::Assistant => text,
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(Turn {
        speaker,
        at: row.timestamp.text().and_then(time),
        uuid: match row.uuid {
            Loose::Text(uuid) if !uuid.is_empty() => Some(uuid),
            _ => None,
        },
        text,
    }))
}

/// A time with an offset; one without could be any.
fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.to_utc())
}

fn joined(mut texts: Vec<Cow<'_, str>>) -> Cow<'_, str> {
    match texts.len() {
        0 => Cow::Borrowed(""),
        1 => texts.pop().unwrap_or_default(),
        _ => Cow::Owned(texts.join("\n")),
    }
}

/// Beginnings of texts that the agent's program writes in the user's name.
const WRITTEN_BY_PROGRAM: [&str; 8] = [
    "<command-",
    "<local-command-",
    "<bash-",
    "<task-notification",
    "<user-memory-input",
    "[Request interrupted",
    "Caveat: The messages below",
    "This session is being continued from",
];

/// What is left of a user's text without what the agent's program put in.
fn typed_by_user(text: Cow<'_, str>) -> Cow<'_, str> {
    const OPEN: &str = "<system-reminder>";
    const CLOSE: &str = "</system-reminder>";
    let start = text.trim_start();
    if WRITTEN_BY_PROGRAM
        .iter()
        .any(|beginning| start.starts_with(beginning))
    {
        return Cow::Borrowed("");
    }
    if !text.contains(OPEN) {
        return text;
    }
    let mut kept = String::new();
    let mut rest = &*text;
    while let Some((before, reminder)) = rest.split_once(OPEN) {
        kept.push_str(before);
        rest = reminder.split_once(CLOSE).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

#[derive(Deserialize)]
struct Row<'l> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'l>,
    #[serde(borrow, default)]
    uuid: Loose<'l>,
    #[serde(borrow, default)]
    timestamp: Loose<'l>,
    #[serde(borrow, default, rename = "isMeta")]
    is_meta: Loose<'l>,
    #[serde(borrow, default, rename = "isSidechain")]
    is_sidechain: Loose<'l>,
    #[serde(borrow, default, rename = "isCompactSummary")]
    is_compact_summary: Loose<'l>,
    #[serde(borrow, default, rename = "isApiErrorMessage")]
    is_api_error: Loose<'l>,
    #[serde(borrow, default)]
    message: Option<Loose<'l, Message<'l>>>,
}

#[derive(Deserialize)]
struct Message<'l> {
    #[serde(borrow, default)]
    content: Content<'l>,
}

#[derive(Deserialize)]
struct Block<'l> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'l>,
    #[serde(borrow, default)]
    text: Loose<'l>,
}

/// A value of which only some types are looked at.
#[derive(Default)]
enum Loose<'l, T = IgnoredAny> {
    Text(Cow<'l, str>),
    Bool(bool),
    Object(T),
    #[default]
    Other,
}

impl<T> Loose<'_, T> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }
}

/// Content of a message.
#[derive(Default)]
enum Content<'l> {
    Text(Cow<'l, str>),
    /// The texts among the blocks.
    Blocks(Vec<Cow<'l, str>>),
    #[default]
    Other,
}

/// Takes every type: strings and truth values are kept, numbers and null are not.
macro_rules! scalars {
    ($bool:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value")
        }

        fn visit_borrowed_str<E>(self, text: &'l str) -> Result<Self::Value, E> {
            Ok(Self::Value::Text(Cow::Borrowed(text)))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::Text(Cow::Owned(text.to_owned())))
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok($bool(value))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::Other)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::Other)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::Other)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::Other)
        }
    };
}

struct LooseVisitor<T>(PhantomData<T>);

impl<'l, T: Deserialize<'l>> Visitor<'l> for LooseVisitor<T> {
    type Value = Loose<'l, T>;

    scalars!(Loose::Bool);

    fn visit_seq<A: SeqAccess<'l>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'l>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Loose::Object)
    }
}

impl<'de: 'l, 'l, T: Deserialize<'de>> Deserialize<'de> for Loose<'l, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData))
    }
}

struct ContentVisitor;

impl<'l> Visitor<'l> for ContentVisitor {
    type Value = Content<'l>;

    scalars!(|_| Content::Other);

    fn visit_seq<A: SeqAccess<'l>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(block) = items.next_element::<Loose<'l, Block<'l>>>()? {
            if let Loose::Object(Block {
                kind,
                text: Loose::Text(text),
            }) = block
                && kind.text() == Some("text")
            {
                texts.push(text);
            }
        }
        Ok(Content::Blocks(texts))
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::Other)
    }
}

impl<'de: 'l, 'l> Deserialize<'de> for Content<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_said_what() {
        let check = |line: &str, expected: Result<Option<(Speaker, &str)>, BadLine>| {
            let read = read(line);
            let found = read
                .as_ref()
                .map(|turn| turn.as_ref().map(|turn| (turn.speaker, &*turn.text)))
                .map_err(|bad| *bad);
            assert_eq!(found, expected, "{line}");
        };
        let user = |text| Ok(Some((Speaker::User, text)));
        let assistant = |text| Ok(Some((Speaker::Assistant, text)));
        check(r#"{"type":"user","message":{"content":"hi"}}"#, user("hi"));
        check(
            r#"{"type":"user","message":{"content":"a\nb"}}"#,
            user("a\nb"),
        );
        check(
            r#"{"type":"assistant","message":{"content":[{"type":"text","text":"a"},{"type":"tool_use","input":{"text":"x"}},7,{"type":"text","text":"b"}]}}"#,
            assistant("a\nb"),
        );
        let nothing = [
            r#"{"type":"user","message":{"content":[{"type":"tool_result","content":[{"type":"text","text":"yes, that is right"}]}]}}"#,
            r#"{"type":"user","isMeta":true,"message":{"content":"yes"}}"#,
            r#"{"type":"user","isSidechain":true,"message":{"content":"yes"}}"#,
            r#"{"type":"user","isCompactSummary":true,"message":{"content":"yes"}}"#,
            r#"{"type":"assistant","isApiErrorMessage":true,"message":{"content":"overloaded"}}"#,
            r#"{"type":"user","message":{"content":"<command-name>/clear</command-name>"}}"#,
            r#"{"type":"user","message":{"content":"<system-reminder>yes, right</system-reminder>"}}"#,
            r#"{"type":"user","message":{"content":"[Request interrupted by user]"}}"#,
            r#"{"type":"user","message":{"content":" \n"}}"#,
            r#"{"type":"user","message":{"content":[]}}"#,
            r#"{"type":"user","message":{"content":[{"type":"text","text":5}]}}"#,
            r#"{"type":"progress","message":"anything","uuid":[1],"timestamp":{}}"#,
            r#"{"type":7}"#,
            r#"{}"#,
        ];
        for line in nothing {
            check(line, Ok(None));
        }
        check(
            r#"{"type":"user","message":{"content":"no, 8443<system-reminder>x"}}"#,
            user("no, 8443"),
        );
        check(r#"{"type":"user","message":"hi"}"#, Err(BadLine::WrongType));
        check(r#"{"type":"user"}"#, Err(BadLine::WrongType));
        check(
            r#"{"type":"user","message":{"content":7}}"#,
            Err(BadLine::WrongType),
        );
        check(
            r#"{"type":"user","message":{"content":{"a":1}}}"#,
            Err(BadLine::WrongType),
        );
        check("[]", Err(BadLine::NotAnObject));
        check("yes", Err(BadLine::NotJson));
    }

    #[test]
    fn time_needs_an_offset() {
        let check = |timestamp: &str, expected: Option<i64>| {
            let line =
                format!(r#"{{"type":"user","timestamp":{timestamp},"message":{{"content":"x"}}}}"#);
            let turn = read(&line).unwrap().unwrap();
            assert_eq!(turn.at.map(|at| at.timestamp()), expected, "{timestamp}");
        };
        check("\"1970-01-01T00:00:05Z\"", Some(5));
        check("\"1970-01-01T01:00:05.000+01:00\"", Some(5));
        check("\"1970-01-01T00:00:05\"", None);
        check("5", None);
        check("null", None);
    }
}
