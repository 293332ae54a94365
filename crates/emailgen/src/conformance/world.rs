//! Changes to the world, and what it shows.

use decnet_activity_driver::decky::{DeckySource, LocalFolders, Transport};
use serde_json::json;

use super::desk::{Desk, decky, everyone_always, ok, persona, topology};
use super::named_checks;
use crate::world::{
    ApplyError, DeckySpec, PoolSettings, World, WorldChange, WorldDiff, WorldError,
};

named_checks![
    an_empty_world_has_a_pool_and_nothing_else,
    a_world_is_read_back_as_it_was_written,
    a_second_apply_changes_nothing,
    what_a_change_does_not_name_stays,
    a_change_says_what_it_changed,
    a_dry_run_says_the_same_and_writes_nothing,
    progress_counts_topologies_and_deckies,
    an_undeclared_domain_is_refused,
    a_declared_domain_lets_pool_personas_in,
    an_unknown_topology_is_refused_as_a_whole,
    duplicate_names_and_uuids_are_refused,
    a_source_and_its_topology_have_to_match,
    a_decky_can_be_renamed_and_replaced,
    the_name_of_one_decky_and_the_uuid_of_another_are_refused,
    removed_deckies_are_gone_until_they_are_added_again,
    removed_topologies_take_people_and_deckies_with_them,
    a_topology_replaces_its_people,
    the_pool_remembers_its_fingerprint,
];

/// A world with some of everything.
fn sample() -> WorldChange {
    let ana = persona(
        "Ana Ruiz",
        "ana@corp.example",
        &json!({"timezone": "Europe/Madrid", "active_hours": "09:00-18:00", "workdays": "mon-fri"}),
    );
    let bob = persona("Bob", "Bob@corp.example", &json!({"language": "en"}));
    let mut office = topology("office", vec![ana, bob]);
    office.language_default = "es".to_owned();
    office.topics = vec!["la mudanza".to_owned()];
    let lab = topology("lab", vec![persona("Cy", "cy@lab.example", &json!({}))]);
    let mut fleet = decky("fleet1", "");
    fleet.decky.source = DeckySource::Fleet;
    fleet.topology = None;
    fleet.running = false;
    WorldChange {
        domains: vec!["own.com".to_owned()],
        pool: Some(PoolSettings {
            language_default: "de".to_owned(),
            topics: vec!["Umzug".to_owned()],
        }),
        topologies: vec![office, lab],
        deckies: vec![decky("mx2", "office"), decky("mx1", "office"), fleet],
    }
}

fn nothing_changed(diff: &WorldDiff, unchanged: u64) {
    let expected = WorldDiff {
        unchanged,
        ..WorldDiff::default()
    };
    assert_eq!(*diff, expected);
}

fn an_empty_world_has_a_pool_and_nothing_else(desk: &mut Desk<'_>) {
    let world = desk.world();
    assert_eq!(world.domains, Vec::<String>::new());
    assert_eq!(world.deckies, []);
    assert_eq!(world.lists.len(), 1, "{:?}", world.lists);
    assert_eq!(world.lists[0].topology, None);
    assert_eq!(world.lists[0].personas, []);
    assert_eq!(ok(desk.ledger.pool_fingerprint()), None);
}

