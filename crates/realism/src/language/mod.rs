//! Languages of the offline writer: one folder each, and one line in [`PACKS`].

use crate::offline::grammar::Grammar;

mod en;
mod es;

/// Codes of the languages that have a pack. Mail in any other language is written in English.
pub fn supported() -> &'static [&'static str] {
    &["en", "es"]
}

/// Every pack, in the order of [`supported`].
const PACKS: [&Pack; 2] = [&en::PACK, &es::PACK];

/// The pack of a language code, by its primary subtag in any case (`es-MX`); English when there
/// is none.
pub(crate) fn pack(code: &str) -> &'static Pack {
    let primary = code.trim().split(['-', '_']).next().unwrap_or_default();
    PACKS
        .into_iter()
        .find(|pack| pack.code.eq_ignore_ascii_case(primary))
        .unwrap_or(PACKS[0])
}

/// A topic of new threads: phrase, article for use inside a sentence, scenario family.
pub(crate) type Topic = (&'static str, &'static str, &'static str);

/// Everything the offline writer knows about a language.
pub(crate) struct Pack {
    /// Primary language subtag.
    pub(crate) code: &'static str,
    /// The grammar, read at first use.
    pub(crate) grammar: fn() -> &'static Grammar,
    /// Topics of new threads.
    pub(crate) topics: &'static [Topic],
    /// Their phrases.
    pub(crate) phrases: &'static [&'static str],
    /// Beginnings of words that place a foreign phrase in a scenario family, first match wins.
    pub(crate) stems: &'static [(&'static str, &'static str)],
    /// Words of dates and times.
    pub(crate) calendar: Calendar,
    /// Small numbers from two on.
    pub(crate) numbers: &'static [&'static str],
    /// An amount of money: units, and the company's currency (0 or 1).
    pub(crate) amount: fn(u32, u8) -> String,
    /// Short forms with their long forms.
    pub(crate) contractions: &'static [(&'static str, &'static str)],
    /// Pairs of words that merge in writing, wherever they meet.
    pub(crate) mergers: &'static [(&'static str, &'static str)],
    /// What makes a foreign phrase fit into a sentence when no article is known.
    pub(crate) vague_article: &'static str,
    /// First words of a phrase that needs no article.
    pub(crate) determiners: &'static [&'static str],
    /// Cues for reading a parent.
    pub(crate) cues: Cues,
    /// How abbreviations and accents may be dropped in a careless hand.
    pub(crate) careless: &'static [(char, &'static str)],
}

/// Words of dates and times.
pub(crate) struct Calendar {
    /// Monday first, as used in a sentence.
    pub(crate) weekdays: [&'static str; 7],
    /// January first.
    pub(crate) months: [&'static str; 12],
    /// The current day.
    pub(crate) today: &'static str,
    /// The next day.
    pub(crate) tomorrow: &'static str,
    /// The day before.
    pub(crate) yesterday: &'static str,
    /// What stands before a weekday in "it happens ...".
    pub(crate) on: &'static str,
    /// Earlier on the same day, from the afternoon on.
    pub(crate) this_morning: &'static str,
    /// A day of the month and its month.
    pub(crate) date: fn(u32, &str) -> String,
    /// Hour and minute, in one of the writer's three manners.
    pub(crate) time: fn(u32, u32, u8) -> String,
}

/// Cues for reading a parent, all in lower case.
pub(crate) struct Cues {
    /// Openings of a request.
    pub(crate) requests: &'static [&'static str],
    /// Signs that a meeting or a time is proposed.
    pub(crate) meetings: &'static [&'static str],
    /// Thanks.
    pub(crate) thanks: &'static [&'static str],
    /// Trouble.
    pub(crate) problems: &'static [&'static str],
    /// Articles at the start of an object.
    pub(crate) articles: &'static [&'static str],
    /// Words that end an object.
    pub(crate) stops: &'static [&'static str],
    /// Verbs of requests: as asked for, as promised, as done.
    pub(crate) verbs: &'static [(&'static str, &'static str, &'static str)],
    /// Frequent small words, for telling the language.
    pub(crate) common: &'static [&'static str],
}

/// Grammar texts of a language.
#[cfg(test)]
pub(crate) fn sources(code: &str) -> &'static [&'static str] {
    if code == "es" {
        &es::SOURCES
    } else {
        &en::SOURCES
    }
}
