//! Plans: what they put into the outbox, and what they collide with.

use super::desk::{Desk, composed, decky, everyone_always, ok, persona, topology};
use super::named_checks;
use crate::ledger::{MailId, MailboxOrigin, PlanOutcome, PlannedMail};

named_checks![
    ids_grow_and_are_foretold,
    a_plan_gives_people_their_mailboxes,
    a_plan_with_text_is_composed,
    plans_are_answered_in_order,
    one_of_two_replies_is_taken,
    a_reply_is_only_for_who_owes_it,
    a_mailbox_elsewhere_is_a_conflict,
    a_login_that_somebody_has_is_a_conflict,
    a_home_that_takes_no_mail_is_a_conflict,
    a_home_of_another_list_is_a_conflict,
    a_mail_planned_twice_is_a_conflict,
    a_conflict_does_not_move_the_mails_after_it_to_lower_ids,
    who_is_unavailable_does_not_write,
    a_conflict_leaves_nothing,
    a_conflict_leaves_the_reply_as_it_was,
    a_conflict_leaves_the_reply_of_somebody_unavailable_blocked,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CY: &str = "cy@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
}

fn ids_grow_and_are_foretold(desk: &mut Desk<'_>) {
    office(desk);
    let mut last = MailId(0);
    for (from, to) in [(ANA, BOB), (BOB, CY), (CY, ANA)] {
        let plan = desk.plan(from, to);
        let id = desk.planned(&plan);
        assert_eq!(id, plan.expected_id);
        assert!(id > last, "{id:?} after {last:?}");
        last = id;
    }
}

fn a_plan_gives_people_their_mailboxes(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    assert!(!ok(desk.ledger.login_taken(plan.sender_home.decky, "ana")));
    let id = desk.planned(&plan);
    let ana = desk.persona(ANA);
    assert_eq!(ana.mailbox_on.as_deref(), Some("mx1"));
    assert_eq!(ana.login.as_deref(), Some("ana"));
    assert!(ok(desk.ledger.login_taken(plan.sender_home.decky, "ana")));
    assert_eq!(
        ok(desk.ledger.mailbox_origin(plan.sender_home.decky, "ana")),
        Some(MailboxOrigin::Made)
    );
    assert_eq!(desk.persona(CY).mailbox_on, None);
    let home = desk
        .find(BOB)
        .home
        .map(|home| (home.decky.name.clone(), home.login));
    assert_eq!(home, Some(("mx1".to_owned(), "bob".to_owned())));
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "planned");
    assert_eq!((&*mail.summary.from, &*mail.summary.to), (ANA, BOB));
    assert_eq!((&*mail.from_name, &*mail.to_name), ("Ana", "Bob"));
    assert_eq!(mail.summary.thread, id, "it starts its own thread");
    assert_eq!(mail.summary.attempts, 1);
    assert_eq!((&*mail.summary.subject, &*mail.text), ("", ""));
    assert_eq!(mail.summary.sent_at, plan.sent_at);
    assert_eq!(
        mail.summary.sent_at.offset(),
        plan.sent_at.offset(),
        "in the sender's zone"
    );
    assert_eq!(mail.record, None);
    assert_eq!(desk.decky("mx1").messages, 0, "nothing lies there yet");
}

fn a_plan_with_text_is_composed(desk: &mut Desk<'_>) {
    office(desk);
    let plan = PlannedMail {
        composed: Some(composed("the move")),
        ..desk.plan(ANA, BOB)
    };
    let id = desk.planned(&plan);
    let mail = desk.mail(id);
    assert_eq!(mail.summary.state, "composed");
    assert_eq!(mail.summary.subject, "the move");
    assert_eq!(mail.text, composed("the move").text);
}

fn plans_are_answered_in_order(desk: &mut Desk<'_>) {
    office(desk);
    let first = desk.plan(ANA, BOB);
    let second = PlannedMail {
        message_id: "<other@corp.example>".to_owned(),
        ..first.clone()
    };
    let outcomes = ok(desk
        .ledger
        .record_planned(&[first.clone(), first.clone(), second], Desk::at(60)));
    let [
        PlanOutcome::Planned(a),
        PlanOutcome::Conflict,
        PlanOutcome::Planned(b),
    ] = outcomes[..]
    else {
        panic!("a plan, the same again, and another are answered with {outcomes:?}");
    };
    assert!(a < b);
    assert_eq!(ok(desk.ledger.record_planned(&[], Desk::at(60))), []);
}

