//! English.

use std::sync::OnceLock;

use super::{Calendar, Cues, Pack};
use crate::offline::grammar::Grammar;

mod topics;

pub(super) const SOURCES: [&str; 6] = [
    include_str!("frames.txt"),
    include_str!("replies.txt"),
    include_str!("families.txt"),
    include_str!("names.txt"),
    include_str!("things.txt"),
    include_str!("synonyms.txt"),
];

fn grammar() -> &'static Grammar {
    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
    GRAMMAR.get_or_init(|| Grammar::parse(&SOURCES).0)
}

/// The English pack.
pub(crate) const PACK: Pack = Pack {
    code: "en",
    grammar,
    topics: &topics::TOPICS,
    phrases: &topics::PHRASES,
    stems: &topics::STEMS,
    calendar: Calendar {
        weekdays: [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ],
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        today: "today",
        tomorrow: "tomorrow",
        yesterday: "yesterday",
        on: "on ",
        this_morning: "this morning",
        date: |day, month| format!("{day} {month}"),
        time: |hour, minute, manner| match manner {
            0 => format!("{hour}:{minute:02}"),
            1 => format!("{hour}.{minute:02}"),
            _ => {
                let half = if hour < 12 { "am" } else { "pm" };
                let hour = if hour > 12 { hour - 12 } else { hour };
                if minute == 0 {
                    format!("{hour}{half}")
                } else {
                    format!("{hour}:{minute:02}{half}")
                }
            }
        },
    },
    numbers: &[
        "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ],
    amount: |units, currency| {
        let text = if units >= 1000 {
            format!("{},{:03}", units / 1000, units % 1000)
        } else {
            units.to_string()
        };
        if currency == 0 {
            format!("${text}")
        } else {
            format!("EUR {text}")
        }
    },
    contractions: &[
        ("I'm", "I am"),
        ("I'll", "I will"),
        ("I've", "I have"),
        ("I'd", "I would"),
        ("you'll", "you will"),
        ("you've", "you have"),
        ("you're", "you are"),
        ("we're", "we are"),
        ("we've", "we have"),
        ("we'll", "we will"),
        ("we'd", "we would"),
        ("it's", "it is"),
        ("it'll", "it will"),
        ("that's", "that is"),
        ("there's", "there is"),
        ("what's", "what is"),
        ("don't", "do not"),
        ("doesn't", "does not"),
        ("didn't", "did not"),
        ("can't", "cannot"),
        ("won't", "will not"),
        ("isn't", "is not"),
        ("aren't", "are not"),
        ("wasn't", "was not"),
        ("weren't", "were not"),
        ("haven't", "have not"),
        ("hasn't", "has not"),
        ("let's", "let us"),
    ],
    mergers: &[
        ("by at the end", "by the end"),
        ("at nine o'clock at", "at"),
        ("on this morning", "this morning"),
        ("by today at", "by"),
    ],
    vague_article: "the ",
    determiners: &[
        "the", "a", "an", "our", "my", "your", "their", "his", "her", "this", "that", "these",
        "those", "all", "some", "any", "no", "how", "why", "what", "who", "when", "where", "which",
    ],
    cues: Cues {
        requests: &[
            "could you",
            "can you",
            "would you",
            "please",
            "are you able to",
            "do you have time to",
            "if you could",
            "kindly",
            "i need",
            "need to",
            "we should",
            "have to",
            "mind having",
        ],
        meetings: &[
            "meet",
            "call",
            "talk",
            "sit down",
            "free",
            "suit",
            "join",
            "book",
            "calendar",
            "available",
            "work for you",
            "how about",
            "what about",
            "catch up",
            "go through it",
        ],
        thanks: &["thanks", "thank you", "cheers", "appreciate", "grateful"],
        problems: &[
            "problem",
            "error",
            "broken",
            "down",
            "failed",
            "fails",
            "crashed",
            "stuck",
            "slow",
            "out of order",
            "missing",
            "can't",
            "cannot",
            "wrong",
            "issue",
            "jams",
        ],
        articles: &["the", "a", "an", "this", "that", "those", "these"],
        stops: &[
            "with", "before", "by", "and", "to", "for", "in", "on", "at", "from", "then", "or",
            "so", "of", "about", "please", "if", "when", "once", "until", "after", "as", "that",
            "which", "is", "are", "we", "i", "you", "against", "side", "over", "line", "using",
        ],
        verbs: &[
            ("send", "send", "sent"),
            ("forward", "forward", "forwarded"),
            ("check", "check", "checked"),
            ("update", "update", "updated"),
            ("review", "review", "reviewed"),
            ("finish", "finish", "finished"),
            ("print", "print", "printed"),
            ("sign", "sign", "signed"),
            ("read", "read", "read"),
            ("collect", "collect", "collected"),
            ("sort", "sort", "sorted"),
            ("close", "close", "closed"),
            ("confirm", "confirm", "confirmed"),
            ("move", "move", "moved"),
            ("show", "show", "shown"),
            ("compare", "compare", "compared"),
            ("book", "book", "booked"),
            ("release", "release", "released"),
            ("split", "split", "split"),
            ("explain", "explain", "explained"),
            ("approve", "approve", "approved"),
            ("place", "place", "placed"),
            ("cancel", "cancel", "cancelled"),
            ("test", "test", "tested"),
            ("settle", "settle", "settled"),
            ("swap", "swap", "swapped"),
            ("cover", "cover", "covered"),
            ("publish", "publish", "published"),
            ("redo", "redo", "redone"),
            ("upload", "upload", "uploaded"),
            ("file", "file", "filed"),
            ("answer", "answer", "answered"),
            ("export", "export", "exported"),
            ("order", "order", "ordered"),
            ("set up", "set up", "set up"),
            ("return", "return", "returned"),
            ("prepare", "prepare", "prepared"),
            ("correct", "correct", "corrected"),
            ("write", "write", "written"),
            ("attach", "attach", "attached"),
            ("pull", "pull", "pulled"),
            ("run", "run", "run"),
            ("rerun", "rerun", "rerun"),
            ("verify", "verify", "verified"),
            ("renew", "renew", "renewed"),
            ("replace", "replace", "replaced"),
            ("install", "install", "installed"),
            ("announce", "announce", "announced"),
            ("plan", "plan", "planned"),
            ("document", "document", "documented"),
            ("rotate", "rotate", "rotated"),
            ("pay", "pay", "paid"),
            ("block", "block", "blocked"),
            ("match", "match", "matched"),
            ("reverse", "reverse", "reversed"),
            ("scan", "scan", "scanned"),
            ("share", "share", "shared"),
            ("shorten", "shorten", "shortened"),
            ("report", "report", "reported"),
            ("chase", "chase", "chased"),
            ("label", "label", "labelled"),
            ("clear", "clear", "cleared"),
            ("draft", "draft", "drafted"),
            ("find", "find", "found"),
            ("adjust", "adjust", "adjusted"),
            ("proofread", "proofread", "proofread"),
            ("rewrite", "rewrite", "rewritten"),
            ("add", "add", "added"),
            ("circulate", "circulate", "circulated"),
            ("restart", "restart", "restarted"),
            ("look at", "look at", "looked at"),
            ("fix", "fix", "fixed"),
            ("share", "share", "shared"),
            ("provide", "provide", "provided"),
            ("schedule", "schedule", "scheduled"),
            ("submit", "submit", "submitted"),
            ("complete", "complete", "completed"),
            ("verify", "verify", "verified"),
        ],
        common: &[
            "the", "and", "is", "to", "of", "you", "for", "we", "it", "that", "with", "on", "have",
            "be", "this", "will", "at", "from", "not", "are", "was", "please", "thanks", "by",
        ],
    },
    careless: &[],
};
