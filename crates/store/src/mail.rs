//! The outbox, replies and draws.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use decnet_activity_driver::action::{Folder, MailLocation};
use decnet_activity_driver::decky::Decky;
use decnet_emailgen::ledger::{
    ClaimedMail, ComposedMail, Correspondent, DeckyId, DeliveredMail, DueReply, ExpiredMail,
    FailedMail, HomeChoice, LedgerError, MailDetails, MailFilter, MailId, MailLedger, MailSummary,
    MailboxOrigin, ParentMail, PersonaId, PersonaListId, PlanOutcome, PlannedMail, Recorded,
    ReplyTo, Retention, ScheduleId, Standstill, WrittenBy,
};
use decnet_realism::active_hours::Schedule;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::availability::{refresh_decky, refresh_list};
use crate::error::{corrupt, ledger_error};
use crate::events;
use crate::open::Store;
use crate::people::{correspondent, decky_by_id, local_moment, moment};

impl MailLedger for Store {
    fn next_mail_id(&mut self) -> Result<MailId, LedgerError> {
        self.connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'mail'")
            .and_then(|mut statement| {
                statement
                    .query_row([], |row| row.get::<_, i64>(0))
                    .optional()
            })
            .map(|last| MailId(last.unwrap_or(0) + 1))
            .map_err(ledger_error)
    }

    fn schedules(&mut self) -> Result<Vec<(ScheduleId, Schedule)>, LedgerError> {
        // Only schedules that somebody available keeps have a class.
        let rows: Vec<(i64, String)> = self
            .connection
            .prepare_cached(
                "SELECT id, definition FROM schedule
                 WHERE id IN (SELECT sender_schedule FROM sender_class)
                 ORDER BY id",
            )
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map_err(ledger_error)?;
        rows.into_iter()
            .map(|(id, definition)| {
                let schedule = Schedule::parse(&definition)
                    .map_err(|error| corrupt(format!("schedule {id}: {error}")))?;
                Ok((ScheduleId(id), schedule))
            })
            .collect()
    }

