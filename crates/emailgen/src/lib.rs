//! Decides who writes to whom, composes the message, and sees it delivered exactly once.
//!
//! A [`Tick`](tick::Tick) does once what is due. It takes over what an earlier tick left
//! unfinished, answers the mails whose answers are due, and otherwise lets somebody at work start a
//! thread with a colleague who is at work too. Every mail is planned in one commit (seed,
//! Message-ID, file names, lease) and settled in another, so a tick may be killed anywhere: the next
//! one finishes the same message in the same place.
//!
//! | to | see |
//! |---|---|
//! | write mail | [`tick`] |
//! | have one thing done on one decky | [`nudge`] |
//! | make something of mail that was delivered | [`correspondence`] |
//! | describe deckies and people | [`world`] |
//! | keep it all in memory, or elsewhere | [`ledger`], [`nudge_ledger`]; [`memory_ledger`], and [`conformance`] to test another |
//! | give mail the shape of another mail client | [`mail_client`] |
//! | make the files that people attach | [`attachment`] |
//! | find what gives mail away | [`scan`] |
//! | know when mail is answered | [`reply_timing`] |
//! | show which way a message came | [`trace`] |
//! | read what happened | [`record`] |
//!
//! What it does not do: it names no database and no transport, and sends nothing. It never reads
//! the clock, the environment, the host name or a source of randomness: the same seed, the same
//! `now` and the same ledger give the same bytes. It writes no words either; that is the
//! [`Writer`](decnet_realism::writer::Writer)'s part, as carrying files to a decky is the
//! [driver](decnet_activity_driver::driver)'s.
//!
//! Two colleagues on one decky, and a Monday morning:
//!
//! ```
//! use chrono::{DateTime, TimeZone, Utc};
//! use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
//! use decnet_activity_driver::registry::{BuiltInOptions, DriverRegistry};
//! use decnet_emailgen::memory_ledger::MemoryLedger;
//! use decnet_emailgen::random::DeploymentSecret;
//! use decnet_emailgen::tick::{Tick, TickSettings};
//! use decnet_emailgen::world::{DeckySpec, TopologySpec, WorldChange, WorldLedger};
//! use decnet_realism::offline::OfflineWriter;
//! use decnet_realism::persona::parse_personas_text;
//!
//! # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let people = r#"[
//!     {"name": "Ana Ruiz", "email": "ana@corp.example", "role": "CFO"},
//!     {"name": "Ben Cole", "email": "ben@corp.example", "role": "Analyst"}
//! ]"#;
//! let mut ledger = MemoryLedger::new();
//! ledger.apply(
//!     &WorldChange {
//!         topologies: vec![TopologySpec {
//!             name: "headquarters".to_owned(),
//!             language_default: "en".to_owned(),
//!             topics: vec!["move to the new office".to_owned()],
//!             personas: parse_personas_text(people, "en").personas,
//!         }],
//!         deckies: vec![DeckySpec {
//!             decky: Decky {
//!                 uuid: "8d0c4f3e".to_owned(),
//!                 name: "mail1".to_owned(),
//!                 source: DeckySource::Topology,
//!                 services: vec!["imap".to_owned()],
//!                 transport: Transport::Local(LocalFolders::at(folder)),
//!             },
//!             topology: Some("headquarters".to_owned()),
//!             running: true,
//!         }],
//!         ..WorldChange::default()
//!     },
//!     false,
//!     &mut |_| {},
//! )?;
//!
//! let monday = Utc.with_ymd_and_hms(2026, 3, 2, 9, 30, 0).unwrap();
//! let report = Tick {
//!     ledger: &mut ledger,
//!     drivers: &DriverRegistry::with_built_in(BuiltInOptions::default())?,
//!     writer: &OfflineWriter,
//!     wall_clock: &|| DateTime::UNIX_EPOCH,
//!     follow_ups: &|_| Vec::new(),
//!     on_record: &mut |_| {},
//! }
//! .run(&TickSettings::new(monday, 7, DeploymentSecret::new([42; 32])))
//! .await?;
//!
//! let [mail] = &report.delivered[..] else {
//!     panic!("somebody writes");
//! };
//! assert_ne!(mail.from, mail.to);
//! // It lies in the INBOX of one and in the Sent folder of the other.
//! assert_eq!(mail.placements.len(), 2);
//! # Ok(())
//! # }
//! # let folder = tempfile::tempdir().unwrap();
//! # tokio::runtime::Builder::new_current_thread()
//! #     .build()
//! #     .unwrap()
//! #     .block_on(example(folder.path()))
//! #     .unwrap();
//! ```

mod attaching;
pub mod attachment;
pub mod composing;
pub mod conformance;
pub mod correspondence;
pub mod drafts;
pub mod knowing;
pub mod knowledge_ledger;
pub mod ledger;
pub mod mail_client;
mod mailbox_past;
pub mod maildir_name;
pub mod memory_ledger;
pub mod message;
mod mime;
pub mod nudge;
pub mod nudge_ledger;
mod picker;
pub mod random;
pub mod record;
pub mod reply_timing;
mod route;
pub mod scan;
pub mod threading;
pub mod tick;
pub mod trace;
pub mod world;
