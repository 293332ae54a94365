//! What nudges ask: causes, who lives on a decky, what lies there, and drafts.

use std::collections::BTreeSet;

use decnet_activity_driver::action::{Folder, MailLocation};
use serde_json::json;

use super::desk::{Desk, composed, decky, delivered, everyone_always, failed, ok, topology};
use super::named_checks;
use crate::drafts::OpenDraft;
use crate::ledger::{
    DeckyId, DraftBefore, DraftPlan, MailId, PlanOutcome, PlannedMail, Recorded, ReplyTo, Retention,
};
use crate::nudge_ledger::{CausedMail, CausedState, DeckyLife};
use crate::world::WorldChange;

named_checks![
    a_cause_has_one_mail,
    a_cause_outlives_its_mail,
    one_mail_is_taken_over_when_nobody_holds_it,
    a_reply_with_a_cause_is_owed_by_nobody,
    a_mail_is_answered_once_whoever_asks,
    the_stalest_mail_comes_first,
    only_the_newest_mails_are_looked_at,
    who_lives_on_a_decky_is_told,
    who_may_move_in_is_told,
    a_draft_lies_with_its_author_alone,
    a_claimed_draft_is_as_it_was_planned,
    the_next_iteration_takes_the_place_of_a_draft,
    only_one_goes_on_with_a_draft,
    a_draft_of_somebody_who_left_is_not_gone_on_with,
    drafts_are_let_go,
    a_draft_that_vanished_is_missed_in_drafts,
    deckies_that_are_spared_lose_nothing,
    how_alive_a_decky_looks,
    deckies_are_told_of_in_order,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CY: &str = "cy@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
}

fn caused(plan: PlannedMail, cause: &str) -> PlannedMail {
    PlannedMail {
        cause: Some(cause.to_owned()),
        ..plan
    }
}

/// The first iteration of a draft of Ana to Bob.
fn draft(desk: &mut Desk<'_>) -> PlannedMail {
    let plan = desk.plan(ANA, BOB);
    PlannedMail {
        recipient_home: plan.sender_home.clone(),
        inbox_name: String::new(),
        composed: Some(composed("the draft")),
        draft: Some(DraftPlan {
            iteration: 1,
            last: 3,
            seed: u64::MAX - 3,
            before: None,
        }),
        ..plan
    }
}

/// The iteration after that one.
fn next(desk: &mut Desk<'_>, open: &OpenDraft) -> PlannedMail {
    let first = draft(desk);
    PlannedMail {
        draft: Some(DraftPlan {
            iteration: open.iteration + 1,
            last: open.last,
            seed: open.seed,
            before: Some(DraftBefore {
                mail: open.mail,
                name: open.name.clone(),
                subject: open.subject.clone(),
                body: open.body.clone(),
                written_by: open.written_by.clone(),
            }),
        }),
        ..first
    }
}

#[track_caller]
fn open_drafts(desk: &mut Desk<'_>) -> Vec<OpenDraft> {
    let decky = desk.home_of(ANA);
    ok(desk.ledger.open_drafts(decky))
}

/// Plans and delivers one mail without an answer.
#[track_caller]
fn delivers(desk: &mut Desk<'_>, plan: &PlannedMail) -> MailId {
    let id = desk.planned(plan);
    assert_eq!(desk.record_delivered(delivered(id, 1)), Recorded::Yes);
    id
}

fn a_cause_has_one_mail(desk: &mut Desk<'_>) {
    office(desk);
    assert_eq!(ok(desk.ledger.caused("one")), None);
    let plan = desk.plan(ANA, BOB);
    let id = desk.planned(&caused(plan, "one"));
    let state = |desk: &mut Desk<'_>, cause: &str| {
        let found = ok(desk.ledger.caused(cause));
        found.map(|CausedMail { id, state }| (id, state))
    };
    assert_eq!(state(desk, "one"), Some((id, CausedState::Unfinished)));
    assert_eq!(state(desk, "On"), None);
    let again = desk.plan(BOB, CY);
    let again = caused(again, "one");
    assert_eq!(desk.record_planned(&again, 60), PlanOutcome::Conflict);
    assert_eq!(desk.mails().len(), 1);

    assert_eq!(desk.record_failed(failed(id, 1, Some(5))), Recorded::Yes);
    assert_eq!(state(desk, "one"), Some((id, CausedState::Unfinished)));
    assert_eq!(desk.claim(5).len(), 1);
    assert_eq!(desk.record_delivered(delivered(id, 2)), Recorded::Yes);
    let record = Some(json!({"mail": id.0, "event": "mail.delivered"}).to_string());
    assert_eq!(
        state(desk, "one"),
        Some((id, CausedState::Delivered { record }))
    );
    assert_eq!(desk.record_planned(&again, 60), PlanOutcome::Conflict);

    let other = caused(again, "two");
    let other = desk.planned(&other);
    assert_eq!(desk.record_failed(failed(other, 1, None)), Recorded::Yes);
    let error = "no route to decky".to_owned();
    assert_eq!(
        state(desk, "two"),
        Some((other, CausedState::Abandoned { error }))
    );
}

