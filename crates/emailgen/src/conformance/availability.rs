//! Who can write and be written to, and why nobody can.

use decnet_activity_driver::decky::Transport;
use serde_json::json;

use super::desk::{Desk, decky, delivered, everyone_always, failed, ok, persona, topology};
use super::named_checks;
use crate::ledger::{HomeChoice, MailboxOrigin, Recorded, Standstill};
use crate::world::{DeckySpec, WorldChange};

named_checks![
    people_need_a_running_mail_decky,
    who_has_a_mailbox_depends_on_its_decky_alone,
    the_home_field_names_the_only_decky_that_will_do,
    a_decky_of_another_topology_does_not_count,
    a_decky_that_moves_to_another_topology_takes_nobody_along,
    a_foreign_mailbox_makes_its_owner_unavailable,
    an_adopted_mailbox_stays_adopted,
    an_adopting_decky_opens_foreign_mailboxes,
    a_refusing_decky_gets_no_new_mail_until_that_mail_gets_through,
    a_refusing_decky_is_free_again_when_the_mail_is_abandoned,
    the_last_refusal_counts,
    standstill_says_why,
    standstill_does_not_count_removed_deckies,
    hours_follow_the_persona,
];

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CY: &str = "cy@corp.example";

fn nobody() -> Vec<String> {
    Vec::new()
}

fn people_need_a_running_mail_decky(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &[]));
    assert_eq!(desk.everybody(), nobody());
    let mut web = decky("web1", "office");
    web.decky.services = vec!["ssh".to_owned()];
    desk.apply_decky(web);
    assert_eq!(
        desk.everybody(),
        nobody(),
        "a decky without mail is no home"
    );
    desk.apply_decky(decky("mx1", "office"));
    assert_eq!(desk.everybody(), [ANA, BOB]);
    assert!(desk.persona(ANA).available);
    desk.set_running("mx1", false);
    assert_eq!(desk.everybody(), nobody());
    assert!(!desk.persona(ANA).available);
    desk.set_running("mx1", true);
    assert_eq!(desk.everybody(), [ANA, BOB]);
    let mut silent = decky("mx1", "office");
    silent.decky.services = vec!["ssh".to_owned()];
    desk.apply_decky(silent);
    assert_eq!(desk.everybody(), nobody());
    let mut pop = decky("mx1", "office");
    pop.decky.services = vec!["pop3".to_owned()];
    desk.apply_decky(pop);
    assert_eq!(desk.everybody(), [ANA, BOB]);
}

fn who_has_a_mailbox_depends_on_its_decky_alone(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    desk.deliver(ANA, BOB, None);
    desk.apply_decky(decky("mx2", "office"));
    desk.set_running("mx1", false);
    assert!(!desk.persona(ANA).available && !desk.persona(BOB).available);
    assert!(desk.persona(CY).available, "who has none yet can go to mx2");
    desk.set_running("mx2", false);
    desk.set_running("mx1", true);
    assert_eq!(desk.everybody(), [ANA, BOB, CY]);
}

fn the_home_field_names_the_only_decky_that_will_do(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1", "mx2"]);
    change.topologies[0]
        .personas
        .push(persona("Cy", CY, &json!({"home": "mx2"})));
    desk.apply(&change);
    let cy = desk.find(CY);
    assert_eq!(cy.persona.home.as_deref(), Some("mx2"));
    assert!(ok(desk.ledger.named_home(cy.list, "mx2")).is_some());
    assert!(ok(desk.ledger.named_home(cy.list, "mx9")).is_none());
    desk.set_running("mx2", false);
    assert_eq!(desk.everybody(), [ANA, BOB]);
    assert!(ok(desk.ledger.named_home(cy.list, "mx2")).is_none());
    desk.set_running("mx2", true);
    assert_eq!(desk.everybody(), [ANA, BOB, CY]);
}

fn a_decky_of_another_topology_does_not_count(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1"]);
    let names = [
        ("Dan", "mx1"),
        ("Eli", "mx1"),
        ("Fay", "mx8"),
        ("Gus", "mx8"),
    ];
    let lab = names.map(|(name, home)| {
        let address = format!("{}@lab.example", name.to_lowercase());
        persona(name, &address, &json!({"home": home}))
    });
    change.topologies.push(topology("lab", lab.to_vec()));
    change.deckies.push(decky("mx8", "lab"));
    desk.apply(&change);
    assert_eq!(
        desk.everybody(),
        [ANA, BOB, "fay@lab.example", "gus@lab.example"]
    );
    let list = desk.find("fay@lab.example").list;
    assert_eq!(desk.homes(list), ["mx8"]);
    assert!(ok(desk.ledger.named_home(list, "mx1")).is_none());
}