fn a_world_is_read_back_as_it_was_written(desk: &mut Desk<'_>) {
    let change = sample();
    let diff = desk.apply(&change);
    let World {
        domains,
        lists,
        deckies,
    } = desk.world();
    assert_eq!(domains, ["own.com"]);
    assert_eq!(ok(desk.ledger.declared_domains()), ["own.com"]);
    let names: Vec<_> = lists.iter().map(|list| list.topology.as_deref()).collect();
    assert_eq!(
        names,
        [Some("lab"), Some("office"), None],
        "lists by name, the pool last"
    );
    assert_eq!(lists[1].language_default, "es");
    assert_eq!(lists[1].topics, ["la mudanza"]);
    assert_eq!(lists[2].language_default, "de");
    let personas: Vec<_> = lists[1].personas.iter().map(|view| &view.persona).collect();
    let written: Vec<_> = change.topologies[0].personas.iter().collect();
    assert_eq!(personas, written, "personas as the operator described them");
    let names: Vec<_> = deckies
        .iter()
        .map(|view| view.decky.name.as_str())
        .collect();
    assert_eq!(names, ["fleet1", "mx1", "mx2"], "deckies by name");
    assert_eq!(deckies[1].decky, change.deckies[1].decky);
    assert_eq!(deckies[1].topology.as_deref(), Some("office"));
    assert_eq!(deckies[0].topology, None);
    assert!(deckies[1].running && !deckies[0].running);
    assert_eq!((deckies[1].messages, &deckies[1].refusing), (0, &None));
    for added in [
        "domain own.com",
        "topology office",
        "topology lab",
        "persona ana@corp.example",
        "persona cy@lab.example",
        "decky mx1",
        "decky fleet1",
    ] {
        assert!(
            diff.added.iter().any(|line| line == added),
            "{added} is missing in {diff:?}"
        );
    }
    assert_eq!(diff.changed, ["pool"]);
    assert_eq!(diff.removed, Vec::<String>::new());
}

fn a_second_apply_changes_nothing(desk: &mut Desk<'_>) {
    desk.apply(&sample());
    let before = desk.world();
    // A domain, the pool, two topologies with three people, three deckies.
    nothing_changed(&desk.apply(&sample()), 10);
    assert_eq!(desk.world(), before);
}

fn what_a_change_does_not_name_stays(desk: &mut Desk<'_>) {
    desk.apply(&sample());
    let before = desk.world();
    nothing_changed(&desk.apply(&WorldChange::default()), 0);
    assert_eq!(desk.world(), before);
    desk.apply(&WorldChange {
        deckies: vec![decky("mx3", "office")],
        ..WorldChange::default()
    });
    let after = desk.world();
    assert_eq!(after.lists, before.lists);
    assert_eq!(after.deckies.len(), before.deckies.len() + 1);
}

fn a_change_says_what_it_changed(desk: &mut Desk<'_>) {
    desk.apply(&sample());
    let mut change = sample();
    change.topologies[0]
        .topics
        .push("el presupuesto".to_owned());
    change.topologies[0].personas.remove(1);
    change.topologies[0].personas[0].role = "Director".to_owned();
    change.deckies[0].running = false;
    change.deckies[1].decky.services.push("pop3".to_owned());
    let diff = desk.apply(&change);
    let mut changed = diff.changed.clone();
    changed.sort();
    assert_eq!(
        changed,
        [
            "decky mx1",
            "decky mx2",
            "persona ana@corp.example",
            "topology office"
        ]
    );
    assert_eq!(diff.removed, ["persona Bob@corp.example"]);
    assert_eq!(diff.added, Vec::<String>::new());
    assert_eq!(diff.unchanged, 5, "{diff:?}");
    assert_eq!(desk.persona("ana@corp.example").persona.role, "Director");
}

fn a_dry_run_says_the_same_and_writes_nothing(desk: &mut Desk<'_>) {
    let before = desk.world();
    let dry = desk
        .ledger
        .apply(&sample(), true, &mut |_| ())
        .unwrap_or_else(|error| panic!("a dry run is refused: {error}"));
    assert_eq!(desk.world(), before, "a dry run writes nothing");
    assert_eq!(desk.apply(&sample()), dry);
    let before = desk.world();
    let change = everyone_always(&["Zoe"], &["mx9"]);
    let dry = desk
        .ledger
        .apply(&change, true, &mut |_| ())
        .unwrap_or_else(|error| panic!("a dry run is refused: {error}"));
    assert!(dry.removed.contains(&"persona ana@corp.example".to_owned()));
    assert_eq!(desk.world(), before, "a dry run removes nobody");
}