fn a_cause_outlives_its_mail(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let done = delivers(desk, &caused(plan, "done"));
    let plan = desk.plan(ANA, BOB);
    let given_up = desk.planned(&caused(plan, "given up"));
    assert_eq!(desk.record_failed(failed(given_up, 1, None)), Recorded::Yes);
    desk.deliver(ANA, BOB, None);
    ok(desk.ledger.forget(&[done, given_up]));
    assert_eq!(desk.mails().len(), 1);
    assert_eq!(
        ok(desk.ledger.caused("done")),
        Some(CausedMail {
            id: done,
            state: CausedState::Delivered { record: None }
        })
    );
    assert_eq!(
        ok(desk.ledger.caused("given up")),
        Some(CausedMail {
            id: given_up,
            state: CausedState::Abandoned {
                error: String::new()
            }
        })
    );
    for cause in ["done", "given up"] {
        let plan = desk.plan(BOB, CY);
        let again = caused(plan, cause);
        assert_eq!(desk.record_planned(&again, 60), PlanOutcome::Conflict);
    }
}

fn one_mail_is_taken_over_when_nobody_holds_it(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let plan = caused(plan, "one");
    let id = desk.planned(&plan);
    let other = desk.plan(BOB, CY);
    desk.planned(&other);
    let claim = |desk: &mut Desk<'_>, now: i64| {
        let claimed = ok(desk
            .ledger
            .claim_mail(id, Desk::at(now), Desk::at(now + 60)));
        claimed.map(|mail| {
            assert_eq!((mail.id, &mail.plan), (id, &plan));
            mail.attempt
        })
    };
    assert_eq!(claim(desk, 59), None, "the planner holds it");
    assert_eq!(claim(desk, 60), Some(2));
    assert_eq!(claim(desk, 119), None, "the claim is a lease of its own");
    // It failed, and nobody holds it: it need not wait for its next attempt.
    assert_eq!(desk.record_failed(failed(id, 2, Some(500))), Recorded::Yes);
    assert_eq!(claim(desk, 61), Some(3));
    assert_eq!(claim(desk, 62), None);
    // A failure that came too late frees nothing.
    assert_eq!(
        desk.record_failed(failed(id, 2, Some(70))),
        Recorded::Overtaken
    );
    assert_eq!(claim(desk, 63), None);
    assert_eq!(desk.claim(121).len(), 2, "ticks take it over as any other");
    assert_eq!(claim(desk, 122), None);
    assert_eq!(desk.record_delivered(delivered(id, 4)), Recorded::Yes);
    assert_eq!(claim(desk, 10_000), None, "it is finished");
    assert!(
        ok(desk
            .ledger
            .claim_mail(MailId(99), Desk::at(0), Desk::at(60)))
        .is_none()
    );
}

/// A plan that answers a mail, for the cause `one`.
fn answer(desk: &mut Desk<'_>, parent: MailId, from: &str, to: &str) -> PlannedMail {
    let plan = desk.plan(from, to);
    let plan = PlannedMail {
        reply_to: Some(ReplyTo {
            parent,
            thread: parent,
            thread_length: 2,
        }),
        ..plan
    };
    caused(plan, "one")
}

fn a_reply_with_a_cause_is_owed_by_nobody(desk: &mut Desk<'_>) {
    office(desk);
    let quiet = desk.deliver(ANA, BOB, None);
    let plan = answer(desk, quiet, BOB, ANA);
    let without = PlannedMail {
        cause: None,
        ..plan.clone()
    };
    assert_eq!(desk.record_planned(&without, 60), PlanOutcome::Conflict);
    let id = desk.planned(&plan);
    assert_eq!(desk.mail(id).parent, Some(quiet));
    assert_eq!(desk.mail(id).summary.thread, quiet);

    // An answer that somebody else was to write is not written any more.
    let owed = desk.deliver(ANA, BOB, Some(30));
    let plan = PlannedMail {
        cause: Some("two".to_owned()),
        ..answer(desk, owed, CY, ANA)
    };
    desk.planned(&plan);
    assert!(desk.due(1_000).is_empty());
}

