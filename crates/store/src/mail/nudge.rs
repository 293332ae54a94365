//! What nudges ask: causes, who lives on a decky, and what lies there to go on with.

use chrono::{DateTime, Utc};
use decnet_emailgen::drafts::OpenDraft;
use decnet_emailgen::ledger::{
    ClaimedMail, DeckyId, HomeChoice, LedgerError, MailId, ParentMail, PersonaId, ScheduleId,
};
use decnet_emailgen::nudge_ledger::{CausedMail, CausedState, DeckyLife, NudgeLedger};
use rusqlite::{OptionalExtension, Params, Row, Transaction, params};

use super::{claim, id_list};
use crate::error::ledger_error;
use crate::open::Store;
use crate::people::moment;
use crate::values::at_most;

/// What is known of how alive a decky looks; `?1` are the open schedules.
const LIFE: &str = "SELECT d.id, d.name, d.last_change,
            (SELECT count(*) FROM persona p INDEXED BY persona_owner
             WHERE p.home_id = d.id AND p.available = 1),
            EXISTS (SELECT 1 FROM persona p INDEXED BY persona_owner
                    WHERE p.home_id = d.id AND p.available = 1
                      AND p.schedule_id IN (SELECT value FROM json_each(?1)))
     FROM decky d
     WHERE d.running = 1 AND d.serves_mail = 1 AND d.removed = 0";

impl NudgeLedger for Store {
    fn caused(&mut self, cause: &str) -> Result<Option<CausedMail>, LedgerError> {
        type Found = (i64, String, Option<String>, Option<String>);
        let found: Option<Found> = self
            .connection
            .prepare_cached("SELECT id, state, record, error FROM mail WHERE cause = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row(params![cause], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                    .optional()
            })
            .map_err(ledger_error)?;
        if let Some((id, state, record, error)) = found {
            let state = match state.as_str() {
                "delivered" => CausedState::Delivered { record },
                "abandoned" => CausedState::Abandoned {
                    error: error.unwrap_or_default(),
                },
                _ => CausedState::Unfinished,
            };
            let id = MailId(id);
            return Ok(Some(CausedMail { id, state }));
        }
        let past: Option<(i64, bool)> = self
            .connection
            .prepare_cached("SELECT mail_id, delivered FROM past_cause WHERE cause = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row(params![cause], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(ledger_error)?;
        Ok(past.map(|(id, delivered)| CausedMail {
            id: MailId(id),
            state: if delivered {
                CausedState::Delivered { record: None }
            } else {
                CausedState::Abandoned {
                    error: String::new(),
                }
            },
        }))
    }