fn progress_counts_topologies_and_deckies(desk: &mut Desk<'_>) {
    let mut told = Vec::new();
    desk.ledger
        .apply(&sample(), false, &mut |done| told.push(done))
        .unwrap_or_else(|error| panic!("the change is refused: {error}"));
    assert_eq!(told, [1, 2, 3, 4, 5]);
}

fn an_undeclared_domain_is_refused(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana", "Bob"], &["mx1"]);
    change.topologies[0].personas[1] = persona("Eve", "eve@victim.com", &json!({}));
    let before = desk.world();
    match desk.try_apply(&change) {
        Err(ApplyError::World(WorldError::UndeclaredDomain {
            address, domain, ..
        })) => {
            assert_eq!((&*address, &*domain), ("eve@victim.com", "victim.com"));
        }
        other => panic!("an undeclared domain gives {other:?}"),
    }
    assert_eq!(desk.world(), before, "a refused change writes nothing");
    change.domains = vec!["victim.com".to_owned()];
    desk.apply(&change);
    assert!(desk.persona("eve@victim.com").available);
    // Once declared, it need not be named again.
    change.domains.clear();
    nothing_changed(&desk.apply(&change), 4);
}

fn a_declared_domain_lets_pool_personas_in(desk: &mut Desk<'_>) {
    let mut fleet = decky("fleet1", "");
    fleet.decky.source = DeckySource::Fleet;
    fleet.topology = None;
    desk.apply_decky(fleet);
    let people = [
        persona("Ana", "ana@corp.example", &json!({})),
        persona("Bob", "bob@sub.own.com", &json!({})),
    ];
    ok(desk.ledger.replace_pool(&people, "1"));
    let bob = desk.persona("bob@sub.own.com");
    assert!(!bob.available);
    let problem = bob.problem.unwrap_or_default();
    assert!(
        problem.contains("sub.own.com"),
        "the problem says which domain: {problem:?}"
    );
    assert_eq!(
        desk.everybody(),
        Vec::<String>::new(),
        "nobody is left to write to"
    );
    desk.apply(&WorldChange {
        domains: vec!["own.com".to_owned()],
        ..WorldChange::default()
    });
    let bob = desk.persona("bob@sub.own.com");
    assert_eq!((bob.available, bob.problem), (true, None));
    assert_eq!(desk.everybody(), ["ana@corp.example", "bob@sub.own.com"]);
}

fn an_unknown_topology_is_refused_as_a_whole(desk: &mut Desk<'_>) {
    let mut change = everyone_always(&["Ana"], &["mx1"]);
    change.deckies.push(decky("mx2", "nowhere"));
    let before = desk.world();
    match desk.try_apply(&change) {
        Err(ApplyError::World(WorldError::UnknownTopology { decky, topology })) => {
            assert_eq!((&*decky, &*topology), ("mx2", "nowhere"));
        }
        other => panic!("an unknown topology gives {other:?}"),
    }
    assert_eq!(desk.world(), before, "a refused change writes nothing");
    // A topology that was removed is unknown too.
    desk.apply(&everyone_always(&["Ana"], &["mx1"]));
    ok(desk.ledger.remove_topologies(&["office".to_owned()]));
    let refused = desk.try_apply(&WorldChange {
        deckies: vec![decky("mx3", "office")],
        ..WorldChange::default()
    });
    assert!(matches!(
        refused,
        Err(ApplyError::World(WorldError::UnknownTopology { .. }))
    ));
}