fn a_mail_is_answered_once_whoever_asks(desk: &mut Desk<'_>) {
    office(desk);
    let mail = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let ordinary = desk.plan_reply(&due);
    let reply = desk.planned(&ordinary);
    let plan = answer(desk, mail, BOB, ANA);
    assert_eq!(desk.record_planned(&plan, 60), PlanOutcome::Conflict);
    // Not even when that came to nothing.
    assert_eq!(desk.record_failed(failed(reply, 1, None)), Recorded::Yes);
    assert_eq!(desk.record_planned(&plan, 60), PlanOutcome::Conflict);

    // Nor the other way round.
    let mail = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let ordinary = desk.plan_reply(&due);
    let plan = answer(desk, mail, BOB, ANA);
    desk.planned(&plan);
    assert_eq!(desk.record_planned(&ordinary, 60), PlanOutcome::Conflict);

    // A mail that is on its way, is a draft, or is gone, is not answered.
    let other = desk.plan(ANA, CY);
    let on_its_way = desk.planned(&other);
    let plan = draft(desk);
    let saved = delivers(desk, &plan);
    for parent in [on_its_way, saved, MailId(77)] {
        let plan = PlannedMail {
            cause: Some("two".to_owned()),
            ..answer(desk, parent, CY, ANA)
        };
        assert_eq!(desk.record_planned(&plan, 60), PlanOutcome::Conflict);
    }
}

fn the_stalest_mail_comes_first(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    let dated = |plan: PlannedMail, minute: i64| PlannedMail {
        sent_at: Desk::at(minute).fixed_offset(),
        ..plan
    };
    let mut send = |from: &str, to: &str, minute: i64| {
        let plan = desk.plan(from, to);
        delivers(desk, &dated(plan, minute))
    };
    let newer = send(ANA, BOB, 50);
    let older = send(BOB, CY, 20);
    let same = send(CY, ANA, 50);
    let answered = send(CY, BOB, 10);
    let decky = desk.home_of(ANA);
    let plan = answer(desk, answered, BOB, CY);
    let last = delivers(desk, &dated(plan, 40));
    let plan = draft(desk);
    delivers(desk, &plan);
    let plan = desk.plan(ANA, BOB);
    desk.planned(&dated(plan, 30));
    let mut found = |since: i64, until: i64| {
        ok(desk
            .ledger
            .unanswered_on(decky, Desk::at(since), Desk::at(until), 100))
    };
    assert_eq!(found(0, 100), [older, last, newer, same]);
    assert_eq!(found(21, 49), [last]);
    assert_eq!(found(20, 40), [older, last]);
    let elsewhere = DeckyId(decky.0 + 1);
    assert_eq!(
        ok(desk
            .ledger
            .unanswered_on(elsewhere, Desk::at(0), Desk::at(100), 100)),
        []
    );
}

fn only_the_newest_mails_are_looked_at(desk: &mut Desk<'_>) {
    office(desk);
    let mails: Vec<MailId> = (0..6).map(|_| desk.deliver(ANA, BOB, None)).collect();
    let decky = desk.home_of(ANA);
    for look_at in [0, 1, 4, 6, 9] {
        let found = ok(desk
            .ledger
            .unanswered_on(decky, Desk::at(0), Desk::at(100), look_at));
        assert_eq!(found, mails[mails.len().saturating_sub(look_at)..]);
    }
    let reader = desk_id(desk, BOB);
    let parent = ok(desk.ledger.parent(mails[2], reader));
    let parent = parent.unwrap_or_else(|| panic!("a mail is there to be answered"));
    assert_eq!((parent.id, &*parent.author.address), (mails[2], ANA));
    assert_eq!(ok(desk.ledger.parent(MailId(99), parent.author.id)), None);
}

fn desk_id(desk: &mut Desk<'_>, address: &str) -> crate::ledger::PersonaId {
    desk.find(address).id
}

