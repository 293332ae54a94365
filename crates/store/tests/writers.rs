//! Many writers on one file, and transactions that fail.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use decnet_activity_driver::action::Folder;
use decnet_emailgen::conformance::{Desk, composed, everyone_always};
use decnet_emailgen::ledger::{
    ComingAnswer, DeliveredMail, FollowUp, HomeChoice, MailFilter, MailId, MailKind, MailLedger,
    PersonaId, PlanOutcome, PlannedMail, Recorded, ReplyTo,
};
use decnet_emailgen::world::WorldLedger;
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::Connection;

const WRITERS: u64 = 8;
const MAILS: u64 = 50;

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        queue_events: true,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

fn delivery(id: MailId, answerer: PersonaId, minutes: i64) -> DeliveredMail {
    DeliveredMail {
        id,
        attempt: 1,
        record: format!("{{\"mail\":{}}}", id.0),
        answer: Some(ComingAnswer {
            answerer,
            due_at: Desk::at(minutes),
        }),
        follow_ups: vec![FollowUp {
            kind: "memory.remember".to_owned(),
            payload: serde_json::json!({"mail": id.0}),
            cause: format!("mail {}", id.0),
        }],
        read: Vec::new(),
        vanished: Vec::new(),
    }
}

/// A thread, or the oldest reply that is due: every second mail, so that writers race for replies
/// and for new mailboxes.
fn plan(store: &mut Store, writer: u64, number: u64) -> PlannedMail {
    let lot = writer.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xbf58_476d);
    let open: Vec<_> = store
        .schedules()
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let due = match number % 2 {
        0 => None,
        _ => store.due_replies(Desk::at(1_000), 1).unwrap().pop(),
    };
    let (sender, recipient, reply_to) = match due {
        Some(due) => {
            let reply_to = ReplyTo {
                parent: due.parent.id,
                thread: due.parent.thread,
                thread_length: due.parent.thread_length + 1,
            };
            (due.answerer, due.author, Some(reply_to))
        }
        None => {
            let sender = store.draw_sender(&open, lot).unwrap().unwrap();
            let recipient = store
                .draw_recipient(&sender, &open, lot >> 20)
                .unwrap()
                .unwrap();
            (sender, recipient, None)
        }
    };
    let mut home = |who: &decnet_emailgen::ledger::Correspondent| match &who.home {
        Some(home) => HomeChoice {
            decky: home.decky_id,
            login: home.login.clone(),
        },
        None => HomeChoice {
            decky: store.draw_home(who.list, lot).unwrap().unwrap().0,
            login: who.persona.email.local().to_owned(),
        },
    };
    PlannedMail {
        sender_home: home(&sender),
        recipient_home: home(&recipient),
        expected_id: store.next_mail_id().unwrap(),
        seed: lot,
        list: sender.list,
        sender: sender.id,
        recipient: recipient.id,
        copies: Vec::new(),
        kind: match reply_to {
            Some(_) => MailKind::Reply,
            None => MailKind::New,
        },
        mail_client: "thunderbird".to_owned(),
        new_mail_programs: None,
        reply_to,
        topic: "budget".to_owned(),
        language: "en".to_owned(),
        sent_at: Desk::at(0).fixed_offset(),
        message_id: format!("<{writer}.{number}@corp.example>"),
        inbox_name: format!("{writer}.{number}"),
        sent_name: format!("{writer}.{number}"),
        composed: Some(composed("the move")),
        names: Vec::new(),
        cause: None,
        draft: None,
    }
}

