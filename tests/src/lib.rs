//! Shared pieces of the end-to-end tests: the real binary, worlds of their own, a real Dovecot, a
//! small IMAP client, and what lies in Maildirs.
//!
//! Each test makes a [`World`](world::World) in a temporary folder and drives it through
//! [`Decnet`](binary::Decnet), the program as a user runs it. Nothing here names a crate of
//! ours: what these tests know, a user can know.
//!
//! Tests run beside each other: every world has folders of its own, and every server takes free
//! ports of the loopback interface.

pub mod binary;
pub mod dovecot;
pub mod draw;
pub mod heal;
pub mod imap;
pub mod imap_list;
pub mod killing;
pub mod language_model;
pub mod logs;
pub mod mailbox;
pub mod memories;
pub mod misbehaving_server;
pub mod mount;
pub mod office;
pub mod process;
pub mod python;
pub mod sessions;
pub mod structure;
pub mod transcript;
pub mod wait;
pub mod world;