fn who_lives_on_a_decky_is_told(desk: &mut Desk<'_>) {
    office(desk);
    desk.deliver(ANA, BOB, None);
    let mx1 = desk.home_of(ANA);
    let residents = |desk: &mut Desk<'_>| {
        ok(desk.ledger.residents(mx1))
            .into_iter()
            .map(|(who, _)| who)
            .collect::<Vec<_>>()
    };
    let mut expected = vec![desk_id(desk, ANA), desk_id(desk, BOB)];
    expected.sort_unstable();
    assert_eq!(residents(desk), expected);
    let schedules = desk.schedules();
    let hours = ok(desk.ledger.residents(mx1));
    assert!(
        hours
            .iter()
            .all(|(_, schedule)| schedules.contains(schedule))
    );
    desk.set_running("mx1", false);
    assert_eq!(residents(desk), [], "nobody can be written to");
}

fn who_may_move_in_is_told(desk: &mut Desk<'_>) {
    let at = |name: &str, home: Option<&str>| {
        let address = format!("{}@corp.example", name.to_lowercase());
        let extra = home.map_or(json!({}), |home| json!({"home": home}));
        super::persona(name, &address, &extra)
    };
    let people = vec![
        at("Ana", None),
        at("Bob", Some("mx1")),
        at("Cy", Some("mx2")),
        at("Dan", None),
    ];
    desk.apply(&WorldChange {
        topologies: vec![topology("office", people)],
        deckies: vec![decky("mx1", "office"), decky("mx2", "office")],
        ..WorldChange::default()
    });
    let plan = desk.plan("dan@corp.example", BOB);
    let plan = PlannedMail {
        sender_home: crate::ledger::HomeChoice {
            decky: plan.recipient_home.decky,
            login: "dan".to_owned(),
        },
        ..plan
    };
    delivers(desk, &plan);
    let newcomers = |desk: &mut Desk<'_>, name: &str| {
        let life = ok(desk.ledger.decky_life_of(name, &[]));
        let life = life.unwrap_or_else(|| panic!("{name} is known"));
        let mut who: Vec<_> = ok(desk.ledger.newcomers(life.id))
            .into_iter()
            .map(|(who, _)| who)
            .collect();
        who.sort_unstable();
        who
    };
    let (ana, cy) = (desk_id(desk, ANA), desk_id(desk, CY));
    assert_eq!(newcomers(desk, "mx1"), [ana], "Cy wants to live elsewhere");
    assert_eq!(newcomers(desk, "mx2"), [ana, cy]);
    // A decky that refuses mail takes nobody.
    let plan = desk.plan("dan@corp.example", BOB);
    let id = desk.planned(&plan);
    let refused = crate::ledger::FailedMail {
        refused_by: Some(plan.recipient_home.decky),
        ..failed(id, 1, Some(30))
    };
    assert_eq!(desk.record_failed(refused), Recorded::Yes);
    assert_eq!(newcomers(desk, "mx1"), []);
}

fn a_draft_lies_with_its_author_alone(desk: &mut Desk<'_>) {
    office(desk);
    let plan = draft(desk);
    let recipient = plan.recipient;
    let id = desk.planned(&plan);
    assert_eq!(desk.persona(BOB).mailbox_on, None, "it moves nobody in");
    assert_eq!(desk.persona(ANA).mailbox_on.as_deref(), Some("mx1"));
    assert_eq!(open_drafts(desk), [], "it is not saved yet");
    assert_eq!(desk.record_delivered(delivered(id, 1)), Recorded::Yes);
    assert_eq!(desk.decky("mx1").messages, 1);
    assert!(ok(desk.ledger.unread(recipient, Desk::at(1_000), 10)).is_empty());
    let mail = desk.mail(id);
    assert_eq!(mail.summary.draft, Some(1));
    assert_eq!((&*mail.summary.from, &*mail.summary.to), (ANA, BOB));
    let text = composed("the draft");
    assert_eq!(
        open_drafts(desk),
        [OpenDraft {
            mail: id,
            author: plan.sender,
            home: plan.sender_home,
            name: plan.sent_name,
            recipient,
            iteration: 1,
            last: 3,
            seed: u64::MAX - 3,
            mail_client: plan.mail_client,
            topic: plan.topic,
            language: plan.language,
            subject: text.subject,
            body: text.new_text,
            written_by: text.written_by,
        }]
    );
    let other = desk.deliver(ANA, BOB, None);
    assert_eq!(desk.mail(other).summary.draft, None);
    assert_eq!(open_drafts(desk).len(), 1);
}

