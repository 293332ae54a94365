//! Retention: what may go, and what is left when it is gone.

use std::collections::BTreeSet;

use decnet_activity_driver::action::Folder;

use super::desk::{Desk, everyone_always, failed, ok};
use super::named_checks;
use crate::ledger::{DeckyId, MailId, Recorded, Retention};

named_checks![
    nothing_expires_without_a_limit,
    old_mail_expires_and_is_forgotten,
    an_expired_mail_tells_where_it_lies,
    mail_on_its_way_does_not_expire,
    abandoned_mail_expires_by_age,
    surplus_mail_expires_oldest_first,
    younger_mail_goes_for_a_parent_that_stays,
    mail_inside_one_decky_counts_twice,
    only_the_named_deckies_are_counted,
    a_forgotten_parent_leaves_its_replies,
    ids_are_not_given_twice,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
}

fn older_than(minute: i64) -> Retention {
    Retention {
        older_than: Some(Desk::at(minute)),
        messages_per_decky: 0,
        deckies: Vec::new(),
        spared: BTreeSet::new(),
    }
}

fn at_most(messages: u64, decky: DeckyId) -> Retention {
    Retention {
        older_than: None,
        messages_per_decky: messages,
        deckies: vec![decky],
        spared: BTreeSet::new(),
    }
}

fn expired(desk: &mut Desk<'_>, retention: &Retention, limit: usize) -> Vec<MailId> {
    ok(desk.ledger.expired(retention, limit))
        .into_iter()
        .map(|mail| mail.id)
        .collect()
}

/// Forgets what expires until nothing does, and answers what went.
fn sweep(desk: &mut Desk<'_>, retention: &Retention) -> Vec<MailId> {
    let mut gone = Vec::new();
    for _ in 0..100 {
        let ids = expired(desk, retention, 50);
        if ids.is_empty() {
            return gone;
        }
        ok(desk.ledger.forget(&ids));
        gone.extend(ids);
    }
    panic!("mail expires for ever");
}

fn nothing_expires_without_a_limit(desk: &mut Desk<'_>) {
    office(desk);
    for _ in 0..3 {
        desk.deliver(ANA, BOB, None);
    }
    let retention = Retention {
        older_than: None,
        messages_per_decky: 0,
        deckies: vec![desk.home_of(ANA)],
        spared: BTreeSet::new(),
    };
    assert_eq!(expired(desk, &retention, 50), []);
    assert_eq!(expired(desk, &older_than(0), 50), []);
}

fn old_mail_expires_and_is_forgotten(desk: &mut Desk<'_>) {
    office(desk);
    // Dated minutes 1 to 5.
    let mails: Vec<MailId> = (0..5).map(|_| desk.deliver(ANA, BOB, Some(30))).collect();
    assert_eq!(
        expired(desk, &older_than(4), 50),
        mails[..3],
        "dated before minute 4"
    );
    assert_eq!(
        expired(desk, &older_than(4), 2),
        mails[..2],
        "at most so many"
    );
    assert_eq!(desk.mails().len(), 5, "looking removes nothing");
    ok(desk.ledger.forget(&mails[..3]));
    assert_eq!(expired(desk, &older_than(4), 50), []);
    let left: Vec<MailId> = desk.mails().iter().map(|mail| mail.id).collect();
    assert_eq!(left, [mails[4], mails[3]]);
    assert_eq!(ok(desk.ledger.mail(mails[0])), None);
    assert_eq!(
        desk.due_parents(60),
        mails[3..],
        "no answer to what is gone"
    );
    assert_eq!(desk.decky("mx1").messages, 4);
    ok(desk.ledger.forget(&mails[..3]));
    assert_eq!(
        desk.decky("mx1").messages,
        4,
        "forgetting twice changes nothing"
    );
}

fn an_expired_mail_tells_where_it_lies(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    desk.deliver_plan(plan.clone(), None);
    desk.deliver(ANA, BOB, None);
    // Also when nobody is there any more.
    ok(desk.ledger.remove_topologies(&["office".to_owned()]));
    let mail = ok(desk.ledger.expired(&older_than(2), 50)).remove(0);
    let mut found = Vec::new();
    for (decky, location) in mail.placements {
        assert_eq!(decky.name, "mx1");
        found.push((
            location.folder,
            location.login,
            location.address,
            location.unique_name,
        ));
    }
    found.sort();
    let lies = |folder, login: &str, address: &str, name: &str| {
        (
            folder,
            login.to_owned(),
            address.to_owned(),
            name.to_owned(),
        )
    };
    assert_eq!(
        found,
        [
            lies(Folder::Inbox, "bob", BOB, &plan.inbox_name),
            lies(Folder::Sent, "ana", ANA, &plan.sent_name),
        ]
    );
}

fn mail_on_its_way_does_not_expire(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    desk.planned(&plan);
    let plan = desk.plan(ANA, BOB);
    let retried = desk.planned(&plan);
    assert_eq!(
        desk.record_failed(failed(retried, 1, Some(30))),
        Recorded::Yes
    );
    let done = desk.deliver(ANA, BOB, None);
    desk.deliver(ANA, BOB, None);
    assert_eq!(expired(desk, &older_than(1_000), 50), [done]);
    let mx1 = desk.home_of(ANA);
    assert_eq!(
        sweep(desk, &at_most(1, mx1)),
        [done],
        "all but the newest mail of all"
    );
}