fn one_of_two_replies_is_taken(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let first = desk.plan_reply(&due);
    let second = desk.plan_reply(&due);
    let third = desk.plan_reply(&due);
    let outcomes = ok(desk.ledger.record_planned(&[first, second], Desk::at(60)));
    assert!(
        matches!(
            outcomes[..],
            [PlanOutcome::Planned(_), PlanOutcome::Conflict]
        ),
        "two replies to one mail are answered with {outcomes:?}"
    );
    assert_eq!(desk.record_planned(&third, 60), PlanOutcome::Conflict);
    assert_eq!(desk.due_parents(1_000), []);
    assert_eq!(desk.mail(parent).answer_due_at, None);
    assert_eq!(desk.mails().len(), 2);
}

fn a_reply_is_only_for_who_owes_it(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let reply = desk.plan_reply(&due);
    let stranger = PlannedMail {
        reply_to: reply.reply_to,
        ..desk.plan(CY, ANA)
    };
    assert_eq!(desk.record_planned(&stranger, 60), PlanOutcome::Conflict);
    assert_eq!(desk.due_parents(30), [parent], "it is still owed");
    // Nobody owes an answer to a mail that will not get one.
    let silent = desk.deliver(BOB, CY, None);
    let mut uncalled = desk.plan(CY, BOB);
    uncalled.reply_to = reply.reply_to.map(|reply_to| crate::ledger::ReplyTo {
        parent: silent,
        thread: silent,
        ..reply_to
    });
    assert_eq!(desk.record_planned(&uncalled, 60), PlanOutcome::Conflict);
}

fn a_mailbox_elsewhere_is_a_conflict(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1", "mx2"]));
    let late = desk.plan(ANA, CY);
    let list = late.list;
    let mut early = desk.plan(ANA, BOB);
    let homes = ["mx1", "mx2"].map(|name| ok(desk.ledger.named_home(list, name)));
    let other = homes
        .into_iter()
        .flatten()
        .map(|(id, _)| id)
        .find(|id| *id != late.sender_home.decky);
    early.sender_home.decky = other.unwrap_or_else(|| panic!("there is one mail decky only"));
    desk.planned(&early);
    assert_eq!(desk.record_planned(&late, 60), PlanOutcome::Conflict);
    let again = desk.plan(ANA, CY);
    assert_eq!(again.sender_home, early.sender_home);
    desk.planned(&again);
    // The same decky under another login is another mailbox.
    let mut other_login = desk.plan(ANA, BOB);
    other_login.sender_home.login = "ana2".to_owned();
    assert_eq!(desk.record_planned(&other_login, 60), PlanOutcome::Conflict);
}

fn a_login_that_somebody_has_is_a_conflict(desk: &mut Desk<'_>) {
    office(desk);
    let mut first = desk.plan(ANA, BOB);
    first.sender_home.login = "shared".to_owned();
    let mut second = desk.plan(CY, BOB);
    second.sender_home.login = "shared".to_owned();
    desk.planned(&first);
    assert_eq!(desk.record_planned(&second, 60), PlanOutcome::Conflict);
    assert_eq!(desk.persona(CY).mailbox_on, None);
    second.sender_home.login = "cy".to_owned();
    desk.planned(&second);
    // Two people of one plan cannot share a mailbox either.
    desk.apply(&everyone_always(
        &["Ana", "Bob", "Cy", "Dan", "Eli"],
        &["mx1"],
    ));
    let mut shared = desk.plan("dan@corp.example", "eli@corp.example");
    shared.recipient_home = shared.sender_home.clone();
    assert_eq!(desk.record_planned(&shared, 60), PlanOutcome::Conflict);
}

fn a_home_that_takes_no_mail_is_a_conflict(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let plan = desk.plan(ANA, BOB);
    desk.apply_decky(decky("mx2", "office"));
    desk.set_running("mx1", false);
    assert!(desk.persona(ANA).available, "there is mx2");
    assert_eq!(desk.record_planned(&plan, 60), PlanOutcome::Conflict);
    assert_eq!(desk.persona(ANA).mailbox_on, None);
}

fn a_home_of_another_list_is_a_conflict(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1", "mx2"]);
    let dan = persona("Dan", "dan@lab.example", &serde_json::json!({}));
    change.topologies.push(topology("lab", vec![dan]));
    desk.apply(&change);
    let mut plan = desk.plan(ANA, BOB);
    let Some((mx2, _)) = ok(desk.ledger.named_home(plan.list, "mx2")) else {
        panic!("mx2 is no home");
    };
    plan.sender_home.decky = mx2;
    // The decky moves between the draw and the plan.
    desk.apply_decky(decky("mx2", "lab"));
    assert_eq!(desk.record_planned(&plan, 60), PlanOutcome::Conflict);
    assert_eq!(desk.persona(ANA).mailbox_on, None);
}

