//! The outbox: leases, attempts, outcomes, and what is shown of it.

use decnet_activity_driver::action::Folder;

use super::desk::{Desk, composed, decky, delivered, everyone_always, failed, ok};
use super::named_checks;
use crate::ledger::{
    DeliveredMail, FollowUp, MailFilter, MailId, PlanOutcome, PlannedMail, Recorded,
};

named_checks![
    a_mail_goes_from_planned_to_delivered,
    a_lease_holds_until_its_end,
    a_claimed_mail_is_as_it_was_planned,
    a_claimed_mail_keeps_its_text,
    claims_are_oldest_first_and_limited,
    claiming_nothing_changes_nothing,
    who_was_overtaken_changes_nothing,
    a_finished_mail_is_finished,
    an_unknown_mail_is_nobodys,
    a_failed_mail_waits_for_its_next_attempt,
    an_abandoned_mail_is_never_tried_again,
    outcomes_are_answered_in_order,
    a_mail_on_its_way_survives_removals,
    follow_ups_may_be_given_again,
    the_listing_is_newest_first_and_filtered,
    vanished_messages_are_noted,
    what_was_read_is_not_unread,
    mail_in_a_mailbox_one_left_is_not_unread,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CY: &str = "cy@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
}

/// Plans a mail from Ana to Bob, leased until minute 60.
fn planned(desk: &mut Desk<'_>) -> MailId {
    let plan = desk.plan(ANA, BOB);
    desk.planned(&plan)
}

fn a_mail_goes_from_planned_to_delivered(desk: &mut Desk<'_>) {
    office(desk);
    let id = planned(desk);
    assert_eq!(desk.state(id), "planned");
    let text = composed("the move");
    assert_eq!(ok(desk.ledger.record_composed(id, 1, &text)), Recorded::Yes);
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "composed");
    assert_eq!(
        (&*mail.summary.subject, &*mail.text),
        ("the move", &*text.text)
    );
    let answer = desk.answer(id, 90);
    let outcome = desk.record_delivered(DeliveredMail {
        answer,
        ..delivered(id, 1)
    });
    assert_eq!(outcome, Recorded::Yes);
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "delivered");
    assert_eq!((mail.summary.attempts, mail.summary.error), (1, None));
    assert_eq!(mail.answer_due_at, Some(Desk::at(90)));
    assert_eq!(mail.text, text.text, "the text stays");
    let record = mail.record.unwrap_or_default();
    assert_eq!(record["event"], "mail.delivered");
    assert_eq!(desk.decky("mx1").messages, 2, "INBOX and Sent");
    assert!(desk.claim(10_000).is_empty());
}

fn a_lease_holds_until_its_end(desk: &mut Desk<'_>) {
    office(desk);
    let id = planned(desk);
    assert!(desk.claim(59).is_empty(), "the planner still holds it");
    let claimed = desk.claim(60);
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].id, claimed[0].attempt), (id, 2));
    assert!(
        desk.claim(119).is_empty(),
        "the claim is a lease of its own"
    );
    let claimed = desk.claim(120);
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].attempt, 3);
    assert_eq!(desk.mail(id).summary.attempts, 3);
}

fn a_claimed_mail_is_as_it_was_planned(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let plan = PlannedMail {
        seed: u64::MAX - 5,
        ..desk.plan_reply(&due)
    };
    let id = desk.planned(&plan);
    let claimed = desk.claim(60).remove(0);
    assert_eq!(claimed.id, id);
    assert_eq!(claimed.plan, plan);
    assert_eq!(claimed.plan.sent_at.offset(), plan.sent_at.offset());
    assert_eq!(claimed.sender.persona.email.as_str(), BOB);
    assert_eq!(claimed.recipient.persona.email.as_str(), ANA);
    for (who, home) in [
        (&claimed.sender, &plan.sender_home),
        (&claimed.recipient, &plan.recipient_home),
    ] {
        let held = who.home.as_ref().map(|home| (home.decky_id, &home.login));
        assert_eq!(held, Some((home.decky, &home.login)));
        assert_eq!(who.persona.language.as_deref(), Some("en"));
    }
    assert_eq!(claimed.parent.as_ref(), Some(&due.parent));
    assert_eq!(claimed.parent.map(|mail| mail.id), Some(parent));
}

