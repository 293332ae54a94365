//! Decides who writes to whom, composes the message, and sees it delivered exactly once.

pub mod composing;
pub mod ledger;
pub mod mail_client;
pub mod maildir_name;
pub mod message;
mod mime;
mod picker;
pub mod random;
pub mod record;
pub mod reply_timing;
pub mod threading;
pub mod tick;
pub mod world;