#[test]
fn writers_queue_and_nobody_writes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let names = ["Ana", "Bob", "Cy", "Dan", "Eli", "Fay"];
    Desk::new(&mut store).apply(&everyone_always(&names, &["mx1", "mx2", "mx3"]));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = &path;
            scope.spawn(move || {
                let mut store = open(path);
                let mut number = 0;
                let mut conflicts = 0;
                while number < MAILS {
                    let plan = plan(&mut store, writer, number);
                    let lease = Desk::at(10_000);
                    let answerer = plan.recipient;
                    let outcome = store.record_planned(&[plan], lease).unwrap().remove(0);
                    let PlanOutcome::Planned(id) = outcome else {
                        conflicts += 1;
                        assert!(conflicts < 10_000, "writer {writer} never gets through");
                        continue;
                    };
                    assert!(
                        store
                            .claim_unfinished(Desk::at(0), lease, 5)
                            .unwrap()
                            .is_empty()
                    );
                    let recorded = store
                        .record_delivered(&[delivery(id, answerer, 5)])
                        .unwrap();
                    assert_eq!(recorded, [Recorded::Yes]);
                    number += 1;
                }
            });
        }
    });
    let mails = store.mails(&MailFilter::default()).unwrap();
    let total = usize::try_from(WRITERS * MAILS).unwrap();
    assert_eq!(mails.len(), total);
    assert!(mails.iter().all(|mail| mail.state == "delivered"));
    let ids: BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), total);
    let mut answered = BTreeSet::new();
    for mail in &mails {
        if let Some(parent) = store.mail(mail.id).unwrap().unwrap().parent {
            assert!(
                answered.insert(parent),
                "mail {} is answered twice",
                parent.0
            );
        }
    }
    assert!(!answered.is_empty());
    let messages: u64 = store
        .world()
        .unwrap()
        .deckies
        .iter()
        .map(|view| view.messages)
        .sum();
    assert_eq!(messages, 2 * WRITERS * MAILS);
    let events = store.events_after(0).unwrap();
    assert_eq!(events.len(), total);
    assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
    let reader = Connection::open(&path).unwrap();
    let count = |sql: &str| {
        reader
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let follow_ups = count("SELECT count(*) FROM job WHERE due_at = 0");
    assert_eq!(usize::try_from(follow_ups).unwrap(), total);
    let homeless = "SELECT count(*) FROM persona WHERE home_id IS NULL";
    assert_eq!(count(homeless), 0);
    let mailboxes = count("SELECT count(*) FROM mailbox");
    assert_eq!(mailboxes, 6, "one for each");
}

#[test]
fn a_claim_goes_to_one_of_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let mut desk = Desk::new(&mut store);
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    for _ in 0..40 {
        let plan = desk.plan("ana@corp.example", "bob@corp.example");
        desk.planned(&plan);
    }
    let claimed: Vec<Vec<_>> = thread::scope(|scope| {
        let claimers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = open(&path);
                    let mut ids = Vec::new();
                    loop {
                        let found = store
                            .claim_unfinished(Desk::at(60), Desk::at(120), 3)
                            .unwrap();
                        if found.is_empty() {
                            return ids;
                        }
                        ids.extend(found.iter().map(|mail| (mail.id, mail.attempt)));
                    }
                })
            })
            .collect();
        claimers
            .into_iter()
            .map(|claimer| claimer.join().unwrap())
            .collect()
    });
    let all: Vec<_> = claimed.into_iter().flatten().collect();
    assert_eq!(all.len(), 40);
    assert!(all.iter().all(|(_, attempt)| *attempt == 2));
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 40);
}

/// Everything in the database, as text.
fn dump(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let names: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut lines = Vec::new();
    for name in names {
        let mut rows = connection
            .prepare(&format!("SELECT * FROM {name}"))
            .unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|at| row.get_ref(at).unwrap()).collect();
            lines.push(format!("{name}: {values:?}"));
        }
    }
    lines
}