fn duplicate_names_and_uuids_are_refused(desk: &mut Desk<'_>) {
    let mut twice = everyone_always(&["Ana"], &["mx1", "mx1"]);
    twice.deckies[1].decky.uuid = "another".to_owned();
    let mut uuids = everyone_always(&["Ana"], &["mx1", "mx2"]);
    uuids.deckies[1].decky.uuid = uuids.deckies[0].decky.uuid.clone();
    let mut topologies = everyone_always(&["Ana"], &["mx1"]);
    topologies.topologies.push(topology("office", Vec::new()));
    for change in [twice, uuids, topologies] {
        let refused = desk.try_apply(&change);
        assert!(
            matches!(
                refused,
                Err(ApplyError::World(WorldError::Duplicate { .. }))
            ),
            "a duplicate gives {refused:?}"
        );
    }
    assert_eq!(desk.world().deckies, []);
}

fn a_source_and_its_topology_have_to_match(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana"], &["mx1"]));
    let mut lost = decky("mx2", "office");
    lost.topology = None;
    let mut fleet = decky("mx3", "office");
    fleet.decky.source = DeckySource::Fleet;
    for spec in [lost, fleet] {
        let refused = desk.try_apply(&WorldChange {
            deckies: vec![spec],
            ..WorldChange::default()
        });
        assert!(
            matches!(
                refused,
                Err(ApplyError::World(WorldError::TopologyMismatch { .. }))
            ),
            "a mismatch gives {refused:?}"
        );
    }
}

fn a_decky_can_be_renamed_and_replaced(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    desk.deliver("ana@corp.example", "bob@corp.example", None);
    let mut renamed = decky("mail1", "office");
    renamed.decky.uuid = decky("mx1", "office").decky.uuid;
    let diff = desk.apply_decky(renamed.clone());
    assert_eq!(
        diff.changed,
        ["decky mail1"],
        "the same uuid is the same decky: {diff:?}"
    );
    assert_eq!(desk.world().deckies.len(), 1);
    assert_eq!(desk.decky("mail1").messages, 2);
    assert_eq!(
        desk.persona("ana@corp.example").mailbox_on.as_deref(),
        Some("mail1")
    );
    // A host that is set up again keeps its name and gets a new uuid.
    renamed.decky.uuid = "fresh".to_owned();
    let diff = desk.apply_decky(renamed);
    assert_eq!(
        diff.changed,
        ["decky mail1"],
        "the same name is the same decky: {diff:?}"
    );
    assert_eq!(desk.decky("mail1").decky.uuid, "fresh");
    assert_eq!(desk.decky("mail1").messages, 2);
}

fn the_name_of_one_decky_and_the_uuid_of_another_are_refused(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana"], &["mx1", "mx2"]));
    let before = desk.world();
    let mut both = decky("mx1", "office");
    both.decky.uuid = decky("mx2", "office").decky.uuid;
    let refused = desk.try_apply(&WorldChange {
        deckies: vec![both],
        ..WorldChange::default()
    });
    assert!(
        matches!(
            refused,
            Err(ApplyError::World(WorldError::Duplicate { .. }))
        ),
        "the name of one and the uuid of another give {refused:?}"
    );
    assert_eq!(desk.world(), before);
}

fn removed_deckies_are_gone_until_they_are_added_again(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1", "mx2"]));
    let mut at_home = desk.plan("ana@corp.example", "bob@corp.example");
    let list = at_home.list;
    let Some((mx1, _)) = ok(desk.ledger.named_home(list, "mx1")) else {
        panic!("mx1 is no home");
    };
    at_home.sender_home.decky = mx1;
    at_home.recipient_home.decky = mx1;
    let mail = desk.deliver_plan(at_home, None);
    let names = ["mx1".to_owned(), "nothing".to_owned()];
    assert_eq!(ok(desk.ledger.remove_deckies(&names)), ["mx1"]);
    assert_eq!(ok(desk.ledger.remove_deckies(&names)), Vec::<String>::new());
    assert_eq!(desk.world().deckies.len(), 1);
    assert_eq!(ok(desk.ledger.decky_names()), ["mx2"]);
    assert_eq!(desk.homes(list), ["mx2"]);
    assert!(ok(desk.ledger.named_home(list, "mx1")).is_none());
    let ana = desk.persona("ana@corp.example");
    assert_eq!(
        ana.mailbox_on, None,
        "who lived there looks for another home"
    );
    assert!(ana.available);
    assert_eq!(desk.state(mail), "delivered", "mail stays in the ledger");
    let diff = desk.apply_decky(decky("mx1", "office"));
    assert_eq!(diff.added, ["decky mx1"]);
    assert_eq!(ok(desk.ledger.decky_names()), ["mx1", "mx2"]);
    assert_eq!(desk.homes(list), ["mx1", "mx2"]);
    assert_eq!(desk.decky("mx1").messages, 2, "its mail still lies there");
}

