//! Taking over what an earlier tick left unfinished.

use chrono::{DateTime, Utc};
use decnet_emailgen::ledger::{
    ClaimedMail, ComposedMail, DeckyId, DraftBefore, DraftPlan, Home, HomeChoice, LedgerError,
    MailId, ParentMail, Party, PersonaId, PersonaListId, PlannedCopy, PlannedMail, RecipientField,
    ReplyTo, WrittenBy,
};
use decnet_realism::writer::Authorship;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{parse_field, parse_kind};
use crate::error::{corrupt, ledger_error};
use crate::people::{correspondent, decky_by_id, local_moment, moment};

pub(super) fn claim(
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
                       writer, mail_client, authorship, kind, client, thread_index, cause,
                       draft_iteration, draft_last, draft_seed, draft_previous,
                       draft_previous_name",
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
    written_by: (Option<String>, Option<String>, Option<String>),
    kind: String,
    client: String,
    thread_index: Option<String>,
    cause: Option<String>,
    /// Iteration, last one, seed.
    draft: Option<(u32, u32, i64)>,
    /// The iteration before, and its file.
    previous: Option<(i64, String)>,
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
            written_by: (row.get(24)?, row.get(25)?, row.get(26)?),
            kind: row.get(27)?,
            client: row.get(28)?,
            thread_index: row.get(29)?,
            cause: row.get(30)?,
            draft: match row.get(31)? {
                Some(iteration) => Some((iteration, row.get(32)?, row.get(33)?)),
                None => None,
            },
            previous: match row.get(34)? {
                Some(previous) => Some((previous, row.get(35)?)),
                None => None,
            },
        })
    }

    fn parse(self, connection: &Connection, id: i64) -> Result<ClaimedMail, LedgerError> {
        let nobody = || corrupt(format!("mail {id} names nobody"));
        let who = |(persona, decky, login): &(i64, i64, String)| {
            let mut who = correspondent(connection, PersonaId(*persona))?.ok_or_else(nobody)?;
            // The mail goes where it was planned to go, even if the persona moved since.
            let decky_id = DeckyId(*decky);
            let decky = decky_by_id(connection, *decky)?.ok_or_else(nobody)?;
            who.home = Some(Home {
                decky_id,
                decky,
                login: login.clone(),
            });
            Ok::<_, LedgerError>(who)
        };
        let sender = who(&self.sender)?;
        let recipient = who(&self.recipient)?;
        let parent = match self.parent {
            Some(parent) => parent_mail(connection, parent, self.sender.0)?,
            None => None,
        };
        let choice = |(_, decky, login): (i64, i64, String)| HomeChoice {
            decky: DeckyId(decky),
            login,
        };
        let mut copies = Vec::new();
        let mut copied = Vec::new();
        for copy in copies_of(connection, id)? {
            let place = (copy.recipient.0, copy.home.decky.0, copy.home.login.clone());
            copied.push(who(&place)?);
            copies.push(copy);
        }
        let [subject, references, new_text, text] = self.text;
        let written_by = written_by(id, self.written_by)?;
        let previous = self.previous.map(|(mail, name)| DraftBefore {
            mail: MailId(mail),
            name,
            subject: subject.clone(),
            body: new_text.clone(),
            written_by: written_by.clone(),
        });
        let composed = self.message.map(|message| ComposedMail {
            subject,
            references,
            new_text,
            text,
            message,
            thread_index: self.thread_index,
            written_by,
        });
        Ok(ClaimedMail {
            id: MailId(id),
            attempt: self.attempt,
            plan: PlannedMail {
                expected_id: MailId(id),
                seed: self.seed.cast_unsigned(),
                list: PersonaListId(self.list),
                sender: PersonaId(self.sender.0),
                sender_home: choice(self.sender),
                recipient: PersonaId(self.recipient.0),
                recipient_home: choice(self.recipient),
                copies,
                kind: parse_kind(&self.kind)?,
                mail_client: self.client,
                new_mail_programs: None,
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
                names: Vec::new(),
                cause: self.cause,
                draft: self.draft.map(|(iteration, last, seed)| DraftPlan {
                    iteration,
                    last,
                    seed: seed.cast_unsigned(),
                    before: previous,
                }),
            },
            sender,
            recipient,
            copies: copied,
            parent,
        })
    }
}

