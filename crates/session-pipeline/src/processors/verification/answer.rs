//! What a model answered, as far as it has the shape that was asked for.
//!
//! Fields that were not asked for are passed over: a model has no say in confidence, time or id.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::text::is_invisible;

/// Most facts of one answer; the turn of a user holds fewer.
pub(super) const FACTS_MAX: usize = 8;
/// Most characters of a subject: a long name.
pub(super) const SUBJECT_MAX: usize = 80;
/// Most characters of an attribute.
pub(super) const ATTRIBUTE_MAX: usize = 80;
/// Most characters of a value: a path or an address.
pub(super) const VALUE_MAX: usize = 200;
/// Most characters of a quote: a sentence or two.
pub(super) const QUOTE_MAX: usize = 300;
/// Longest answer that is read, in bytes: four times what the most tokens can say.
const ANSWER_MAX: usize = 16 << 10;
/// Deepest nesting; what was asked for has three levels.
const DEPTH_MAX: usize = 16;
/// Objects that are tried: prose has braces, too.
const TRIES: usize = 8;

/// A fact, as the model says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) subject: String,
    pub(super) attribute: String,
    pub(super) value: String,
    pub(super) corrected: bool,
    pub(super) replaces: Option<String>,
    pub(super) quote: String,
}

/// An answer that can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) claims: Vec<Claim>,
    /// Facts without the right shape.
    pub(super) misshapen: u32,
    /// Facts beyond [`FACTS_MAX`].
    pub(super) too_many: u32,
}

/// Why an answer cannot be used. The words are an objection to the model as well; they hold nothing
/// that it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it was empty")]
    Empty,
    #[error("it was too long")]
    TooLong,
    #[error("it nested too deep")]
    TooDeep,
    #[error("it held no complete JSON object")]
    NoObject,
    #[error("it was not an object with a list of facts")]
    WrongShape,
    #[error("none of its facts had the fields and types that were asked for")]
    WrongFacts,
}

/// Reads an answer. Fences and prose around the object do no harm; the first object counts.
pub(super) fn read(text: &str) -> Result<Answer, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::Empty);
    }
    if text.len() > ANSWER_MAX {
        return Err(Fault::TooLong);
    }
    // Objects in a thought are no answer.
    let text = text
        .rsplit_once("</think>")
        .map_or(text, |(_, answer)| answer);
    let Wire { facts } = serde_json::from_str(object(text)?).map_err(|_| Fault::WrongShape)?;
    let mut answer = Answer::default();
    let all = facts.len();
    for item in facts {
        if answer.claims.len() == FACTS_MAX {
            answer.too_many += 1;
            continue;
        }
        match item {
            Item::Fact(fact) => match fact.checked() {
                Some(claim) => answer.claims.push(claim),
                None => answer.misshapen += 1,
            },
            Item::Other(_) => answer.misshapen += 1,
        }
    }
    if all > 0 && answer.claims.is_empty() {
        return Err(Fault::WrongFacts);
    }
    Ok(answer)
}

/// The first JSON object in `text`.
fn object(text: &str) -> Result<&str, Fault> {
    let mut rest = text;
    for _ in 0..TRIES {
        let Some(start) = rest.find('{') else {
            break;
        };
        rest = rest.get(start..).unwrap_or_default();
        let Some(end) = balanced(rest)? else {
            break;
        };
        let (object, after) = rest.split_at(end);
        if serde_json::from_str::<IgnoredAny>(object).is_ok() {
            return Ok(object);
        }
        rest = after;
    }
    Err(Fault::NoObject)
}