fn a_claimed_draft_is_as_it_was_planned(desk: &mut Desk<'_>) {
    office(desk);
    let first = draft(desk);
    let first = caused(
        PlannedMail {
            composed: None,
            ..first
        },
        "first",
    );
    let id = desk.planned(&first);
    assert_eq!(desk.mail(id).summary.subject, "");
    assert_eq!(desk.claim(60).remove(0).plan, first);
    let text = composed("the draft");
    assert_eq!(ok(desk.ledger.record_composed(id, 2, &text)), Recorded::Yes);
    assert_eq!(desk.record_delivered(delivered(id, 2)), Recorded::Yes);

    // What it goes on with is kept with it, whatever becomes of the one before.
    let open = open_drafts(desk).remove(0);
    let second = PlannedMail {
        composed: None,
        ..next(desk, &open)
    };
    let second_id = desk.planned(&second);
    assert_eq!(desk.mail(second_id).summary.subject, text.subject);
    assert_eq!(desk.mail(second_id).summary.draft, Some(2));
    ok(desk.ledger.forget(&[id]));
    assert_eq!(desk.claim(60).remove(0).plan, second);
    assert_eq!(
        ok(desk.ledger.record_composed(second_id, 2, &text)),
        Recorded::Yes
    );
    let composed = PlannedMail {
        composed: Some(text),
        ..second
    };
    assert_eq!(desk.claim(120).remove(0).plan, composed);
    assert_eq!(
        desk.record_delivered(delivered(second_id, 3)),
        Recorded::Yes
    );
    assert_eq!(desk.decky("mx1").messages, 1);
}

fn the_next_iteration_takes_the_place_of_a_draft(desk: &mut Desk<'_>) {
    office(desk);
    let plan = draft(desk);
    let mut latest = delivers(desk, &plan);
    for iteration in 2..=3 {
        let open = open_drafts(desk).remove(0);
        assert_eq!((open.mail, open.iteration), (latest, iteration - 1));
        let plan = next(desk, &open);
        latest = desk.planned(&plan);
        assert_eq!(open_drafts(desk), [], "somebody is at it");
        assert_eq!(desk.record_delivered(delivered(latest, 1)), Recorded::Yes);
        assert_eq!(
            desk.record_delivered(delivered(latest, 1)),
            Recorded::Overtaken
        );
        assert_eq!(desk.decky("mx1").messages, 1);
    }
    assert_eq!(open_drafts(desk), [], "it is finished");
    let iterations: Vec<_> = desk.mails().iter().map(|mail| mail.draft).collect();
    assert_eq!(iterations, [Some(3), Some(2), Some(1)]);
}

fn only_one_goes_on_with_a_draft(desk: &mut Desk<'_>) {
    office(desk);
    let plan = draft(desk);
    delivers(desk, &plan);
    let open = open_drafts(desk).remove(0);
    let one = next(desk, &open);
    let two = next(desk, &open);
    let first = desk.planned(&one);
    assert_eq!(desk.record_planned(&two, 60), PlanOutcome::Conflict);
    // One that came to nothing leaves it to the next.
    assert_eq!(desk.record_failed(failed(first, 1, None)), Recorded::Yes);
    assert_eq!(open_drafts(desk), std::slice::from_ref(&open));
    let second = delivers(desk, &two);
    assert_eq!(open_drafts(desk).remove(0).mail, second);
    let late = next(desk, &open);
    assert_eq!(desk.record_planned(&late, 60), PlanOutcome::Conflict);
    ok(desk.ledger.forget(&[open.mail]));
    assert_eq!(desk.record_planned(&late, 60), PlanOutcome::Conflict);
}

fn a_draft_of_somebody_who_left_is_not_gone_on_with(desk: &mut Desk<'_>) {
    office(desk);
    let plan = draft(desk);
    let decky = plan.sender_home.decky;
    delivers(desk, &plan);
    desk.set_running("mx1", false);
    assert_eq!(ok(desk.ledger.open_drafts(decky)), []);
    desk.set_running("mx1", true);
    assert_eq!(ok(desk.ledger.open_drafts(decky)).len(), 1);
    let change = everyone_always(&["Bob", "Cy"], &["mx1"]);
    desk.apply(&change);
    assert_eq!(ok(desk.ledger.open_drafts(decky)), []);
}