#[test]
fn a_transaction_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let mut desk = Desk::new(&mut store);
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    desk.deliver("ana@corp.example", "bob@corp.example", Some(30));
    let due = desk.due(30).remove(0);
    let reply = desk.plan_reply(&due);
    let open_mail = desk.plan("ana@corp.example", "bob@corp.example");
    let answerer = open_mail.recipient;
    let open_mail = desk.planned(&open_mail);
    let to_cy = desk.plan("ana@corp.example", "cy@corp.example");
    // The disk fails in the middle of each transaction.
    let saboteur = Connection::open(&path).unwrap();
    let sabotage = |table: &str, event: &str| {
        saboteur
            .execute_batch(&format!(
                "CREATE TRIGGER sabotage BEFORE {event} ON {table}
                 BEGIN SELECT RAISE(ABORT, 'sabotage'); END"
            ))
            .unwrap();
    };
    let repair = || saboteur.execute_batch("DROP TRIGGER sabotage").unwrap();
    let mut check = |table: &str, event: &str, act: &mut dyn FnMut(&mut Store) -> bool| {
        sabotage(table, event);
        let before = dump(&path);
        assert!(act(&mut store), "{event} on {table} did not fail");
        assert_eq!(dump(&path), before, "{event} on {table}");
        repair();
        assert!(!act(&mut store), "{event} on {table} fails for good");
    };
    let plans = [reply, to_cy];
    check("mail", "INSERT", &mut |store| {
        store.record_planned(&plans, Desk::at(60)).is_err()
    });
    check("job", "INSERT", &mut |store| {
        store
            .record_delivered(&[delivery(open_mail, answerer, 50)])
            .is_err()
    });
    check("mail", "UPDATE", &mut |store| {
        store.note_vanished(open_mail, Folder::Sent).is_err()
    });
    check("decky", "INSERT", &mut |store| {
        let change = everyone_always(&["Ana", "Zoe"], &["mx1", "mx2"]);
        store.apply(&change, false, &mut |_| ()).is_err()
    });
    check("home_slot", "DELETE", &mut |store| {
        store.remove_topologies(&["office".to_owned()]).is_err()
    });
}

#[test]
fn claiming_nothing_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let mut desk = Desk::new(&mut store);
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let plan = desk.plan("ana@corp.example", "bob@corp.example");
    desk.planned(&plan);
    let reader = Connection::open(&path).unwrap();
    let version = || -> i64 {
        reader
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .unwrap()
    };
    let before = version();
    assert!(
        store
            .claim_unfinished(Desk::at(0), Desk::at(60), 9)
            .unwrap()
            .is_empty()
    );
    // Nor does it wait for a writer.
    reader.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(
        store
            .claim_unfinished(Desk::at(0), Desk::at(60), 9)
            .unwrap()
            .is_empty()
    );
    reader.execute_batch("ROLLBACK").unwrap();
    assert_eq!(version(), before);
    assert_eq!(
        store
            .claim_unfinished(Desk::at(60), Desk::at(90), 9)
            .unwrap()
            .len(),
        1
    );
    assert_ne!(version(), before);
}

#[test]
fn follow_ups_are_written_once_for_each_kind_and_cause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let mut desk = Desk::new(&mut store);
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    for _ in 0..2 {
        let plan = desk.plan("ana@corp.example", "bob@corp.example");
        let id = desk.planned(&plan);
        let follow_up = |kind: &str, payload: i64| FollowUp {
            kind: kind.to_owned(),
            payload: serde_json::json!(payload),
            cause: "the same".to_owned(),
        };
        let recorded = desk.record_delivered(DeliveredMail {
            follow_ups: vec![
                follow_up("a", id.0),
                follow_up("b", id.0),
                follow_up("a", 99),
            ],
            ..delivery(id, plan.recipient, 5)
        });
        assert_eq!(recorded, Recorded::Yes);
    }
    let reader = Connection::open(&path).unwrap();
    let mut statement = reader
        .prepare("SELECT kind, payload FROM job ORDER BY id")
        .unwrap();
    let found: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let expected = [("a", "1"), ("b", "1")].map(|(kind, id)| (kind.to_owned(), id.to_owned()));
    assert_eq!(found, expected, "the first one counts");
}
