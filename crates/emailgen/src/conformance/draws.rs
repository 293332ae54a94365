//! Draws: who, where, and how evenly.

use std::collections::BTreeMap;

use decnet_activity_driver::decky::DeckySource;
use serde_json::json;

use super::desk::{Desk, decky, everyone_always, ok, persona, topology};
use super::named_checks;
use crate::ledger::PersonaListId;
use crate::world::{PoolSettings, WorldChange};

named_checks![
    nobody_is_drawn_from_an_empty_world,
    nobody_is_drawn_who_is_alone,
    a_sender_has_an_open_colleague_in_their_own_list,
    every_sender_is_drawn_about_as_often,
    senders_are_even_across_lists_of_different_hours,
    the_same_lot_draws_the_same_sender,
    a_recipient_is_an_open_colleague_and_never_the_sender,
    every_home_is_drawn_about_as_often,
    languages_are_resolved_and_topics_given,
];

/// Asserts that nobody was drawn half as often, or twice as often, as is fair.
#[track_caller]
fn assert_even(drawn: &BTreeMap<String, u64>, expected: usize) {
    assert_eq!(drawn.len(), expected, "not everybody is drawn: {drawn:?}");
    let fair = drawn.values().sum::<u64>() / drawn.len().max(1) as u64;
    for (who, count) in drawn {
        assert!(
            *count * 2 > fair && *count < fair * 2,
            "{who} is drawn {count} times where {fair} is fair: {drawn:?}"
        );
    }
}

fn nobody_is_drawn_from_an_empty_world(desk: &mut Desk<'_>) {
    assert_eq!(desk.schedules(), []);
    assert!(ok(desk.ledger.draw_sender(&[], 7)).is_none());
    assert!(ok(desk.ledger.draw_home(PersonaListId(1), 7)).is_none());
    assert!(ok(desk.ledger.named_home(PersonaListId(1), "mx1")).is_none());
    assert!(desk.due(1_000).is_empty());
    assert!(desk.claim(1_000).is_empty());
    assert!(desk.mails().is_empty());
}

fn nobody_is_drawn_who_is_alone(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana"], &["mx1"]);
    let dan = persona("Dan", "dan@lab.example", &json!({}));
    change.topologies.push(topology("lab", vec![dan]));
    change.deckies.push(decky("mx2", "lab"));
    desk.apply(&change);
    assert_eq!(
        desk.everybody(),
        Vec::<String>::new(),
        "each is alone in their list"
    );
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    assert_eq!(desk.everybody(), ["ana@corp.example", "bob@corp.example"]);
    assert!(
        ok(desk.ledger.draw_sender(&[], 7)).is_none(),
        "nobody is at work"
    );
}

/// Two people of the office by day, one by night; the lab has one by day and one by night.
fn shifts() -> WorldChange {
    let shift = |name: &str, address: &str, hours: &str| {
        persona(name, address, &json!({"active_hours": hours}))
    };
    let (day, night) = ("09:00-17:00", "20:00-23:00");
    WorldChange {
        topologies: vec![
            topology(
                "office",
                vec![
                    shift("Ana", "ana@corp.example", day),
                    shift("Bob", "bob@corp.example", day),
                    shift("Cy", "cy@corp.example", night),
                ],
            ),
            topology(
                "lab",
                vec![
                    shift("Dan", "dan@lab.example", day),
                    shift("Eli", "eli@lab.example", night),
                ],
            ),
        ],
        deckies: vec![decky("mx1", "office"), decky("mx2", "lab")],
        ..WorldChange::default()
    }
}

fn a_sender_has_an_open_colleague_in_their_own_list(desk: &mut Desk<'_>) {
    desk.apply(&shifts());
    let schedules = ok(desk.ledger.schedules());
    assert_eq!(schedules.len(), 2);
    let (day, night): (Vec<_>, Vec<_>) = schedules
        .into_iter()
        .partition(|(_, schedule)| schedule.is_open(Desk::at(0)));
    let day = [day[0].0];
    let night = [night[0].0];
    let drawn: Vec<_> = desk.senders(&day, 300).into_keys().collect();
    assert_eq!(
        drawn,
        ["ana@corp.example", "bob@corp.example"],
        "Dan's colleague sleeps"
    );
    let drawn: Vec<_> = desk.senders(&night, 300).into_keys().collect();
    assert_eq!(
        drawn,
        Vec::<String>::new(),
        "one person per list is at work"
    );
    let both = [day[0], night[0]];
    assert_eq!(desk.senders(&both, 400).len(), 5);
}

fn every_sender_is_drawn_about_as_often(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(
        &["Ana", "Bob", "Cy", "Dan", "Eli", "Fay", "Gus"],
        &["mx1"],
    ));
    let open = desk.schedules();
    assert_even(&desk.senders(&open, 2_100), 7);
}