fn drafts_are_let_go(desk: &mut Desk<'_>) {
    office(desk);
    let plan = draft(desk);
    let replaced = delivers(desk, &plan);
    let open = open_drafts(desk).remove(0);
    let plan = next(desk, &open);
    let saved = delivers(desk, &plan);
    desk.deliver(ANA, BOB, None);
    desk.deliver(ANA, BOB, None);
    let retention = Retention {
        older_than: None,
        messages_per_decky: 4,
        deckies: vec![desk.home_of(ANA)],
        spared: BTreeSet::new(),
    };
    // Three mails of which the oldest is one message, the others two each.
    let expired = ok(desk.ledger.expired(&retention, 100));
    assert_eq!(
        expired.iter().map(|mail| mail.id).collect::<Vec<_>>(),
        [saved],
        "one that was replaced makes no room"
    );
    let [(_, location)] = &expired[0].placements[..] else {
        panic!("a draft lies in one place: {:?}", expired[0].placements);
    };
    let expected = MailLocation {
        login: "ana".to_owned(),
        address: ANA.to_owned(),
        folder: Folder::Drafts,
        unique_name: plan.sent_name,
    };
    assert_eq!(location, &expected);

    let aged = Retention {
        older_than: Some(Desk::at(10_000)),
        messages_per_decky: 0,
        deckies: Vec::new(),
        spared: BTreeSet::new(),
    };
    let expired = ok(desk.ledger.expired(&aged, 2));
    let places: Vec<_> = expired
        .iter()
        .map(|mail| (mail.id, mail.placements.len()))
        .collect();
    assert_eq!(places, [(replaced, 0), (saved, 1)]);
    ok(desk.ledger.forget(&[replaced]));
    assert_eq!(desk.decky("mx1").messages, 5, "it did not count any more");
    ok(desk.ledger.forget(&[saved]));
    assert_eq!(desk.decky("mx1").messages, 4);
}

fn a_draft_that_vanished_is_missed_in_drafts(desk: &mut Desk<'_>) {
    office(desk);
    let plan = draft(desk);
    let saved = delivers(desk, &plan);
    let mail = desk.deliver(ANA, BOB, None);
    for folder in [Folder::Inbox, Folder::Sent] {
        ok(desk.ledger.note_vanished(saved, folder));
    }
    ok(desk.ledger.note_vanished(mail, Folder::Drafts));
    assert_eq!(desk.mail(saved).vanished_from, []);
    assert_eq!(desk.mail(mail).vanished_from, []);
    ok(desk.ledger.note_vanished(saved, Folder::Drafts));
    assert_eq!(desk.mail(saved).vanished_from, [Folder::Drafts]);
}

fn deckies_that_are_spared_lose_nothing(desk: &mut Desk<'_>) {
    let at = |name: &str, home: &str| {
        let address = format!("{}@corp.example", name.to_lowercase());
        super::persona(name, &address, &json!({"home": home}))
    };
    let people = vec![at("Ana", "mx1"), at("Bob", "mx2"), at("Cy", "mx2")];
    desk.apply(&WorldChange {
        topologies: vec![topology("office", people)],
        deckies: vec![decky("mx1", "office"), decky("mx2", "office")],
        ..WorldChange::default()
    });
    let between: Vec<MailId> = (0..3).map(|_| desk.deliver(ANA, BOB, None)).collect();
    let inside = desk.deliver(BOB, CY, None);
    let cy = desk.home_of(CY);
    let copied = desk.plan(BOB, CY);
    let ana = desk.find(ANA);
    let home = desk.home_for(&ana);
    let copied = PlannedMail {
        copies: vec![crate::ledger::PlannedCopy {
            recipient: ana.id,
            home,
            field: crate::ledger::RecipientField::Cc,
            inbox_name: "copied".to_owned(),
        }],
        ..copied
    };
    let copied = delivers(desk, &copied);
    desk.deliver(BOB, CY, None);
    let let_go = |desk: &mut Desk<'_>, spared: &[&str], messages_per_decky, limit| {
        let retention = Retention {
            older_than: (messages_per_decky == 0).then(|| Desk::at(10_000)),
            messages_per_decky,
            deckies: vec![cy],
            spared: spared.iter().map(|name| (*name).to_owned()).collect(),
        };
        ok(desk.ledger.expired(&retention, limit))
            .into_iter()
            .map(|mail| mail.id)
            .collect::<Vec<_>>()
    };
    let all = [&between[..], &[inside, copied]].concat();
    assert_eq!(let_go(desk, &[], 0, 100), all);
    assert_eq!(let_go(desk, &["nobody"], 0, 100), all);
    assert_eq!(let_go(desk, &["mx1"], 0, 100), [inside]);
    assert_eq!(
        let_go(desk, &["mx1"], 0, 1),
        [inside],
        "what stays does not hold up what goes"
    );
    assert_eq!(let_go(desk, &["mx1", "mx2"], 0, 100), []);
    assert_eq!(let_go(desk, &["mx1"], 1, 100), [inside]);
    assert_eq!(let_go(desk, &["mx2"], 1, 100), []);
}

