//! Mail that may go.

use std::collections::BTreeSet;

use decnet_activity_driver::action::{Folder, MailLocation};
use decnet_emailgen::ledger::{ExpiredMail, LedgerError, MailId, Retention};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, ledger_error};
use crate::people::decky_by_id;
use crate::values::at_most;

/// The oldest mails, by planning, that are dated before `older_than` (microseconds). The newest
/// mail of all is never among them, so that no id is given twice. Neither is what lies on a decky
/// that is `spared`.
pub(super) fn aged(
    connection: &Connection,
    older_than: i64,
    spared: &BTreeSet<String>,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    // What stays must not keep from sight what comes after it, or nothing would go any more.
    let elsewhere = elsewhere(connection, spared)?;
    connection
        .prepare_cached(&format!(
            "SELECT id FROM (
                 SELECT id, sent_at, state FROM mail
                 WHERE id < (SELECT max(id) FROM mail) {elsewhere} ORDER BY id LIMIT ?2) old
             WHERE sent_at < ?1 AND state IN ('delivered', 'abandoned')
               AND NOT EXISTS (SELECT 1 FROM mail reply
                               WHERE reply.parent_id = old.id AND reply.claimable_at IS NOT NULL)"
        ))?
        .query_map(params![older_than, at_most(limit)], |row| row.get(0))?
        .collect()
}

/// Leaves out mail that lies on a decky of these names: a condition on `mail`, empty if there are
/// none.
fn elsewhere(connection: &Connection, spared: &BTreeSet<String>) -> rusqlite::Result<String> {
    let mut ids = Vec::with_capacity(spared.len());
    for name in spared {
        let id: Option<i64> = connection
            .prepare_cached("SELECT id FROM decky WHERE name = ?1")?
            .query_row(params![name], |row| row.get(0))
            .optional()?;
        ids.extend(id.map(|id| id.to_string()));
    }
    if ids.is_empty() {
        return Ok(String::new());
    }
    let ids = ids.join(", ");
    Ok(format!(
        "AND mail.sender_home NOT IN ({ids}) AND mail.recipient_home NOT IN ({ids})
         AND NOT EXISTS (SELECT 1 FROM mail_copy spared
                         WHERE spared.mail_id = mail.id AND spared.home_id IN ({ids}))"
    ))
}

/// The oldest mails on those deckies that hold more messages than retention allows.
pub(super) fn surplus(
    connection: &Connection,
    retention: &Retention,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let elsewhere = elsewhere(connection, &retention.spared)?;
    let most = i64::try_from(retention.messages_per_decky).unwrap_or(i64::MAX);
    let mut crowded = Vec::new();
    for decky in &retention.deckies {
        let messages: Option<i64> = connection
            .prepare_cached("SELECT messages FROM decky WHERE id = ?1")?
            .query_row(params![decky.0], |row| row.get(0))
            .optional()?;
        if let Some(surplus) = messages.map(|messages| messages - most)
            && surplus > 0
        {
            crowded.push((decky.0, surplus));
        }
    }
    let mut ids = Vec::new();
    for (decky, surplus) in crowded {
        let mut candidates = Vec::new();
        for on_it in [
            "mail WHERE sender_home = ?1",
            "mail WHERE recipient_home = ?1",
            "mail_copy c JOIN mail ON mail.id = c.mail_id WHERE c.home_id = ?1",
        ] {
            let oldest: Vec<(i64, i64)> = connection
                .prepare_cached(&format!(
                    "SELECT mail.id, (sender_home = ?1)
                                + (recipient_home = ?1 AND draft_iteration IS NULL)
                                + (SELECT count(*) FROM mail_copy own
                                   WHERE own.mail_id = mail.id AND own.home_id = ?1)
                     FROM {on_it} AND mail.state = 'delivered' AND mail.draft_replaced = 0
                       {elsewhere}
                       AND mail.id < (SELECT max(id) FROM mail)
                       AND NOT EXISTS (SELECT 1 FROM mail reply
                                       WHERE reply.parent_id = mail.id
                                         AND reply.claimable_at IS NOT NULL)
                     ORDER BY mail.id LIMIT ?2"
                ))?
                .query_map(params![decky, surplus.min(at_most(limit))], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect::<Result<_, _>>()?;
            candidates.extend(oldest);
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut left = surplus;
        for (id, messages) in candidates {
            if left <= 0 || ids.len() >= limit {
                break;
            }
            left -= messages;
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Where a mail lies.
pub(super) fn expired_mail(connection: &Connection, id: i64) -> Result<ExpiredMail, LedgerError> {
    type End = (i64, String, String, String);
    type Found = (End, End, bool, bool);
    let (inbox, sent, is_draft, is_replaced): Found = connection
        .prepare_cached(
            "SELECT m.recipient_home, m.recipient_login, r.email, m.inbox_name,
                    m.sender_home, m.sender_login, s.email, m.sent_name,
                    m.draft_iteration IS NOT NULL, m.draft_replaced
             FROM mail m JOIN persona r ON r.id = m.recipient_id
                         JOIN persona s ON s.id = m.sender_id
             WHERE m.id = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row(params![id], |row| {
                Ok((
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?),
                    (row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?),
                    row.get(8)?,
                    row.get(9)?,
                ))
            })
        })
        .map_err(ledger_error)?;
    let copies: Vec<(i64, String, String, String)> = connection
        .prepare_cached(
            "SELECT c.home_id, c.login, p.email, c.inbox_name
             FROM mail_copy c JOIN persona p ON p.id = c.persona_id
             WHERE c.mail_id = ?1 ORDER BY c.position",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![id], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    let mut ends = match (is_draft, is_replaced) {
        (false, _) => vec![(inbox, Folder::Inbox), (sent, Folder::Sent)],
        (true, false) => vec![(sent, Folder::Drafts)],
        (true, true) => Vec::new(),
    };
    ends.extend(copies.into_iter().map(|copy| (copy, Folder::Inbox)));
    let mut placements = Vec::with_capacity(ends.len());
    for ((decky, login, address, unique_name), folder) in ends {
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