fn a_claimed_mail_keeps_its_text(desk: &mut Desk<'_>) {
    office(desk);
    let at_once = PlannedMail {
        composed: Some(composed("one")),
        ..desk.plan(ANA, BOB)
    };
    desk.planned(&at_once);
    let later = planned(desk);
    let text = composed("two");
    assert_eq!(
        ok(desk.ledger.record_composed(later, 1, &text)),
        Recorded::Yes
    );
    planned(desk);
    let texts: Vec<_> = desk
        .claim(60)
        .into_iter()
        .map(|mail| mail.plan.composed)
        .collect();
    assert_eq!(texts, [Some(composed("one")), Some(text.clone()), None]);
    // A failed delivery does not lose it.
    assert_eq!(
        desk.record_failed(failed(later, 2, Some(70))),
        Recorded::Yes
    );
    let claimed = desk.claim(70).remove(0);
    assert_eq!((claimed.id, claimed.plan.composed), (later, Some(text)));
}

fn claims_are_oldest_first_and_limited(desk: &mut Desk<'_>) {
    office(desk);
    let mails: Vec<MailId> = (0..5).map(|_| planned(desk)).collect();
    // The first one is to be tried again later than the others are free.
    assert_eq!(
        desk.record_failed(failed(mails[0], 1, Some(61))),
        Recorded::Yes
    );
    let mut claim = |now, limit| -> Vec<MailId> {
        ok(desk
            .ledger
            .claim_unfinished(Desk::at(now), Desk::at(500), limit))
        .into_iter()
        .map(|mail| mail.id)
        .collect()
    };
    assert_eq!(claim(60, 2), mails[1..3]);
    assert_eq!(claim(61, 2), [mails[0], mails[3]]);
    assert_eq!(claim(61, 0), []);
    assert_eq!(claim(61, 9), [mails[4]]);
    assert_eq!(claim(61, 9), []);
}

fn claiming_nothing_changes_nothing(desk: &mut Desk<'_>) {
    office(desk);
    planned(desk);
    let before = (desk.mails(), desk.world());
    assert!(desk.claim(0).is_empty());
    assert_eq!((desk.mails(), desk.world()), before);
}

fn who_was_overtaken_changes_nothing(desk: &mut Desk<'_>) {
    office(desk);
    let id = planned(desk);
    assert_eq!(desk.claim(60).len(), 1);
    let before = (desk.mail(id), desk.world());
    let text = composed("late");
    assert_eq!(
        ok(desk.ledger.record_composed(id, 1, &text)),
        Recorded::Overtaken
    );
    let late = DeliveredMail {
        answer: desk.answer(id, 90),
        ..delivered(id, 1)
    };
    assert_eq!(desk.record_delivered(late), Recorded::Overtaken);
    let mut late = failed(id, 1, None);
    late.refused_by = Some(desk.home_of(ANA));
    assert_eq!(desk.record_failed(late.clone()), Recorded::Overtaken);
    late.next_attempt_at = Some(Desk::at(70));
    assert_eq!(desk.record_failed(late), Recorded::Overtaken);
    assert_eq!((desk.mail(id), desk.world()), before);
    assert_eq!(desk.due_parents(10_000), []);
    assert_eq!(ok(desk.ledger.record_composed(id, 2, &text)), Recorded::Yes);
    assert_eq!(desk.record_delivered(delivered(id, 2)), Recorded::Yes);
}

