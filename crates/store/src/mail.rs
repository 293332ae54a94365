//! The outbox, replies and draws.

mod claim;
mod correspondence;
mod knowledge;
mod listing;
mod nudge;
mod outcome;
mod planning;
mod retention;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use decnet_activity_driver::action::Folder;
use decnet_activity_driver::decky::Decky;
use decnet_emailgen::ledger::{
    ClaimedMail, ComposedMail, Correspondent, DeckyId, DeliveredMail, DueReply, ExpiredMail,
    FailedMail, HomeChoice, LedgerError, MailDetails, MailFilter, MailId, MailKind, MailLedger,
    MailSummary, MailboxOrigin, PersonaId, PersonaListId, PlanOutcome, PlannedMail, RecipientField,
    Recorded, Retention, ScheduleId, Standstill, UnreadMail, WrittenBy,
};
use decnet_emailgen::random::{Purpose, sub_seed};
use decnet_realism::active_hours::Schedule;
use rusqlite::{Connection, OptionalExtension, params};

use crate::availability::refresh_list;
use crate::error::{corrupt, ledger_error};
use crate::events;
use crate::open::Store;
use crate::people::{correspondent, decky_by_id, moment};
use crate::values::at_most;

/// Slots looked at for one sender. Each one is right with a chance of one in as many schedules as
/// their colleagues keep, so more are hardly ever needed.
const MOST_SLOTS: u32 = 256;

impl MailLedger for Store {
    fn next_mail_id(&mut self) -> Result<MailId, LedgerError> {
        self.connection
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM mail")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map(MailId)
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
        // Who has colleagues of several open schedules has a slot for each; only the first counts,
        // so that everybody is drawn as often.
        let mut lot = lot;
        for draw in 1..=MOST_SLOTS {
            let mut number = lot % total;
            for (sender, peer, size) in open_classes() {
                if number >= *size {
                    number -= size;
                    continue;
                }
                let (persona, is_first) = self
                    .sender_at(*sender, *peer, number, open)
                    .map_err(ledger_error)?;
                if is_first || draw == MOST_SLOTS {
                    return correspondent(&self.connection, persona);
                }
                break;
            }
            lot = sub_seed(lot, Purpose::Picker);
        }
        Ok(None)
    }

    fn correspondent(&mut self, id: PersonaId) -> Result<Option<Correspondent>, LedgerError> {
        let is_available = self
            .connection
            .prepare_cached("SELECT available FROM persona WHERE id = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row(params![id.0], |row| row.get::<_, bool>(0))
                    .optional()
            })
            .map_err(ledger_error)?;
        match is_available {
            Some(true) => correspondent(&self.connection, id),
            Some(false) | None => Ok(None),
        }
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
                    .query_map(params![now.timestamp_micros(), at_most(limit)], |row| {
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
                parent: claim::parent_mail(&self.connection, parent, answerer)?
                    .ok_or_else(missing)?,
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
                           WHERE d.list_id = l.id AND d.running AND d.serves_mail
                             AND NOT d.removed)
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
                .map(|plan| planning::insert_plan(transaction, plan, lease_until))
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
                            new_text = ?5, text = ?6, message = ?7, writer = ?8, mail_client = ?9,
                            authorship = ?10, thread_index = ?11
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
                        composed.written_by.authorship.writer,
                        composed.written_by.mail_client,
                        written_by_json(&composed.written_by),
                        composed.thread_index,
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
                    let recorded = outcome::settle_delivered(transaction, mail)?;
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
                    let recorded = outcome::settle_failed(transaction, mail)?;
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
        let claimable = "SELECT id FROM mail INDEXED BY mail_claimable
                         WHERE claimable_at <= ?1 ORDER BY id LIMIT ?2";
        let any = self
            .connection
            .prepare_cached(claimable)
            .and_then(|mut statement| {
                statement.exists(params![wall_clock.timestamp_micros(), at_most(limit)])
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
                        .query_map(
                            params![wall_clock.timestamp_micros(), at_most(limit)],
                            |row| row.get(0),
                        )?
                        .collect()
                })
                .map_err(ledger_error)?;
            ids.into_iter()
                .map(|id| claim::claim(transaction, id, lease_until))
                .collect()
        })
    }

    fn unread(
        &mut self,
        reader: PersonaId,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<UnreadMail>, LedgerError> {
        self.connection
            .prepare_cached(
                "SELECT m.id AS id, m.inbox_name
                 FROM mail m INDEXED BY mail_unread JOIN persona p ON p.id = m.recipient_id
                 WHERE m.recipient_id = ?1 AND m.sent_at < ?2
                   AND m.state = 'delivered' AND m.is_read = 0
                   AND m.recipient_home = p.home_id AND m.recipient_login = p.login
                 UNION ALL
                 SELECT m.id, c.inbox_name
                 FROM mail_copy c INDEXED BY mail_copy_unread
                 JOIN mail m ON m.id = c.mail_id JOIN persona p ON p.id = c.persona_id
                 WHERE c.persona_id = ?1 AND c.is_read = 0 AND m.sent_at < ?2
                   AND m.state = 'delivered'
                   AND c.home_id = p.home_id AND c.login = p.login
                 ORDER BY id LIMIT ?3",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(
                        params![reader.0, before.timestamp_micros(), at_most(limit)],
                        |row| {
                            Ok(UnreadMail {
                                id: MailId(row.get(0)?),
                                inbox_name: row.get(1)?,
                            })
                        },
                    )?
                    .collect()
            })
            .map_err(ledger_error)
    }

    fn note_vanished(&mut self, id: MailId, folder: Folder) -> Result<(), LedgerError> {
        let (column, is_draft) = match folder {
            Folder::Inbox => ("inbox_vanished", false),
            Folder::Sent => ("sent_vanished", false),
            Folder::Drafts => ("sent_vanished", true),
        };
        self.write(|transaction| {
            transaction
                .execute(
                    &format!(
                        "UPDATE mail SET {column} = 1
                         WHERE id = ?1 AND (draft_iteration IS NOT NULL) = ?2"
                    ),
                    params![id.0, is_draft],
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
        let mut ids = match retention.older_than {
            Some(older_than) => {
                let older_than = older_than.timestamp_micros();
                retention::aged(&self.connection, older_than, &retention.spared, limit)
                    .map_err(ledger_error)?
            }
            None => Vec::new(),
        };
        if retention.messages_per_decky > 0 {
            ids.extend(
                retention::surplus(&self.connection, retention, limit).map_err(ledger_error)?,
            );
        }
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(limit);
        ids.into_iter()
            .map(|id| retention::expired_mail(&self.connection, id))
            .collect()
    }

    fn forget(&mut self, mails: &[MailId]) -> Result<(), LedgerError> {
        self.write(|transaction| {
            for mail in mails {
                let needed: bool = transaction
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM mail
                                        WHERE parent_id = ?1 AND claimable_at IS NOT NULL)",
                    )
                    .and_then(|mut statement| {
                        statement.query_row(params![mail.0], |row| row.get(0))
                    })
                    .map_err(ledger_error)?;
                if needed {
                    continue;
                }
                outcome::count_messages(transaction, mail.0, -1, None)?;
                nudge::keep_cause(transaction, mail.0)?;
                transaction
                    .prepare_cached("DELETE FROM mail WHERE id = ?1")
                    .and_then(|mut statement| statement.execute(params![mail.0]))
                    .map_err(ledger_error)?;
            }
            Ok(())
        })
    }

    fn mails(&mut self, filter: &MailFilter) -> Result<Vec<MailSummary>, LedgerError> {
        listing::mails(&self.connection, filter)
    }

    fn mail(&mut self, id: MailId) -> Result<Option<MailDetails>, LedgerError> {
        listing::mail_details(&self.connection, id)
    }
}

