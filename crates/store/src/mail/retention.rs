//! Mail that may go.

use decnet_activity_driver::action::{Folder, MailLocation};
use decnet_emailgen::ledger::{ExpiredMail, LedgerError, MailId};
use rusqlite::{Connection, params};

use super::size;
use crate::error::{corrupt, ledger_error};
use crate::people::decky_by_id;

/// The oldest mails on deckies that hold more than `most` messages.
pub(super) fn surplus(
    connection: &Connection,
    most: u64,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let crowded: Vec<(i64, i64)> = connection
        .prepare_cached("SELECT id, messages - ?1 FROM decky WHERE messages > ?1 LIMIT 16")?
        .query_map(params![most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut ids = Vec::new();
    for (decky, surplus) in crowded {
        let limit = surplus.min(size(limit));
        let oldest: Vec<i64> = connection
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
