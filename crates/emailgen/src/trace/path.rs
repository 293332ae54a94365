//! The header while it grows, and the time while it passes.

use chrono::{DateTime, Utc};
use rand_chacha::ChaCha8Rng;

use super::{Trace, clock};

/// A message under way.
pub(super) struct Path<'r> {
    /// When the server that has it now got it. Never goes back.
    pub(super) at: DateTime<Utc>,
    pub(super) rng: &'r mut ChaCha8Rng,
    /// Header fields, oldest first, without their last line end.
    fields: Vec<String>,
}

impl<'r> Path<'r> {
    pub(super) fn new(at: DateTime<Utc>, rng: &'r mut ChaCha8Rng) -> Self {
        Self {
            at,
            rng,
            fields: Vec::new(),
        }
    }

    /// Puts a field on top.
    pub(super) fn push(&mut self, field: String) {
        self.fields.push(field);
    }

    /// On to the next server of the same company.
    pub(super) fn hop(&mut self) {
        self.at += clock::hop(self.rng);
    }

    /// On to another company's server, which seldom takes long.
    pub(super) fn wait_in_queue(&mut self, cloud: bool) {
        self.at += clock::internet(cloud, self.rng);
    }

    pub(super) fn finish(mut self, sender: Option<&str>, recipient: Option<&str>) -> Trace {
        // Dovecot's own, in the order in which it writes them.
        self.fields
            .extend(recipient.map(|recipient| format!("Delivered-To: {recipient}")));
        self.fields
            .extend(sender.map(|sender| format!("Return-Path: <{sender}>")));
        let mut header = Vec::with_capacity(2_048);
        for field in self.fields.iter().rev() {
            header.extend_from_slice(field.as_bytes());
            header.extend_from_slice(b"\r\n");
        }
        Trace {
            header,
            delivered_at: self.at,
        }
    }
}
