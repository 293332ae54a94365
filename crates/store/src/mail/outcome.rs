//! What became of mails in work.

use decnet_background::job::NewJob;
use decnet_emailgen::ledger::{DeliveredMail, FailedMail, LedgerError, MailId, Recorded};
use rusqlite::{OptionalExtension, Transaction, params};

use super::nudge::replace;
use crate::availability::refresh_decky;
use crate::error::{Failed, ledger_error};
use crate::jobs::enqueue;

/// The later one of `last_change` and `?3`, either of which may be missing.
const LATEST: &str = "coalesce(max(last_change, ?3), last_change, ?3)";

pub(super) fn settle_delivered(
    transaction: &Transaction<'_>,
    mail: &DeliveredMail,
) -> Result<Recorded, LedgerError> {
    let settled: Option<(i64, i64, Option<i64>)> = transaction
        .prepare_cached(
            "UPDATE mail SET state = 'delivered', message = NULL, claimable_at = NULL,
                    error = NULL, record = ?3
             WHERE id = ?1 AND attempt = ?2 AND claimable_at IS NOT NULL
             RETURNING sender_id, sent_at, draft_previous",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![mail.id.0, mail.attempt, mail.record], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()
        })
        .map_err(ledger_error)?;
    let Some((sender, sent_at, before)) = settled else {
        return Ok(Recorded::Overtaken);
    };
    count_messages(transaction, mail.id.0, 1, Some(sent_at))?;
    if let Some(before) = before {
        replace(transaction, before)?;
    }
    unrefuse(transaction, mail.id)?;
    if let Some(answer) = mail.answer {
        transaction
            .prepare_cached(
                "INSERT INTO answer (parent_id, answerer_id, author_id, due_at, blocked)
                 VALUES (?1, ?2, ?3, ?4,
                         (SELECT min(available) = 0 FROM persona WHERE id IN (?2, ?3)))",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    mail.id.0,
                    answer.answerer.0,
                    sender,
                    answer.due_at.timestamp_micros()
                ])
            })
            .map_err(ledger_error)?;
    }
    for (mails, vanished) in [(&mail.read, false), (&mail.vanished, true)] {
        for id in mails {
            mark_read(transaction, id.0, sender, vanished)?;
        }
    }
    for follow_up in &mail.follow_ups {
        let job = NewJob::new(&follow_up.kind, &follow_up.cause, follow_up.payload.clone());
        // Mails carry the time of their world, which may be simulated; jobs go by the wall clock. So
        // it is due at once, not at that time. One that is known already is as good as a new one.
        let _ = enqueue(transaction, &job, sent_at, 0).map_err(|Failed(error)| error)?;
    }
    Ok(Recorded::Yes)
}

/// Notes that somebody has read a mail, or found that it is gone.
fn mark_read(
    transaction: &Transaction<'_>,
    mail: i64,
    reader: i64,
    vanished: bool,
) -> Result<(), LedgerError> {
    let changed = transaction
        .prepare_cached(
            "UPDATE mail SET is_read = 1, inbox_vanished = max(inbox_vanished, ?3)
             WHERE id = ?1 AND recipient_id = ?2",
        )
        .and_then(|mut statement| statement.execute(params![mail, reader, vanished]))
        .map_err(ledger_error)?;
    if changed == 0 {
        transaction
            .prepare_cached(
                "UPDATE mail_copy SET is_read = 1, vanished = max(vanished, ?3)
                 WHERE mail_id = ?1 AND persona_id = ?2",
            )
            .and_then(|mut statement| statement.execute(params![mail, reader, vanished]))
            .map_err(ledger_error)?;
    }
    Ok(())
}

pub(super) fn settle_failed(
    transaction: &Transaction<'_>,
    mail: &FailedMail,
) -> Result<Recorded, LedgerError> {
    let abandoned = mail.next_attempt_at.is_none();
    let changed = transaction
        .prepare_cached(
            "UPDATE mail SET state = ?3, error = ?4, claimable_at = ?5, record = ?6,
                    failed_attempt = attempt,
                    message = CASE WHEN ?5 IS NULL THEN NULL ELSE message END
             WHERE id = ?1 AND attempt = ?2 AND claimable_at IS NOT NULL",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                mail.id.0,
                mail.attempt,
                if abandoned { "abandoned" } else { "failed" },
                mail.error,
                mail.next_attempt_at.map(|time| time.timestamp_micros()),
                mail.record,
            ])
        })
        .map_err(ledger_error)?;
    if changed == 0 {
        return Ok(Recorded::Overtaken);
    }
    if abandoned {
        unrefuse(transaction, mail.id)?;
    } else if let Some(decky) = mail.refused_by {
        transaction
            .execute(
                "UPDATE decky SET refused = ?2 WHERE id = ?1",
                params![decky.0, mail.id.0],
            )
            .map_err(ledger_error)?;
        refresh_decky(transaction, decky.0)?;
    }
    Ok(Recorded::Yes)
}

/// Lets deckies take new mail again that refused this one.
fn unrefuse(transaction: &Transaction<'_>, mail: MailId) -> Result<(), LedgerError> {
    let homes: Vec<i64> = transaction
        .prepare_cached(
            "SELECT d.id FROM mail m JOIN decky d ON d.id IN (m.sender_home, m.recipient_home)
             WHERE m.id = ?1 AND d.refused = ?1
             UNION
             SELECT d.id FROM mail_copy c JOIN decky d ON d.id = c.home_id
             WHERE c.mail_id = ?1 AND d.refused = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![mail.0], |row| row.get(0))?
                .collect()
        })
        .map_err(ledger_error)?;
    for decky in homes {
        transaction
            .execute(
                "UPDATE decky SET refused = NULL WHERE id = ?1",
                params![decky],
            )
            .map_err(ledger_error)?;
        refresh_decky(transaction, decky)?;
    }
    Ok(())
}

/// Counts the messages of a mail on the deckies they lie on, which last changed at `changed_at`
/// (microseconds) or later.
pub(super) fn count_messages(
    transaction: &Transaction<'_>,
    mail: i64,
    by: i64,
    changed_at: Option<i64>,
) -> Result<(), LedgerError> {
    for end in [
        "sender_home FROM mail WHERE draft_replaced = 0",
        "recipient_home FROM mail WHERE draft_iteration IS NULL",
    ] {
        transaction
            .prepare_cached(&format!(
                "UPDATE decky SET messages = max(0, messages + ?2), last_change = {LATEST}
                 WHERE id = (SELECT {end} AND id = ?1 AND state = 'delivered')"
            ))
            .and_then(|mut statement| statement.execute(params![mail, by, changed_at]))
            .map_err(ledger_error)?;
    }
    transaction
        .prepare_cached(&format!(
            "UPDATE decky SET messages = max(0, messages + ?2 * copies.number),
                    last_change = {LATEST}
             FROM (SELECT c.home_id AS home, count(*) AS number
                   FROM mail_copy c JOIN mail m ON m.id = c.mail_id
                   WHERE c.mail_id = ?1 AND m.state = 'delivered' GROUP BY c.home_id) copies
             WHERE decky.id = copies.home"
        ))
        .and_then(|mut statement| statement.execute(params![mail, by, changed_at]))
        .map_err(ledger_error)?;
    Ok(())
}
