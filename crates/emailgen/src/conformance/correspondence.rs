//! Delivered mails with what was said before them.

use super::desk::{Desk, composed, delivered, everyone_always, failed, ok};
use crate::correspondence::Correspondence;
use crate::ledger::{
    DraftPlan, MailId, MailKind, PlannedCopy, PlannedMail, RecipientField, Recorded, ReplyTo,
};

super::named_checks!(
    a_mail_is_told_with_everybody_in_it,
    what_led_to_a_mail_comes_oldest_first,
    no_more_is_told_than_was_asked_for,
    what_was_let_go_is_told_no_more,
    only_delivered_mail_is_told,
    a_draft_says_that_it_is_one,
);

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CID: &str = "cid@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cid"], &["mx1"]));
}

#[track_caller]
fn told(desk: &mut Desk<'_>, id: MailId, earlier: usize) -> Correspondence {
    ok(desk.ledger.correspondence(id, earlier))
        .unwrap_or_else(|| panic!("mail {} is not told", id.0))
}

/// A thread of Ana and Bob of so many mails.
fn thread(desk: &mut Desk<'_>, length: u32) -> Vec<MailId> {
    let mut mails = vec![desk.deliver(ANA, BOB, None)];
    while let Some(parent) = mails.last().copied()
        && (mails.len() as u64) < u64::from(length)
    {
        let (from, to) = match mails.len() % 2 {
            1 => (BOB, ANA),
            _ => (ANA, BOB),
        };
        let plan = desk.plan(from, to);
        let place = u32::try_from(mails.len()).unwrap_or(u32::MAX) + 1;
        mails.push(desk.deliver_plan(
            PlannedMail {
                kind: MailKind::Reply,
                reply_to: Some(ReplyTo {
                    parent,
                    thread: mails[0],
                    thread_length: place,
                }),
                // A plan without a cause needs an answer that is owed.
                cause: Some(format!("answer {place}")),
                ..plan
            },
            None,
        ));
    }
    mails
}

fn a_mail_is_told_with_everybody_in_it(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let cid = desk.find(CID);
    let home = desk.home_for(&cid);
    let copy = PlannedCopy {
        recipient: cid.id,
        home,
        field: RecipientField::Cc,
        inbox_name: "copy.inbox".to_owned(),
    };
    let plan = PlannedMail {
        copies: vec![copy],
        ..plan
    };
    let text = composed(&format!("mail {}", plan.message_id));
    let id = desk.deliver_plan(plan.clone(), None);
    let told = told(desk, id, 8);
    assert_eq!((told.id, told.thread), (id, id));
    let author = (told.author.name.as_str(), told.author.address.as_str());
    assert_eq!(author, ("Ana", ANA));
    assert_eq!(told.author.id, plan.sender);
    let recipients: Vec<_> = told
        .recipients
        .iter()
        .map(|(who, field)| (who.id, who.name.as_str(), who.address.as_str(), *field))
        .collect();
    assert_eq!(
        recipients,
        [
            (plan.recipient, "Bob", BOB, RecipientField::To),
            (cid.id, "Cid", CID, RecipientField::Cc),
        ]
    );
    assert_eq!(told.subject, text.subject);
    assert_eq!(told.new_text, text.new_text);
    assert_eq!(
        (told.topic.as_str(), told.language.as_str()),
        ("budget", "en")
    );
    assert_eq!(told.sent_at, plan.sent_at);
    assert_eq!(told.sent_at.offset(), plan.sent_at.offset());
    assert!(!told.is_draft && told.earlier.is_empty());
}

fn what_led_to_a_mail_comes_oldest_first(desk: &mut Desk<'_>) {
    office(desk);
    let other = desk.deliver(BOB, ANA, None);
    let mails = thread(desk, 4);
    let told_last = told(desk, mails[3], 8);
    assert_eq!(told_last.thread, mails[0]);
    let authors: Vec<&str> = told_last
        .earlier
        .iter()
        .map(|mail| mail.author.as_str())
        .collect();
    assert_eq!(authors, [ANA, BOB, ANA]);
    for (mail, id) in told_last.earlier.iter().zip(&mails) {
        let itself = told(desk, *id, 0);
        assert_eq!(mail.new_text, itself.new_text);
        assert_eq!(mail.sent_at, itself.sent_at);
        assert_eq!(mail.sent_at.offset(), itself.sent_at.offset());
    }
    // What came later, and other threads, have no part in it.
    assert_eq!(told(desk, mails[1], 8).earlier.len(), 1);
    assert!(told(desk, other, 8).earlier.is_empty());
}

fn no_more_is_told_than_was_asked_for(desk: &mut Desk<'_>) {
    office(desk);
    let mails = thread(desk, 5);
    let all = told(desk, mails[4], 8).earlier;
    for most in 0..all.len() {
        let nearest = all[all.len() - most..].to_vec();
        assert_eq!(told(desk, mails[4], most).earlier, nearest);
    }
}

fn what_was_let_go_is_told_no_more(desk: &mut Desk<'_>) {
    office(desk);
    let mails = thread(desk, 4);
    ok(desk.ledger.forget(&[mails[1]]));
    assert_eq!(ok(desk.ledger.correspondence(mails[1], 8)), None);
    let told = told(desk, mails[3], 8);
    assert_eq!(told.thread, mails[0]);
    assert_eq!(told.earlier.len(), 1, "nothing leads beyond what is gone");
}

fn only_delivered_mail_is_told(desk: &mut Desk<'_>) {
    office(desk);
    assert_eq!(ok(desk.ledger.correspondence(MailId(1), 8)), None);
    let plan = desk.plan(ANA, BOB);
    let id = desk.planned(&plan);
    assert_eq!(ok(desk.ledger.correspondence(id, 8)), None);
    let outcome = ok(desk.ledger.record_composed(id, 1, &composed("late")));
    assert_eq!(outcome, Recorded::Yes);
    assert_eq!(ok(desk.ledger.correspondence(id, 8)), None);
    assert_eq!(desk.record_failed(failed(id, 1, Some(5))), Recorded::Yes);
    assert_eq!(ok(desk.ledger.correspondence(id, 8)), None);
    assert_eq!(desk.claim(5).len(), 1);
    assert_eq!(desk.record_delivered(delivered(id, 2)), Recorded::Yes);
    assert_eq!(told(desk, id, 8).subject, "late");
    let plan = desk.plan(BOB, ANA);
    let given_up = desk.planned(&PlannedMail {
        composed: Some(composed("never")),
        ..plan
    });
    let outcome = desk.record_failed(failed(given_up, 1, None));
    assert_eq!(outcome, Recorded::Yes);
    assert_eq!(ok(desk.ledger.correspondence(given_up, 8)), None);
}

fn a_draft_says_that_it_is_one(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let id = desk.deliver_plan(
        PlannedMail {
            recipient_home: plan.sender_home.clone(),
            inbox_name: String::new(),
            draft: Some(DraftPlan {
                iteration: 1,
                last: 3,
                seed: 7,
                before: None,
            }),
            ..plan
        },
        None,
    );
    let told = told(desk, id, 8);
    assert!(told.is_draft);
    assert_eq!(told.author.address, ANA);
}
