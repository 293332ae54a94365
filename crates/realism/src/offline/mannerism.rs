//! Habits in the operator's own words, recognised by keywords in English and Spanish.

use super::clean;

/// Longest literal phrase that is woven in, in characters.
const SAYING_MAX: usize = 60;

/// What a list of mannerisms asks for. Text that is not understood asks for nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mannerisms {
    /// Writes lists.
    pub(crate) lists: bool,
    /// Greeting: always or never.
    pub(crate) greets: Option<bool>,
    /// Sign-off: always or never.
    pub(crate) signs: Option<bool>,
    /// Word of the sign-off.
    pub(crate) sign_off: Option<String>,
    /// Asks something in every mail.
    pub(crate) asks: bool,
    /// Exclamation marks: many or none.
    pub(crate) exclaims: Option<bool>,
    /// Lower case throughout.
    pub(crate) lower: bool,
    /// Writes little.
    pub(crate) brief: bool,
    /// Writes much.
    pub(crate) long: bool,
    /// Two dots at the end of sentences.
    pub(crate) dots: bool,
    /// Makes typing mistakes.
    pub(crate) typos: bool,
    /// Subjects they come back to.
    pub(crate) mentions: Vec<String>,
    /// Phrases they use.
    pub(crate) sayings: Vec<String>,
}

impl Mannerisms {
    /// Reads the first twelve mannerisms.
    pub(crate) fn of(texts: &[String]) -> Self {
        let mut all = Self::default();
        for text in texts.iter().take(12) {
            let bounded: String = text.chars().take(300).collect();
            all.add(&bounded);
        }
        all
    }

    fn add(&mut self, text: &str) {
        let lower = text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let never = has(&[
            "never", "no ", "without", "doesn't", "does not", "avoids", "nunca", "sin ", "jamás",
            "evita", "rarely",
        ]);
        if let Some(word) = after_any(
            text,
            &lower,
            &[
                "signs off with",
                "signs with",
                "ends with",
                "closes with",
                "sign-off:",
                "firma con",
                "se despide con",
                "termina con",
                "cierra con",
            ],
        ) && word.split(' ').count() <= 4
            && !has(&["question", "pregunta", "exclam"])
        {
            self.sign_off = Some(word);
            self.signs = Some(true);
            return;
        }
        if has(&[
            "bullet",
            "lists",
            "listas",
            "viñetas",
            "numbered list",
            "enumera",
        ]) {
            self.lists = !never;
        } else if has(&[
            "greeting",
            "greets",
            "salut",
            "saluda",
            "says hello",
            "hello",
        ]) {
            self.greets = Some(!never);
        } else if has(&["sign off", "sign-off", "signs off", "despid", "firma"]) {
            self.signs = Some(!never);
        } else if has(&["exclam", "!!"]) {
            self.exclaims = Some(!never);
        } else if has(&["question", "pregunta"]) {
            self.asks = !never;
        } else if has(&[
            "lower case",
            "lowercase",
            "lower-case",
            "no capitals",
            "minúscula",
            "sin mayúscula",
        ]) {
            self.lower = true;
        } else if has(&[
            "short sentence",
            "short mail",
            "short email",
            "short repl",
            "one-line",
            "one line",
            "terse",
            "brief",
            "frases corta",
            "breve",
            "escueto",
            "correos cortos",
        ]) {
            self.brief = true;
        } else if has(&[
            "long sentence",
            "long mail",
            "long email",
            "verbose",
            "rambl",
            "frases larga",
            "se extiende",
            "mucho detalle",
        ]) {
            self.long = true;
        } else if has(&["ellips", "trailing dots", "puntos suspensivos", ".."]) {
            self.dots = !never;
        } else if has(&["typo", "misspell", "erratas", "faltas"]) {
            self.typos = !never;
        } else if let Some(saying) = quoted(text) {
            self.sayings.push(saying);
        } else if let Some(saying) = after_any(
            text,
            &lower,
            &[
                "often says",
                "always says",
                "says",
                "likes to say",
                "suele decir",
                "siempre dice",
                "dice",
            ],
        ) {
            self.sayings.push(saying);
        } else if let Some(what) = after_any(
            text,
            &lower,
            &[
                "mentions",
                "talks about",
                "refers to",
                "brings up",
                "menciona",
                "habla de",
                "cita",
            ],
        ) && what.split(' ').count() <= 4
            && !never
        {
            self.mentions.push(what);
        }
    }
}

/// What follows the first of `cues`, as a short plain phrase.
fn after_any(text: &str, lower: &str, cues: &[&str]) -> Option<String> {
    let cue = cues.iter().find(|cue| lower.contains(**cue))?;
    // Lower-casing can change the length of a text; then the lower-case text itself is used.
    let source = if text.len() == lower.len() {
        text
    } else {
        lower
    };
    let end = lower.find(cue)? + cue.len();
    let rest = source.get(end..)?;
    let phrase = clean::phrase(
        rest.trim_start_matches([':', ' '])
            .split([',', ';', '.'])
            .next()?,
        SAYING_MAX,
    );
    let phrase = phrase.trim_matches('\'').to_owned();
    (!phrase.is_empty()).then_some(phrase)
}

/// The first quoted part, as a short plain phrase.
fn quoted(text: &str) -> Option<String> {
    let straight: String = text
        .chars()
        .map(|c| {
            if "\u{201c}\u{201d}\u{ab}\u{bb}".contains(c) {
                '"'
            } else {
                c
            }
        })
        .collect();
    let mut parts = straight.split('"');
    let (_, inner, _) = (parts.next()?, parts.next()?, parts.next()?);
    let phrase = clean::phrase(inner, SAYING_MAX);
    (!phrase.is_empty()).then_some(phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Mannerisms {
        Mannerisms::of(&[text.to_owned()])
    }

    #[test]
    fn common_ones_are_recognised() {
        assert!(read("uses bullet lists").lists);
        assert!(read("usa listas").lists);
        assert_eq!(
            read("signs off with Cheers").sign_off.as_deref(),
            Some("Cheers")
        );
        assert_eq!(
            read("firma con Saludos").sign_off.as_deref(),
            Some("Saludos")
        );
        assert_eq!(read("never uses greetings").greets, Some(false));
        assert_eq!(read("nunca saluda").greets, Some(false));
        assert!(read("always asks a question").asks);
        assert!(read("ends with a question").asks);
        assert_eq!(read("uses exclamation marks").exclaims, Some(true));
        assert!(read("writes in lower case").lower);
        assert!(read("short sentences").brief);
        assert_eq!(read("mentions coffee").mentions, ["coffee"]);
        assert_eq!(
            read("says \"at the end of the day\"").sayings,
            ["at the end of the day"]
        );
        assert_eq!(read("often says no worries").sayings, ["no worries"]);
    }

    #[test]
    fn other_text_asks_for_nothing() {
        assert_eq!(read("plays the oboe"), Mannerisms::default());
        assert_eq!(read(""), Mannerisms::default());
        assert_eq!(read("\u{0}\u{202e}\"\u{200b}\""), Mannerisms::default());
    }
}
