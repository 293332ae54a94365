//! Plans on their way into the outbox.

use chrono::{DateTime, Utc};
use decnet_emailgen::ledger::{
    HomeChoice, LedgerError, MailId, PersonaId, PlanOutcome, PlannedMail,
};
use rusqlite::{OptionalExtension, Transaction, params};

use super::list_of;
use crate::availability::refresh_list;
use crate::error::ledger_error;

pub(super) fn insert_plan(
    transaction: &Transaction<'_>,
    plan: &PlannedMail,
    lease_until: DateTime<Utc>,
) -> Result<PlanOutcome, LedgerError> {
    if let Some(reply_to) = plan.reply_to {
        let taken = transaction
            .prepare_cached("DELETE FROM answer WHERE parent_id = ?1 AND answerer_id = ?2")
            .and_then(|mut statement| statement.execute(params![reply_to.parent.0, plan.sender.0]))
            .map_err(ledger_error)?;
        if taken == 0 {
            return Ok(PlanOutcome::Conflict);
        }
    }
    let inserted = insert_plan_rows(transaction, plan, lease_until)?;
    if let (PlanOutcome::Conflict, Some(reply_to)) = (&inserted, plan.reply_to) {
        // The reply is still to be written.
        transaction
            .execute(
                "INSERT INTO answer (parent_id, answerer_id, author_id, due_at, blocked)
                 VALUES (?1, ?2, ?3, ?4, 0)",
                params![
                    reply_to.parent.0,
                    plan.sender.0,
                    plan.recipient.0,
                    plan.sent_at.timestamp_micros()
                ],
            )
            .map_err(ledger_error)?;
    }
    Ok(inserted)
}

fn insert_plan_rows(
    transaction: &Transaction<'_>,
    plan: &PlannedMail,
    lease_until: DateTime<Utc>,
) -> Result<PlanOutcome, LedgerError> {
    for (persona, home) in [
        (plan.sender, &plan.sender_home),
        (plan.recipient, &plan.recipient_home),
    ] {
        if !settle_home(transaction, persona, home)? {
            return Ok(PlanOutcome::Conflict);
        }
    }
    let is_taken: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM mail WHERE id >= ?1 AND message_id = ?2)")
        .and_then(|mut statement| {
            statement.query_row(params![plan.expected_id.0, plan.message_id], |row| {
                row.get(0)
            })
        })
        .map_err(ledger_error)?;
    if is_taken {
        return Ok(PlanOutcome::Conflict);
    }
    let composed = plan.composed.as_ref();
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO mail (
                 state, thread_id, parent_id, thread_length, list_id,
                 sender_id, sender_home, sender_login,
                 recipient_id, recipient_home, recipient_login,
                 seed, topic, language, sent_at, sent_offset, message_id, inbox_name, sent_name,
                 subject, ancestors, new_text, text, writer, mail_client, message,
                 attempt, claimable_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                     ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, 1, ?27)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                if composed.is_some() {
                    "composed"
                } else {
                    "planned"
                },
                plan.reply_to.map_or(0, |reply_to| reply_to.thread.0),
                plan.reply_to.map(|reply_to| reply_to.parent.0),
                plan.reply_to.map_or(1, |reply_to| reply_to.thread_length),
                plan.list.0,
                plan.sender.0,
                plan.sender_home.decky.0,
                plan.sender_home.login,
                plan.recipient.0,
                plan.recipient_home.decky.0,
                plan.recipient_home.login,
                plan.seed.cast_signed(),
                plan.topic,
                plan.language,
                plan.sent_at.timestamp_micros(),
                plan.sent_at.offset().local_minus_utc(),
                plan.message_id,
                plan.inbox_name,
                plan.sent_name,
                composed.map_or("", |composed| &composed.subject),
                composed.map_or("", |composed| &composed.references),
                composed.map_or("", |composed| &composed.new_text),
                composed.map_or("", |composed| &composed.text),
                composed.map(|composed| &composed.written_by.writer),
                composed.map(|composed| &composed.written_by.mail_client),
                composed.map(|composed| &composed.message),
                lease_until.timestamp_micros(),
            ])
        })
        .map_err(ledger_error)?;
    if inserted == 0 {
        return Ok(PlanOutcome::Conflict);
    }
    let id = transaction.last_insert_rowid();
    if plan.reply_to.is_none() {
        transaction
            .prepare_cached("UPDATE mail SET thread_id = id WHERE id = ?1")
            .and_then(|mut statement| statement.execute(params![id]))
            .map_err(ledger_error)?;
    }
    Ok(PlanOutcome::Planned(MailId(id)))
}

/// Gives a persona the home a plan chose, or checks that it is theirs. `false` when somebody else
/// was faster.
fn settle_home(
    transaction: &Transaction<'_>,
    persona: PersonaId,
    home: &HomeChoice,
) -> Result<bool, LedgerError> {
    let held: Option<(Option<i64>, Option<String>)> = transaction
        .prepare_cached("SELECT home_id, login FROM persona WHERE id = ?1 AND available = 1")
        .and_then(|mut statement| {
            statement
                .query_row(params![persona.0], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(ledger_error)?;
    match held {
        None => Ok(false),
        Some((Some(decky), login)) => {
            Ok(decky == home.decky.0 && login.as_deref() == Some(&home.login))
        }
        Some((None, _)) => {
            let free = transaction
                .prepare_cached(
                    "INSERT INTO mailbox (decky_id, login, persona_id, origin)
                     SELECT ?1, ?2, ?3, 'made'
                     WHERE EXISTS (SELECT 1 FROM home_slot WHERE decky_id = ?1)
                     ON CONFLICT DO NOTHING",
                )
                .and_then(|mut statement| {
                    statement.execute(params![home.decky.0, home.login, persona.0])
                })
                .map_err(ledger_error)?;
            if free == 0 {
                return Ok(false);
            }
            transaction
                .prepare_cached("UPDATE persona SET home_id = ?2, login = ?3 WHERE id = ?1")
                .and_then(|mut statement| {
                    statement.execute(params![persona.0, home.decky.0, home.login])
                })
                .map_err(ledger_error)?;
            let list = list_of(transaction, persona)?;
            refresh_list(transaction, list)?;
            Ok(true)
        }
    }
}