fn a_finished_mail_is_finished(desk: &mut Desk<'_>) {
    office(desk);
    let done = desk.deliver(ANA, BOB, Some(30));
    let given_up = planned(desk);
    assert_eq!(desk.record_failed(failed(given_up, 1, None)), Recorded::Yes);
    for id in [done, given_up] {
        let before = (desk.mail(id), desk.world());
        let text = composed("late");
        assert_eq!(
            ok(desk.ledger.record_composed(id, 1, &text)),
            Recorded::Overtaken
        );
        assert_eq!(desk.record_delivered(delivered(id, 1)), Recorded::Overtaken);
        assert_eq!(
            desk.record_failed(failed(id, 1, Some(10))),
            Recorded::Overtaken
        );
        assert_eq!((desk.mail(id), desk.world()), before);
    }
    assert_eq!(desk.due_parents(30), [done]);
}

fn an_unknown_mail_is_nobodys(desk: &mut Desk<'_>) {
    office(desk);
    let nothing = MailId(4_711);
    let text = composed("late");
    assert_eq!(
        ok(desk.ledger.record_composed(nothing, 1, &text)),
        Recorded::Overtaken
    );
    assert_eq!(
        desk.record_delivered(delivered(nothing, 1)),
        Recorded::Overtaken
    );
    assert_eq!(
        desk.record_failed(failed(nothing, 1, None)),
        Recorded::Overtaken
    );
    assert_eq!(ok(desk.ledger.mail(nothing)), None);
    ok(desk.ledger.note_vanished(nothing, Folder::Inbox));
    ok(desk.ledger.forget(&[nothing]));
}

fn a_failed_mail_waits_for_its_next_attempt(desk: &mut Desk<'_>) {
    office(desk);
    let id = planned(desk);
    assert_eq!(desk.record_failed(failed(id, 1, Some(5))), Recorded::Yes);
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "failed");
    assert_eq!(mail.summary.error.as_deref(), Some("no route to decky"));
    assert!(desk.claim(4).is_empty());
    let claimed = desk.claim(5);
    assert_eq!(
        claimed.len(),
        1,
        "the lease it had does not matter any more"
    );
    assert_eq!(claimed[0].attempt, 2);
    let text = composed("at last");
    assert_eq!(ok(desk.ledger.record_composed(id, 2, &text)), Recorded::Yes);
    assert_eq!(desk.record_delivered(delivered(id, 2)), Recorded::Yes);
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "delivered");
    assert_eq!(mail.summary.error, None, "it got through in the end");
    assert_eq!(mail.summary.attempts, 2);
}

fn an_abandoned_mail_is_never_tried_again(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let plan = desk.plan_reply(&due);
    let id = desk.planned(&plan);
    assert_eq!(desk.record_failed(failed(id, 1, None)), Recorded::Yes);
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "abandoned");
    assert_eq!(mail.summary.error.as_deref(), Some("no route to decky"));
    assert!(desk.claim(100_000).is_empty());
    assert_eq!(
        desk.due_parents(100_000),
        [],
        "its parent stays without an answer"
    );
    assert_eq!(mail.parent, Some(parent));
    assert_eq!(desk.decky("mx1").messages, 2, "those of the parent");
}

fn outcomes_are_answered_in_order(desk: &mut Desk<'_>) {
    office(desk);
    let (a, b) = (planned(desk), planned(desk));
    let nothing = MailId(4_711);
    let outcomes = ok(desk.ledger.record_failed(&[
        failed(a, 1, Some(1)),
        failed(nothing, 1, None),
        failed(b, 1, Some(1)),
    ]));
    assert_eq!(
        outcomes,
        [Recorded::Yes, Recorded::Overtaken, Recorded::Yes]
    );
    assert_eq!(desk.claim(1).len(), 2);
    let outcomes = ok(desk.ledger.record_delivered(&[
        delivered(a, 2),
        delivered(a, 2),
        delivered(b, 1),
        delivered(b, 2),
    ]));
    assert_eq!(
        outcomes,
        [
            Recorded::Yes,
            Recorded::Overtaken,
            Recorded::Overtaken,
            Recorded::Yes
        ]
    );
    assert_eq!(ok(desk.ledger.record_delivered(&[])), []);
    assert_eq!(ok(desk.ledger.record_failed(&[])), []);
}

