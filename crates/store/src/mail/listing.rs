//! Mails for people to read.

use chrono::DateTime;
use decnet_activity_driver::action::Folder;
use decnet_emailgen::ledger::{LedgerError, MailDetails, MailFilter, MailId, MailSummary};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{corrupt, ledger_error};
use crate::people::{local_moment, moment};

/// Mails that pass a filter, newest first.
pub(super) fn mails(
    connection: &Connection,
    filter: &MailFilter,
) -> Result<Vec<MailSummary>, LedgerError> {
    let limit = if filter.limit == 0 {
        i64::MAX
    } else {
        i64::try_from(filter.limit).unwrap_or(i64::MAX)
    };
    let rows: Vec<RawSummary> = connection
        .prepare_cached(&format!(
            "SELECT {SUMMARY_COLUMNS} {SUMMARY_TABLES}
                 WHERE (?1 IS NULL OR s.email = ?1 OR r.email = ?1
                        OR EXISTS (SELECT 1 FROM mail_copy c JOIN persona p ON p.id = c.persona_id
                                   WHERE c.mail_id = m.id AND p.email = ?1))
                   AND (?2 IS NULL OR m.thread_id = ?2)
                   AND (?3 IS NULL OR m.state = ?3)
                 ORDER BY m.sent_at DESC, m.id DESC LIMIT ?4"
        ))
        .and_then(|mut statement| {
            statement
                .query_map(
                    params![
                        filter.address,
                        filter.thread.map(|thread| thread.0),
                        filter.state,
                        limit
                    ],
                    RawSummary::read,
                )?
                .collect()
        })
        .map_err(ledger_error)?;
    rows.into_iter().map(RawSummary::parse).collect()
}

pub(super) fn mail_details(
    connection: &Connection,
    id: MailId,
) -> Result<Option<MailDetails>, LedgerError> {
    type Extra = (
        String,
        String,
        Option<i64>,
        Option<i64>,
        String,
        bool,
        bool,
        Option<String>,
    );
    let found: Option<(RawSummary, Extra)> = connection
        .prepare_cached(&format!(
            "SELECT {SUMMARY_COLUMNS}, s.definition ->> '$.name', r.definition ->> '$.name',
                    m.parent_id, a.due_at, m.text, m.inbox_vanished, m.sent_vanished, m.record
             {SUMMARY_TABLES} LEFT JOIN answer a ON a.parent_id = m.id
             WHERE m.id = ?1"
        ))
        .and_then(|mut statement| {
            statement
                .query_row(params![id.0], |row| {
                    let extra = (
                        row.get(13)?,
                        row.get(14)?,
                        row.get(15)?,
                        row.get(16)?,
                        row.get(17)?,
                        row.get(18)?,
                        row.get(19)?,
                        row.get(20)?,
                    );
                    Ok((RawSummary::read(row)?, extra))
                })
                .optional()
        })
        .map_err(ledger_error)?;
    let Some((summary, extra)) = found else {
        return Ok(None);
    };
    let (from_name, to_name, parent, due_at, text, inbox_gone, sent_gone, record) = extra;
    let mut vanished_from = Vec::new();
    if inbox_gone {
        vanished_from.push(Folder::Inbox);
    }
    if sent_gone {
        vanished_from.push(match summary.summary.draft {
            Some(_) => Folder::Drafts,
            None => Folder::Sent,
        });
    }
    let record = record
        .map(|record| serde_json::from_str(&record))
        .transpose()
        .map_err(|error| corrupt(format!("record of mail {}: {error}", id.0)))?;
    Ok(Some(MailDetails {
        summary: summary.parse()?,
        from_name,
        to_name,
        parent: parent.map(MailId),
        answer_due_at: due_at.map(moment).transpose()?,
        text,
        vanished_from,
        record,
    }))
}

const SUMMARY_COLUMNS: &str = "m.id, m.thread_id, m.state, m.sent_at, m.sent_offset, s.email,
    r.email, m.subject, m.message_id, m.attempt, m.error,
    (SELECT json_group_array(email) FROM (
        SELECT p.email FROM mail_copy c JOIN persona p ON p.id = c.persona_id
        WHERE c.mail_id = m.id ORDER BY c.position)), m.draft_iteration";
const SUMMARY_TABLES: &str = "FROM mail m JOIN persona s ON s.id = m.sender_id
    JOIN persona r ON r.id = m.recipient_id";

/// A row of [`SUMMARY_COLUMNS`].
struct RawSummary {
    sent_at: (i64, i32),
    /// A list as JSON.
    copies: String,
    summary: MailSummary,
}

impl RawSummary {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sent_at: (row.get(3)?, row.get(4)?),
            summary: MailSummary {
                id: MailId(row.get(0)?),
                thread: MailId(row.get(1)?),
                state: row.get(2)?,
                sent_at: DateTime::UNIX_EPOCH.fixed_offset(),
                from: row.get(5)?,
                to: row.get(6)?,
                subject: row.get(7)?,
                message_id: row.get(8)?,
                attempts: row.get(9)?,
                error: row.get(10)?,
                draft: row.get(12)?,
                copies: Vec::new(),
            },
            copies: row.get(11)?,
        })
    }

    fn parse(self) -> Result<MailSummary, LedgerError> {
        Ok(MailSummary {
            sent_at: local_moment(self.sent_at.0, self.sent_at.1)?,
            copies: serde_json::from_str(&self.copies)
                .map_err(|error| corrupt(format!("recipients of a mail: {error}")))?,
            ..self.summary
        })
    }
}
