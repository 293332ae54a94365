//! Plans on their way into the outbox.

use chrono::{DateTime, Utc};
use decnet_emailgen::ledger::{
    HomeChoice, LedgerError, MailId, PersonaId, PlanOutcome, PlannedMail,
};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{field_name, kind_name, knowledge, list_of, nudge, written_by_json};
use crate::availability::refresh_list;
use crate::error::ledger_error;
use crate::values::at_most;

/// Puts a plan into the outbox. Checks first and writes then, so that a conflict leaves nothing.
pub(super) fn insert_plan(
    transaction: &Transaction<'_>,
    plan: &PlannedMail,
    lease_until: DateTime<Utc>,
) -> Result<PlanOutcome, LedgerError> {
    let mut newcomers = Vec::new();
    for (persona, home) in plan.people() {
        if newcomers.contains(&(persona, home)) {
            continue;
        }
        match residence(transaction, persona, home)? {
            Residence::Theirs => {}
            Residence::Free => newcomers.push((persona, home)),
            Residence::Impossible => return Ok(PlanOutcome::Conflict),
        }
    }
    let shared = newcomers.iter().enumerate().any(|(at, (_, home))| {
        let earlier = newcomers.iter().take(at);
        earlier.clone().any(|(_, other)| other == home)
    });
    if shared {
        return Ok(PlanOutcome::Conflict);
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
    if let Some(cause) = &plan.cause
        && nudge::is_caused(transaction, cause)?
    {
        return Ok(PlanOutcome::Conflict);
    }
    let draft = plan.draft.as_ref();
    if let Some(before) = draft.and_then(|draft| draft.before.as_ref())
        && !nudge::goes_on(transaction, before.mail)?
    {
        return Ok(PlanOutcome::Conflict);
    }
    if !knowledge::agrees_on(transaction, &plan.names)? {
        return Ok(PlanOutcome::Conflict);
    }
    if let Some(reply_to) = plan.reply_to {
        let is_taken = match plan.cause {
            Some(_) => nudge::take_unanswered(transaction, reply_to.parent)?,
            None => take_owed(transaction, reply_to.parent, plan.sender)?,
        };
        if !is_taken {
            return Ok(PlanOutcome::Conflict);
        }
    }
    knowledge::keep_names(transaction, plan)?;
    for (persona, home) in newcomers {
        move_in(transaction, persona, home)?;
    }
    if let Some(programs) = &plan.new_mail_programs {
        // Two names: serialising them cannot fail.
        let programs = serde_json::to_string(programs).unwrap_or_default();
        transaction
            .prepare_cached(
                "UPDATE persona SET mail_programs = ?2 WHERE id = ?1 AND mail_programs IS NULL",
            )
            .and_then(|mut statement| statement.execute(params![plan.sender.0, programs]))
            .map_err(ledger_error)?;
    }
    let id = insert_mail(transaction, plan, lease_until)?;
    for (position, copy) in plan.copies.iter().enumerate() {
        transaction
            .prepare_cached(
                "INSERT INTO mail_copy (mail_id, position, persona_id, home_id, login, field,
                                        inbox_name)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    id.0,
                    at_most(position),
                    copy.recipient.0,
                    copy.home.decky.0,
                    copy.home.login,
                    field_name(copy.field),
                    copy.inbox_name,
                ])
            })
            .map_err(ledger_error)?;
    }
    Ok(PlanOutcome::Planned(id))
}

/// Takes the answer that somebody owes; `false` if they do not.
fn take_owed(
    transaction: &Transaction<'_>,
    parent: MailId,
    answerer: PersonaId,
) -> Result<bool, LedgerError> {
    transaction
        .prepare_cached("DELETE FROM answer WHERE parent_id = ?1 AND answerer_id = ?2")
        .and_then(|mut statement| statement.execute(params![parent.0, answerer.0]))
        .map(|taken| taken > 0)
        .map_err(ledger_error)
}