    fn draw_sender(
        &mut self,
        open: &[ScheduleId],
        lot: u64,
    ) -> Result<Option<Correspondent>, LedgerError> {
        let classes: Vec<(i64, i64, u64)> = self
            .connection
            .prepare_cached(
                "SELECT sender_schedule, peer_schedule, size FROM sender_class
                 ORDER BY sender_schedule, peer_schedule",
            )
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| {
                        Ok((
                            row.get(0)?,
                            row.get(1)?,
                            row.get::<_, i64>(2)?.cast_unsigned(),
                        ))
                    })?
                    .collect()
            })
            .map_err(ledger_error)?;
        let is_open = |id: i64| open.contains(&ScheduleId(id));
        let open_classes = || {
            classes
                .iter()
                .filter(|(sender, peer, _)| is_open(*sender) && is_open(*peer))
        };
        let total: u64 = open_classes().map(|(_, _, size)| size).sum();
        if total == 0 {
            return Ok(None);
        }
        let mut number = lot % total;
        for (sender, peer, size) in open_classes() {
            if number >= *size {
                number -= size;
                continue;
            }
            let persona: i64 = self
                .connection
                .prepare_cached(
                    "SELECT persona_id FROM sender_slot
                     WHERE sender_schedule = ?1 AND peer_schedule = ?2 AND position = ?3",
                )
                .and_then(|mut statement| {
                    statement.query_row(params![sender, peer, number.cast_signed()], |row| {
                        row.get(0)
                    })
                })
                .map_err(ledger_error)?;
            return correspondent(&self.connection, PersonaId(persona));
        }
        Ok(None)
    }

    fn draw_recipient(
        &mut self,
        sender: &Correspondent,
        open: &[ScheduleId],
        lot: u64,
    ) -> Result<Option<Correspondent>, LedgerError> {
        let colleagues: Vec<i64> = self
            .connection
            .prepare_cached(
                "SELECT id FROM persona
                 WHERE list_id = ?1 AND available = 1 AND id <> ?2
                   AND schedule_id IN (SELECT value FROM json_each(?3))
                 ORDER BY id",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![sender.list.0, sender.id.0, id_list(open)], |row| {
                        row.get(0)
                    })?
                    .collect()
            })
            .map_err(ledger_error)?;
        match drawn(&colleagues, lot) {
            Some(id) => correspondent(&self.connection, PersonaId(*id)),
            None => Ok(None),
        }
    }

    fn draw_home(
        &mut self,
        list: PersonaListId,
        lot: u64,
    ) -> Result<Option<(DeckyId, Arc<Decky>)>, LedgerError> {
        let slots: u64 = self
            .connection
            .prepare_cached("SELECT home_slots FROM persona_list WHERE id = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row(params![list.0], |row| row.get::<_, i64>(0))
                    .optional()
            })
            .map_err(ledger_error)?
            .unwrap_or(0)
            .cast_unsigned();
        if slots == 0 {
            return Ok(None);
        }
        let id: i64 = self
            .connection
            .prepare_cached("SELECT decky_id FROM home_slot WHERE list_id = ?1 AND position = ?2")
            .and_then(|mut statement| {
                statement.query_row(params![list.0, (lot % slots).cast_signed()], |row| {
                    row.get(0)
                })
            })
            .map_err(ledger_error)?;
        Ok(decky_by_id(&self.connection, id)?.map(|decky| (DeckyId(id), decky)))
    }

    fn named_home(
        &mut self,
        list: PersonaListId,
        name: &str,
    ) -> Result<Option<(DeckyId, Arc<Decky>)>, LedgerError> {
        let id: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT d.id FROM decky d JOIN home_slot h ON h.decky_id = d.id
                 WHERE d.name = ?2 AND d.list_id = ?1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![list.0, name], |row| row.get(0))
                    .optional()
            })
            .map_err(ledger_error)?;
        let Some(id) = id else { return Ok(None) };
        Ok(decky_by_id(&self.connection, id)?.map(|decky| (DeckyId(id), decky)))
    }

    fn login_taken(&mut self, decky: DeckyId, login: &str) -> Result<bool, LedgerError> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM mailbox WHERE decky_id = ?1 AND login = ?2)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![decky.0, login], |row| row.get(0))
            })
            .map_err(ledger_error)
    }

    fn mailbox_origin(
        &mut self,
        decky: DeckyId,
        login: &str,
    ) -> Result<Option<MailboxOrigin>, LedgerError> {
        let origin: Option<String> = self
            .connection
            .prepare_cached("SELECT origin FROM mailbox WHERE decky_id = ?1 AND login = ?2")
            .and_then(|mut statement| {
                statement
                    .query_row(params![decky.0, login], |row| row.get(0))
                    .optional()
            })
            .map_err(ledger_error)?;
        origin.map(|origin| parse_origin(&origin)).transpose()
    }

    fn record_mailbox(
        &mut self,
        persona: PersonaId,
        home: &HomeChoice,
        origin: MailboxOrigin,
    ) -> Result<(), LedgerError> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO mailbox (decky_id, login, persona_id, origin)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET origin = excluded.origin
                     WHERE origin = 'foreign' AND excluded.origin = 'adopted'",
                    params![home.decky.0, home.login, persona.0, origin_name(origin)],
                )
                .map_err(ledger_error)?;
            transaction
                .execute(
                    "UPDATE persona SET home_id = ?2, login = ?3
                     WHERE id = ?1 AND home_id IS NULL
                       AND EXISTS (SELECT 1 FROM mailbox m
                                   WHERE m.decky_id = ?2 AND m.login = ?3 AND m.persona_id = ?1)",
                    params![persona.0, home.decky.0, home.login],
                )
                .map_err(ledger_error)?;
            let list = list_of(transaction, persona)?;
            refresh_list(transaction, list)
        })
    }

    fn topics(&mut self, list: PersonaListId) -> Result<Arc<[String]>, LedgerError> {
        let topics: String = self
            .connection
            .prepare_cached("SELECT topics FROM persona_list WHERE id = ?1")
            .and_then(|mut statement| statement.query_row(params![list.0], |row| row.get(0)))
            .map_err(ledger_error)?;
        serde_json::from_str::<Vec<String>>(&topics)
            .map(Arc::from)
            .map_err(|error| corrupt(format!("topics of list {}: {error}", list.0)))
    }

    fn due_replies(
        &mut self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<DueReply>, LedgerError> {
        let due: Vec<(i64, i64, i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT parent_id, answerer_id, author_id, due_at FROM answer
                 WHERE blocked = 0 AND due_at <= ?1
                 ORDER BY due_at, parent_id LIMIT ?2",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![now.timestamp_micros(), size(limit)], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })?
                    .collect()
            })
            .map_err(ledger_error)?;
        let mut replies = Vec::with_capacity(due.len());
        for (parent, answerer, author, due_at) in due {
            let missing = || corrupt(format!("the answer to mail {parent} names nobody"));
            replies.push(DueReply {
                due_at: moment(due_at)?,
                answerer: correspondent(&self.connection, PersonaId(answerer))?
                    .ok_or_else(missing)?,
                author: correspondent(&self.connection, PersonaId(author))?.ok_or_else(missing)?,
                parent: parent_mail(&self.connection, parent)?.ok_or_else(missing)?,
            });
        }
        Ok(replies)
    }

    fn standstill(&mut self, _open: &[ScheduleId]) -> Result<Standstill, LedgerError> {
        let exists = |sql: &str| {
            self.connection
                .query_row(&format!("SELECT EXISTS ({sql})"), [], |row| {
                    row.get::<_, bool>(0)
                })
                .map_err(ledger_error)
        };
        if exists("SELECT 1 FROM sender_class")? {
            return Ok(Standstill::OutsideHours { next_opening: None });
        }
        if !exists("SELECT 1 FROM decky WHERE NOT removed")? {
            return Ok(Standstill::NoDeckies);
        }
        if !exists("SELECT 1 FROM decky WHERE running AND serves_mail AND NOT removed")? {
            return Ok(Standstill::NoRunningMailDecky);
        }
        let enough_people = exists(
            "SELECT 1 FROM persona_list l
             WHERE NOT l.removed
               AND EXISTS (SELECT 1 FROM decky d
                           WHERE d.list_id = l.id AND d.running AND d.serves_mail)
               AND (SELECT count(*) FROM persona p
                    WHERE p.list_id = l.id AND NOT p.removed AND p.problem IS NULL) > 1",
        )?;
        Ok(if enough_people {
            Standstill::NoUsableMailbox
        } else {
            Standstill::TooFewPersonas
        })
    }

    fn record_planned(
        &mut self,
        plans: &[PlannedMail],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<PlanOutcome>, LedgerError> {
        self.write(|transaction| {
            plans
                .iter()
                .map(|plan| insert_plan(transaction, plan, lease_until))
                .collect()
        })
    }

    fn record_composed(
        &mut self,
        id: MailId,
        attempt: u32,
        composed: &ComposedMail,
    ) -> Result<Recorded, LedgerError> {
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE mail SET state = 'composed', subject = ?3, ancestors = ?4,
                            new_text = ?5, text = ?6, message = ?7, writer = ?8, mail_client = ?9
                     WHERE id = ?1 AND attempt = ?2 AND claimable_at IS NOT NULL",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        id.0,
                        attempt,
                        composed.subject,
                        composed.references,
                        composed.new_text,
                        composed.text,
                        composed.message,
                        composed.written_by.writer,
                        composed.written_by.mail_client,
                    ])
                })
                .map_err(ledger_error)?;
            Ok(if changed == 1 {
                Recorded::Yes
            } else {
                Recorded::Overtaken
            })
        })
    }

    fn record_delivered(&mut self, mails: &[DeliveredMail]) -> Result<Vec<Recorded>, LedgerError> {
        let queue_events = self.queue_events;
        self.write(|transaction| {
            mails
                .iter()
                .map(|mail| {
                    let recorded = settle_delivered(transaction, mail)?;
                    if recorded == Recorded::Yes && queue_events {
                        events::queue(transaction, &mail.record)?;
                    }
                    Ok(recorded)
                })
                .collect()
        })
    }

    fn record_failed(&mut self, mails: &[FailedMail]) -> Result<Vec<Recorded>, LedgerError> {
        let queue_events = self.queue_events;
        self.write(|transaction| {
            mails
                .iter()
                .map(|mail| {
                    let recorded = settle_failed(transaction, mail)?;
                    if recorded == Recorded::Yes && queue_events {
                        events::queue(transaction, &mail.record)?;
                    }
                    Ok(recorded)
                })
                .collect()
        })
    }

    fn claim_unfinished(
        &mut self,
        wall_clock: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<ClaimedMail>, LedgerError> {
        let claimable = "SELECT id FROM mail WHERE claimable_at <= ?1 ORDER BY id LIMIT ?2";
        let any = self
            .connection
            .prepare_cached(claimable)
            .and_then(|mut statement| {
                statement.exists(params![wall_clock.timestamp_micros(), size(limit)])
            })
            .map_err(ledger_error)?;
        if !any {
            return Ok(Vec::new());
        }
        self.write(|transaction| {
            let ids: Vec<i64> = transaction
                .prepare_cached(claimable)
                .and_then(|mut statement| {
                    statement
                        .query_map(params![wall_clock.timestamp_micros(), size(limit)], |row| {
                            row.get(0)
                        })?
                        .collect()
                })
                .map_err(ledger_error)?;
            ids.into_iter()
                .map(|id| claim(transaction, id, lease_until))
                .collect()
        })
    }

    fn note_vanished(&mut self, id: MailId, folder: Folder) -> Result<(), LedgerError> {
        let column = match folder {
            Folder::Inbox => "inbox_vanished",
            Folder::Sent => "sent_vanished",
        };
        self.write(|transaction| {
            transaction
                .execute(
                    &format!("UPDATE mail SET {column} = 1 WHERE id = ?1"),
                    params![id.0],
                )
                .map_err(ledger_error)?;
            Ok(())
        })
    }

    fn expired(
        &mut self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<ExpiredMail>, LedgerError> {
        let mut ids: Vec<i64> = Vec::new();
        if let Some(older_than) = retention.older_than {
            ids = self
                .connection
                .prepare_cached(
                    "SELECT id FROM mail WHERE sent_at < ?1 AND state = 'delivered'
                     ORDER BY sent_at, id LIMIT ?2",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map(params![older_than.timestamp_micros(), size(limit)], |row| {
                            row.get(0)
                        })?
                        .collect()
                })
                .map_err(ledger_error)?;
        }
        if retention.messages_per_decky > 0 {
            ids.extend(
                self.surplus(retention.messages_per_decky, limit)
                    .map_err(ledger_error)?,
            );
        }
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(limit);
        ids.into_iter()
            .map(|id| expired_mail(&self.connection, id))
            .collect()
    }

    fn forget(&mut self, mails: &[MailId]) -> Result<(), LedgerError> {
        self.write(|transaction| {
            for mail in mails {
                count_messages(transaction, mail.0, -1)?;
                transaction
                    .prepare_cached("DELETE FROM mail WHERE id = ?1")
                    .and_then(|mut statement| statement.execute(params![mail.0]))
                    .map_err(ledger_error)?;
            }
            Ok(())
        })
    }

    fn mails(&mut self, filter: &MailFilter) -> Result<Vec<MailSummary>, LedgerError> {
        let limit = if filter.limit == 0 {
            i64::MAX
        } else {
            i64::try_from(filter.limit).unwrap_or(i64::MAX)
        };
        let rows: Vec<RawSummary> = self
            .connection
            .prepare_cached(&format!(
                "SELECT {SUMMARY_COLUMNS} {SUMMARY_TABLES}
                 WHERE (?1 IS NULL OR s.email = ?1 OR r.email = ?1)
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

    fn mail(&mut self, id: MailId) -> Result<Option<MailDetails>, LedgerError> {
        mail_details(&self.connection, id)
    }
}

impl Store {
    /// The oldest mails on deckies that hold more than `most` messages.
    fn surplus(&self, most: u64, limit: usize) -> rusqlite::Result<Vec<i64>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let crowded: Vec<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT id, messages - ?1 FROM decky WHERE messages > ?1 LIMIT 16")?
            .query_map(params![most], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut ids = Vec::new();
        for (decky, surplus) in crowded {
            let limit = surplus.min(size(limit));
            let oldest: Vec<i64> = self
                .connection
                .prepare_cached(
                    "SELECT id FROM (
                         SELECT id, sent_at FROM mail
                         WHERE sender_home = ?1 AND state = 'delivered'
                         UNION
                         SELECT id, sent_at FROM mail
                         WHERE recipient_home = ?1 AND state = 'delivered')
                     ORDER BY sent_at, id LIMIT ?2",
                )?
                .query_map(params![decky, limit], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            ids.extend(oldest);
        }
        Ok(ids)
    }
}

fn insert_plan(
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

fn settle_delivered(
    transaction: &Transaction<'_>,
    mail: &DeliveredMail,
) -> Result<Recorded, LedgerError> {
    let settled: Option<(i64, i64)> = transaction
        .prepare_cached(
            "UPDATE mail SET state = 'delivered', message = NULL, claimable_at = NULL,
                    error = NULL, record = ?3
             WHERE id = ?1 AND attempt = ?2 AND claimable_at IS NOT NULL
             RETURNING sender_id, recipient_id",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![mail.id.0, mail.attempt, mail.record], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
        .map_err(ledger_error)?;
    let Some((sender, recipient)) = settled else {
        return Ok(Recorded::Overtaken);
    };
    count_messages(transaction, mail.id.0, 1)?;
    unrefuse(transaction, mail.id)?;
    if let Some(due_at) = mail.answer_due_at {
        transaction
            .prepare_cached(
                "INSERT INTO answer (parent_id, answerer_id, author_id, due_at, blocked)
                 VALUES (?1, ?2, ?3, ?4,
                         (SELECT min(available) = 0 FROM persona WHERE id IN (?2, ?3)))",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    mail.id.0,
                    recipient,
                    sender,
                    due_at.timestamp_micros()
                ])
            })
            .map_err(ledger_error)?;
    }
    for follow_up in &mail.follow_ups {
        transaction
            .prepare_cached(
                "INSERT INTO follow_up (kind, cause, payload) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    follow_up.kind,
                    follow_up.cause,
                    follow_up.payload.to_string()
                ])
            })
            .map_err(ledger_error)?;
    }
    Ok(Recorded::Yes)
}

