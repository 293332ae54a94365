//! What the offline writer promises for any persona, topic and parent.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, FixedOffset, TimeZone};
use decnet_realism::knowledge::Knowledge;
use decnet_realism::offline::OfflineWriter;
use decnet_realism::persona::{Persona, ReplyLatency, Tone};
use decnet_realism::topic;
use decnet_realism::writer::{Authorship, Brief, Draft, Occasion, Parent, Writer};
use proptest::prelude::*;

fn persona(name: &str, address: &str) -> Persona {
    Persona {
        name: name.to_owned(),
        email: address.parse().expect("a valid address"),
        role: "Office assistant".to_owned(),
        tone: Tone::Direct,
        tone_custom: None,
        mannerisms: Vec::new(),
        language: None,
        signature: None,
        active_hours: "09:00-17:00".to_owned(),
        reply_latency: ReplyLatency::Normal,
        uses_llms_heavily: false,
        timezone: None,
        mail_client: None,
        workdays: None,
        department: None,
        home: None,
    }
}

fn at(day: u32, hour: u32) -> DateTime<FixedOffset> {
    let zone = FixedOffset::east_opt(3600).expect("a valid offset");
    zone.with_ymd_and_hms(2026, 3, day, hour, 12, 0)
        .single()
        .expect("a valid time")
}

fn new_thread(
    sender: &Persona,
    language: &str,
    topic: &str,
    when: DateTime<FixedOffset>,
    seed: u64,
) -> Draft {
    let recipient = persona("Olivia Reyes", "olivia@example.com");
    let occasion = Occasion::NewThread { topic };
    let brief = Brief {
        sender,
        recipient: &recipient,
        language,
        written_at: when,
        occasion,
        knowledge: Knowledge::NONE,
    };
    OfflineWriter.draft(&brief, seed)
}

