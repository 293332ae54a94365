//! Names that hold, and when threads began.

use chrono::TimeDelta;
use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::CanonName;

use super::desk::{Desk, everyone_always, ok};
use super::named_checks;
use crate::ledger::{PlanOutcome, PlannedMail, PlannedName};

named_checks![
    a_plan_keeps_the_names_that_it_makes,
    a_name_that_became_another_is_a_conflict,
    the_same_name_again_is_none,
    names_belong_to_their_company_and_kind,
    who_answers_learns_when_the_thread_began,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const COMPANY: &str = "corp.example";

fn office(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
}

fn name(kind: CanonKind, role: &str, name: &str) -> PlannedName {
    PlannedName {
        company: COMPANY.to_owned(),
        name: CanonName {
            kind,
            role: role.to_owned(),
            name: name.to_owned(),
        },
    }
}

fn plan(desk: &mut Desk<'_>, names: Vec<PlannedName>) -> PlannedMail {
    PlannedMail {
        names,
        ..desk.plan(ANA, BOB)
    }
}

fn held(desk: &mut Desk<'_>, kind: CanonKind, role: &str) -> Option<String> {
    let names = ok(desk.ledger.canon_names(COMPANY, &[(kind, role)]));
    assert_eq!(names.len(), 1);
    names.into_iter().next().flatten()
}

fn a_plan_keeps_the_names_that_it_makes(desk: &mut Desk<'_>) {
    office(desk);
    let names = vec![
        name(CanonKind::Vendor, "paper", "Acme Paper"),
        name(CanonKind::Amount, "paper, sum, 2026-03", "1,240 USD"),
    ];
    let plan = plan(desk, names);
    assert_eq!(held(desk, CanonKind::Vendor, "paper"), None);
    desk.planned(&plan);
    let wanted = [
        (CanonKind::Customer, "paper"),
        (CanonKind::Amount, "paper, sum, 2026-03"),
        (CanonKind::Vendor, "paper"),
    ];
    assert_eq!(
        ok(desk.ledger.canon_names(COMPANY, &wanted)),
        [
            None,
            Some("1,240 USD".to_owned()),
            Some("Acme Paper".to_owned())
        ]
    );
    assert_eq!(ok(desk.ledger.canon_names(COMPANY, &[])), []);
}

fn a_name_that_became_another_is_a_conflict(desk: &mut Desk<'_>) {
    office(desk);
    let first = plan(desk, vec![name(CanonKind::Vendor, "paper", "Acme Paper")]);
    desk.planned(&first);
    let second = plan(
        desk,
        vec![
            name(CanonKind::Vendor, "toner", "Inkwell"),
            name(CanonKind::Vendor, "paper", "Other Paper"),
        ],
    );
    assert_eq!(desk.record_planned(&second, 60), PlanOutcome::Conflict);
    assert_eq!(
        held(desk, CanonKind::Vendor, "toner"),
        None,
        "it left a name"
    );
    assert_eq!(
        held(desk, CanonKind::Vendor, "paper").as_deref(),
        Some("Acme Paper")
    );
    assert_eq!(desk.mails().len(), 1);
}

fn the_same_name_again_is_none(desk: &mut Desk<'_>) {
    office(desk);
    for _ in 0..2 {
        let names = vec![
            name(CanonKind::Host, "db", "db-03"),
            name(CanonKind::Person, "1", "Nuria"),
            // Where no other name is left, two things share one.
            name(CanonKind::Person, "2", "Nuria"),
        ];
        let plan = plan(desk, names);
        desk.planned(&plan);
    }
    assert_eq!(held(desk, CanonKind::Person, "2").as_deref(), Some("Nuria"));
}

fn names_belong_to_their_company_and_kind(desk: &mut Desk<'_>) {
    office(desk);
    let plan = plan(desk, vec![name(CanonKind::Project, "3", "Bluebird")]);
    desk.planned(&plan);
    let mut is_taken =
        |company, kind, name| ok(desk.ledger.is_canon_name_taken(company, kind, name));
    assert!(is_taken(COMPANY, CanonKind::Project, "Bluebird"));
    assert!(is_taken(COMPANY, CanonKind::Project, "BLUEBIRD"));
    assert!(!is_taken(COMPANY, CanonKind::Project, "Blue"));
    assert!(!is_taken(COMPANY, CanonKind::Host, "Bluebird"));
    assert!(!is_taken("other.example", CanonKind::Project, "Bluebird"));
    // A persona is somebody else.
    assert!(is_taken(COMPANY, CanonKind::Person, "cy"));
    assert!(!is_taken(COMPANY, CanonKind::Person, "Cyril"));
    assert!(!is_taken(COMPANY, CanonKind::Vendor, "Cy"));
    assert!(!is_taken("other.example", CanonKind::Person, "Cy"));
    let elsewhere = ok(desk
        .ledger
        .canon_names("other.example", &[(CanonKind::Project, "3")]));
    assert_eq!(elsewhere, [None]);
}

fn who_answers_learns_when_the_thread_began(desk: &mut Desk<'_>) {
    office(desk);
    let plan = desk.plan(ANA, BOB);
    let began = plan.sent_at.to_utc();
    let first = desk.deliver_plan(plan, Some(5));
    let due = desk.due(600);
    let [due] = due.as_slice() else {
        panic!("{} answers are due", due.len());
    };
    assert_eq!((due.parent.id, due.parent.thread_began), (first, began));
    let mut answer = desk.plan_reply(due);
    answer.sent_at += TimeDelta::hours(1);
    let second = desk.deliver_plan(answer, Some(20));
    let due = desk.due(600);
    let [due] = due.as_slice() else {
        panic!("{} answers are due", due.len());
    };
    assert_eq!((due.parent.id, due.parent.thread_began), (second, began));
    assert_ne!(due.parent.sent_at.to_utc(), began);
}