fn senders_are_even_across_lists_of_different_hours(desk: &mut Desk<'_>) {
    // Five people of the lab work five different hours, all of them open now.
    let mut change = everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]);
    let lab = (0..5)
        .map(|number| {
            let hours = format!("0{number}:00-23:00");
            let address = format!("p{number}@lab.example");
            persona("Dan", &address, &json!({"active_hours": hours}))
        })
        .collect();
    change.topologies.push(topology("lab", lab));
    change.deckies.push(decky("mx2", "lab"));
    desk.apply(&change);
    let open = desk.schedules();
    assert_even(&desk.senders(&open, 2_400), 8);
}

fn the_same_lot_draws_the_same_sender(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy", "Dan"], &["mx1"]));
    let open = desk.schedules();
    for lot in [0, 1, 2, 3, u64::MAX, u64::MAX / 2, 1 << 40] {
        let mut draw = || ok(desk.ledger.draw_sender(&open, lot)).map(|who| who.id);
        let first = draw();
        assert!(first.is_some());
        assert_eq!(first, draw(), "lot {lot}");
    }
}

fn a_recipient_is_an_open_colleague_and_never_the_sender(desk: &mut Desk<'_>) {
    desk.apply(&shifts());
    let schedules = ok(desk.ledger.schedules());
    let all = desk.schedules();
    let day: Vec<_> = schedules
        .iter()
        .filter(|(_, schedule)| schedule.is_open(Desk::at(0)))
        .map(|(id, _)| *id)
        .collect();
    let ana = desk.find("ana@corp.example");
    let mut drawn: BTreeMap<String, u64> = BTreeMap::new();
    for lot in 0..300 {
        let found = ok(desk.ledger.draw_recipient(&ana, &day, lot));
        let found = found.map(|who| who.persona.email.as_str().to_owned());
        assert_eq!(found.as_deref(), Some("bob@corp.example"), "by day");
        if let Some(who) = ok(desk.ledger.draw_recipient(&ana, &all, lot)) {
            *drawn
                .entry(who.persona.email.as_str().to_owned())
                .or_default() += 1;
        }
    }
    assert_even(&drawn, 2);
    assert!(!drawn.contains_key("ana@corp.example"));
    assert!(ok(desk.ledger.draw_recipient(&ana, &[], 7)).is_none());
    let dan = desk.find("dan@lab.example");
    assert!(ok(desk.ledger.draw_recipient(&dan, &day, 7)).is_none());
    desk.set_running("mx1", false);
    assert!(ok(desk.ledger.draw_recipient(&ana, &all, 7)).is_none());
}

fn every_home_is_drawn_about_as_often(desk: &mut Desk<'_>) {
    let names = ["mx1", "mx2", "mx3", "mx4", "mx5"];
    let mut change = everyone_always(&["Ana", "Bob"], &names);
    let mut fleet = decky("fleet1", "");
    fleet.decky.source = DeckySource::Fleet;
    fleet.topology = None;
    change.deckies.push(fleet);
    desk.apply(&change);
    let list = desk.find("ana@corp.example").list;
    // Stopping and starting moves places around.
    for name in ["mx2", "mx5", "mx1"] {
        desk.set_running(name, false);
    }
    assert_eq!(desk.homes(list), ["mx3", "mx4"]);
    for name in ["mx1", "mx2", "mx5"] {
        desk.set_running(name, true);
    }
    let mut drawn: BTreeMap<String, u64> = BTreeMap::new();
    for lot in 0..1_000_u64 {
        let lot = lot.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some((id, found)) = ok(desk.ledger.draw_home(list, lot)) {
            let named = ok(desk.ledger.named_home(list, &found.name)).map(|(id, _)| id);
            assert_eq!(named, Some(id), "drawn and found by name");
            *drawn.entry(found.name.clone()).or_default() += 1;
        }
    }
    assert_even(&drawn, 5);
}

fn languages_are_resolved_and_topics_given(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1"]);
    change.topologies[0].language_default = "es".to_owned();
    change.topologies[0].topics = vec!["la mudanza".to_owned()];
    change.topologies[0].personas[1] =
        persona("Bob", "bob@corp.example", &json!({"language": "de"}));
    change.pool = Some(PoolSettings {
        language_default: "fr".to_owned(),
        topics: Vec::new(),
    });
    desk.apply(&change);
    let ana = desk.find("ana@corp.example");
    assert_eq!(ana.persona.language.as_deref(), Some("es"));
    assert_eq!(
        desk.find("bob@corp.example").persona.language.as_deref(),
        Some("de")
    );
    assert_eq!(
        desk.persona("ana@corp.example").persona.language,
        None,
        "as described"
    );
    assert_eq!(*ok(desk.ledger.topics(ana.list)), ["la mudanza".to_owned()]);
}