    fn claim_mail(
        &mut self,
        id: MailId,
        wall_clock: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<ClaimedMail>, LedgerError> {
        self.write(|transaction| {
            let is_free: bool = transaction
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM mail
                                    WHERE id = ?1 AND claimable_at IS NOT NULL
                                      AND (claimable_at <= ?2 OR failed_attempt = attempt))",
                )
                .and_then(|mut statement| {
                    statement.query_row(params![id.0, wall_clock.timestamp_micros()], |row| {
                        row.get(0)
                    })
                })
                .map_err(ledger_error)?;
            if is_free {
                claim::claim(transaction, id.0, lease_until).map(Some)
            } else {
                Ok(None)
            }
        })
    }

    fn unanswered_on(
        &mut self,
        decky: DeckyId,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        look_at: usize,
    ) -> Result<Vec<MailId>, LedgerError> {
        self.connection
            .prepare_cached(
                "SELECT m.id FROM (
                     SELECT id FROM (SELECT id FROM mail WHERE sender_home = ?1
                                     ORDER BY id DESC LIMIT ?4)
                     UNION
                     SELECT id FROM (SELECT id FROM mail WHERE recipient_home = ?1
                                     ORDER BY id DESC LIMIT ?4)
                     UNION
                     SELECT id FROM (SELECT DISTINCT mail_id AS id FROM mail_copy
                                     WHERE home_id = ?1 ORDER BY mail_id DESC LIMIT ?4)
                     ORDER BY id DESC LIMIT ?4) newest
                 JOIN mail m ON m.id = newest.id
                 WHERE m.state = 'delivered' AND m.draft_iteration IS NULL
                   AND m.sent_at BETWEEN ?2 AND ?3
                   AND NOT EXISTS (SELECT 1 FROM mail reply WHERE reply.parent_id = m.id)
                 ORDER BY m.sent_at, m.id",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(
                        params![
                            decky.0,
                            since.timestamp_micros(),
                            until.timestamp_micros(),
                            at_most(look_at)
                        ],
                        |row| row.get(0).map(MailId),
                    )?
                    .collect()
            })
            .map_err(ledger_error)
    }

    fn parent(&mut self, id: MailId, reader: PersonaId) -> Result<Option<ParentMail>, LedgerError> {
        claim::parent_mail(&self.connection, id.0, reader.0)
    }

    fn residents(&mut self, decky: DeckyId) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError> {
        self.people(
            "SELECT id, schedule_id FROM persona INDEXED BY persona_owner
             WHERE home_id = ?1 AND available = 1 ORDER BY id",
            decky,
        )
    }

    fn newcomers(&mut self, decky: DeckyId) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError> {
        self.people(
            "SELECT p.id, p.schedule_id
             FROM decky d JOIN home_slot h ON h.decky_id = d.id
                          JOIN persona p ON p.list_id = d.list_id
             WHERE d.id = ?1 AND p.available = 1 AND p.home_id IS NULL
               AND coalesce(p.definition ->> '$.home', d.name) = d.name
             ORDER BY p.id",
            decky,
        )
    }

    fn open_drafts(&mut self, decky: DeckyId) -> Result<Vec<OpenDraft>, LedgerError> {
        type Authorship = (Option<String>, Option<String>, Option<String>);
        let found: Vec<(OpenDraft, Authorship)> = self
            .connection
            .prepare_cached(
                "SELECT m.id, m.sender_id, m.sender_login, m.sent_name, m.recipient_id,
                        m.draft_iteration, m.draft_last, m.draft_seed, m.client, m.topic,
                        m.language, m.subject, m.new_text, m.writer, m.mail_client, m.authorship
                 FROM mail m INDEXED BY mail_draft_open JOIN persona p ON p.id = m.sender_id
                 WHERE m.sender_home = ?1
                   AND m.draft_iteration < m.draft_last AND m.draft_replaced = 0
                   AND m.state = 'delivered'
                   AND p.available = 1 AND p.home_id = m.sender_home
                   AND p.login = m.sender_login
                   AND NOT EXISTS (SELECT 1 FROM mail next
                                   WHERE next.draft_previous = m.id
                                     AND next.state <> 'abandoned')
                 ORDER BY m.id DESC",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![decky.0], |row| {
                        let draft = OpenDraft {
                            mail: MailId(row.get(0)?),
                            author: PersonaId(row.get(1)?),
                            home: HomeChoice {
                                decky,
                                login: row.get(2)?,
                            },
                            name: row.get(3)?,
                            recipient: PersonaId(row.get(4)?),
                            iteration: row.get(5)?,
                            last: row.get(6)?,
                            seed: row.get::<_, i64>(7)?.cast_unsigned(),
                            mail_client: row.get(8)?,
                            topic: row.get(9)?,
                            language: row.get(10)?,
                            subject: row.get(11)?,
                            body: row.get(12)?,
                            written_by: Default::default(),
                        };
                        Ok((draft, (row.get(13)?, row.get(14)?, row.get(15)?)))
                    })?
                    .collect()
            })
            .map_err(ledger_error)?;
        found
            .into_iter()
            .map(|(draft, authorship)| {
                Ok(OpenDraft {
                    written_by: claim::written_by(draft.mail.0, authorship)?,
                    ..draft
                })
            })
            .collect()
    }

    fn decky_life(
        &mut self,
        after: DeckyId,
        limit: usize,
        open: &[ScheduleId],
    ) -> Result<Vec<DeckyLife>, LedgerError> {
        self.lives(
            "d.id > ?2 ORDER BY d.id LIMIT ?3",
            params![id_list(open), after.0, at_most(limit)],
        )
    }

    fn decky_life_of(
        &mut self,
        name: &str,
        open: &[ScheduleId],
    ) -> Result<Option<DeckyLife>, LedgerError> {
        self.lives("d.name = ?2", params![id_list(open), name])
            .map(|lives| lives.into_iter().next())
    }
}