fn settle_failed(
    transaction: &Transaction<'_>,
    mail: &FailedMail,
) -> Result<Recorded, LedgerError> {
    let abandoned = mail.next_attempt_at.is_none();
    let changed = transaction
        .prepare_cached(
            "UPDATE mail SET state = ?3, error = ?4, claimable_at = ?5, record = ?6,
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
             WHERE m.id = ?1 AND d.refused = ?1",
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

fn claim(
    transaction: &Transaction<'_>,
    id: i64,
    lease_until: DateTime<Utc>,
) -> Result<ClaimedMail, LedgerError> {
    let mail: RawClaim = transaction
        .prepare_cached(
            "UPDATE mail SET attempt = attempt + 1, claimable_at = ?2 WHERE id = ?1
             RETURNING attempt, seed, list_id, sender_id, sender_home, sender_login,
                       recipient_id, recipient_home, recipient_login, parent_id, thread_id,
                       thread_length, topic, language, sent_at, sent_offset, message_id,
                       inbox_name, sent_name, subject, ancestors, new_text, text, message,
                       writer, mail_client",
        )
        .and_then(|mut statement| {
            statement.query_row(params![id, lease_until.timestamp_micros()], RawClaim::read)
        })
        .map_err(ledger_error)?;
    mail.parse(transaction, id)
}

/// The row of a claimed mail.
struct RawClaim {
    attempt: u32,
    seed: i64,
    list: i64,
    sender: (i64, i64, String),
    recipient: (i64, i64, String),
    parent: Option<i64>,
    thread: i64,
    thread_length: u32,
    topic: String,
    language: String,
    sent_at: (i64, i32),
    message_id: String,
    inbox_name: String,
    sent_name: String,
    text: [String; 4],
    message: Option<Vec<u8>>,
    written_by: (Option<String>, Option<String>),
}

impl RawClaim {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            attempt: row.get(0)?,
            seed: row.get(1)?,
            list: row.get(2)?,
            sender: (row.get(3)?, row.get(4)?, row.get(5)?),
            recipient: (row.get(6)?, row.get(7)?, row.get(8)?),
            parent: row.get(9)?,
            thread: row.get(10)?,
            thread_length: row.get(11)?,
            topic: row.get(12)?,
            language: row.get(13)?,
            sent_at: (row.get(14)?, row.get(15)?),
            message_id: row.get(16)?,
            inbox_name: row.get(17)?,
            sent_name: row.get(18)?,
            text: [row.get(19)?, row.get(20)?, row.get(21)?, row.get(22)?],
            message: row.get(23)?,
            written_by: (row.get(24)?, row.get(25)?),
        })
    }

    fn parse(self, connection: &Connection, id: i64) -> Result<ClaimedMail, LedgerError> {
        let nobody = || corrupt(format!("mail {id} names nobody"));
        let who = |(persona, decky, login): &(i64, i64, String)| {
            let mut who = correspondent(connection, PersonaId(*persona))?.ok_or_else(nobody)?;
            // The mail goes where it was planned to go, even if the persona moved since.
            let decky_id = DeckyId(*decky);
            let decky = decky_by_id(connection, *decky)?.ok_or_else(nobody)?;
            who.home = Some(decnet_emailgen::ledger::Home {
                decky_id,
                decky,
                login: login.clone(),
            });
            Ok::<_, LedgerError>(who)
        };
        let sender = who(&self.sender)?;
        let recipient = who(&self.recipient)?;
        let parent = match self.parent {
            Some(parent) => parent_mail(connection, parent)?,
            None => None,
        };
        let choice = |(_, decky, login): (i64, i64, String)| HomeChoice {
            decky: DeckyId(decky),
            login,
        };
        let [subject, references, new_text, text] = self.text;
        let composed = self.message.map(|message| ComposedMail {
            subject,
            references,
            new_text,
            text,
            message,
            written_by: WrittenBy {
                writer: self.written_by.0.unwrap_or_default(),
                mail_client: self.written_by.1.unwrap_or_default(),
            },
        });
        Ok(ClaimedMail {
            id: MailId(id),
            attempt: self.attempt,
            plan: PlannedMail {
                seed: self.seed.cast_unsigned(),
                list: PersonaListId(self.list),
                sender: PersonaId(self.sender.0),
                sender_home: choice(self.sender),
                recipient: PersonaId(self.recipient.0),
                recipient_home: choice(self.recipient),
                reply_to: self.parent.map(|parent| ReplyTo {
                    parent: MailId(parent),
                    thread: MailId(self.thread),
                    thread_length: self.thread_length,
                }),
                topic: self.topic,
                language: self.language,
                sent_at: local_moment(self.sent_at.0, self.sent_at.1)?,
                message_id: self.message_id,
                inbox_name: self.inbox_name,
                sent_name: self.sent_name,
                composed,
            },
            sender,
            recipient,
            parent,
        })
    }
}

