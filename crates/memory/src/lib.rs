//! What personas remember, how much it matters, and what comes to mind when they write.
//!
//! A [`NewMemory`](memory::NewMemory) tells what happened to somebody. A
//! [`MemoryLedger`](ledger::MemoryLedger) appends it to a [log] that is never changed; a
//! [`Scorer`](significance::Scorer) says later how much it matters, from 0 to 3, and what decides
//! things is [pinned](mod@pins). [`recall`](recall::recall) chooses from a ledger's candidates what fits
//! into a prompt. The [canon] of a company gives people, projects, vendors, customers,
//! amounts and hosts one name each.
//!
//! What a memory tells may come from anybody. [`significance`] says why no text can raise its own
//! score.
//!
//! This crate knows nothing of mail, databases or models. It reads no clock, no environment and no
//! source of randomness.
//!
//! ```
//! use chrono::{DateTime, TimeDelta};
//! use decnet_memory::entities::{Entity, extract};
//! use decnet_memory::in_memory::InMemoryLedger;
//! use decnet_memory::ledger::{Judged, Judgement, MemoryLedger};
//! use decnet_memory::memory::{Facts, Kind, NewMemory, Words};
//! use decnet_memory::recall::{Cue, Reach, recall};
//! use decnet_memory::significance::{Scorer, rules::RuleScorer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let then = DateTime::UNIX_EPOCH;
//! let narrative = "Tom wrote that we agreed on 12,400 EUR with Acme Paper.";
//! let mut ledger = InMemoryLedger::new();
//! let memory = NewMemory {
//!     cause: "mail:1/reader".to_owned(),
//!     facts: Facts {
//!         owner: "jane@corp.example".to_owned(),
//!         other: Some("tom@corp.example".to_owned()),
//!         thread: None,
//!         kind: Kind::MailReceived,
//!         happened_at: then,
//!         entities: extract(narrative, &[], then),
//!     },
//!     words: Words { narrative: narrative.to_owned(), dialogue: Vec::new() },
//! };
//! let id = ledger.write(&[memory], then)?[0].id();
//!
//! let scoring = ledger.scoring(id)?.ok_or("it is lost")?;
//! let score = RuleScorer.score(&scoring).await?;
//! assert_eq!(score.score, 2);
//! let scorer = RuleScorer.name().to_owned();
//! let judgement = Judgement { memory: id, score, scorer, cause: "job:7".to_owned() };
//! assert_eq!(ledger.set_significance(&judgement, then)?, Judged::New(Vec::new()));
//!
//! let cue = Cue {
//!     owner: "jane@corp.example".to_owned(),
//!     other: Some("ann@corp.example".to_owned()),
//!     thread: None,
//!     entities: vec![Entity::name("Acme Paper")],
//!     now: then + TimeDelta::days(3),
//! };
//! let candidates = ledger.candidates(&cue, &Reach::default())?;
//! assert_eq!(recall(&candidates, &cue, 100)[0].text, narrative);
//! # Ok(())
//! # })
//! # }
//! ```

pub mod entities;
pub mod memory;

pub mod pins;
pub mod prompt;
pub mod recall;
pub mod significance;

pub mod canon;
pub mod conformance;
pub mod in_memory;
pub mod ledger;
pub mod log;
pub mod snapshot;
