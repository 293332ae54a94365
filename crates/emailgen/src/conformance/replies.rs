//! Replies: when they are due, whom they go to, and what holds them back.

use serde_json::json;

use super::desk::{
    Desk, composed, decky, delivered, everyone_always, failed, ok, persona, topology,
};
use super::named_checks;
use crate::ledger::{DeliveredMail, MailboxOrigin, Recorded};
use crate::world::WorldChange;

named_checks![
    a_reply_is_due_at_its_time,
    replies_are_oldest_first_and_limited,
    a_reply_tells_what_it_answers,
    a_thread_grows,
    a_reply_is_blocked_while_somebody_is_unavailable,
    a_reply_is_blocked_while_a_mailbox_is_foreign,
    a_reply_is_blocked_while_a_decky_refuses,
    a_reply_is_blocked_from_the_start,
    a_reply_waits_for_removed_people_to_come_back,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CY: &str = "cy@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
}

/// Bob lives on mx2, everybody else on mx1.
fn two_deckies(desk: &mut Desk<'_>) {
    let at = |home: &str| json!({"home": home});
    desk.apply(&WorldChange {
        topologies: vec![topology(
            "office",
            vec![
                persona("Ana", ANA, &at("mx1")),
                persona("Bob", BOB, &at("mx2")),
                persona("Cy", CY, &at("mx1")),
            ],
        )],
        deckies: vec![decky("mx1", "office"), decky("mx2", "office")],
        ..WorldChange::default()
    });
}

fn a_reply_is_due_at_its_time(desk: &mut Desk<'_>) {
    office(desk);
    let mail = desk.deliver(ANA, BOB, Some(30));
    desk.deliver(ANA, CY, None);
    assert_eq!(desk.due_parents(29), []);
    assert_eq!(desk.due_parents(30), [mail]);
    assert_eq!(desk.due_parents(100_000), [mail], "looking takes nothing");
    assert_eq!(desk.due(30)[0].due_at, Desk::at(30));
}

fn replies_are_oldest_first_and_limited(desk: &mut Desk<'_>) {
    office(desk);
    let late = desk.deliver(ANA, BOB, Some(50));
    let early = desk.deliver(ANA, BOB, Some(30));
    let middle = desk.deliver(BOB, CY, Some(40));
    let tied = desk.deliver(CY, ANA, Some(40));
    assert_eq!(desk.due_parents(100), [early, middle, tied, late]);
    let two = ok(desk.ledger.due_replies(Desk::at(100), 2));
    assert_eq!(
        two.iter().map(|due| due.parent.id).collect::<Vec<_>>(),
        [early, middle]
    );
    assert!(ok(desk.ledger.due_replies(Desk::at(100), 0)).is_empty());
}

fn a_reply_tells_what_it_answers(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let id = desk.planned(&plan);
    let text = composed("the move");
    assert_eq!(ok(desk.ledger.record_composed(id, 1, &text)), Recorded::Yes);
    let answer = desk.answer(id, 30);
    let outcome = desk.record_delivered(DeliveredMail {
        answer,
        ..delivered(id, 1)
    });
    assert_eq!(outcome, Recorded::Yes);
    let due = desk.due(30).remove(0);
    assert_eq!(due.answerer.id, plan.recipient);
    assert_eq!(due.author.id, plan.sender);
    let home = due.answerer.home.map(|home| (home.decky_id, home.login));
    assert_eq!(
        home,
        Some((plan.recipient_home.decky, plan.recipient_home.login))
    );
    let parent = due.parent;
    assert_eq!(
        (parent.id, parent.thread, parent.thread_length),
        (id, id, 1)
    );
    assert_eq!(parent.message_id, plan.message_id);
    assert_eq!(parent.inbox_name, plan.inbox_name);
    assert_eq!(parent.sent_at, plan.sent_at);
    assert_eq!(parent.sent_at.offset(), plan.sent_at.offset());
    assert_eq!((parent.topic, parent.language), (plan.topic, plan.language));
    assert_eq!(
        (
            parent.subject,
            parent.references,
            parent.new_text,
            parent.text
        ),
        (text.subject, text.references, text.new_text, text.text)
    );
}

