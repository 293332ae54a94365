//! `decnet memory list` and `decnet memory show`

use chrono::{DateTime, Utc};
use decnet_background::job::JobState;
use decnet_background::ledger::{JobFilter, JobLedger};
use decnet_emailgen::ledger::{MailFilter, MailLedger};
use decnet_emailgen::world::WorldLedger;
use decnet_memory::ledger::{MemoryFilter, MemoryLedger};
use decnet_memory::log::{Entry, Event};
use decnet_memory::memory::{Memory, MemoryId, Pin, Speaker};
use decnet_memory::pins::{PINS_PER_OWNER, PinReason};
use decnet_store::Store;
use serde_json::{Value, json};

use crate::arguments::MemoryListArguments;
use crate::config::{Flags, Settings};
use crate::failure::{Failure, Kind};
use crate::output::{one_line, safe_text, say, say_json, shortened, table};
use crate::remembering::REMEMBER;
use crate::suggestion::nearest;
use crate::wiring::open_store;

/// Changes of a pin that are shown, the last ones.
const CHANGES_SHOWN: usize = 5;
/// Changes of a pin that JSON has at most, the last ones.
const CHANGES_MOST: usize = 1_000;

/// Lists memories, the one written last first.
pub(crate) fn list(flags: &Flags, arguments: &MemoryListArguments) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let filter = MemoryFilter {
        owner: arguments.owner.clone(),
        other: arguments.about.clone(),
        thread: arguments.thread.clone(),
        pinned: arguments.pinned,
        least_score: arguments.least_score,
        limit: arguments.limit,
    };
    let mut memories = store.list(&filter)?;
    // Addresses are the same in small letters.
    let small = MemoryFilter {
        owner: filter.owner.as_deref().map(str::to_ascii_lowercase),
        other: filter.other.as_deref().map(str::to_ascii_lowercase),
        ..filter.clone()
    };
    if memories.is_empty() && small != filter {
        memories = store.list(&small)?;
    }
    if arguments.json {
        say_json(&memories);
    } else if memories.is_empty() {
        say(&why_none(&mut store, &filter)?);
    } else {
        say(&listing(&memories));
    }
    Ok(())
}

/// Memories as a table.
fn listing(memories: &[Memory]) -> String {
    let rows: Vec<Vec<String>> = memories.iter().map(row).collect();
    let heading = ["id", "happened", "owner", "about", "score", "pin", "memory"];
    table(&heading, &rows)
}

fn row(memory: &Memory) -> Vec<String> {
    let score = memory.significance.as_ref();
    vec![
        memory.id.to_string(),
        memory
            .facts
            .happened_at
            .format("%Y-%m-%d %H:%M")
            .to_string(),
        shortened(&memory.facts.owner, 22),
        shortened(memory.facts.other.as_deref().unwrap_or("-"), 22),
        score.map_or_else(|| "-".to_owned(), |given| given.score.score.to_string()),
        match memory.pin {
            Pin::None => "-".to_owned(),
            pin => pin.name().to_owned(),
        },
        shortened(&memory.words.narrative, 27),
    ]
}

/// Why nothing is listed, and what to do about it.
fn why_none(store: &mut Store, filter: &MemoryFilter) -> Result<String, Failure> {
    if !store.log(0, 1)?.is_empty() {
        let persona = match (&filter.owner, &filter.other) {
            (Some(owner), _) => suggested(store, owner)?,
            (None, Some(other)) => suggested(store, other)?,
            (None, None) => None,
        };
        let hint = persona.map_or_else(String::new, |address| {
            format!("; did you mean {}?", one_line(&address))
        });
        return Ok(format!("no memories match{hint}"));
    }
    let waiting = store.jobs(&JobFilter {
        kind: Some(REMEMBER.to_owned()),
        state: Some(JobState::Waiting),
        limit: 1,
    })?;
    let mails = store.mails(&MailFilter {
        limit: 1,
        ..MailFilter::default()
    })?;
    let what = match (waiting.is_empty(), mails.is_empty()) {
        (false, _) => "mail waits to be remembered: `decnet worker tick` or `decnet run` does that",
        (true, true) => "nobody has written a mail: `decnet emailgen tick` has one written",
        (true, false) => {
            "`decnet worker tick` or `decnet run` makes them of mail that is delivered from now on"
        }
    };
    Ok(format!("no memories yet; {what}"))
}

