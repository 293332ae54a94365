//! Mail that may go.

use decnet_activity_driver::action::{Folder, MailLocation};
use decnet_emailgen::ledger::{DeckyId, ExpiredMail, LedgerError, MailId};
use rusqlite::{Connection, OptionalExtension, params};

use super::size;
use crate::error::{corrupt, ledger_error};
use crate::people::decky_by_id;

/// The oldest mails, by planning, that are dated before `older_than` (microseconds). The newest
/// mail of all is never among them, so that no id is given twice.
pub(super) fn aged(
    connection: &Connection,
    older_than: i64,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT id FROM (
                 SELECT id, sent_at, state FROM mail
                 WHERE id < (SELECT max(id) FROM mail) ORDER BY id LIMIT ?2) old
             WHERE sent_at < ?1 AND state IN ('delivered', 'abandoned')
               AND NOT EXISTS (SELECT 1 FROM mail reply
                               WHERE reply.parent_id = old.id AND reply.claimable_at IS NOT NULL)",
        )?
        .query_map(params![older_than, size(limit)], |row| row.get(0))?
        .collect()
}

/// The oldest mails on those of `deckies` that hold more than `most` messages.
pub(super) fn surplus(
    connection: &Connection,
    deckies: &[DeckyId],
    most: u64,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut crowded = Vec::new();
    for decky in deckies {
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
                    "SELECT mail.id, (sender_home = ?1) + (recipient_home = ?1)
                                + (SELECT count(*) FROM mail_copy own
                                   WHERE own.mail_id = mail.id AND own.home_id = ?1)
                     FROM {on_it} AND mail.state = 'delivered'
                       AND mail.id < (SELECT max(id) FROM mail)
                       AND NOT EXISTS (SELECT 1 FROM mail reply
                                       WHERE reply.parent_id = mail.id
                                         AND reply.claimable_at IS NOT NULL)
                     ORDER BY mail.id LIMIT ?2"
                ))?
                .query_map(params![decky, surplus.min(size(limit))], |row| {
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
    let mut ends = vec![(inbox, Folder::Inbox), (sent, Folder::Sent)];
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
