//! Delivered mails with what was said before them. From a mail its thread is followed back from
//! parent to parent, so a look reads no more rows than it tells of.

use decnet_emailgen::correspondence::{Correspondence, CorrespondenceLedger, EarlierMail};
use decnet_emailgen::ledger::{LedgerError, MailId, RecipientField};
use rusqlite::{Connection, OptionalExtension, params};

use super::claim::{copies_of, party};
use crate::error::ledger_error;
use crate::open::Store;
use crate::people::local_moment;

impl CorrespondenceLedger for Store {
    fn correspondence(
        &mut self,
        mail: MailId,
        earlier: usize,
    ) -> Result<Option<Correspondence>, LedgerError> {
        // What several statements read is true at one moment.
        let snapshot = self.connection.transaction().map_err(ledger_error)?;
        let Some(row) = delivered(&snapshot, mail.0)? else {
            return Ok(None);
        };
        let mut recipients = vec![(party(&snapshot, row.recipient)?, RecipientField::To)];
        for copy in copies_of(&snapshot, mail.0)? {
            recipients.push((party(&snapshot, copy.recipient.0)?, copy.field));
        }
        Ok(Some(Correspondence {
            id: mail,
            thread: MailId(row.thread),
            author: party(&snapshot, row.sender)?,
            recipients,
            subject: row.subject,
            new_text: row.new_text,
            topic: row.topic,
            language: row.language,
            sent_at: local_moment(row.sent_at.0, row.sent_at.1)?,
            is_draft: row.is_draft,
            earlier: before(&snapshot, row.parent, earlier)?,
        }))
    }
}

/// Up to `most` mails from `newest` back, oldest first.
fn before(
    connection: &Connection,
    newest: Option<i64>,
    most: usize,
) -> Result<Vec<EarlierMail>, LedgerError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT m.parent_id, p.email, m.new_text, m.sent_at, m.sent_offset
             FROM mail m JOIN persona p ON p.id = m.sender_id
             WHERE m.id = ?1 AND m.state = 'delivered'",
        )
        .map_err(ledger_error)?;
    let mut found = Vec::new();
    let mut next = newest;
    while found.len() < most
        && let Some(id) = next
    {
        type Found = (Option<i64>, String, String, i64, i32);
        let row: Option<Found> = statement
            .query_row(params![id], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })
            .optional()
            .map_err(ledger_error)?;
        let Some((parent, author, new_text, sent_at, offset)) = row else {
            break;
        };
        found.push(EarlierMail {
            author,
            new_text,
            sent_at: local_moment(sent_at, offset)?,
        });
        next = parent;
    }
    found.reverse();
    Ok(found)
}

/// The row of a mail; who is in its headers is looked up by their ids.
struct Row {
    thread: i64,
    parent: Option<i64>,
    sender: i64,
    recipient: i64,
    subject: String,
    new_text: String,
    topic: String,
    language: String,
    sent_at: (i64, i32),
    is_draft: bool,
}

fn delivered(connection: &Connection, id: i64) -> Result<Option<Row>, LedgerError> {
    connection
        .prepare_cached(
            "SELECT thread_id, parent_id, sender_id, recipient_id, subject, new_text, topic,
                    language, sent_at, sent_offset, draft_iteration IS NOT NULL
             FROM mail WHERE id = ?1 AND state = 'delivered'",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![id], |row| {
                    Ok(Row {
                        thread: row.get(0)?,
                        parent: row.get(1)?,
                        sender: row.get(2)?,
                        recipient: row.get(3)?,
                        subject: row.get(4)?,
                        new_text: row.get(5)?,
                        topic: row.get(6)?,
                        language: row.get(7)?,
                        sent_at: (row.get(8)?, row.get(9)?),
                        is_draft: row.get(10)?,
                    })
                })
                .optional()
        })
        .map_err(ledger_error)
}
