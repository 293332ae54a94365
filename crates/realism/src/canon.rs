//! What a matter needs names for, so that no two mails of a company contradict each other.
//!
//! A topic speaks of a vendor, a project, colleagues, amounts, a machine. [`wishes`] says of which,
//! each under a role that is the same for everybody who writes about the topic: whoever keeps a canon
//! looks the names up, makes those that are missing with [`CanonWish::name`], and hands them to the
//! writer as [`Knowledge`](crate::knowledge::Knowledge).
//!
//! | kind | role | the same for |
//! |---|---|---|
//! | vendor, customer | the topic | all threads about it |
//! | project | 1 to 6, by the topic | all threads about it |
//! | person | 1 to 16, and `contact 1` to 8 outside, by the topic | all threads about it |
//! | host | what it serves, such as `db` | the company |
//! | amount | topic, which of its amounts, month | threads that began in that month |
//! | amount | topic, `budget`, year | threads that began in that year |
//!
//! Where a matter has a number of its own, such as that of an invoice, its amounts belong to that number
//! and with it to one thread: they are not wished for.
//!
//! It knows no ledger: nothing is looked up or kept here.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};

use crate::language::{self, Pack};
use crate::offline::clean;
use crate::offline::dice::{Dice, mix, stable_hash};
use crate::offline::facts::{company_name, sum_of};
use crate::offline::script::{Script, script_of};
use crate::persona::Persona;
use crate::writer::{Brief, Occasion};

/// Most characters of a topic in a role.
const TOPIC_MAX: usize = 60;
/// Most bytes of it: with what is added, a role stays below 200.
const TOPIC_BYTES_MAX: usize = 160;
/// Projects of a company.
const PROJECTS: usize = 6;
/// Colleagues who are no personas.
const PEOPLE: usize = 16;
/// People outside.
const CONTACTS: usize = 8;
/// Colleagues that a matter may speak of: two, and two more where one of those is a namesake of a
/// correspondent.
const PEOPLE_OF_A_MATTER: usize = 4;
/// What machines serve, as their names begin.
const SERVICES: [&str; 7] = ["fs", "app", "db", "web", "bkp", "print", "vpn"];

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CanonKind {
    /// Somebody who is no persona.
    Person,
    /// Something that is worked on.
    Project,
    /// Somebody who sells.
    Vendor,
    /// Somebody who buys.
    Customer,
    /// A sum of money.
    Amount,
    /// A machine.
    Host,
}

impl CanonKind {
    /// Its name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Project => "project",
            Self::Vendor => "vendor",
            Self::Customer => "customer",
            Self::Amount => "amount",
            Self::Host => "host",
        }
    }
}

/// A name that a mail needs.
#[derive(Clone)]
pub struct CanonWish {
    /// What is to be named.
    pub kind: CanonKind,
    /// Its part: what its name is looked up by.
    pub role: String,
    /// The slot of scripts that it fills.
    pub(crate) slot: &'static str,
    pack: &'static Pack,
    currency: u8,
}

impl std::fmt::Debug for CanonWish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CanonWish({}:{})", self.kind.name(), self.role)
    }
}

impl CanonWish {
    /// A name for it. `tried` counts the names that were taken, from 0. The same arguments give the
    /// same name.
    pub fn name(&self, seed: u64, tried: u32) -> String {
        let role = stable_hash(&[self.kind.name(), &self.role]);
        let mut dice = Dice::new(mix(seed ^ role) ^ mix(u64::from(tried)));
        let dice = &mut dice;
        let lists = &self.pack.lists;
        let one = |dice: &mut Dice, list: &'static [&'static str]| {
            let drawn = list.get(dice.below(list.len()));
            drawn.copied().unwrap_or_default().to_owned()
        };
        match self.kind {
            CanonKind::Vendor => company_name(lists, lists.vendor_tails, dice),
            CanonKind::Customer => company_name(lists, lists.customer_tails, dice),
            CanonKind::Project => one(dice, lists.projects),
            CanonKind::Person if self.slot == "surname" => one(dice, lists.surnames),
            CanonKind::Person => one(dice, lists.people),
            CanonKind::Host => format!("{}-{:02}", self.role, dice.between(1, 12)),
            CanonKind::Amount => (self.pack.money)(sum_of(self.slot, dice), self.currency),
        }
    }
}

/// The company whose names hold in the mail of `brief`: the domain of that correspondent whose
/// address comes first, in small letters. It is the same whoever of the two writes.
pub fn company(brief: &Brief<'_>) -> String {
    let domain = by_address(brief.sender, brief.recipient).email.domain();
    domain.to_ascii_lowercase()
}