fn a_mail_planned_twice_is_a_conflict(desk: &mut Desk<'_>) {
    office(desk);
    // Two ticks with one seed draw the same mail.
    let plan = desk.plan(ANA, BOB);
    desk.planned(&plan);
    assert_eq!(desk.record_planned(&plan, 60), PlanOutcome::Conflict);
    assert_eq!(desk.mails().len(), 1);
    let next = PlannedMail {
        message_id: "<next@corp.example>".to_owned(),
        ..plan
    };
    desk.planned(&next);
}

fn a_conflict_does_not_move_the_mails_after_it_to_lower_ids(desk: &mut Desk<'_>) {
    office(desk);
    let taken = desk.plan(ANA, BOB);
    desk.planned(&taken);
    let first = PlannedMail {
        message_id: taken.message_id.clone(),
        expected_id: taken.expected_id,
        ..desk.plan(BOB, CY)
    };
    let foretold = MailId(desk.plan(CY, ANA).expected_id.0 + 1);
    let second = PlannedMail {
        expected_id: foretold,
        ..desk.plan(CY, ANA)
    };
    let outcomes = ok(desk
        .ledger
        .record_planned(&[first, second.clone()], Desk::at(60)));
    assert_eq!(
        outcomes,
        [PlanOutcome::Conflict, PlanOutcome::Planned(foretold)]
    );
    assert_eq!(
        ok(desk.ledger.next_mail_id()),
        MailId(foretold.0 + 1),
        "nothing else is made for its id"
    );
    assert_eq!(desk.record_planned(&second, 60), PlanOutcome::Conflict);
}

fn who_is_unavailable_does_not_write(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    let from_ana = desk.plan(ANA, BOB);
    let to_ana = desk.plan(BOB, ANA);
    desk.apply(&everyone_always(&["Bob", "Cy"], &["mx1"]));
    assert_eq!(desk.record_planned(&from_ana, 60), PlanOutcome::Conflict);
    assert_eq!(desk.record_planned(&to_ana, 60), PlanOutcome::Conflict);
    assert!(desk.mails().is_empty());
}

fn a_conflict_leaves_nothing(desk: &mut Desk<'_>) {
    office(desk);
    let mut first = desk.plan(ANA, BOB);
    first.sender_home.login = "shared".to_owned();
    let mut second = desk.plan(CY, BOB);
    desk.planned(&first);
    let next = ok(desk.ledger.next_mail_id());
    // Cy could move in, but Bob lives elsewhere.
    second.recipient_home.login = "bob2".to_owned();
    assert_eq!(desk.record_planned(&second, 60), PlanOutcome::Conflict);
    assert_eq!(
        desk.persona(CY).mailbox_on,
        None,
        "a conflict gives nobody a mailbox"
    );
    assert!(!ok(desk.ledger.login_taken(second.sender_home.decky, "cy")));
    assert_eq!(ok(desk.ledger.next_mail_id()), next);
}

fn a_conflict_leaves_the_reply_as_it_was(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let mut reply = desk.plan_reply(&due);
    reply.sender_home.login = "bob2".to_owned();
    // Whatever the plan says about its date.
    reply.sent_at = Desk::at(45).fixed_offset();
    assert_eq!(desk.record_planned(&reply, 60), PlanOutcome::Conflict);
    assert_eq!(desk.mail(parent).answer_due_at, Some(Desk::at(30)));
    assert_eq!(desk.due_parents(30), [parent]);
    let due = desk.due(30).remove(0);
    assert_eq!(due.answerer.persona.email.as_str(), BOB);
    assert_eq!(due.author.persona.email.as_str(), ANA);
    let reply = desk.plan_reply(&due);
    desk.planned(&reply);
}

fn a_conflict_leaves_the_reply_of_somebody_unavailable_blocked(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let reply = desk.plan_reply(&due);
    // The decky stops between the look for replies and the plan.
    desk.set_running("mx1", false);
    assert_eq!(desk.record_planned(&reply, 60), PlanOutcome::Conflict);
    assert_eq!(desk.due_parents(1_000), [], "nobody can be reached");
    desk.set_running("mx1", true);
    assert_eq!(desk.due_parents(30), [parent]);
}