/// The persona who may have been meant by an address that is nobody's.
fn suggested(store: &mut Store, text: &str) -> Result<Option<String>, Failure> {
    let world = store.world()?;
    let personas = world.lists.iter().flat_map(|list| &list.personas);
    let addresses: Vec<&str> = personas
        .map(|view| view.persona.email.as_str())
        .filter(|address| !address.eq_ignore_ascii_case(text))
        .collect();
    let begins = |address: &&&str| {
        let start = address.get(..text.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    let found = match addresses.iter().find(begins) {
        Some(address) if !text.is_empty() => Some(*address),
        _ => nearest(text, addresses.iter().copied()),
    };
    Ok(found.map(str::to_owned))
}

/// Shows one.
pub(crate) fn show(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let memory = find(&mut store, id)?;
    let most = if json { CHANGES_MOST } else { CHANGES_SHOWN };
    let changes = store.pin_changes(memory.id, most)?;
    if json {
        let mut value = json!(memory);
        if let Value::Object(map) = &mut value {
            map.insert("pin_changes".to_owned(), json!(changes));
        }
        say_json(&value);
    } else {
        say(&told(&memory, &changes));
    }
    Ok(())
}

/// A memory, or that there is none.
pub(crate) fn find(store: &mut Store, id: i64) -> Result<Memory, Failure> {
    store.show(MemoryId(id))?.ok_or_else(|| {
        let what = format!("there is no memory {id}; `decnet memory list` has the numbers");
        Failure::new(Kind::BadInput, what)
    })
}

/// Everything that is known of a memory.
fn told(memory: &Memory, changes: &[Entry]) -> String {
    let facts = &memory.facts;
    let mut lines = vec![
        format!("memory    {}, {}", memory.id, one_line(facts.kind.name())),
        format!("owner     {}", one_line(&facts.owner)),
    ];
    if let Some(other) = &facts.other {
        lines.push(format!("about     {}", one_line(other)));
    }
    if let Some(thread) = &facts.thread {
        lines.push(format!("thread    {}", one_line(thread)));
    }
    lines.push(format!("happened  {}", moment(facts.happened_at)));
    lines.push(format!("written   {}", moment(memory.written_at)));
    lines.push(format!("cause     {}", one_line(&memory.cause)));
    match &memory.significance {
        Some(given) => {
            let (score, scorer) = (given.score.score, one_line(&given.scorer));
            lines.push(format!(
                "score     {score} of 3, by {scorer} on {}",
                moment(given.at)
            ));
            lines.push(format!("          {}", one_line(&given.score.reason)));
        }
        None => lines.push(
            "score     none yet: `decnet worker tick` or `decnet run` has it scored".to_owned(),
        ),
    }
    lines.extend(pin_lines(memory, changes));
    if !facts.entities.is_empty() {
        let entities: Vec<&str> = facts
            .entities
            .iter()
            .map(|entity| entity.as_str())
            .collect();
        lines.push(format!("mentions  {}", one_line(&entities.join(", "))));
    }
    lines.push(String::new());
    lines.push(safe_text(&memory.words.narrative));
    if !memory.words.dialogue.is_empty() {
        lines.push(String::new());
        lines.push("Before that".to_owned());
    }
    for said in &memory.words.dialogue {
        let by = match said.by {
            Speaker::Owner => "owner",
            Speaker::Other => "other",
        };
        // Whatever a text says, its lines stand apart from those that say who spoke.
        let text = safe_text(&said.text).replace('\n', "\n         ");
        lines.push(format!("  {by}  {text}"));
    }
    lines.join("\n")
}

/// How a memory is held on to, and what made it so, the last first.
fn pin_lines(memory: &Memory, changes: &[Entry]) -> Vec<String> {
    let forbidden = match memory.unpinned_by_hand {
        true => "; no score pins it",
        false => "",
    };
    let mut lines = vec![format!("pin       {}{forbidden}", memory.pin.name())];
    for entry in changes {
        let Event::MemoryPinChanged { pin, why, .. } = &entry.event else {
            continue;
        };
        let why = because(*why);
        lines.push(format!(
            "          {} on {}: {why}",
            pin.name(),
            moment(entry.at)
        ));
    }
    lines
}

/// Why a pin changed, in words.
pub(crate) fn because(why: PinReason) -> String {
    match why {
        PinReason::Pivotal => "it was scored 3".to_owned(),
        PinReason::NoLongerPivotal => "it was scored lower than before".to_owned(),
        PinReason::Displaced { by } => {
            format!("memory {by} was pinned, and {PINS_PER_OWNER} of one owner are enough")
        }
        PinReason::ByHand => "an operator said so".to_owned(),
    }
}

pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.format("%a %Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use decnet_memory::entities::Entity;
    use decnet_memory::memory::{Facts, Significance, Utterance, Words};
    use decnet_memory::significance::Score;

    use super::*;

    fn memory(narrative: &str) -> Memory {
        let at = DateTime::UNIX_EPOCH;
        Memory {
            id: MemoryId(7),
            cause: "mail:3/reader\u{7}".to_owned(),
            written_at: at,
            facts: Facts {
                owner: "laura.bennett@northgate.example".to_owned(),
                other: Some("tom\u{1b}[2J@northgate.example".to_owned()),
                thread: Some("<a@northgate.example>".to_owned()),
                kind: decnet_memory::memory::Kind::MailReceived,
                happened_at: at,
                entities: vec![
                    Entity::name("Acme"),
                    Entity::from("host:\u{9b}x".to_owned()),
                ],
            },
            words: Words {
                narrative: narrative.to_owned(),
                dialogue: vec![Utterance {
                    by: Speaker::Other,
                    text: "When?\nscore     3 of 3\u{1b}]0;x".to_owned(),
                }],
            },
            significance: Some(Significance {
                score: Score {
                    score: 2,
                    reason: "a deadline\nand more\u{202e}".to_owned(),
                },
                scorer: "rules\u{1b}".to_owned(),
                at,
            }),
            pin: Pin::None,
            unpinned_by_hand: true,
        }
    }

    #[test]
    fn a_row_fits_a_terminal_and_drives_none() {
        let shown = listing(&[memory(&format!(
            "\u{1b}[31mTom\nwrote {}",
            "long ".repeat(900)
        ))]);
        for line in shown.lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }

    #[test]
    fn what_a_memory_tells_is_told_apart_from_what_is_known_of_it() {
        let change = |number, pin, why| Entry {
            number,
            version: 1,
            at: DateTime::UNIX_EPOCH,
            cause: "operator".to_owned(),
            event: Event::MemoryPinChanged {
                memory: MemoryId(7),
                pin,
                why,
            },
        };
        let by = MemoryId(9);
        let changes = [
            change(4, Pin::None, PinReason::ByHand),
            change(3, Pin::None, PinReason::Displaced { by }),
        ];
        let shown = told(&memory("Tom wrote\nthat it is late.\u{9b}"), &changes);
        assert!(
            !shown.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']),
            "{shown}"
        );
        for line in [
            "pin       none; no score pins it",
            "          none on Thu 1970-01-01 00:00:00 UTC: an operator said so",
            "          none on Thu 1970-01-01 00:00:00 UTC: memory 9 was pinned, and 8 of one owner \
             are enough",
            "          a deadline and more\u{fffd}",
            "that it is late.\u{fffd}",
            "  other  When?",
            "         score     3 of 3\u{fffd}]0;x",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
        assert_eq!(shown.matches("\nscore ").count(), 1, "{shown}");
    }
}
