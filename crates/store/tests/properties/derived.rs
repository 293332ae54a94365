//! What the store derives, worked out from scratch.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Opens the database for reading, beside the store.
pub(crate) fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// Each query finds rows that should not be; its name says what is wrong.
const WRONG: &[(&str, &str)] = &[
    (
        "a sender slot that should not be",
        "SELECT sender_schedule, peer_schedule, persona_id FROM sender_slot
         EXCEPT SELECT p.schedule_id, q.schedule_id, p.id FROM persona p JOIN persona q
                ON q.list_id = p.list_id AND q.id <> p.id
                WHERE p.available AND q.available",
    ),
    (
        "a sender slot that is missing",
        "SELECT p.schedule_id, q.schedule_id, p.id FROM persona p JOIN persona q
         ON q.list_id = p.list_id AND q.id <> p.id
         WHERE p.available AND q.available
         EXCEPT SELECT sender_schedule, peer_schedule, persona_id FROM sender_slot",
    ),
    (
        "a gap among sender slots, or a wrong size",
        "SELECT sender_schedule, peer_schedule, count(*) FROM sender_slot
         GROUP BY 1, 2
         HAVING min(position) <> 0 OR max(position) <> count(*) - 1
             OR count(*) <> count(DISTINCT persona_id)
             OR count(*) <> (SELECT size FROM sender_class c
                             WHERE c.sender_schedule = sender_slot.sender_schedule
                               AND c.peer_schedule = sender_slot.peer_schedule)",
    ),
    (
        "a sender class without slots",
        "SELECT sender_schedule, peer_schedule, size FROM sender_class c
         WHERE NOT EXISTS (SELECT 1 FROM sender_slot s
                           WHERE s.sender_schedule = c.sender_schedule
                             AND s.peer_schedule = c.peer_schedule)",
    ),
    (
        "a home slot that should not be",
        "SELECT list_id, decky_id, 0 FROM home_slot
         EXCEPT SELECT list_id, id, 0 FROM decky
                WHERE running AND serves_mail AND refused IS NULL AND NOT removed",
    ),
    (
        "a home slot that is missing",
        "SELECT list_id, id, 0 FROM decky
         WHERE running AND serves_mail AND refused IS NULL AND NOT removed
         EXCEPT SELECT list_id, decky_id, 0 FROM home_slot",
    ),
    (
        "a gap among home slots",
        "SELECT list_id, count(*), 0 FROM home_slot GROUP BY 1
         HAVING min(position) <> 0 OR max(position) <> count(*) - 1",
    ),
    (
        "a wrong number of home slots",
        "SELECT id, home_slots, 0 FROM persona_list l
         WHERE home_slots <> (SELECT count(*) FROM home_slot h WHERE h.list_id = l.id)",
    ),
    (
        "an answer that is blocked or free by mistake",
        "SELECT parent_id, blocked, 0 FROM answer a
         WHERE blocked <> (SELECT min(available) = 0 FROM persona p
                           WHERE p.id IN (a.answerer_id, a.author_id))",
    ),
    (
        "an answer of the wrong people",
        "SELECT a.parent_id, a.answerer_id, a.author_id FROM answer a JOIN mail m ON m.id = a.parent_id
         WHERE m.sender_id <> a.author_id OR m.state <> 'delivered'
            OR a.answerer_id NOT IN (SELECT m.recipient_id UNION ALL SELECT c.persona_id
                                     FROM mail_copy c WHERE c.mail_id = m.id)",
    ),
    (
        "a wrong number of messages",
        "SELECT id, messages, 0 FROM decky d
         WHERE messages <> (SELECT count(*) FROM mail WHERE sender_home = d.id
                            AND state = 'delivered' AND draft_replaced = 0)
                         + (SELECT count(*) FROM mail WHERE recipient_home = d.id
                            AND state = 'delivered' AND draft_iteration IS NULL)
                         + (SELECT count(*) FROM mail_copy c JOIN mail m ON m.id = c.mail_id
                            WHERE c.home_id = d.id AND m.state = 'delivered')",
    ),
    (
        "a refused mail that is not tried again",
        "SELECT d.id, d.refused, 0 FROM decky d LEFT JOIN mail m ON m.id = d.refused
         WHERE d.refused IS NOT NULL AND m.claimable_at IS NULL",
    ),
    (
        "a home without its mailbox",
        "SELECT p.id, p.home_id, 0 FROM persona p
         WHERE p.home_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.decky_id = p.home_id
                           AND m.login = p.login AND m.persona_id = p.id)",
    ),
    (
        "a mail in work without a lease, or a finished one with one",
        "SELECT id, attempt, 0 FROM mail
         WHERE (claimable_at IS NULL) <> (state IN ('delivered', 'abandoned'))",
    ),
    (
        "a message that is kept for nothing",
        "SELECT id, attempt, 0 FROM mail
         WHERE message IS NOT NULL AND state IN ('delivered', 'abandoned')",
    ),
];

/// Asserts that nothing is wrong.
pub(crate) fn check(connection: &Connection) {
    for (what, sql) in WRONG {
        let mut statement = connection.prepare_cached(sql).unwrap();
        let rows = statement
            .query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            })
            .unwrap();
        let found: Vec<(i64, i64, i64)> = rows.collect::<Result<_, _>>().unwrap();
        assert!(found.is_empty(), "{what}: {found:?}");
    }
}
