//! Carries out one action against one decoy host ("decky"): delivers mail into its mailboxes,
//! flags and removes it, plants and reads files.
//!
//! A program picks the driver by how the decky is reached and what is to be done, from a
//! [`DriverRegistry`](registry::DriverRegistry), and hands it an [`Action`](action::Action). What
//! a driver answers is a closed list, [`ActivityResult`](action::ActivityResult), or a
//! [`DriverError`](driver::DriverError) that says whether trying again can help. Every action may
//! be done again, after a crash at any point, without being done twice.
//!
//! The crate knows neither who writes the mail nor where plans are kept, and reads no clock, no
//! environment and no configuration: times, names and attempt numbers are arguments. It checks
//! that a mailbox is free ([`mailbox_state`](driver::ActivityDriver::mailbox_state)); whether to
//! write to one that is not is the caller's decision. It spawns nothing: an action is over when
//! its future is.
//!
//! | to | see |
//! |---|---|
//! | describe a decky | [`decky`] |
//! | say what is to be done | [`action`] |
//! | pick a driver | [`registry`] |
//! | write a driver | [`driver`], and [`conformance`] to test it |
//! | use the ones here | [`drivers`] |
//!
//! ```
//! use decnet_activity_driver::action::{
//!     Action, ActionKind, ActivityResult, Folder, MailDelivery, MailFlags, MailLocation,
//! };
//! use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
//! use decnet_activity_driver::registry::{BuiltInOptions, DriverRegistry};
//!
//! # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let decky = Decky {
//!     uuid: "8d0c4f3e".to_owned(),
//!     name: "mx1".to_owned(),
//!     source: DeckySource::Fleet,
//!     services: vec!["imap".to_owned()],
//!     transport: Transport::Local(LocalFolders::at(folder)),
//! };
//! let delivery = Action::DeliverMail(MailDelivery {
//!     location: MailLocation {
//!         login: "ana".to_owned(),
//!         address: "ana@corp.example".to_owned(),
//!         folder: Folder::Inbox,
//!         unique_name: "1764576000.M401P2210.mx1".to_owned(),
//!     },
//!     message: b"Subject: lunch\r\n\r\nAt noon?\r\n".to_vec(),
//!     delivered_at: 1_764_576_000,
//!     flags: MailFlags::default(),
//!     attempt: 1,
//!     history: None,
//! });
//!
//! let drivers = DriverRegistry::with_built_in(BuiltInOptions::default())?;
//! let driver = drivers.driver_for(&decky.transport, ActionKind::Email)?;
//! let result = driver.run(&decky, &delivery).await?;
//!
//! let ActivityResult::Delivered { path, .. } = result else {
//!     panic!("it is new");
//! };
//! let name = "home/ana/Maildir/new/1764576000.M401P2210.mx1,S=25,W=28";
//! assert_eq!(path, std::path::Path::new(name));
//! let message = driver.read_file(&decky, &path, 1_000).await?;
//! assert_eq!(message, b"Subject: lunch\n\nAt noon?\n");
//! # Ok(())
//! # }
//! # let folder = tempfile::tempdir().unwrap();
//! # tokio::runtime::Builder::new_current_thread()
//! #     .build()
//! #     .unwrap()
//! #     .block_on(example(folder.path()))
//! #     .unwrap();
//! ```

pub mod action;
pub mod conformance;
pub mod decky;
pub mod driver;
pub mod drivers;
pub mod registry;