fn a_mail_on_its_way_survives_removals(desk: &mut Desk<'_>) {
    office(desk);
    let id = planned(desk);
    ok(desk.ledger.remove_deckies(&["mx1".to_owned()]));
    ok(desk.ledger.remove_topologies(&["office".to_owned()]));
    let claimed = desk.claim(60);
    assert_eq!(
        claimed.len(),
        1,
        "whoever takes it over sees where it was to go"
    );
    let homes = [&claimed[0].sender, &claimed[0].recipient]
        .map(|who| who.home.as_ref().map(|home| home.decky.name.clone()));
    assert_eq!(homes, [Some("mx1".to_owned()), Some("mx1".to_owned())]);
    let answer = desk.answer(id, 90);
    assert_eq!(
        desk.record_delivered(DeliveredMail {
            answer,
            ..delivered(id, 2)
        }),
        Recorded::Yes
    );
    assert_eq!(desk.due_parents(10_000), [], "who is gone answers nothing");
    assert_eq!(
        (&*desk.mail(id).summary.from, &*desk.mail(id).summary.to),
        (ANA, BOB)
    );
}

fn follow_ups_may_be_given_again(desk: &mut Desk<'_>) {
    office(desk);
    let follow_up = |kind: &str, cause: &str| FollowUp {
        kind: kind.to_owned(),
        payload: serde_json::json!({"cause": cause}),
        cause: cause.to_owned(),
    };
    let (a, b) = (planned(desk), planned(desk));
    for id in [a, b] {
        let outcome = desk.record_delivered(DeliveredMail {
            follow_ups: vec![
                follow_up("memory.remember", "mail 1"),
                follow_up("memory.remember", "mail 1"),
                follow_up("alert.raise", "mail 1"),
            ],
            ..delivered(id, 1)
        });
        assert_eq!(
            outcome,
            Recorded::Yes,
            "writing a cause again changes nothing"
        );
    }
}

fn the_listing_is_newest_first_and_filtered(desk: &mut Desk<'_>) {
    office(desk);
    let first = desk.deliver(ANA, BOB, Some(30));
    let second = planned(desk);
    let due = desk.due(30).remove(0);
    let reply = desk.plan_reply(&due);
    let reply = desk.planned(&reply);
    let third = desk.deliver(BOB, CY, None);
    let mut list = |filter: &MailFilter| -> Vec<MailId> {
        ok(desk.ledger.mails(filter))
            .into_iter()
            .map(|mail| mail.id)
            .collect()
    };
    let all = MailFilter::default();
    // By date: the reply carries the time it was due, minute 30.
    assert_eq!(list(&all), [reply, third, second, first]);
    assert_eq!(
        list(&MailFilter {
            limit: 2,
            ..all.clone()
        }),
        [reply, third]
    );
    let of = |address: &str| MailFilter {
        address: Some(address.to_owned()),
        ..all.clone()
    };
    assert_eq!(list(&of(CY)), [third]);
    assert_eq!(
        list(&of("ANA@corp.example")),
        [reply, second, first],
        "in any case"
    );
    assert_eq!(list(&of("corp.example")), []);
    let thread = MailFilter {
        thread: Some(first),
        ..all.clone()
    };
    assert_eq!(list(&thread), [reply, first]);
    let state = |state: &str| MailFilter {
        state: Some(state.to_owned()),
        ..all.clone()
    };
    assert_eq!(list(&state("planned")), [reply, second]);
    assert_eq!(list(&state("delivered")), [third, first]);
    assert_eq!(list(&state("abandoned")), []);
    let narrow = MailFilter {
        address: Some(ANA.to_owned()),
        state: Some("planned".to_owned()),
        thread: Some(first),
        limit: 5,
    };
    assert_eq!(list(&narrow), [reply]);
}