fn abandoned_mail_expires_by_age(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let given_up = desk.planned(&plan);
    assert_eq!(desk.record_failed(failed(given_up, 1, None)), Recorded::Yes);
    desk.deliver(ANA, BOB, None);
    assert_eq!(expired(desk, &older_than(1_000), 50), [given_up]);
    ok(desk.ledger.forget(&[given_up]));
    assert_eq!(
        desk.decky("mx1").messages,
        2,
        "it had no messages to take off"
    );
}

fn surplus_mail_expires_oldest_first(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1", "mx2"]));
    let mut plan = desk.plan(ANA, BOB);
    let homes = ["mx1", "mx2"].map(|name| ok(desk.ledger.named_home(plan.list, name)));
    let [Some((mx1, _)), Some((mx2, _))] = homes else {
        panic!("mx1 and mx2 are homes");
    };
    plan.sender_home.decky = mx1;
    plan.recipient_home.decky = mx2;
    let mut mails = vec![desk.deliver_plan(plan, None)];
    // A message on each decky for every mail.
    mails.extend((1..8).map(|_| desk.deliver(ANA, BOB, None)));
    assert_eq!(expired(desk, &at_most(8, mx1), 50), []);
    assert_eq!(sweep(desk, &at_most(5, mx1)), mails[..3]);
    assert_eq!(
        (desk.decky("mx1").messages, desk.decky("mx2").messages),
        (5, 5)
    );
    assert_eq!(
        expired(desk, &at_most(3, mx2), 1),
        [mails[3]],
        "at most so many"
    );
    assert_eq!(sweep(desk, &at_most(3, mx2)), mails[3..5]);
}

fn younger_mail_goes_for_a_parent_that_stays(desk: &mut Desk<'_>) {
    office(desk);
    let parent = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(60).remove(0);
    let answer = desk.plan_reply(&due);
    desk.planned(&answer);
    let younger = desk.deliver(ANA, BOB, None);
    let newest = desk.deliver(ANA, BOB, None);
    let mx1 = desk.home_of(ANA);
    assert_eq!(sweep(desk, &at_most(4, mx1)), [younger]);
    let delivered: Vec<MailId> = desk.mails().iter().map(|mail| mail.id).collect();
    assert!(delivered.contains(&parent) && delivered.contains(&newest));
}

fn mail_inside_one_decky_counts_twice(desk: &mut Desk<'_>) {
    office(desk);
    let mails: Vec<MailId> = (0..5).map(|_| desk.deliver(ANA, BOB, None)).collect();
    let mx1 = desk.home_of(ANA);
    assert_eq!(desk.decky("mx1").messages, 10);
    assert_eq!(sweep(desk, &at_most(6, mx1)), mails[..2]);
    assert_eq!(desk.decky("mx1").messages, 6);
    assert_eq!(sweep(desk, &at_most(3, mx1)), mails[2..4]);
    assert_eq!(desk.decky("mx1").messages, 2);
}

fn only_the_named_deckies_are_counted(desk: &mut Desk<'_>) {
    office(desk);
    for _ in 0..4 {
        desk.deliver(ANA, BOB, None);
    }
    let retention = Retention {
        deckies: Vec::new(),
        spared: BTreeSet::new(),
        ..at_most(2, DeckyId(0))
    };
    assert_eq!(expired(desk, &retention, 50), []);
    assert_eq!(expired(desk, &at_most(2, DeckyId(4_711)), 50), []);
}

fn a_forgotten_parent_leaves_its_replies(desk: &mut Desk<'_>) {
    office(desk);
    let first = desk.deliver(ANA, BOB, Some(30));
    let due = desk.due(30).remove(0);
    let plan = desk.plan_reply(&due);
    let reply = desk.deliver_plan(plan, Some(40));
    let due = desk.due(40).remove(0);
    let plan = desk.plan_reply(&due);
    let open = desk.planned(&plan);
    ok(desk.ledger.forget(&[first, reply]));
    assert_eq!(desk.mail(reply).parent, None, "its parent is gone");
    assert!(ok(desk.ledger.mail(first)).is_none());
    let mail = desk.mail(open);
    assert_eq!((mail.parent, mail.summary.thread), (Some(reply), first));
    let claimed = desk.claim(60);
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].id, open);
    let parent = claimed[0].parent.as_ref().map(|parent| parent.id);
    assert_eq!(parent, Some(reply), "a reply in work keeps its parent");
}

fn ids_are_not_given_twice(desk: &mut Desk<'_>) {
    office(desk);
    for _ in 0..3 {
        desk.deliver(ANA, BOB, None);
    }
    let newest = desk.mails()[0].id;
    let gone = sweep(desk, &older_than(1_000));
    assert_eq!(gone.len(), 2, "the newest mail stays: {gone:?}");
    let mx1 = desk.home_of(ANA);
    assert_eq!(sweep(desk, &at_most(1, mx1)), []);
    let plan = desk.plan(ANA, BOB);
    assert!(desk.planned(&plan) > newest);
}