/// Who wrote a mail. Earlier versions kept less.
pub(super) fn written_by(
    id: i64,
    (writer, mail_client, json): (Option<String>, Option<String>, Option<String>),
) -> Result<WrittenBy, LedgerError> {
    let wrong = |error| corrupt(format!("mail {id}: authorship: {error}"));
    let authorship = match json {
        Some(json) => match serde_json::from_str::<WrittenBy>(&json) {
            Ok(written_by) => return Ok(written_by),
            Err(_) => serde_json::from_str(&json).map_err(wrong)?,
        },
        None => Authorship::of(writer.unwrap_or_default()),
    };
    Ok(WrittenBy {
        authorship,
        mail_client: mail_client.unwrap_or_default(),
        recalled: Vec::new(),
        remade_for: Vec::new(),
    })
}

/// Who else gets a mail.
pub(super) fn copies_of(connection: &Connection, id: i64) -> Result<Vec<PlannedCopy>, LedgerError> {
    let rows: Vec<(i64, i64, String, String, String)> = connection
        .prepare_cached(
            "SELECT persona_id, home_id, login, field, inbox_name FROM mail_copy
             WHERE mail_id = ?1 ORDER BY position",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![id], |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                    ))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    rows.into_iter()
        .map(|(persona, decky, login, field, inbox_name)| {
            Ok(PlannedCopy {
                recipient: PersonaId(persona),
                home: HomeChoice {
                    decky: DeckyId(decky),
                    login,
                },
                field: parse_field(&field)?,
                inbox_name,
            })
        })
        .collect()
}

/// Somebody in the headers of a mail.
pub(super) fn party(connection: &Connection, id: i64) -> Result<Party, LedgerError> {
    let (name, address) = connection
        .prepare_cached("SELECT definition ->> '$.name', email FROM persona WHERE id = ?1")
        .and_then(|mut statement| {
            statement.query_row(params![id], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(ledger_error)?;
    Ok(Party {
        id: PersonaId(id),
        name,
        address,
    })
}

/// A mail as the answer of `reader` needs it.
pub(super) fn parent_mail(
    connection: &Connection,
    id: i64,
    reader: i64,
) -> Result<Option<ParentMail>, LedgerError> {
    let found: Option<RawParent> = connection
        .prepare_cached(
            "SELECT thread_id, thread_length, message_id, ancestors, subject, new_text, text,
                    topic, language, inbox_name, sent_at, sent_offset, recipient_home,
                    recipient_login, thread_index, sender_id, recipient_id,
                    (SELECT first.sent_at FROM mail first WHERE first.id = mail.thread_id)
             FROM mail WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![id], |row| RawParent::read(row, id))
                .optional()
        })
        .map_err(ledger_error)?;
    let Some(RawParent {
        mut parent,
        sent_at: (sent_at, offset),
        thread_began,
        recipient,
    }) = found
    else {
        return Ok(None);
    };
    parent.sent_at = local_moment(sent_at, offset)?;
    parent.thread_began = moment(thread_began.unwrap_or(sent_at))?;
    parent.author = party(connection, parent.author.id.0)?;
    parent.recipients = vec![(party(connection, recipient)?, RecipientField::To)];
    for copy in copies_of(connection, id)? {
        let who = party(connection, copy.recipient.0)?;
        parent.recipients.push((who, copy.field));
        if copy.recipient.0 == reader && recipient != reader {
            parent.inbox_home = copy.home;
            parent.inbox_name = copy.inbox_name;
        }
    }
    Ok(Some(parent))
}

/// The row of a parent; who wrote and got it is looked up by their ids.
struct RawParent {
    parent: ParentMail,
    sent_at: (i64, i32),
    thread_began: Option<i64>,
    recipient: i64,
}

impl RawParent {
    fn read(row: &Row<'_>, id: i64) -> rusqlite::Result<Self> {
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
            thread_began: DateTime::UNIX_EPOCH,
            topic: row.get(7)?,
            language: row.get(8)?,
            author: Party {
                id: PersonaId(row.get(15)?),
                name: String::new(),
                address: String::new(),
            },
            recipients: Vec::new(),
            thread_index: row.get(14)?,
            inbox_home: HomeChoice {
                decky: DeckyId(row.get(12)?),
                login: row.get(13)?,
            },
            inbox_name: row.get(9)?,
        };
        Ok(Self {
            parent,
            sent_at: (row.get(10)?, row.get(11)?),
            thread_began: row.get(17)?,
            recipient: row.get(16)?,
        })
    }
}