impl Store {
    /// The persona in a slot, and whether it is the first of their slots for an `open` schedule.
    fn sender_at(
        &self,
        sender: i64,
        peer: i64,
        position: u64,
        open: &[ScheduleId],
    ) -> rusqlite::Result<(PersonaId, bool)> {
        let persona: i64 = self
            .connection
            .prepare_cached(
                "SELECT persona_id FROM sender_slot
                 WHERE sender_schedule = ?1 AND peer_schedule = ?2 AND position = ?3",
            )?
            .query_row(params![sender, peer, position.cast_signed()], |row| {
                row.get(0)
            })?;
        let mut statement = self.connection.prepare_cached(
            "SELECT peer_schedule FROM sender_slot WHERE persona_id = ?1 AND peer_schedule < ?2",
        )?;
        let mut earlier = statement.query(params![persona, peer])?;
        while let Some(row) = earlier.next()? {
            if open.contains(&ScheduleId(row.get(0)?)) {
                return Ok((PersonaId(persona), false));
            }
        }
        Ok((PersonaId(persona), true))
    }
}

fn kind_name(kind: MailKind) -> &'static str {
    match kind {
        MailKind::New => "new",
        MailKind::Reply => "reply",
        MailKind::Forward => "forward",
        MailKind::ReplyToUnseen => "reply-to-unseen",
    }
}

fn parse_kind(name: &str) -> Result<MailKind, LedgerError> {
    [
        MailKind::New,
        MailKind::Reply,
        MailKind::Forward,
        MailKind::ReplyToUnseen,
    ]
    .into_iter()
    .find(|kind| kind_name(*kind) == name)
    .ok_or_else(|| corrupt(format!("a mail of kind {name:?}")))
}

fn field_name(field: RecipientField) -> &'static str {
    match field {
        RecipientField::To => "to",
        RecipientField::Cc => "cc",
    }
}

fn parse_field(name: &str) -> Result<RecipientField, LedgerError> {
    [RecipientField::To, RecipientField::Cc]
        .into_iter()
        .find(|field| field_name(*field) == name)
        .ok_or_else(|| corrupt(format!("a recipient in {name:?}")))
}

/// Who wrote a mail, for the record.
fn written_by_json(written_by: &WrittenBy) -> String {
    // Strings, numbers and lists only: serialising them cannot fail.
    serde_json::to_string(written_by).unwrap_or_default()
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