fn reply(sender: &Persona, language: &str, text: &str, thread_length: u32, seed: u64) -> Draft {
    let recipient = persona("Olivia Reyes", "olivia@example.com");
    let topic = topic::built_in(language)[0];
    let parent = Parent {
        subject: topic,
        text,
        written_at: at(2, 9),
        topic,
        thread_length,
        thread_began: at(2, 9).to_utc(),
    };
    let occasion = Occasion::Reply { parent };
    let brief = Brief {
        sender,
        recipient: &recipient,
        language,
        written_at: at(2, 11),
        occasion,
        knowledge: Knowledge::NONE,
    };
    OfflineWriter.draft(&brief, seed)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || "\u{ad}\u{34f}\u{61c}\u{180e}\u{feff}\u{fffe}\u{ffff}".contains(c)
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

fn check(draft: &Draft) -> Result<(), TestCaseError> {
    prop_assert!(!draft.body.trim().is_empty());
    prop_assert!(!draft.subject.trim().is_empty());
    prop_assert!(draft.subject.chars().count() <= 120, "{:?}", draft.subject);
    prop_assert!(!draft.subject.chars().any(is_hidden), "{:?}", draft.subject);
    prop_assert!(
        !draft.subject.to_lowercase().starts_with("re:"),
        "{:?}",
        draft.subject
    );
    prop_assert!(
        !draft.body.chars().any(|c| c != '\n' && is_hidden(c)),
        "{:?}",
        draft.body
    );
    prop_assert!(!draft.body.contains("://"), "{:?}", draft.body);
    prop_assert!(draft.body.len() < 12_000);
    for text in [&draft.subject, &draft.body] {
        prop_assert!(
            !text.contains([
                '[', ']', '{', '}', '<', '>', '*', '`', '\u{2013}', '\u{2014}'
            ]),
            "{text:?}"
        );
    }
    for line in draft.body.lines() {
        prop_assert!(
            !line.starts_with("From ") && !line.starts_with(['#', '>']),
            "{line:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_new_thread_is_plain_text(
        name in "\\PC{0,40}|[\\x00-\\x7f]{0,20}|(\u{202e}|\u{200b}|From |Re: ){1,4}",
        topic in "\\PC{0,300}|[\\x00-\\x7f]{0,60}|(From |re: |Re:|RE:|\u{202e}|http://a.b/ |\\*\\*|\u{2014}|ﾠ){1,6}",
        mannerism in "\\PC{0,60}|(says|signs off with|mentions|menciona) (\\PC{0,40}|From [a-z]{3})|\"\\PC{0,30}\"",
        tone in 0..5_usize,
        custom in "\\PC{0,40}",
        language in "en|es|es-MX|EN_us|de|",
        workdays in proptest::option::of("[a-z]{3}-[a-z]{3}|sun-thu|sat|\\PC{0,10}"),
        seconds in 0_i64..4_000_000_000,
        seed: u64,
    ) {
        let mut sender = persona(&name, "sender@example.com");
        sender.tone = [Tone::Formal, Tone::Direct, Tone::Casual, Tone::Technical, Tone::Custom][tone];
        sender.tone_custom = Some(custom);
        sender.mannerisms = vec![mannerism];
        sender.workdays = workdays;
        let when = DateTime::from_timestamp(seconds, 0).expect("in range").fixed_offset();
        let draft = new_thread(&sender, &language, &topic, when, seed);
        check(&draft)?;
        prop_assert_eq!(&draft, &new_thread(&sender, &language, &topic, when, seed));
    }

    #[test]
    fn any_reply_is_plain_text(
        text in "\\PC{0,400}|[\\x00-\\x7f]{0,400}|((could you|please|send|the|http://x.y/z|\u{202e}|3pm|[0-9]{1,9}|EUR|€|a@b.c|<b>|[a-z]{1,9}\\.pdf|puedes|enviar|el|mañana|\\?) ){1,60}",
        length in 0_u32..20,
        language in "en|es",
        seed: u64,
    ) {
        let sender = persona("Daniel Cho", "daniel@example.com");
        let draft = reply(&sender, &language, &text, length, seed);
        check(&draft)?;
        prop_assert_eq!(&draft, &reply(&sender, &language, &text, length, seed));
    }
}

#[test]
fn a_huge_parent_is_no_trouble() {
    let sender = persona("Daniel Cho", "daniel@example.com");
    let text = "could you check the totals? ".repeat(200_000);
    assert!(reply(&sender, "en", &text, 1, 3).body.len() < 12_000);
}

/// Share of seeds whose reply has one of `words`.
fn share(language: &str, text: &str, words: &[&str]) -> usize {
    let sender = persona("Daniel Cho", "daniel@example.com");
    let has = |seed: &u64| {
        let body = reply(&sender, language, text, 1, *seed).body.to_lowercase();
        words.iter().any(|word| body.contains(word))
    };
    (0..100).filter(has).count()
}

#[test]
fn replies_take_up_what_the_parent_says() {
    let check = |language, text, words: &[&str], at_least| {
        let found = share(language, text, words);
        assert!(found >= at_least, "{text}: {found} of 100");
    };
    check(
        "en",
        "Could you check the totals with Priya before Friday?",
        &["friday"],
        35,
    );
    check(
        "en",
        "Shall we meet on Thursday at 3pm?",
        &["thursday", "15:00"],
        90,
    );
    check(
        "en",
        "Thanks a lot for that.",
        &["welcome", "problem", "any time", "glad"],
        90,
    );
    check(
        "es",
        "¿Puedes revisar los totales con Nuria antes del viernes?",
        &["viernes"],
        35,
    );
    check(
        "es",
        "¿Nos vemos el jueves a las 15:00?",
        &["jueves", "15:00"],
        90,
    );
}

#[test]
fn a_thread_tells_one_story() {
    let ana = persona("Ana Ruiz", "ana@example.com");
    let ben = persona("Ben Hall", "ben@example.com");
    for language in ["en", "es"] {
        for (seed, topic) in topic::built_in(language).iter().enumerate() {
            let mut people = [&ana, &ben];
            let occasion = Occasion::NewThread { topic };
            let brief = Brief {
                sender: people[0],
                recipient: people[1],
                language,
                written_at: at(3, 10),
                occasion,
                knowledge: Knowledge::NONE,
            };
            let first = OfflineWriter.draft(&brief, seed as u64);
            let subject = first.subject.clone();
            let mut text = first.body;
            let mut facts = numbers(&text);
            for length in 1..5 {
                people.reverse();
                let parent = Parent {
                    subject: &subject,
                    text: &text,
                    written_at: at(3, 10),
                    topic,
                    thread_length: length,
                    thread_began: at(3, 10).to_utc(),
                };
                let occasion = Occasion::Reply { parent };
                let brief = Brief {
                    sender: people[0],
                    recipient: people[1],
                    language,
                    written_at: at(3, 11),
                    occasion,
                    knowledge: Knowledge::NONE,
                };
                let reply = OfflineWriter.draft(&brief, seed as u64 + 1_000);
                // What has a number of its own is named the same by both.
                for (prefix, number) in numbers(&reply.body) {
                    let known = facts
                        .entry(prefix.clone())
                        .or_insert_with(|| number.clone());
                    assert_eq!(*known, number, "{topic}: {prefix}: {}", reply.body);
                }
                text = reply.body;
            }
        }
    }
}

/// Numbers of tickets, orders and invoices by their prefix.
fn numbers(text: &str) -> std::collections::BTreeMap<String, String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter_map(|word| word.split_once('-'))
        .filter(|(prefix, number)| ["INC", "PO", "INV", "F"].contains(prefix) && number.len() == 5)
        .map(|(prefix, number)| (prefix.to_owned(), number.to_owned()))
        .collect()
}

#[test]
fn a_parent_in_another_language_is_answered_in_ones_own() {
    let text =
        "Hola, ¿puedes revisar los totales de la factura con Nuria antes del viernes? Gracias.";
    assert_eq!(share("en", text, &["totales", "revisar", "viernes"]), 0);
}

#[test]
fn threads_wind_down() {
    let sender = persona("Daniel Cho", "daniel@example.com");
    let words = |length| -> usize {
        let text = "Thanks, could you also update the list?";
        (0..60)
            .map(|seed| {
                reply(&sender, "en", text, length, seed)
                    .body
                    .split_whitespace()
                    .count()
            })
            .sum()
    };
    assert!(words(8) * 2 < words(1), "{} {}", words(8), words(1));
}

#[test]
fn weekends_are_left_alone() {
    let sender = persona("Daniel Cho", "daniel@example.com");
    for seed in 0..300 {
        // 6 March 2026 is a Friday.
        let draft = new_thread(&sender, "en", "stock count", at(6, 10), seed);
        for word in [
            "tomorrow",
            "Saturday",
            "Sunday",
            "good afternoon",
            "Good afternoon",
        ] {
            assert!(!draft.body.contains(word), "{}", draft.body);
        }
    }
    assert_eq!(at(6, 10).weekday(), chrono::Weekday::Fri);
}

#[test]
fn habits_follow_from_the_address() {
    let greeted = |address: &str| {
        let sender = persona("Daniel Cho", address);
        (0..60)
            .filter(|seed| {
                let body = new_thread(&sender, "en", "stock count", at(4, 10), *seed).body;
                body.lines()
                    .next()
                    .is_some_and(|line| line.to_lowercase().contains("olivia"))
            })
            .count()
    };
    let rates: Vec<usize> = (0..40)
        .map(|n| greeted(&format!("p{n}@example.com")))
        .collect();
    let total: usize = rates.iter().sum();
    assert!(rates.iter().any(|rate| *rate < 6) && rates.iter().any(|rate| *rate > 40));
    assert!((13..=45).contains(&(total * 100 / (40 * 60))), "{total}");
}

#[test]
fn mannerisms_show() {
    let body_of = |mannerism: &str, seed| {
        let mut sender = persona("Daniel Cho", "daniel@example.com");
        sender.mannerisms = vec![mannerism.to_owned()];
        new_thread(&sender, "en", "stock count", at(4, 10), seed).body
    };
    let count = |mannerism: &str, test: &dyn Fn(&str) -> bool| {
        (0..60)
            .filter(|seed| test(&body_of(mannerism, *seed)))
            .count()
    };
    assert!(count("signs off with Toodles", &|body| body.contains("Toodles")) > 45);
    assert!(count("uses bullet lists", &|body| body.contains("\n- ")) > 10);
    assert!(count("mentions sailing", &|body| body.contains("sailing")) > 8);
    assert_eq!(
        count("never uses greetings", &|body| body.contains("Olivia")),
        0
    );
    let capitals: Vec<String> = (0..60)
        .map(|seed| body_of("writes in lower case", seed))
        .filter(|body| body.starts_with(char::is_uppercase))
        .collect();
    assert!(capitals.len() < 30, "{capitals:?}");
}

#[test]
fn subjects_vary_and_stay_short() {
    let sender = persona("Daniel Cho", "daniel@example.com");
    for language in ["en", "es"] {
        let mut seen = BTreeSet::new();
        for (seed, topic) in topic::built_in(language).iter().enumerate() {
            let subject = new_thread(&sender, language, topic, at(4, 10), seed as u64).subject;
            let words = subject.split(' ').count();
            assert!((1..=12).contains(&words), "{subject}");
            seen.insert(subject);
        }
        assert!(seen.len() > 40);
    }
}

#[tokio::test]
async fn it_is_an_immediate_writer() {
    let writer = OfflineWriter;
    assert_eq!(writer.name(), "offline");
    assert!(writer.is_immediate());
    let (sender, recipient) = (
        persona("A B", "a@example.com"),
        persona("C D", "c@example.com"),
    );
    let occasion = Occasion::NewThread {
        topic: "stock count",
    };
    let brief = Brief {
        sender: &sender,
        recipient: &recipient,
        language: "en",
        written_at: at(4, 10),
        occasion,
        knowledge: Knowledge::NONE,
    };
    let written = writer
        .write(&brief, 7)
        .await
        .expect("the offline writer always succeeds");
    assert_eq!(written.draft, writer.draft(&brief, 7));
    assert_eq!(written.authorship, Authorship::of("offline"));
}