fn a_decky_that_moves_to_another_topology_takes_nobody_along(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1"]);
    change.topologies.push(topology("lab", Vec::new()));
    desk.apply(&change);
    desk.deliver(ANA, BOB, None);
    let (office, lab) = (desk.find(ANA).list, "lab");
    desk.apply_decky(decky("mx1", lab));
    assert_eq!(desk.homes(office), nobody());
    assert_eq!(desk.everybody(), nobody());
    assert_eq!(desk.persona(ANA).mailbox_on, None);
    desk.apply_decky(decky("mx2", "office"));
    assert_eq!(desk.everybody(), [ANA, BOB]);
    assert_eq!(desk.homes(office), ["mx2"]);
}

fn a_foreign_mailbox_makes_its_owner_unavailable(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    let ana = desk.find(ANA);
    let home = desk.home_for(&ana);
    assert_eq!(
        ok(desk.ledger.mailbox_origin(home.decky, &home.login)),
        None
    );
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Foreign));
    assert_eq!(
        ok(desk.ledger.mailbox_origin(home.decky, &home.login)),
        Some(MailboxOrigin::Foreign)
    );
    assert!(ok(desk.ledger.login_taken(home.decky, &home.login)));
    assert_eq!(desk.everybody(), [BOB, CY]);
    let view = desk.persona(ANA);
    assert_eq!(
        (view.available, view.login.as_deref()),
        (false, Some(&*home.login))
    );
    assert_eq!(
        desk.decky("mx1").foreign_mailboxes,
        std::slice::from_ref(&home.login)
    );
    // Looking again changes nothing, unless it is adopted now.
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Made));
    assert_eq!(desk.everybody(), [BOB, CY]);
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Adopted));
    assert_eq!(desk.everybody(), [ANA, BOB, CY]);
    assert_eq!(desk.decky("mx1").foreign_mailboxes, nobody());
}

fn an_adopted_mailbox_stays_adopted(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let ana = desk.find(ANA);
    let home = desk.home_for(&ana);
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Adopted));
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Foreign));
    let origin = ok(desk.ledger.mailbox_origin(home.decky, &home.login));
    assert_eq!(origin, Some(MailboxOrigin::Adopted));
    let found = desk.find(ANA).home.map(|home| home.login);
    assert_eq!(
        found,
        Some(home.login.clone()),
        "the mailbox is her home now"
    );
    // A mailbox belongs to who had it first.
    let bob = desk.find(BOB);
    ok(desk
        .ledger
        .record_mailbox(bob.id, &home, MailboxOrigin::Adopted));
    assert!(desk.find(BOB).home.is_none());
}

fn an_adopting_decky_opens_foreign_mailboxes(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let ana = desk.find(ANA);
    let home = desk.home_for(&ana);
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Foreign));
    assert_eq!(desk.everybody(), nobody());
    let mut adopting = decky("mx1", "office");
    let Transport::Local(folders) = &mut adopting.decky.transport;
    folders.adopt = true;
    desk.apply_decky(adopting);
    assert_eq!(desk.everybody(), [ANA, BOB]);
    let origin = ok(desk.ledger.mailbox_origin(home.decky, &home.login));
    assert_eq!(origin, Some(MailboxOrigin::Adopted));
}

fn a_refusing_decky_gets_no_new_mail_until_that_mail_gets_through(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    let plan = desk.plan(ANA, BOB);
    let (list, mx1) = (plan.list, plan.sender_home.decky);
    let mail = desk.planned(&plan);
    let mut failure = failed(mail, 1, Some(10));
    failure.refused_by = Some(mx1);
    assert_eq!(desk.record_failed(failure), Recorded::Yes);
    assert_eq!(desk.homes(list), nobody());
    assert_eq!(desk.everybody(), nobody());
    assert_eq!(
        desk.decky("mx1").refusing.as_deref(),
        Some("no route to decky")
    );
    desk.apply_decky(decky("mx2", "office"));
    assert_eq!(desk.homes(list), ["mx2"]);
    assert!(desk.persona(CY).available && !desk.persona(ANA).available);
    // The mail itself goes on.
    let claimed = desk.claim(10);
    assert_eq!(claimed.len(), 1);
    let home = claimed[0].sender.home.as_ref().map(|home| home.decky_id);
    assert_eq!(home, Some(mx1), "it goes where it was planned to go");
    assert_eq!(desk.homes(list), ["mx2"], "claiming it opens nothing");
    assert_eq!(desk.record_delivered(delivered(mail, 2)), Recorded::Yes);
    assert_eq!(desk.decky("mx1").refusing, None);
    assert_eq!(desk.homes(list), ["mx1", "mx2"]);
    assert_eq!(desk.everybody(), [ANA, BOB, CY]);
}

