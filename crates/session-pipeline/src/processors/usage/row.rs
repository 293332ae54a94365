//! A row of an agent's transcript, as far as usage is concerned.
//!
//! A leaf of the wrong type reads as if it were not there; a row whose `type` or `message` is
//! something else than it should be is refused as a whole.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::commands;

/// A row.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) uuid: Text<'a>,
    #[serde(rename = "parentUuid", borrow)]
    pub(super) parent_uuid: Text<'a>,
    #[serde(rename = "sessionId", borrow)]
    pub(super) session_id: Text<'a>,
    #[serde(rename = "requestId", borrow)]
    pub(super) request_id: Text<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow)]
    pub(super) cwd: Text<'a>,
    #[serde(borrow, deserialize_with = "object_or_nothing")]
    pub(super) message: Option<Message<'a>>,
    /// Rows of older versions hold the result of a tool themselves.
    #[serde(borrow)]
    pub(super) tool_use_id: Text<'a>,
    #[serde(rename = "toolUseId", borrow)]
    pub(super) tool_use_id_camel: Text<'a>,
    pub(super) is_error: Flag,
}

/// What a row says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) model: Text<'a>,
    #[serde(borrow)]
    pub(super) content: Content<'a>,
    pub(super) usage: Usage,
}

/// A text, or nothing.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, unless it is empty.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

/// `true`, or anything else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flag(pub(super) bool);

/// Largest number of tokens that one message may have.
const COUNT_MAX: i64 = 1_000_000_000;

/// A whole number, or nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count(pub(super) Option<i64>);

/// Tokens of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) input: Count,
    pub(super) output: Count,
    pub(super) cache_read: Count,
    pub(super) cache_creation: Count,
}

/// What a message consists of.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) blocks: Vec<Block<'a>>,
    /// Whether there is anything but results of tools.
    pub(super) has_text: bool,
    /// Slash commands in its texts.
    pub(super) commands: Vec<String>,
}

/// A block that matters: a tool is used, or answers.
#[derive(Debug)]
pub(super) enum Block<'a> {
    ToolUse {
        id: Text<'a>,
        name: Text<'a>,
        input: Input<'a>,
    },
    ToolResult {
        id: Text<'a>,
        is_error: Flag,
    },
}

/// What a tool is given, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Input<'a> {
    pub(super) skill: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) subagent_type: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsageFields {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputFields<'a> {
    #[serde(borrow)]
    skill: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    subagent_type: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BlockFields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    input: Input<'a>,
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    is_error: Flag,
    text: Commands,
}

/// The slash commands in a text; the text itself is not kept.
#[derive(Debug, Default)]
struct Commands(Vec<String>);

/// Reads an object or `null`; anything else is an error. A struct alone would take a list as well, by
/// position.
fn object_or_nothing<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Message<'de>>, D::Error> {
    struct ObjectOrNothing;

    impl<'de> Visitor<'de> for ObjectOrNothing {
        type Value = Option<Message<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Message::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(ObjectOrNothing)
}

/// A type that can be read from any value; what it does not handle reads as its default.
trait FromAny<'de>: Default {
    fn from_text(_: &str) -> Self {
        Self::default()
    }

    fn from_borrowed(text: &'de str) -> Self {
        Self::from_text(text)
    }

    fn from_flag(_: bool) -> Self {
        Self::default()
    }

    fn from_integer(_: i64) -> Self {
        Self::default()
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Self::default())
    }

    fn from_seq<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Self::default())
    }
}

struct AnyValue<T>(PhantomData<T>);

impl<'de, T: FromAny<'de>> Visitor<'de> for AnyValue<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::from_borrowed(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::from_flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::from_integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(i64::try_from(number).map_or_else(|_| T::default(), T::from_integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::from_seq(seq)
    }
}

/// Implements `Deserialize` by [`FromAny`].
macro_rules! deserialize_from_any {
    ($($name:ident),*; $($borrowing:ident),*) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(AnyValue::<$name>(PhantomData))
            }
        })*
        $(impl<'de: 'a, 'a> Deserialize<'de> for $borrowing<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(AnyValue::<$borrowing<'de>>(PhantomData))
            }
        })*
    };
}

deserialize_from_any!(Flag, Count, Usage, Commands; Text, Content, Input, AnyBlock);

impl<'de> FromAny<'de> for Text<'de> {
    fn from_text(text: &str) -> Self {
        Self(Some(Cow::Owned(text.to_owned())))
    }

    fn from_borrowed(text: &'de str) -> Self {
        Self(Some(Cow::Borrowed(text)))
    }
}

impl FromAny<'_> for Flag {
    fn from_flag(flag: bool) -> Self {
        Self(flag)
    }
}

impl FromAny<'_> for Count {
    fn from_integer(number: i64) -> Self {
        // No message has a billion tokens; a sum has to stay a sum.
        Self((-COUNT_MAX..=COUNT_MAX).contains(&number).then_some(number))
    }
}

impl FromAny<'_> for Commands {
    fn from_text(text: &str) -> Self {
        Self(commands::names(text).map(str::to_owned).collect())
    }
}

impl<'de> FromAny<'de> for Usage {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let fields = UsageFields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self {
            input: fields.input_tokens,
            output: fields.output_tokens,
            cache_read: fields.cache_read_input_tokens,
            cache_creation: fields.cache_creation_input_tokens,
        })
    }
}

impl<'de> FromAny<'de> for Input<'de> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let fields = InputFields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self {
            skill: fields.skill,
            name: fields.name,
            subagent_type: fields.subagent_type,
        })
    }
}

/// An element of a message's content.
#[derive(Debug, Default)]
struct AnyBlock<'a>(Option<BlockFields<'a>>);

impl<'de> FromAny<'de> for AnyBlock<'de> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        BlockFields::deserialize(MapAccessDeserializer::new(map)).map(|fields| Self(Some(fields)))
    }
}

impl<'de> FromAny<'de> for Content<'de> {
    fn from_text(text: &str) -> Self {
        Self {
            blocks: Vec::new(),
            has_text: true,
            commands: commands::names(text).map(str::to_owned).collect(),
        }
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut content = Self::default();
        while let Some(AnyBlock(element)) = seq.next_element()? {
            let Some(block) = element else {
                continue;
            };
            match block.kind.get() {
                Some("tool_use") => content.blocks.push(Block::ToolUse {
                    id: block.id,
                    name: block.name,
                    input: block.input,
                }),
                Some("tool_result") => content.blocks.push(Block::ToolResult {
                    id: block.tool_use_id,
                    is_error: block.is_error,
                }),
                Some("text") => {
                    content.has_text = true;
                    content.commands.extend(block.text.0);
                }
                _ => content.has_text = true,
            }
        }
        Ok(content)
    }
}