fn parent_mail(connection: &Connection, id: i64) -> Result<Option<ParentMail>, LedgerError> {
    let found: Option<(ParentMail, i64, i32)> = connection
        .prepare_cached(
            "SELECT thread_id, thread_length, message_id, ancestors, subject, new_text, text,
                    topic, language, inbox_name, sent_at, sent_offset
             FROM mail WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![id], |row| {
                    let parent = ParentMail {
                        id: MailId(id),
                        thread: MailId(row.get(0)?),
                        thread_length: row.get(1)?,
                        message_id: row.get(2)?,
                        references: row.get(3)?,
                        subject: row.get(4)?,
                        new_text: row.get(5)?,
                        text: row.get(6)?,
                        sent_at: DateTime::UNIX_EPOCH.fixed_offset(),
                        topic: row.get(7)?,
                        language: row.get(8)?,
                        inbox_name: row.get(9)?,
                    };
                    Ok((parent, row.get(10)?, row.get(11)?))
                })
                .optional()
        })
        .map_err(ledger_error)?;
    found
        .map(|(parent, sent_at, offset)| {
            Ok(ParentMail {
                sent_at: local_moment(sent_at, offset)?,
                ..parent
            })
        })
        .transpose()
}

fn expired_mail(connection: &Connection, id: i64) -> Result<ExpiredMail, LedgerError> {
    type Found = ((i64, String, String, String), (i64, String, String, String));
    let (inbox, sent): Found = connection
        .prepare_cached(
            "SELECT m.recipient_home, m.recipient_login, r.email, m.inbox_name,
                    m.sender_home, m.sender_login, s.email, m.sent_name
             FROM mail m JOIN persona r ON r.id = m.recipient_id
                         JOIN persona s ON s.id = m.sender_id
             WHERE m.id = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row(params![id], |row| {
                Ok((
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?),
                    (row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?),
                ))
            })
        })
        .map_err(ledger_error)?;
    let mut placements = Vec::with_capacity(2);
    for ((decky, login, address, unique_name), folder) in
        [(inbox, Folder::Inbox), (sent, Folder::Sent)]
    {
        let decky = decky_by_id(connection, decky)?
            .ok_or_else(|| corrupt(format!("mail {id} lies on no decky")))?;
        let location = MailLocation {
            login,
            address,
            folder,
            unique_name,
        };
        placements.push((decky, location));
    }
    Ok(ExpiredMail {
        id: MailId(id),
        placements,
    })
}