fn a_refusing_decky_is_free_again_when_the_mail_is_abandoned(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let plan = desk.plan(ANA, BOB);
    let (list, mx1) = (plan.list, plan.sender_home.decky);
    let mail = desk.planned(&plan);
    let mut failure = failed(mail, 1, Some(10));
    failure.refused_by = Some(mx1);
    assert_eq!(desk.record_failed(failure.clone()), Recorded::Yes);
    assert_eq!(desk.claim(10).len(), 1);
    failure.attempt = 2;
    failure.next_attempt_at = None;
    assert_eq!(desk.record_failed(failure), Recorded::Yes);
    assert_eq!(desk.homes(list), ["mx1"]);
    assert_eq!(desk.everybody(), [ANA, BOB]);
}

fn the_last_refusal_counts(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let first = desk.plan(ANA, BOB);
    let mx1 = first.sender_home.decky;
    let first = desk.planned(&first);
    let second = desk.plan(BOB, ANA);
    let second = desk.planned(&second);
    for (mail, error) in [(first, "full"), (second, "gone")] {
        let mut failure = failed(mail, 1, Some(10));
        failure.refused_by = Some(mx1);
        failure.error = error.to_owned();
        assert_eq!(desk.record_failed(failure), Recorded::Yes);
    }
    assert_eq!(desk.decky("mx1").refusing.as_deref(), Some("gone"));
    assert_eq!(desk.claim(10).len(), 2);
    assert_eq!(desk.record_delivered(delivered(second, 2)), Recorded::Yes);
    assert_eq!(desk.everybody(), [ANA, BOB], "it takes mail again");
}

fn standstill_says_why(desk: &mut Desk<'_>) {
    let why = |desk: &mut Desk<'_>| {
        let open = desk.schedules();
        ok(desk.ledger.standstill(&open))
    };
    assert_eq!(why(desk), Standstill::NoDeckies);
    desk.apply(&everyone_always(&["Ana"], &["mx1"]));
    desk.set_running("mx1", false);
    assert_eq!(why(desk), Standstill::NoRunningMailDecky);
    desk.set_running("mx1", true);
    assert_eq!(why(desk), Standstill::TooFewPersonas);
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    assert!(matches!(why(desk), Standstill::OutsideHours { .. }));
    let ana = desk.find(ANA);
    let home = desk.home_for(&ana);
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Foreign));
    assert_eq!(why(desk), Standstill::NoUsableMailbox);
    ok(desk.ledger.remove_deckies(&["mx1".to_owned()]));
    assert_eq!(why(desk), Standstill::NoDeckies);
}

fn standstill_does_not_count_removed_deckies(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1"]);
    change.topologies.push(topology("lab", Vec::new()));
    change.deckies.push(decky("mx2", "lab"));
    desk.apply(&change);
    ok(desk.ledger.remove_deckies(&["mx1".to_owned()]));
    // The office has people and no decky, the lab a decky and no people.
    assert_eq!(ok(desk.ledger.standstill(&[])), Standstill::TooFewPersonas);
}

fn hours_follow_the_persona(desk: &mut Desk<'_>) {
    let hours = |hours: &str| json!({"active_hours": hours});
    let world = |cy: &str| {
        let people = vec![
            persona("Ana", ANA, &hours("09:00-17:00")),
            persona("Bob", BOB, &hours("09:00-17:00")),
            persona("Cy", CY, &hours(cy)),
        ];
        WorldChange {
            topologies: vec![topology("office", people)],
            deckies: vec![DeckySpec::clone(&decky("mx1", "office"))],
            ..WorldChange::default()
        }
    };
    desk.apply(&world("20:00-23:00"));
    let schedules = ok(desk.ledger.schedules());
    let mut texts: Vec<_> = schedules
        .iter()
        .map(|(_, schedule)| schedule.to_text())
        .collect();
    texts.sort();
    assert_eq!(texts, ["UTC 09:00-17:00 daily", "UTC 20:00-23:00 daily"]);
    let day: Vec<_> = schedules
        .iter()
        .filter(|(_, schedule)| schedule.is_open(Desk::at(0)))
        .map(|(id, _)| *id)
        .collect();
    let at_work: Vec<_> = desk.senders(&day, 200).into_keys().collect();
    assert_eq!(at_work, [ANA, BOB]);
    desk.apply(&world("09:00-17:00"));
    assert_eq!(
        desk.schedules(),
        day,
        "hours that nobody keeps any more are not given"
    );
    let at_work: Vec<_> = desk.senders(&day, 200).into_keys().collect();
    assert_eq!(at_work, [ANA, BOB, CY]);
    let ana = desk.find(ANA);
    let home = HomeChoice {
        decky: desk.home_for(&ana).decky,
        login: "ana".to_owned(),
    };
    ok(desk
        .ledger
        .record_mailbox(ana.id, &home, MailboxOrigin::Foreign));
    let at_work: Vec<_> = desk.senders(&day, 200).into_keys().collect();
    assert_eq!(at_work, [BOB, CY]);
}
