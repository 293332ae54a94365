//! How a persona writes: habits that follow from their address and stay the same in every mail.

use super::dice::{Dice, stable_hash};
use crate::persona::{Persona, Tone};

/// How a persona writes.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// Writes formally.
    pub(crate) formal: bool,
    /// Polite register towards colleagues (usted).
    pub(crate) polite: bool,
    /// Mails that open with a greeting, in percent.
    pub(crate) greets: u32,
    /// Mails that end with a sign-off, in percent.
    pub(crate) signs: u32,
    /// Which greeting and sign-off are this persona's own.
    pub(crate) voice: u64,
    /// Name below the sign-off: nothing, first name, initials.
    pub(crate) signature: u8,
    /// Length against the usual, in percent.
    pub(crate) length: u32,
    /// Writes `don't` rather than `do not`.
    pub(crate) contracts: bool,
    /// Two spaces between sentences.
    pub(crate) two_spaces: bool,
    /// Leaves out the last full stop of a paragraph, in percent.
    pub(crate) drops_stop: u32,
    /// Starts sentences in lower case.
    pub(crate) lower: bool,
    /// Ends some sentences with two dots.
    pub(crate) dots: bool,
    /// Likes exclamation marks, in percent of the sentences that can bear one.
    pub(crate) exclaims: u32,
    /// Slips of the finger per thousand words.
    pub(crate) typos: u32,
    /// Leaves out opening marks and some accents.
    pub(crate) careless: bool,
    /// Joins sentences with commas, in percent.
    pub(crate) runs_on: u32,
}

impl Habits {
    /// The habits of a persona.
    pub(crate) fn of(persona: &Persona) -> Self {
        let tone = tone_of(persona);
        let mut dice = Dice::new(stable_hash(&[persona.email.as_str(), "habits"]));
        let formal = tone == 'f';
        let casual = tone == 'c';
        let loose = casual || tone == 'd';
        let more = if formal { 18 } else { 0 };
        let rate = |dice: &mut Dice| match dice.below(100) as u32 {
            draw if draw < 48_u32.saturating_sub(more) => dice.between(0, 5) as u32,
            draw if draw < 80 - more => dice.between(22, 48) as u32,
            _ => dice.between(70, 95) as u32,
        };
        let (greets, signs) = (rate(&mut dice), rate(&mut dice));
        let voice = stable_hash(&[persona.email.as_str(), "voice"]);
        Self {
            formal,
            polite: formal && dice.chance(60),
            greets,
            signs,
            voice,
            signature: [0, 1, 1, 1, 2][dice.below(5)],
            length: dice.between(
                if formal { 90 } else { 68 },
                if tone == 'd' { 100 } else { 138 },
            ) as u32,
            contracts: !formal && dice.chance(if loose { 96 } else { 70 }),
            two_spaces: dice.chance(12),
            drops_stop: if loose && dice.chance(30) { 75 } else { 0 },
            lower: loose && dice.chance(if casual { 22 } else { 10 }),
            dots: loose && dice.chance(16),
            exclaims: if casual && dice.chance(45) { 35 } else { 3 },
            typos: if formal || dice.chance(55) {
                0
            } else {
                dice.between(3, 11) as u32
            },
            careless: loose && dice.chance(60),
            runs_on: if loose {
                dice.between(0, 26) as u32
            } else {
                dice.between(0, 6) as u32
            },
        }
    }
}

/// The tone letter of a persona; a custom tone is told from its words.
fn tone_of(persona: &Persona) -> char {
    match persona.tone {
        Tone::Formal => 'f',
        Tone::Direct => 'd',
        Tone::Casual => 'c',
        Tone::Technical => 't',
        Tone::Custom => {
            let words = persona.tone_custom.as_deref().unwrap_or_default();
            let bounded: String = words.chars().take(600).collect();
            let lower = bounded.to_lowercase();
            let known = TONE_WORDS
                .iter()
                .find(|(_, words)| words.iter().any(|w| lower.contains(w)));
            known.map_or('n', |(letter, _)| *letter)
        }
    }
}

const TONE_WORDS: [(char, &[&str]); 4] = [
    (
        'c',
        &[
            "casual",
            "informal",
            "friendly",
            "chatty",
            "warm",
            "relaxed",
            "funny",
            "humor",
            "jok",
            "cheer",
            "laid",
            "cercan",
            "amable",
            "simpátic",
            "bromis",
            "coloquial",
            "desenfad",
            "alegre",
        ],
    ),
    (
        'd',
        &[
            "direct",
            "blunt",
            "terse",
            "brief",
            "short",
            "curt",
            "concise",
            "busy",
            "impatient",
            "grump",
            "sec",
            "breve",
            "concis",
            "impacient",
            "cortante",
            "corto",
            "gruñ",
        ],
    ),
    (
        't',
        &[
            "techn",
            "precise",
            "engineer",
            "analytic",
            "nerd",
            "pedant",
            "detail",
            "técnic",
            "precis",
            "ingenier",
            "analític",
            "detall",
        ],
    ),
    (
        'f',
        &[
            "formal",
            "polite",
            "courteous",
            "corporate",
            "legal",
            "diplomat",
            "respect",
            "cortés",
            "educad",
            "corporativ",
            "protocol",
            "diplomátic",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tone_words_are_known_in_both_languages() {
        let check = |text: &str, expect: char| {
            let lower = text.to_lowercase();
            let known = TONE_WORDS
                .iter()
                .find(|(_, words)| words.iter().any(|w| lower.contains(w)));
            assert_eq!(known.map_or('n', |(letter, _)| *letter), expect, "{text}");
        };
        check("Warm and chatty", 'c');
        check("muy cercana con todos", 'c');
        check("terse, always busy", 'd');
        check("técnico hasta el aburrimiento", 't');
        check("Old-school polite", 'f');
        check("", 'n');
    }
}