/// The names that a mail about the topic of `brief` may use: the same for every mail of its thread.
pub fn wishes(brief: &Brief<'_>) -> Vec<CanonWish> {
    let (topic, began) = match &brief.occasion {
        Occasion::NewThread { topic } => (*topic, brief.written_at.to_utc()),
        Occasion::Reply { parent } | Occasion::Forward { parent } => {
            (parent.topic, parent.thread_began)
        }
    };
    let pack = language::pack(brief.language);
    let currency = currency(by_address(brief.sender, brief.recipient));
    let mut wishes = Vec::new();
    for slot in slots_of(script_of(pack, topic)) {
        for (kind, role) in roles(slot, topic, began) {
            wishes.push(CanonWish {
                kind,
                role,
                slot,
                pack,
                currency,
            });
        }
    }
    wishes
}

/// Slots of a script that a canon fills, each once, in a fixed order. A second colleague is one of
/// those that the first is chosen from.
fn slots_of(script: Script) -> Vec<&'static str> {
    const SLOTS: [(&str, &str); 10] = [
        ("name", "{name"),
        ("surname", "{surname}"),
        ("vendor", "{vendor}"),
        ("customer", "{customer}"),
        ("project", "{project}"),
        ("system", "{system}"),
        ("amount", "{amount}"),
        ("amount2", "{amount2}"),
        ("small", "{small}"),
        ("budget", "{budget}"),
    ];
    const NUMBERS: [&str; 3] = ["{invoice}", "{order}", "{ticket}"];
    const AMOUNTS: [&str; 3] = ["amount", "amount2", "small"];
    let mut used = [false; SLOTS.len()];
    let mut is_numbered = false;
    for text in script.texts() {
        for (used, (_, mark)) in used.iter_mut().zip(SLOTS) {
            *used = *used || text.contains(mark);
        }
        is_numbered = is_numbered || NUMBERS.iter().any(|number| text.contains(number));
    }
    let named = SLOTS.into_iter().zip(used);
    named
        .filter(|((slot, _), used)| *used && !(is_numbered && AMOUNTS.contains(slot)))
        .map(|((slot, _), _)| slot)
        .collect()
}

/// What a slot of a matter stands for; several for the first colleague.
fn roles(slot: &'static str, topic: &str, began: DateTime<Utc>) -> Vec<(CanonKind, String)> {
    let topic = clean::phrase(topic, TOPIC_MAX).to_lowercase();
    let topic = topic
        .get(..topic.floor_char_boundary(TOPIC_BYTES_MAX))
        .unwrap_or_default();
    let drawn = |count: usize| Dice::new(stable_hash(&[topic, slot, "role"])).below(count);
    let month = format!("{:04}-{:02}", began.year(), began.month());
    let amount = |what: &str, when: &str| (CanonKind::Amount, format!("{topic}, {what}, {when}"));
    match slot {
        "vendor" => vec![(CanonKind::Vendor, topic.to_owned())],
        "customer" => vec![(CanonKind::Customer, topic.to_owned())],
        "project" => vec![(CanonKind::Project, (drawn(PROJECTS) + 1).to_string())],
        "surname" => vec![(
            CanonKind::Person,
            format!("contact {}", drawn(CONTACTS) + 1),
        )],
        "system" => {
            let service = SERVICES.get(drawn(SERVICES.len())).copied();
            vec![(CanonKind::Host, service.unwrap_or("srv").to_owned())]
        }
        "amount" => vec![amount("sum", &month)],
        "amount2" => vec![amount("second sum", &month)],
        "small" => vec![amount("small sum", &month)],
        "budget" => vec![amount("budget", &format!("{:04}", began.year()))],
        _ => {
            let first = drawn(PEOPLE);
            (first..first + PEOPLE_OF_A_MATTER)
                .map(|person| (CanonKind::Person, (person % PEOPLE + 1).to_string()))
                .collect()
        }
    }
}

/// That one of the two whose address comes first.
pub(crate) fn by_address<'a>(one: &'a Persona, other: &'a Persona) -> &'a Persona {
    if one.email < other.email { one } else { other }
}

/// The currency of a persona's part of the world: 0 dollar, 1 pound, 2 euro.
pub(crate) fn currency(persona: &Persona) -> u8 {
    match persona.timezone.as_deref() {
        Some("Europe/London" | "Europe/Belfast" | "GB") => 1,
        Some(zone) if zone.starts_with("Europe/") => 2,
        _ => 0,
    }
}