#[track_caller]
fn life(desk: &mut Desk<'_>, name: &str) -> Option<DeckyLife> {
    let open = desk.schedules();
    ok(desk.ledger.decky_life_of(name, &open))
}

fn how_alive_a_decky_looks(desk: &mut Desk<'_>) {
    office(desk);
    assert_eq!(life(desk, "mx9"), None);
    let Some(fresh) = life(desk, "mx1") else {
        panic!("mx1 is there");
    };
    let expected = DeckyLife {
        id: fresh.id,
        name: "mx1".to_owned(),
        last_change: None,
        owners: 0,
        owner_at_work: false,
    };
    assert_eq!(fresh, expected);
    let plan = desk.plan(ANA, BOB);
    let at = plan.sent_at.to_utc();
    let id = desk.planned(&plan);
    let lived_in = DeckyLife {
        owners: 2,
        owner_at_work: true,
        ..expected
    };
    assert_eq!(life(desk, "mx1"), Some(lived_in.clone()));
    assert_eq!(desk.record_delivered(delivered(id, 1)), Recorded::Yes);
    let changed = |at| {
        Some(DeckyLife {
            last_change: Some(at),
            ..lived_in.clone()
        })
    };
    assert_eq!(life(desk, "mx1"), changed(at));
    // Nobody is at work.
    let asleep = ok(desk.ledger.decky_life_of("mx1", &[]));
    assert!(asleep.is_some_and(|life| life.owners == 2 && !life.owner_at_work));
    // A mail of before makes it no older, a draft makes it younger.
    let plan = desk.plan(ANA, BOB);
    let plan = PlannedMail {
        sent_at: Desk::at(-500).fixed_offset(),
        ..plan
    };
    delivers(desk, &plan);
    assert_eq!(life(desk, "mx1"), changed(at));
    let plan = draft(desk);
    let saved = delivers(desk, &plan);
    assert_eq!(life(desk, "mx1"), changed(plan.sent_at.to_utc()));
    desk.deliver(ANA, BOB, None);
    let now = life(desk, "mx1");
    ok(desk.ledger.forget(&[id, saved]));
    assert_eq!(life(desk, "mx1"), now);
    desk.set_running("mx1", false);
    assert_eq!(life(desk, "mx1"), None);
}

fn deckies_are_told_of_in_order(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(
        &["Ana", "Bob"],
        &["mx1", "mx2", "mx3", "mx4", "mx5"],
    ));
    desk.set_running("mx2", false);
    ok(desk.ledger.remove_deckies(&["mx4".to_owned()]));
    let mut spec = decky("mx5", "office");
    spec.decky.services = vec!["ssh".to_owned()];
    desk.apply_decky(spec);
    desk.deliver(ANA, BOB, None);
    let open = desk.schedules();
    let all = ok(desk.ledger.decky_life(DeckyId(0), 100, &open));
    let names: Vec<&str> = all.iter().map(|life| &*life.name).collect();
    assert_eq!(names, ["mx1", "mx3"]);
    assert!(all[0].id < all[1].id);
    assert!(all.iter().any(|life| life.owner_at_work));
    for one in &all {
        let single = ok(desk.ledger.decky_life_of(&one.name, &open));
        assert_eq!(single.as_ref(), Some(one));
    }
    assert_eq!(ok(desk.ledger.decky_life(DeckyId(0), 1, &open)), all[..1]);
    assert_eq!(ok(desk.ledger.decky_life(all[0].id, 9, &open)), all[1..]);
    assert_eq!(ok(desk.ledger.decky_life(all[1].id, 9, &open)), []);
}