/// Where the bracket closes that `text` begins with.
fn balanced(text: &str) -> Result<Option<usize>, Fault> {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Fault::TooDeep);
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            }
            _ => {}
        }
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Wire {
    facts: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Fact(WireFact),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct WireFact {
    subject: String,
    attribute: String,
    value: String,
    kind: WireKind,
    #[serde(default)]
    replaces: Option<String>,
    quote: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireKind {
    Confirmed,
    Corrected,
}

impl WireFact {
    fn checked(self) -> Option<Claim> {
        let quote = self.quote.replace(['\n', '\r', '\t'], " ");
        Some(Claim {
            subject: plain(&self.subject, SUBJECT_MAX)?,
            attribute: plain(&self.attribute, ATTRIBUTE_MAX)?,
            value: plain(&self.value, VALUE_MAX)?,
            corrected: matches!(self.kind, WireKind::Corrected),
            // Models write an empty string for nothing.
            replaces: match self.replaces {
                Some(value) if !value.trim().is_empty() => Some(plain(&value, VALUE_MAX)?),
                _ => None,
            },
            quote: plain(&quote, QUOTE_MAX)?,
        })
    }
}

/// A text of 1 to `most` characters, all of which show.
fn plain(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    let is_right =
        !text.is_empty() && text.chars().count() <= most && !text.chars().any(is_invisible);
    is_right.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACT: &str = r#"{"subject":"server","attribute":"port","value":"8443","kind":"corrected","replaces":"443","quote":"it is 8443"}"#;

    fn with(field: &str, value: &str) -> String {
        let mut fact: serde_json::Value = serde_json::from_str(FACT).unwrap();
        fact[field] = serde_json::from_str(value).unwrap();
        format!("{{\"facts\":[{fact}]}}")
    }

    #[test]
    fn an_answer_may_be_wrapped() {
        let plain = format!("{{\"facts\":[{FACT}]}}");
        let expected = read(&plain).unwrap();
        assert_eq!(expected.claims.len(), 1);
        for text in [
            format!("```json\n{plain}\n```"),
            format!("Sure! Here {{as asked}} it is: {plain} Anything else?"),
            format!("<think>{{\"facts\":[]}} hm \" </think>{plain}"),
            format!("{plain}\n{{\"facts\":[]}}"),
            format!("{{\"confidence\":1e999,\"id\":\"x\",\"facts\":[{FACT}]}}"),
            format!(
                "{{\"facts\":[{}]}}",
                FACT.replacen('{', "{\"confidence\":[1e99,{}],", 1)
            ),
            with("replaces", "\" 443 \""),
            with("quote", "\"it\\nis 8443\""),
        ] {
            assert_eq!(read(&text).as_ref(), Ok(&expected), "{text}");
        }
        assert_eq!(read("{\"facts\":[]}"), Ok(Answer::default()));
        assert_eq!(
            read(&with("replaces", "null")).unwrap().claims[0].replaces,
            None
        );
        assert_eq!(
            read(&with("replaces", "\"\"")).unwrap().claims[0].replaces,
            None
        );
    }

    #[test]
    fn hostile_answers_are_refused() {
        let check = |text: &str, expected: Fault| {
            assert_eq!(read(text), Err(expected), "{:.80}", text);
        };
        check("", Fault::Empty);
        check(" \n", Fault::Empty);
        check("I cannot help with that.", Fault::NoObject);
        check("{\"facts\":[", Fault::NoObject);
        check(&format!("{{\"facts\":[{FACT}"), Fault::NoObject);
        check("}}}}", Fault::NoObject);
        check("{\"facts\":[]", Fault::NoObject);
        check("{\"facts\": NaN}", Fault::NoObject);
        check(&"{ ".repeat(5), Fault::NoObject);
        check(&"{} ".repeat(2), Fault::WrongShape);
        check(&"{x}".repeat(100), Fault::NoObject);
        check("{\"facts\":[{\"confidence\":NaN}]}", Fault::NoObject);
        check("{\"facts\":[{\"confidence\":1e999}]}", Fault::WrongShape);
        check("{\"facts\":null}", Fault::WrongShape);
        check("{\"facts\":{}}", Fault::WrongShape);
        check("{\"facts\":[],\"facts\":[]}", Fault::WrongShape);
        check("[{\"fact\":1}]", Fault::WrongShape);
        check("{\"facts\":[1,null,\"x\",[],{}]}", Fault::WrongFacts);
        check(&"x".repeat(1 << 20), Fault::TooLong);
        check(&"{\"facts\":".repeat(100_000), Fault::TooLong);
        check(&"{\"a\":".repeat(1_000), Fault::TooDeep);
        check(
            &format!("{{\"facts\":{}", "[".repeat(10_000)),
            Fault::TooDeep,
        );
        for (field, value) in [
            ("subject", "5"),
            ("subject", "\"\""),
            ("subject", "null"),
            ("attribute", "{}"),
            ("attribute", "\" \""),
            ("value", "8443"),
            ("value", "true"),
            ("value", "\"84\\u000043\""),
            ("value", "\"84\\n43\""),
            ("value", "\"84\\u202e43\""),
            ("value", "\"84\\u200b43\""),
            ("kind", "\"guessed\""),
            ("kind", "null"),
            ("replaces", "[\"443\"]"),
            ("quote", "\"\""),
            ("quote", "\"a\\u001bb\""),
        ] {
            check(&with(field, value), Fault::WrongFacts);
        }
        for (field, most) in [
            ("subject", SUBJECT_MAX),
            ("attribute", ATTRIBUTE_MAX),
            ("value", VALUE_MAX),
            ("replaces", VALUE_MAX),
            ("quote", QUOTE_MAX),
        ] {
            let long = |length| format!("\"{}\"", "é".repeat(length));
            assert!(read(&with(field, &long(most))).is_ok());
            check(&with(field, &long(most + 1)), Fault::WrongFacts);
        }
        for field in ["subject", "attribute", "value", "kind", "quote"] {
            let text = format!("{{\"facts\":[{}]}}", FACT.replace(field, "other"));
            check(&text, Fault::WrongFacts);
        }
    }

    #[test]
    fn a_misshapen_fact_does_not_spoil_the_others() {
        let text = format!("{{\"facts\":[7,{FACT},{{\"subject\":1}}]}}");
        let answer = read(&text).unwrap();
        assert_eq!((answer.claims.len(), answer.misshapen), (1, 2));
        let text = format!("{{\"facts\":[{}]}}", vec![FACT; 20].join(","));
        let answer = read(&text).unwrap();
        assert_eq!((answer.claims.len(), answer.too_many), (8, 12));
    }
}