fn a_thread_grows(desk: &mut Desk<'_>) {
    office(desk);
    let first = desk.deliver(ANA, BOB, Some(30));
    let mut parent = first;
    for length in 2..6 {
        let minute = 20 + i64::from(length) * 10;
        let due = desk.due(minute).remove(0);
        assert_eq!(due.parent.id, parent);
        assert_eq!(due.parent.thread_length, length - 1);
        let plan = desk.plan_reply(&due);
        let reply = desk.deliver_plan(plan, Some(minute + 10));
        let mail = desk.mail(reply);
        assert_eq!((mail.parent, mail.summary.thread), (Some(parent), first));
        assert_eq!(mail.answer_due_at, Some(Desk::at(minute + 10)));
        assert_eq!(desk.mail(parent).answer_due_at, None, "it has its answer");
        parent = reply;
    }
    assert_eq!(
        desk.mails()
            .iter()
            .filter(|mail| mail.thread == first)
            .count(),
        5
    );
}

fn a_reply_is_blocked_while_somebody_is_unavailable(desk: &mut Desk<'_>) {
    two_deckies(desk);
    let mail = desk.deliver(ANA, BOB, Some(30));
    let other = desk.deliver(ANA, CY, Some(40));
    for name in ["mx2", "mx1"] {
        desk.set_running(name, false);
        let expected = if name == "mx2" { vec![other] } else { vec![] };
        assert_eq!(desk.due_parents(60), expected, "{name} is down");
        assert_eq!(
            desk.mail(mail).answer_due_at,
            Some(Desk::at(30)),
            "it is still owed"
        );
        desk.set_running(name, true);
        assert_eq!(desk.due_parents(60), [mail, other], "{name} is up again");
    }
    // Both down, one up.
    desk.set_running("mx1", false);
    desk.set_running("mx2", false);
    desk.set_running("mx1", true);
    assert_eq!(desk.due_parents(60), [other]);
    desk.set_running("mx2", true);
    assert_eq!(desk.due_parents(60), [mail, other]);
}

fn a_reply_is_blocked_while_a_mailbox_is_foreign(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1", "mx2"]));
    let mail = desk.deliver(ANA, BOB, Some(30));
    // Bob's decky goes away, and the mailbox he finds next is somebody else's.
    let Some(gone) = desk.persona(BOB).mailbox_on else {
        panic!("Bob has no mailbox");
    };
    ok(desk.ledger.remove_deckies(&[gone]));
    assert_eq!(desk.due_parents(60), [mail]);
    let bob = desk.find(BOB);
    assert!(bob.home.is_none());
    let home = desk.home_for(&bob);
    ok(desk
        .ledger
        .record_mailbox(bob.id, &home, MailboxOrigin::Foreign));
    assert_eq!(desk.due_parents(60), []);
    ok(desk
        .ledger
        .record_mailbox(bob.id, &home, MailboxOrigin::Adopted));
    assert_eq!(desk.due_parents(60), [mail]);
}

fn a_reply_is_blocked_while_a_decky_refuses(desk: &mut Desk<'_>) {
    two_deckies(desk);
    let mail = desk.deliver(ANA, BOB, Some(30));
    let stuck = desk.plan(CY, ANA);
    let mx1 = stuck.recipient_home.decky;
    let stuck = desk.planned(&stuck);
    let mut failure = failed(stuck, 1, Some(5));
    failure.refused_by = Some(mx1);
    assert_eq!(desk.record_failed(failure), Recorded::Yes);
    assert_eq!(desk.due_parents(60), []);
    assert_eq!(desk.claim(5).len(), 1);
    assert_eq!(desk.record_delivered(delivered(stuck, 2)), Recorded::Yes);
    assert_eq!(desk.due_parents(60), [mail]);
}

fn a_reply_is_blocked_from_the_start(desk: &mut Desk<'_>) {
    two_deckies(desk);
    let plan = desk.plan(ANA, BOB);
    let id = desk.planned(&plan);
    desk.set_running("mx2", false);
    let answer = desk.answer(id, 30);
    let outcome = desk.record_delivered(DeliveredMail {
        answer,
        ..delivered(id, 1)
    });
    assert_eq!(outcome, Recorded::Yes);
    assert_eq!(desk.due_parents(60), []);
    desk.set_running("mx2", true);
    assert_eq!(desk.due_parents(60), [id]);
}

fn a_reply_waits_for_removed_people_to_come_back(desk: &mut Desk<'_>) {
    office(desk);
    let mail = desk.deliver(ANA, BOB, Some(30));
    for left in [["Ana", "Cy"], ["Bob", "Cy"]] {
        desk.apply(&everyone_always(&left, &["mx1"]));
        assert_eq!(desk.due_parents(60), [], "{left:?} are left");
        office(desk);
        assert_eq!(desk.due_parents(60), [mail]);
    }
    // A colleague who leaves blocks nobody else.
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    assert_eq!(desk.due_parents(60), [mail]);
}