fn removed_topologies_take_people_and_deckies_with_them(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let mail = desk.deliver("ana@corp.example", "bob@corp.example", Some(30));
    let names = ["office".to_owned(), "nothing".to_owned()];
    assert_eq!(ok(desk.ledger.remove_topologies(&names)), ["office"]);
    assert_eq!(
        ok(desk.ledger.remove_topologies(&names)),
        Vec::<String>::new()
    );
    let world = desk.world();
    assert_eq!((world.lists.len(), world.deckies.len()), (1, 0));
    assert_eq!(desk.everybody(), Vec::<String>::new());
    assert_eq!(desk.due_parents(60), []);
    assert_eq!(desk.state(mail), "delivered");
    let diff = desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    assert_eq!(diff.added.len(), 4, "{diff:?}");
    assert_eq!(desk.everybody(), ["ana@corp.example", "bob@corp.example"]);
    assert_eq!(desk.due_parents(60), [mail], "the answer was only blocked");
}

fn a_topology_replaces_its_people(desk: &mut Desk<'_>) {
    desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    let id = desk.find("ana@corp.example").id;
    desk.deliver("ana@corp.example", "bob@corp.example", None);
    desk.apply(&everyone_always(&["Bob", "Cy"], &["mx1"]));
    assert_eq!(desk.everybody(), ["bob@corp.example", "cy@corp.example"]);
    let diff = desk.apply(&everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]));
    assert_eq!(diff.added, ["persona ana@corp.example"]);
    let ana = desk.find("ana@corp.example");
    assert_eq!(ana.id, id, "who comes back is the same person");
    assert!(ana.home.is_some(), "with the mailbox they had");
    // The address is the same, however it is written.
    let mut change = everyone_always(&["Ana", "Bob", "Cy"], &["mx1"]);
    change.topologies[0].personas[0] = persona("Ana", "ANA@corp.example", &json!({}));
    let diff = desk.apply(&change);
    assert_eq!(
        (diff.added.len(), diff.changed.len(), diff.removed.len()),
        (0, 1, 0),
        "{diff:?}"
    );
}

fn the_pool_remembers_its_fingerprint(desk: &mut Desk<'_>) {
    let mut fleet = DeckySpec {
        topology: None,
        ..decky("fleet1", "")
    };
    fleet.decky.source = DeckySource::Shard;
    fleet.decky.transport = Transport::Local(LocalFolders::at("/srv/shard"));
    desk.apply_decky(fleet);
    let ana = persona("Ana", "ana@corp.example", &json!({}));
    let bob = persona("Bob", "bob@corp.example", &json!({}));
    ok(desk.ledger.replace_pool(&[ana.clone(), bob], "one"));
    assert_eq!(ok(desk.ledger.pool_fingerprint()).as_deref(), Some("one"));
    assert_eq!(desk.everybody(), ["ana@corp.example", "bob@corp.example"]);
    ok(desk.ledger.replace_pool(&[ana], "two"));
    assert_eq!(ok(desk.ledger.pool_fingerprint()).as_deref(), Some("two"));
    assert_eq!(desk.everybody(), Vec::<String>::new());
    let pool = desk.world().lists.pop().map(|list| list.personas.len());
    assert_eq!(pool, Some(1));
}
