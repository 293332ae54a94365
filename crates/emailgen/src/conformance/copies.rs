//! Mail to several people.

use std::collections::BTreeSet;

use super::desk::{Desk, composed, delivered, everyone_always, ok};
use crate::ledger::{
    ComingAnswer, DeliveredMail, MailPrograms, PlanOutcome, PlannedCopy, PlannedMail,
    RecipientField, Recorded, Retention,
};

super::named_checks!(
    every_recipient_gets_a_message,
    a_copy_is_read_by_its_reader_alone,
    somebody_with_a_copy_may_answer,
    whoever_takes_over_knows_the_copies,
    two_newcomers_cannot_share_a_mailbox,
    a_mail_lets_go_of_every_copy,
    the_first_mail_programs_stay,
);

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CID: &str = "cid@corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["ana", "bob", "cid"], &["mx1"]));
}

/// A mail of Ana to Bob with a copy to Cid.
fn plan(desk: &mut Desk<'_>) -> PlannedMail {
    let plan = desk.plan(ANA, BOB);
    let cid = desk.find(CID);
    let home = desk.home_for(&cid);
    let copy = PlannedCopy {
        recipient: cid.id,
        home,
        field: RecipientField::Cc,
        inbox_name: format!("{}.copy", plan.inbox_name),
    };
    PlannedMail {
        copies: vec![copy],
        ..plan
    }
}

fn every_recipient_gets_a_message(desk: &mut Desk<'_>) {
    office(desk);
    let plan = plan(desk);
    let id = desk.deliver_plan(plan, None);
    assert_eq!(desk.decky("mx1").messages, 3, "two INBOXes and Sent");
    assert_eq!(desk.state(id), "delivered");
    let home = desk.find(CID).home.map(|home| home.login);
    assert_eq!(home, Some("cid".to_owned()), "a copy settles a home too");
}

fn a_copy_is_read_by_its_reader_alone(desk: &mut Desk<'_>) {
    office(desk);
    let mail = plan(desk);
    let copy_name = mail.copies[0].inbox_name.clone();
    let cid = mail.copies[0].recipient;
    let bob = mail.recipient;
    let id = desk.deliver_plan(mail, None);
    let late = Desk::at(10_000);
    let unread = ok(desk.ledger.unread(cid, late, 10));
    assert_eq!(unread.len(), 1);
    assert_eq!((unread[0].id, &unread[0].inbox_name), (id, &copy_name));
    // Cid reads it and writes to Ana.
    let answer = desk.plan(CID, ANA);
    let answer = desk.planned(&PlannedMail {
        composed: Some(composed("seen")),
        ..answer
    });
    let outcome = desk.record_delivered(DeliveredMail {
        read: vec![id],
        ..delivered(answer, 1)
    });
    assert_eq!(outcome, Recorded::Yes);
    assert!(ok(desk.ledger.unread(cid, late, 10)).is_empty());
    assert_eq!(ok(desk.ledger.unread(bob, late, 10)).len(), 1);
}

fn somebody_with_a_copy_may_answer(desk: &mut Desk<'_>) {
    office(desk);
    let mail = plan(desk);
    let copy = mail.copies[0].clone();
    let id = desk.planned(&PlannedMail {
        composed: Some(composed("the move")),
        ..mail
    });
    let outcome = desk.record_delivered(DeliveredMail {
        answer: Some(ComingAnswer {
            answerer: copy.recipient,
            due_at: Desk::at(30),
        }),
        ..delivered(id, 1)
    });
    assert_eq!(outcome, Recorded::Yes);
    let due = desk.due(30).remove(0);
    assert_eq!(due.answerer.id, copy.recipient);
    assert_eq!(due.parent.author.address, ANA);
    let recipients: Vec<(&str, RecipientField)> = due
        .parent
        .recipients
        .iter()
        .map(|(who, field)| (who.address.as_str(), *field))
        .collect();
    let expected = [(BOB, RecipientField::To), (CID, RecipientField::Cc)];
    assert_eq!(recipients, expected);
    assert_eq!(
        (&due.parent.inbox_home, &due.parent.inbox_name),
        (&copy.home, &copy.inbox_name),
        "the parent lies in the mailbox of the one who answers"
    );
    assert_eq!(due.parent.thread_index, composed("x").thread_index);
}

fn whoever_takes_over_knows_the_copies(desk: &mut Desk<'_>) {
    office(desk);
    let mail = PlannedMail {
        composed: Some(composed("the move")),
        ..plan(desk)
    };
    let id = desk.planned(&mail);
    let claimed = desk.claim(60).remove(0);
    assert_eq!(claimed.id, id);
    assert_eq!(claimed.plan.copies, mail.copies);
    assert_eq!(claimed.plan.kind, mail.kind);
    assert_eq!(claimed.plan.mail_client, mail.mail_client);
    assert_eq!(claimed.plan.composed, mail.composed);
    let copied: Vec<&str> = claimed
        .copies
        .iter()
        .map(|who| who.persona.email.as_str())
        .collect();
    assert_eq!(copied, [CID]);
    assert!(claimed.copies[0].home.is_some());
}

fn two_newcomers_cannot_share_a_mailbox(desk: &mut Desk<'_>) {
    office(desk);
    let mut mail = plan(desk);
    mail.copies[0].home = mail.recipient_home.clone();
    assert_eq!(desk.record_planned(&mail, 60), PlanOutcome::Conflict);
    assert_eq!(desk.mails(), []);
}

fn a_mail_lets_go_of_every_copy(desk: &mut Desk<'_>) {
    office(desk);
    let mail = plan(desk);
    let names = [
        mail.inbox_name.clone(),
        mail.sent_name.clone(),
        mail.copies[0].inbox_name.clone(),
    ];
    let id = desk.deliver_plan(mail, None);
    let newest = desk.deliver(ANA, BOB, None);
    let retention = Retention {
        older_than: Some(Desk::at(10_000)),
        messages_per_decky: 0,
        deckies: Vec::new(),
        spared: BTreeSet::new(),
    };
    let expired = ok(desk.ledger.expired(&retention, 10));
    assert_eq!(expired.len(), 1);
    let mut lies: Vec<String> = expired[0]
        .placements
        .iter()
        .map(|(_, location)| location.unique_name.clone())
        .collect();
    lies.sort();
    let mut expected = names.to_vec();
    expected.sort();
    assert_eq!(lies, expected);
    ok(desk.ledger.forget(&[id]));
    assert_eq!(desk.decky("mx1").messages, 2, "those of the newest mail");
    assert_eq!(desk.mails().len(), 1);
    assert_eq!(desk.mails()[0].id, newest);
}

fn the_first_mail_programs_stay(desk: &mut Desk<'_>) {
    office(desk);
    assert_eq!(desk.find(ANA).mail_programs, None);
    for desk_program in ["gmail", "mutt"] {
        let programs = MailPrograms {
            desk: desk_program.to_owned(),
            phone: Some("iphone".to_owned()),
        };
        let plan = desk.plan(ANA, BOB);
        desk.planned(&PlannedMail {
            new_mail_programs: Some(programs),
            ..plan
        });
    }
    let kept = desk.find(ANA).mail_programs;
    let kept = kept.map(|programs| (programs.desk, programs.phone));
    assert_eq!(kept, Some(("gmail".to_owned(), Some("iphone".to_owned()))));
}
