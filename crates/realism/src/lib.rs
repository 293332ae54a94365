//! The people of a deception network: who they are, when they work, and what they write.
//!
//! - [`persona`] reads the list of fictional employees and says, entry by entry, what it could not
//!   use; [`pool`] keeps such a list in step with a file and imports a checked one.
//! - [`active_hours`] knows when somebody is at work: hours, days and time zone, through every
//!   clock change. [`address`], [`domain`] and [`login`] are the names that mail and decoy hosts
//!   know them by.
//! - [`writer`] is the contract of whoever writes their mail; [`offline`] writes it without a
//!   model, in the [`language`]s and about the [`topic`]s that are built in. [`knowledge`] is what
//!   they remember and what things are called in their company, and [`canon`] says what a mail needs
//!   names for. [`style`] takes out
//!   what would give a model away; [`tells`] names it.
//!
//! What it does not do: it knows nothing of MIME, transport, databases or decoy hosts. It never
//! reads the clock, the environment or a source of randomness, so the same arguments give the same
//! result; only [`pool`] touches files, and only those it is given. It never makes personas up: a
//! list that cannot be read is an empty list with a reason.
//!
//! Who is at work on a Monday at 8 in the morning, UTC?
//!
//! ```
//! use chrono::{TimeZone, Utc};
//! use decnet_realism::persona::parse_personas_text;
//!
//! let list = r#"[
//!     {"name": "Ana María Ruiz", "email": "ana@corp.example", "role": "CFO",
//!      "language": "es", "timezone": "Europe/Madrid"},
//!     {"name": "Ben Cole", "email": "ben@corp.example", "role": "Analyst",
//!      "timezone": "America/New_York", "active_hours": "08:30-17:00"},
//!     {"name": "Nobody", "email": "not an address", "role": "Intern"}
//! ]"#;
//! let parsed = parse_personas_text(list, "en");
//! assert_eq!(parsed.dropped[0].to_string(), "entry 2, email: white space or a control character (\\u{20})");
//!
//! let now = Utc.with_ymd_and_hms(2026, 3, 30, 8, 0, 0).unwrap();
//! let at_work: Vec<&str> = parsed
//!     .personas
//!     .iter()
//!     .filter(|persona| persona.schedule().is_open(now))
//!     .map(|persona| persona.first_name())
//!     .collect();
//! assert_eq!(at_work, ["Ana"]);
//!
//! let ben = parsed.personas[1].schedule();
//! assert_eq!(ben.next_opening(now), Some(Utc.with_ymd_and_hms(2026, 3, 30, 12, 30, 0).unwrap()));
//! ```

pub mod active_hours;
pub mod address;
pub mod canon;
pub mod domain;
pub mod knowledge;
pub mod language;
pub mod llm;
pub mod login;
pub mod offline;
pub mod persona;
pub mod pool;
pub mod style;
pub mod tells;
pub mod topic;
pub mod writer;
pub mod writer_chain;
