//! English.

use super::{
    Answers, Asides, Calendar, Cues, Greetings, Lists, Pack, SignOffs, behind_article, is_name,
    uncapitalized,
};
use crate::offline::script::{Book, Row, Span};

// The tables of the scripts, written by the build script.
include!(concat!(env!("OUT_DIR"), "/scripts_en.rs"));

/// `customer complaint` is `the customer complaint` in a sentence; names, and phrases that have a
/// determiner of their own or are about doing something, stay as they are.
fn with_article(topic: &str) -> String {
    const DETERMINERS: [&str; 21] = [
        "the", "a", "an", "my", "our", "your", "his", "her", "their", "this", "that", "these",
        "those", "some", "any", "all", "who", "what", "how", "when", "why",
    ];
    let mut words = topic.split(' ');
    let first = words.next().unwrap_or_default().to_lowercase();
    let second = words.next().unwrap_or_default().to_lowercase();
    let determined = |word: &str| DETERMINERS.contains(&word) || word.ends_with("'s");
    if is_name(topic) || determined(&first) || first.ends_with("ing") && determined(&second) {
        return topic.to_owned();
    }
    format!("the {}", uncapitalized(topic))
}

/// The English pack.
pub(crate) const PACK: Pack = Pack {
    code: "en",
    book: &Book {
        text: include_str!(concat!(env!("OUT_DIR"), "/scripts_en.txt")),
        rows: ROWS,
        mails: MAILS,
        lines: LINES,
    },
    topics: TOPICS,
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
        from: "from",
        on_day: |day, near| {
            if near {
                day.to_owned()
            } else {
                format!("on {day}")
            }
        },
        by_day: |day, _| {
            if day == "today" {
                day.to_owned()
            } else {
                format!("by {day}")
            }
        },
    },
    numbers: &["two", "three", "four", "five", "six"],
    money: |units, currency| {
        let sign = ["$", "£", "€"]
            .get(usize::from(currency))
            .copied()
            .unwrap_or("$");
        if units >= 1_000 {
            format!("{sign}{},{:03}", units / 1_000, units % 1_000)
        } else {
            format!("{sign}{units}")
        }
    },
    percent: |share| format!("{share}%"),
    invoice_prefix: "INV",
    room: "room",
    with_article,
    without_article: |topic| behind_article(topic, &["the", "a", "an"]),
    vague_topic: "that matter",
    proper: &["Excel", "PDF", "VPN", "Wi-Fi", "HR", "IT"],
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
        ("they're", "they are"),
        ("they've", "they have"),
        ("they'll", "they will"),
        ("who's", "who is"),
        ("here's", "here is"),
        ("wouldn't", "would not"),
        ("couldn't", "could not"),
        ("shouldn't", "should not"),
        ("mustn't", "must not"),
        ("hadn't", "had not"),
    ],
    mergers: &[("s's ", "s' ")],
    careless: &[],
    lists: Lists {
        people: &[
            "Priya", "Marcus", "Helen", "Tom", "Aisha", "Gareth", "Nadia", "Colin", "Ruth",
            "Yusuf", "Megan", "Declan", "Ingrid", "Owen", "Farah", "Leo", "Joanne", "Kofi", "Beth",
            "Ravi", "Sandra", "Neil", "Imogen", "Pavel", "Carla", "Stuart", "Mina", "Hugh",
            "Tessa", "Dmitri", "Gwen", "Omar", "Lydia", "Craig", "Sofia", "Angus", "Renee",
            "Vikram", "Paula", "Ewan", "Nora", "Felix", "Judith", "Hassan", "Kirsty", "Andre",
            "Moira", "Theo", "Wendy", "Lars", "Bianca", "Duncan", "Mei", "Rory", "Elena", "Keith",
            "Zara", "Phil", "Amara", "Jonas", "Heather", "Sanjay", "Clara", "Ivan", "Louise",
            "Idris", "Tanya", "Boris", "Freya", "Miles",
        ],
        surnames: &[
            "Collins",
            "Marsh",
            "Okoro",
            "Whitfield",
            "Barnes",
            "Petrov",
            "Lindqvist",
            "Doyle",
            "Sharma",
            "Haines",
            "Novak",
            "Ellery",
            "Quigley",
            "Brandt",
            "Moss",
            "Farrell",
        ],
        vendor_stems: &[
            "Nor", "Kel", "Tal", "Bren", "Har", "Mer", "Cor", "Dun", "Fen", "Gal", "Lin", "Mar",
            "Pell", "Quin", "Ren", "Sel", "Thorn", "Wex", "Ash", "Bel", "Cald", "Hart", "Win",
        ],
        vendor_ends: &[
            "mark", "dale", "wick", "ford", "field", "mere", "stone", "ley", "bridge", "ton",
            "hurst", "well", "brook", "gate",
        ],
        vendor_tails: &[
            "",
            "",
            "",
            " Supplies",
            " Systems",
            " Services",
            " Group",
            " Office",
            " and Sons",
            " Logistics",
            " Partners",
            " Print",
        ],
        customer_tails: &[
            "", "", " Foods", " Retail", " Clinics", " Hotels", " Energy", " Schools",
        ],
        projects: &[
            "Bluebird", "Kestrel", "Harbour", "Juniper", "Copper", "Lantern", "Saffron", "Granite",
            "Orchard", "Falcon", "Maple", "Beacon", "Heron", "Mosaic", "Pebble", "Ridgeway",
            "Sparrow", "Willow", "Anchor", "Quarry",
        ],
        floors: &[
            "first floor",
            "second floor",
            "third floor",
            "fourth floor",
            "ground floor",
        ],
        cities: &[
            "Leeds", "Bristol", "Dublin", "Lyon", "Utrecht", "Porto", "Ghent", "Glasgow",
            "Hamburg", "Turin", "Cardiff", "Lille", "Basel", "Malmo", "Cork", "Antwerp",
        ],
        durations: &[
            "half an hour",
            "an hour",
            "two hours",
            "twenty minutes",
            "an hour and a half",
        ],
        quarters: ["Q1", "Q2", "Q3", "Q4"],
    },
    greetings: Greetings {
        any: &[
            "Hi {name},",
            "Hi {name},",
            "Hello {name},",
            "{name},",
            "Hi {name}",
            "Hey {name},",
        ],
        polite: &["Dear {name},", "Hello {name},", "Hi {name},"],
        morning: &["Morning {name},", "Good morning {name},", "Morning,"],
        afternoon: &["Afternoon {name},", "Good afternoon {name},", "Hi {name},"],
        evening: &["Evening {name},", "Good evening {name},", "Hi {name},"],
        afternoon_from: 12,
        evening_from: 18,
    },
    sign_offs: SignOffs {
        plain: &[
            "Thanks",
            "Cheers",
            "Best",
            "Many thanks",
            "Ta",
            "Thanks a lot",
            "All the best",
        ],
        formal: &[
            "Kind regards",
            "Best regards",
            "Regards",
            "Many thanks",
            "Best wishes",
        ],
    },
    closings: &[
        "[Great|Perfect|Brilliant|Lovely], thanks. | Thanks[, that's all I needed|, that does it|]. | [Ok|Okay|Right], thank you.",
        "[Will do|Done|Sorted]. | [All good|All done] here[ now|]. | Noted, thanks.",
        "[Good|Fine], [let's leave it there|that's settled then]. | [Perfect|Good], one less thing[ on the list|].",
        "[Thanks again|Thanks for this|Thanks for sorting it out].",
    ],
    forwards: &[
        "FYI.",
        "See below.",
        "for you, I think.",
        "[just |]so you know.",
        "can you take this one?",
        "can you [answer|deal with] this, please?",
        "is this one for [you|your team]?",
        "this came in [today|this morning|just now]. Can you have a look?",
        "I think this is more your area than mine.",
        "do we know anything about this?",
        "what do you [think|make of this]?",
        "any idea what to answer here?",
        "for your files.",
        "for [information|info], nothing to do [on your side|for you].",
        "passing this on as [promised|discussed].",
        "here is the thread I [mentioned|told you about].",
        "in case you have not seen it yet.",
        "read from the bottom.",
        "can we talk about this [later|tomorrow|when you are back]?",
        "please keep this to yourself for now.",
        "did you know about this?",
        "I do not have the numbers for this, do you?",
        "could you check whether this is [right|still current]?",
        "as requested.",
        "this is what they answered.",
        "looks like this landed with the wrong person.",
        "please see the question below. I would answer today if I can.",
        "forwarding this before it gets lost.",
        "your view on this before I reply?",
        "[sorry, |]should have copied you on this.",
    ],
    answers: Answers {
        question: &[
            "[I'm not sure|I don't know] off the top of my head, let me [check|look] and come back to you {by_day}. | Good question. I'll [find out|ask {name}] and let you know {by_day}.",
            "I'd have to look that up, [you'll have an answer|I'll tell you] {by_day}. | I don't want to guess, {name} would know for certain. I'll ask.",
            "Let me look into it, I should have an answer {by_day}. | Give me until {day}, I want to check with {name} first.",
        ],
        request: &[
            "[Sure|Yes, of course|No problem], I'll [do it|get to it] {by_day}. | I can do that, probably {on_day}.",
            "Leave it with me, you'll have it {by_day}. | [Ok|Right], it's on my list for {day}.",
            "I'm a bit [snowed under|busy] today, is {day} soon enough? | Can it wait until {day}? I'd rather do it properly.",
        ],
        meeting: &[
            "{on_day} [works|is fine] for me, {time} as well. | {on_day} at {time} is [fine|good].",
            "{on_day} is difficult, could we make it [a bit later|the day after]? | I can do {on_day}, but only from {time2}.",
        ],
        money: &[
            "The {said} I'll [check|compare] with the order first. | {said} [sounds|seems] about right, but I'll check.",
            "Before I say anything about the {said} I'd like to see the [order|offer].",
        ],
        problem: &[
            "[Thanks for telling me|Oh dear], I'll have a look [this afternoon|as soon as I can]. | That's odd, it was fine [yesterday|last week]. I'll check.",
            "I've seen the same here. I've [asked|told] {name}, who [is looking into it|should get back to us]. | Have you told {name}? Otherwise I will.",
        ],
        thanks: &["You're welcome. | No problem[ at all|]. | Any time. | Glad it helped."],
        noted: &[
            "Thanks, noted. | Thanks for letting me know. | [Ok|Okay], thanks for the update.",
            "Good to know, thanks. | Got it, thank you. | [Right|Fine], I'll keep it in mind.",
        ],
        more: &[
            "If anything changes, [tell me|let me know].",
            "I'll [copy in|tell] {name} as well. | {name} should know too, I'll pass it on.",
            "I'll write again as soon as I know more. | More {by_day} at the latest.",
            "[Ring|Call] me if it's urgent. | I'm at my desk [most of the day|until {later}] if you want to talk about it.",
        ],
    },
    asides: Asides {
        questions: &[
            "Does that work for you?",
            "Is that ok with you?",
            "Anything else you need?",
            "What do you think?",
            "Or do you see it differently?",
        ],
        mentions: &[
            "First, {mention}.",
            "Right, time for {mention}.",
            "And then {mention}.",
            "It can wait until after {mention}.",
        ],
        waiting: &[
            "[Also|One more thing]: any news on {topic}?",
            "[Did|By the way, did] anything come of {topic}?",
            "[Are|Separately, are] we still where we were with {topic}?",
            "I'm still waiting for a word from you on {topic}[, by the way|].",
        ],
        helped: &[
            "Did that help with {topic}, by the way?",
            "I hope that was all you needed for {topic}.",
            "What we said about {topic} still stands[, by the way|].",
        ],
        thankful: &[
            "By the way, thanks again for your help with {topic}.",
            "And thanks again for the other day, with {topic}.",
            "What we said about {topic} still stands[, by the way|].",
        ],
        owing: &[
            "I haven't forgotten {topic}, by the way.",
            "[And do|Do] you still need anything from me for {topic}?",
            "I still owe you an answer about {topic}, I know.",
        ],
        vague: &["a", "an", "your", "my"],
    },
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
        currencies: &["eur", "euro", "euros", "usd", "dollars", "gbp", "pounds"],
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
        before_part_of_day: &[],
        glad: &["thank", "great", "cheers", "see you", "good", "nice"],
        common: &[
            "the", "and", "is", "to", "of", "you", "for", "we", "it", "that", "with", "on", "have",
            "be", "this", "will", "at", "from", "not", "are", "was", "please", "thanks", "by",
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_get_the_article_they_lack() {
        let check = |topic: &str, expected: &str| assert_eq!(with_article(topic), expected);
        check("customer complaint", "the customer complaint");
        check("Trip to the supplier", "the trip to the supplier");
        check("Q3 budget", "the Q3 budget");
        check("the printer", "the printer");
        check("our new website", "our new website");
        check("Ana's laptop", "Ana's laptop");
        check("planning the offsite", "planning the offsite");
        check("planning meeting", "the planning meeting");
        check("Project Bluebird", "Project Bluebird");
        assert_eq!((PACK.without_article)("The printer"), "printer");
        assert_eq!((PACK.without_article)("theory"), "theory");
    }
}