/// Counts the two messages of a mail on the deckies they lie on.
fn count_messages(transaction: &Transaction<'_>, mail: i64, by: i64) -> Result<(), LedgerError> {
    for column in ["sender_home", "recipient_home"] {
        transaction
            .prepare_cached(&format!(
                "UPDATE decky SET messages = max(0, messages + ?2)
                 WHERE id = (SELECT {column} FROM mail WHERE id = ?1)"
            ))
            .and_then(|mut statement| statement.execute(params![mail, by]))
            .map_err(ledger_error)?;
    }
    Ok(())
}

fn mail_details(connection: &Connection, id: MailId) -> Result<Option<MailDetails>, LedgerError> {
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
                        row.get(11)?,
                        row.get(12)?,
                        row.get(13)?,
                        row.get(14)?,
                        row.get(15)?,
                        row.get(16)?,
                        row.get(17)?,
                        row.get(18)?,
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
        vanished_from.push(Folder::Sent);
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
    r.email, m.subject, m.message_id, m.attempt, m.error";
const SUMMARY_TABLES: &str = "FROM mail m JOIN persona s ON s.id = m.sender_id
    JOIN persona r ON r.id = m.recipient_id";

/// A row of [`SUMMARY_COLUMNS`].
struct RawSummary {
    sent_at: (i64, i32),
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
            },
        })
    }

    fn parse(self) -> Result<MailSummary, LedgerError> {
        Ok(MailSummary {
            sent_at: local_moment(self.sent_at.0, self.sent_at.1)?,
            ..self.summary
        })
    }
}