fn insert_mail(
    transaction: &Transaction<'_>,
    plan: &PlannedMail,
    lease_until: DateTime<Utc>,
) -> Result<MailId, LedgerError> {
    let composed = plan.composed.as_ref();
    let draft = plan.draft.as_ref();
    let before = draft.and_then(|draft| draft.before.as_ref());
    // What a draft goes on from is kept where its own text will be.
    let written_by = composed
        .map(|composed| &composed.written_by)
        .or(before.map(|before| &before.written_by));
    transaction
        .prepare_cached(
            "INSERT INTO mail (
                 id, state, thread_id, parent_id, thread_length, list_id,
                 sender_id, sender_home, sender_login,
                 recipient_id, recipient_home, recipient_login,
                 seed, topic, language, sent_at, sent_offset, message_id, inbox_name, sent_name,
                 subject, ancestors, new_text, text, writer, mail_client, message,
                 attempt, claimable_at, authorship, kind, client, thread_index,
                 cause, is_read, draft_iteration, draft_last, draft_seed, draft_previous,
                 draft_previous_name)
             VALUES (max(?28, (SELECT coalesce(max(id), 0) + 1 FROM mail)),
                     ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                     ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, 1, ?27, ?29, ?30, ?31, ?32,
                     ?33, ?34, ?35, ?36, ?37, ?38, ?39)",
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
                composed
                    .map(|composed| &composed.subject)
                    .or(before.map(|before| &before.subject))
                    .map_or("", String::as_str),
                composed.map_or("", |composed| &composed.references),
                composed
                    .map(|composed| &composed.new_text)
                    .or(before.map(|before| &before.body))
                    .map_or("", String::as_str),
                composed.map_or("", |composed| &composed.text),
                written_by.map(|written_by| &written_by.authorship.writer),
                written_by.map(|written_by| &written_by.mail_client),
                composed.map(|composed| &composed.message),
                lease_until.timestamp_micros(),
                plan.expected_id.0,
                written_by.map(written_by_json),
                kind_name(plan.kind),
                plan.mail_client,
                composed.and_then(|composed| composed.thread_index.as_ref()),
                plan.cause,
                draft.is_some(),
                draft.map(|draft| draft.iteration),
                draft.map(|draft| draft.last),
                draft.map(|draft| draft.seed.cast_signed()),
                before.map(|before| before.mail.0),
                before.map(|before| &before.name),
            ])
        })
        .map_err(ledger_error)?;
    let id = transaction.last_insert_rowid();
    if plan.reply_to.is_none() {
        transaction
            .prepare_cached("UPDATE mail SET thread_id = id WHERE id = ?1")
            .and_then(|mut statement| statement.execute(params![id]))
            .map_err(ledger_error)?;
    }
    Ok(MailId(id))
}

/// What a home that a plan chose is to a persona.
enum Residence {
    /// They live there.
    Theirs,
    /// They live nowhere, and can move in.
    Free,
    /// They are unavailable or live elsewhere, or somebody was faster.
    Impossible,
}

fn residence(
    transaction: &Transaction<'_>,
    persona: PersonaId,
    home: &HomeChoice,
) -> Result<Residence, LedgerError> {
    let found: Option<(Option<i64>, Option<String>, bool)> = transaction
        .prepare_cached(
            "SELECT home_id, login,
                    EXISTS (SELECT 1 FROM home_slot h
                            WHERE h.decky_id = ?2 AND h.list_id = persona.list_id)
                    AND NOT EXISTS (SELECT 1 FROM mailbox m
                                    WHERE m.decky_id = ?2 AND m.login = ?3)
             FROM persona WHERE id = ?1 AND available = 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![persona.0, home.decky.0, home.login], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()
        })
        .map_err(ledger_error)?;
    Ok(match found {
        Some((Some(decky), login, _))
            if decky == home.decky.0 && login.as_deref() == Some(&home.login) =>
        {
            Residence::Theirs
        }
        Some((None, _, true)) => Residence::Free,
        _ => Residence::Impossible,
    })
}

fn move_in(
    transaction: &Transaction<'_>,
    persona: PersonaId,
    home: &HomeChoice,
) -> Result<(), LedgerError> {
    transaction
        .prepare_cached(
            "INSERT INTO mailbox (decky_id, login, persona_id, origin)
             VALUES (?1, ?2, ?3, 'made')",
        )
        .and_then(|mut statement| statement.execute(params![home.decky.0, home.login, persona.0]))
        .map_err(ledger_error)?;
    transaction
        .prepare_cached("UPDATE persona SET home_id = ?2, login = ?3 WHERE id = ?1")
        .and_then(|mut statement| statement.execute(params![persona.0, home.decky.0, home.login]))
        .map_err(ledger_error)?;
    let list = list_of(transaction, persona)?;
    refresh_list(transaction, list)
}