impl Store {
    fn people(
        &self,
        sql: &str,
        decky: DeckyId,
    ) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_map(params![decky.0], |row| {
                        Ok((PersonaId(row.get(0)?), ScheduleId(row.get(1)?)))
                    })?
                    .collect()
            })
            .map_err(ledger_error)
    }

    /// How alive the deckies look that fulfil a condition.
    fn lives(
        &self,
        condition: &str,
        arguments: impl Params,
    ) -> Result<Vec<DeckyLife>, LedgerError> {
        let rows: Vec<(DeckyLife, Option<i64>)> = self
            .connection
            .prepare_cached(&format!("{LIFE} AND {condition}"))
            .and_then(|mut statement| statement.query_map(arguments, life)?.collect())
            .map_err(ledger_error)?;
        rows.into_iter()
            .map(|(life, last_change)| {
                Ok(DeckyLife {
                    last_change: last_change.map(moment).transpose()?,
                    ..life
                })
            })
            .collect()
    }
}

/// A row of [`LIFE`], its time apart.
fn life(row: &Row<'_>) -> rusqlite::Result<(DeckyLife, Option<i64>)> {
    let life = DeckyLife {
        id: DeckyId(row.get(0)?),
        name: row.get(1)?,
        last_change: None,
        owners: row.get(3)?,
        owner_at_work: row.get(4)?,
    };
    Ok((life, row.get(2)?))
}

/// Keeps the cause of a mail that is about to be let go.
pub(super) fn keep_cause(transaction: &Transaction<'_>, mail: i64) -> Result<(), LedgerError> {
    transaction
        .prepare_cached(
            "INSERT INTO past_cause (cause, mail_id, delivered)
             SELECT cause, id, state = 'delivered' FROM mail WHERE id = ?1 AND cause IS NOT NULL",
        )
        .and_then(|mut statement| statement.execute(params![mail]))
        .map_err(ledger_error)?;
    Ok(())
}

/// Whether a mail was planned for this cause.
pub(super) fn is_caused(transaction: &Transaction<'_>, cause: &str) -> Result<bool, LedgerError> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM mail WHERE cause = ?1)
                 OR EXISTS (SELECT 1 FROM past_cause WHERE cause = ?1)",
        )
        .and_then(|mut statement| statement.query_row(params![cause], |row| row.get(0)))
        .map_err(ledger_error)
}

/// Takes a mail to answer that nobody has answered, whether somebody was to or not. `false` if it is
/// not there, or answered.
pub(super) fn take_unanswered(
    transaction: &Transaction<'_>,
    parent: MailId,
) -> Result<bool, LedgerError> {
    let is_unanswered: bool = transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM mail WHERE id = ?1 AND state = 'delivered'
                                                 AND draft_iteration IS NULL)
                AND NOT EXISTS (SELECT 1 FROM mail WHERE parent_id = ?1)",
        )
        .and_then(|mut statement| statement.query_row(params![parent.0], |row| row.get(0)))
        .map_err(ledger_error)?;
    if is_unanswered {
        transaction
            .prepare_cached("DELETE FROM answer WHERE parent_id = ?1")
            .and_then(|mut statement| statement.execute(params![parent.0]))
            .map_err(ledger_error)?;
    }
    Ok(is_unanswered)
}

/// Whether a draft can be gone on with.
pub(super) fn goes_on(transaction: &Transaction<'_>, draft: MailId) -> Result<bool, LedgerError> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM mail WHERE id = ?1 AND state = 'delivered'
                                                 AND draft_replaced = 0)
                AND NOT EXISTS (SELECT 1 FROM mail WHERE draft_previous = ?1
                                                     AND state <> 'abandoned')",
        )
        .and_then(|mut statement| statement.query_row(params![draft.0], |row| row.get(0)))
        .map_err(ledger_error)
}

/// Lets an iteration of a draft take the place of the one before, which counts no more.
pub(super) fn replace(transaction: &Transaction<'_>, before: i64) -> Result<(), LedgerError> {
    for sql in [
        "UPDATE decky SET messages = max(0, messages - 1)
         WHERE id = (SELECT sender_home FROM mail
                     WHERE id = ?1 AND state = 'delivered' AND draft_replaced = 0)",
        "UPDATE mail SET draft_replaced = 1 WHERE id = ?1",
    ] {
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![before]))
            .map_err(ledger_error)?;
    }
    Ok(())
}