fn vanished_messages_are_noted(desk: &mut Desk<'_>) {
    office(desk);
    let id = desk.deliver(ANA, BOB, None);
    assert_eq!(desk.mail(id).vanished_from, []);
    ok(desk.ledger.note_vanished(id, Folder::Sent));
    assert_eq!(desk.mail(id).vanished_from, [Folder::Sent]);
    ok(desk.ledger.note_vanished(id, Folder::Inbox));
    ok(desk.ledger.note_vanished(id, Folder::Inbox));
    assert_eq!(desk.mail(id).vanished_from, [Folder::Inbox, Folder::Sent]);
}

fn what_was_read_is_not_unread(desk: &mut Desk<'_>) {
    office(desk);
    // Dated minutes 1 to 4.
    let mails = [ANA, CY, ANA, CY].map(|from| desk.deliver(from, BOB, None));
    let elsewhere = desk.deliver(ANA, CY, None);
    let plan = desk.plan(ANA, BOB);
    let PlanOutcome::Planned(_) = desk.record_planned(&plan, 60) else {
        panic!("the plan is in conflict");
    };
    let bob = desk.find(BOB).id;
    let unread = |desk: &mut Desk<'_>, before, limit| -> Vec<MailId> {
        ok(desk.ledger.unread(bob, Desk::at(before), limit))
            .into_iter()
            .map(|mail| mail.id)
            .collect()
    };
    assert_eq!(
        unread(desk, 1_000, 99),
        mails,
        "delivered, to Bob, oldest first"
    );
    assert_eq!(unread(desk, 3, 99), mails[..2], "dated before");
    assert_eq!(unread(desk, 1_000, 3), mails[..3], "at most so many");
    let first = ok(desk.ledger.unread(bob, Desk::at(1_000), 1)).remove(0);
    assert_eq!(first.inbox_name, "1.inbox");
    let reply = desk.plan(BOB, ANA);
    let reply = desk.planned(&reply);
    let outcome = desk.record_delivered(DeliveredMail {
        read: vec![mails[0], mails[2]],
        vanished: vec![mails[1]],
        ..delivered(reply, 1)
    });
    assert_eq!(outcome, Recorded::Yes);
    assert_eq!(unread(desk, 1_000, 99), [mails[3]]);
    assert_eq!(desk.mail(mails[1]).vanished_from, [Folder::Inbox]);
    assert_eq!(desk.mail(mails[0]).vanished_from, []);
    // Who was overtaken has read nothing.
    let late = DeliveredMail {
        read: vec![mails[3], elsewhere],
        vanished: vec![mails[3]],
        ..delivered(reply, 1)
    };
    assert_eq!(desk.record_delivered(late), Recorded::Overtaken);
    assert_eq!(unread(desk, 1_000, 99), [mails[3]]);
    assert_eq!(desk.mail(mails[3]).vanished_from, []);
}

fn mail_in_a_mailbox_one_left_is_not_unread(desk: &mut Desk<'_>) {
    office(desk);
    desk.deliver(ANA, BOB, None);
    let bob = desk.find(BOB).id;
    let unread = |desk: &mut Desk<'_>| ok(desk.ledger.unread(bob, Desk::at(1_000), 9)).len();
    assert_eq!(unread(desk), 1);
    desk.apply_decky(decky("mx2", "office"));
    ok(desk.ledger.remove_deckies(&["mx1".to_owned()]));
    assert_eq!(unread(desk), 0, "he has no mailbox at all");
    let new = desk.deliver(ANA, BOB, None);
    let ids: Vec<MailId> = ok(desk.ledger.unread(bob, Desk::at(1_000), 9))
        .into_iter()
        .map(|mail| mail.id)
        .collect();
    assert_eq!(ids, [new], "what came to the mailbox he has now");
}
