//! Writes a corpus of mails with the offline writer and prints it, or measures its diversity.
//!
//! `cargo run -p decnet-realism --example offline_corpus -- es 300 [print]`

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, FixedOffset, TimeZone};
use decnet_realism::address::EmailAddress;
use decnet_realism::knowledge::Knowledge;
use decnet_realism::offline::OfflineWriter;
use decnet_realism::persona::{Persona, ReplyLatency, Tone};
use decnet_realism::topic;
use decnet_realism::writer::{Brief, Occasion, Parent};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let language = arguments.first().map_or("en", String::as_str);
    let count = arguments
        .get(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(300);
    let started = std::time::Instant::now();
    let mails = corpus(language, count);
    let micros = started.elapsed().as_micros() / mails.len().max(1) as u128;
    if arguments.iter().any(|argument| argument == "print") {
        for mail in &mails {
            println!(
                "--- {} {} | {}\n{}\n",
                mail.when, mail.who, mail.subject, mail.body
            );
        }
    }
    measure(&mails);
    println!("micros per mail            {micros}");
}

struct Mail {
    who: String,
    when: String,
    subject: String,
    body: String,
    is_reply: bool,
}

fn corpus(language: &str, count: usize) -> Vec<Mail> {
    let people = personas(language);
    let topics = topic::built_in(language);
    let writer = OfflineWriter;
    let start: DateTime<FixedOffset> = FixedOffset::east_opt(3600)
        .and_then(|zone| zone.with_ymd_and_hms(2026, 3, 2, 8, 40, 0).single())
        .unwrap_or_default();
    let mut mails = Vec::new();
    let mut thread = 0_usize;
    // A step that visits every topic before it comes back to one.
    let mut strides = [7, 11, 13].into_iter();
    let stride = strides
        .find(|stride| !topics.len().is_multiple_of(*stride))
        .unwrap_or(1);
    while mails.len() < count {
        let topic = topics[(thread * stride) % topics.len()];
        let mut when = start + Duration::days((thread as i64 / 5) * 7 + thread as i64 % 5);
        let (mut from, mut to) = (
            thread % people.len(),
            (thread * 5 + 1 + thread / 12) % people.len(),
        );
        if from == to {
            to = (to + 1) % people.len();
        }
        let length = [1, 2, 2, 3, 4, 6][thread % 6];
        let mut parent: Option<(String, String, DateTime<FixedOffset>)> = None;
        for step in 0..length {
            let occasion = match &parent {
                None => Occasion::NewThread { topic },
                Some((subject, text, written_at)) => Occasion::Reply {
                    parent: Parent {
                        subject,
                        text,
                        written_at: *written_at,
                        topic,
                        thread_length: step,
                        thread_began: written_at.to_utc(),
                    },
                },
            };
            let (sender, recipient) = (&people[from], &people[to]);
            let brief = Brief {
                sender,
                recipient,
                language,
                written_at: when,
                occasion,
                knowledge: Knowledge::NONE,
            };
            let draft = writer.draft(&brief, (thread * 31 + step as usize) as u64);
            let subject = match &parent {
                None => draft.subject.clone(),
                Some((subject, ..)) => subject.clone(),
            };
            mails.push(Mail {
                who: format!("{} > {}", sender.name, recipient.name),
                when: when.format("%a %d %b %H:%M").to_string(),
                subject: subject.clone(),
                body: draft.body.clone(),
                is_reply: parent.is_some(),
            });
            parent = Some((subject, draft.body, when));
            std::mem::swap(&mut from, &mut to);
            when += Duration::minutes(73);
        }
        thread += 1;
    }
    mails.truncate(count);
    mails
}

fn personas(language: &str) -> Vec<Persona> {
    let names = match language {
        "es" => [
            "Lucía Ferrer",
            "Javier Ortega",
            "Carmen Vidal",
            "Pablo Moreno",
            "Marta Iglesias",
            "Sergio Rubio",
            "Elena Castro",
            "Álvaro Núñez",
            "Rosa Peña",
            "Diego Santos",
            "Irene Lozano",
            "Tomás Gil",
        ],
        _ => [
            "Anna Becker",
            "James Holt",
            "Sarah Quinn",
            "David Osei",
            "Laura Finch",
            "Peter Nowak",
            "Grace Lim",
            "Martin Shaw",
            "Olivia Reyes",
            "Daniel Cho",
            "Emma Walsh",
            "Robert Kane",
        ],
    };
    let roles = [
        "CFO",
        "Systems administrator",
        "HR manager",
        "Logistics coordinator",
        "Sales manager",
        "Legal counsel",
        "Office assistant",
        "Software developer",
        "Managing director",
        "Support engineer",
        "Accountant",
        "Procurement specialist",
    ];
    let tones = [Tone::Formal, Tone::Technical, Tone::Casual, Tone::Direct];
    names
        .iter()
        .zip(roles)
        .enumerate()
        .filter_map(|(index, (name, role))| {
            let address = format!("p{index}@example.com");
            Some(Persona {
                name: (*name).to_owned(),
                email: address.parse::<EmailAddress>().ok()?,
                role: role.to_owned(),
                tone: tones[index % tones.len()],
                tone_custom: None,
                mannerisms: Vec::new(),
                language: Some(language.to_owned()),
                signature: None,
                active_hours: "09:00-17:00".to_owned(),
                reply_latency: ReplyLatency::Normal,
                uses_llms_heavily: false,
                timezone: None,
                mail_client: None,
                workdays: None,
                department: None,
                home: None,
            })
        })
        .collect()
}