fn list_of(connection: &Connection, persona: PersonaId) -> Result<i64, LedgerError> {
    connection
        .prepare_cached("SELECT list_id FROM persona WHERE id = ?1")
        .and_then(|mut statement| statement.query_row(params![persona.0], |row| row.get(0)))
        .map_err(ledger_error)
}

fn origin_name(origin: MailboxOrigin) -> &'static str {
    match origin {
        MailboxOrigin::Made => "made",
        MailboxOrigin::Adopted => "adopted",
        MailboxOrigin::Foreign => "foreign",
    }
}

fn parse_origin(name: &str) -> Result<MailboxOrigin, LedgerError> {
    match name {
        "made" => Ok(MailboxOrigin::Made),
        "adopted" => Ok(MailboxOrigin::Adopted),
        "foreign" => Ok(MailboxOrigin::Foreign),
        other => Err(corrupt(format!("a mailbox of origin {other:?}"))),
    }
}

fn id_list(ids: &[ScheduleId]) -> String {
    let mut list = String::from("[");
    for (at, id) in ids.iter().enumerate() {
        if at > 0 {
            list.push(',');
        }
        list.push_str(&id.0.to_string());
    }
    list.push(']');
    list
}

fn drawn<T>(items: &[T], lot: u64) -> Option<&T> {
    let count = u64::try_from(items.len()).ok().filter(|count| *count > 0)?;
    items.get(usize::try_from(lot % count).ok()?)
}

/// A limit as SQLite takes it.
fn size(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