/// Words in lower case; amounts, times and names of files are one token.
fn tokens(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

fn grams(tokens: &[String], size: usize) -> impl Iterator<Item = &[String]> {
    tokens.windows(size)
}

fn measure(mails: &[Mail]) {
    let texts: Vec<Vec<String>> = mails.iter().map(|mail| tokens(&mail.body)).collect();
    let stream: Vec<String> = texts.iter().flatten().take(20_000).cloned().collect();
    println!(
        "mails {}, tokens {}",
        mails.len(),
        texts.iter().map(Vec::len).sum::<usize>()
    );
    for size in 1..=3 {
        let all: Vec<&[String]> = grams(&stream, size).collect();
        let distinct: BTreeSet<&[String]> = all.iter().copied().collect();
        println!(
            "distinct-{size} ({} tokens)  {:.3}",
            stream.len(),
            distinct.len() as f64 / all.len() as f64
        );
    }
    println!("self-BLEU4                 {:.3}", self_bleu(&texts));
    let mut first_seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut repeated = BTreeMap::new();
    let (mut total, mut again) = (0, 0);
    for (index, mail) in mails.iter().enumerate() {
        for sentence in mail.body.split(['.', '?', '!', '\n']) {
            let words = tokens(sentence);
            if words.len() < 4 {
                continue;
            }
            total += 1;
            let key = words.join(" ");
            match first_seen.get(&key) {
                Some(seen) if *seen != index => {
                    again += 1;
                    *repeated.entry(key).or_insert(0) += 1;
                }
                _ => {
                    first_seen.insert(key, index);
                }
            }
        }
    }
    println!(
        "repeated sentences         {:.2}% of {total}",
        100.0 * f64::from(again) / f64::from(total)
    );
    for (sentence, times) in repeated.iter().take(12) {
        println!("    {times} {sentence}");
    }
    for (label, reply) in [("new", false), ("reply", true)] {
        let mut lengths: Vec<usize> = mails
            .iter()
            .zip(&texts)
            .filter(|(m, _)| m.is_reply == reply)
            .map(|(_, t)| t.len())
            .collect();
        lengths.sort_unstable();
        if lengths.is_empty() {
            continue;
        }
        let at = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
        let long = lengths.iter().filter(|length| **length > 100).count();
        println!(
            "{label:5} words p10 {} median {} p90 {} over 100: {}%",
            at(10),
            at(50),
            at(90),
            100 * long / lengths.len()
        );
    }
    let mut common: BTreeMap<String, usize> = BTreeMap::new();
    for text in &texts {
        let seen: BTreeSet<String> = grams(text, 4).map(|gram| gram.join(" ")).collect();
        for gram in seen {
            *common.entry(gram).or_insert(0) += 1;
        }
    }
    let mut common: Vec<(usize, String)> = common.into_iter().map(|(gram, n)| (n, gram)).collect();
    common.sort_unstable_by(|left, right| right.cmp(left));
    for (times, gram) in common.iter().take(25) {
        println!("    {times} {gram}");
    }
}

/// Mails that have a run of words, and how often.
type Postings<'a> = BTreeMap<&'a [String], Vec<(usize, usize)>>;

/// Mean BLEU-4 of each mail against all others, with add-epsilon smoothing of empty matches.
fn self_bleu(texts: &[Vec<String>]) -> f64 {
    let mut best: Vec<Postings<'_>> = vec![BTreeMap::new(); 4];
    for (index, text) in texts.iter().enumerate() {
        for size in 1..=4 {
            let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
            for gram in grams(text, size) {
                *counts.entry(gram).or_insert(0) += 1;
            }
            for (gram, count) in counts {
                best[size - 1].entry(gram).or_default().push((index, count));
            }
        }
    }
    let mut sum = 0.0;
    let mut scored = 0;
    for (index, text) in texts.iter().enumerate() {
        if text.len() < 4 {
            continue;
        }
        let mut log = 0.0;
        for size in 1..=4 {
            let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
            for gram in grams(text, size) {
                *counts.entry(gram).or_insert(0) += 1;
            }
            let total: usize = counts.values().sum();
            let hits: usize = counts
                .iter()
                .map(|(gram, count)| {
                    let others = best[size - 1].get(gram).into_iter().flatten();
                    let most = others
                        .filter(|(i, _)| *i != index)
                        .map(|(_, n)| *n)
                        .max()
                        .unwrap_or(0);
                    (*count).min(most)
                })
                .sum();
            log += (if hits == 0 { 0.1 } else { hits as f64 } / total as f64).ln() / 4.0;
        }
        sum += log.exp();
        scored += 1;
    }
    sum / f64::from(scored.max(1))
}
