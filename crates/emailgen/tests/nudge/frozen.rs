//! Deckies that somebody looks at: nothing changes there.

use super::*;

/// Files and names on a decky, with all bytes.
fn on(office: &Office, decky: &str) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    snapshot(&office.root(decky))
}

#[test]
fn what_lies_on_a_frozen_decky_stays_as_it_is() {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    for hour in 0..10 {
        office.tick(&settings(hour, 3));
    }
    let edit = nudge(NudgeKind::Edit, "mx1", "before");
    let _ = done(do_nudge(&mut office, &settings(11, 1), &edit));
    let frozen = |hour: i64, count| TickSettings {
        frozen: BTreeSet::from(["mx1".to_owned()]),
        keep_for: Some(TimeDelta::hours(5)),
        messages_per_decky: 40,
        ..settings(hour, count)
    };
    let before = on(&office, "mx1");
    let others = on(&office, "mx2");
    let edit = nudge(NudgeKind::Edit, "mx1", "meanwhile");
    let mut arrived = 0;
    for hour in 12..30 {
        let report = office.tick(&frozen(hour, 3));
        arrived += report
            .delivered
            .iter()
            .flat_map(|record| &record.placements)
            .filter(|placement| placement.decky == "mx1")
            .count();
        let refused = do_nudge(&mut office, &frozen(hour, 1), &edit);
        assert_eq!(refused, NudgeOutcome::Impossible(Obstacle::Frozen));
        let thread = nudge(NudgeKind::Thread, "mx1", &format!("t{hour}"));
        let _ = done(do_nudge(&mut office, &frozen(hour, 1), &thread));
        let now = on(&office, "mx1");
        for (path, bytes) in &before {
            assert_eq!(now.get(path), Some(bytes), "{} has changed", path.display());
        }
    }
    assert!(arrived > 0, "mail still arrives");
    let now = on(&office, "mx2");
    assert!(
        others.keys().any(|path| !now.contains_key(path)),
        "elsewhere life goes on"
    );
    // Then what was held back is made up for.
    let thawed = TickSettings {
        frozen: BTreeSet::new(),
        count: 30,
        ..frozen(31, 1)
    };
    let _ = done(do_nudge(&mut office, &thawed, &edit));
    office.tick(&thawed);
    let now = on(&office, "mx1");
    assert!(before.keys().any(|path| !now.contains_key(path)));
}

#[test]
fn a_draft_in_the_outbox_waits_until_its_decky_thaws() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    office.tick(&quiet(0));
    let first = nudge(NudgeKind::Edit, "mx1", "e0");
    let _ = done(do_nudge(&mut office, &quiet(10), &first));
    // The second iteration fails to be delivered.
    let second = nudge(NudgeKind::Edit, "mx1", "e1");
    let driver = FaultyDriver::new();
    driver.cut_off("mx1");
    let at = quiet(20);
    let outcome = run_nudge(
        &mut office.ledger,
        &registry(driver),
        &OfflineWriter,
        at.now,
        &at,
        &second,
    )
    .unwrap();
    assert!(matches!(outcome, NudgeOutcome::Kept { .. }), "{outcome:?}");
    let before = on(&office, "mx1");
    let frozen = |hour| TickSettings {
        frozen: BTreeSet::from(["mx1".to_owned()]),
        pacing: Pacing::RepliesOnly,
        ..quiet(hour)
    };
    for hour in [21, 22, 23] {
        let report = office.tick(&frozen(hour));
        assert!(report.delivered.is_empty() && report.failed.is_empty());
        let refused = do_nudge(&mut office, &frozen(hour), &second);
        assert_eq!(refused, NudgeOutcome::Impossible(Obstacle::Frozen));
        assert_eq!(on(&office, "mx1"), before);
    }
    let report = office.tick(&quiet(30));
    assert!(
        report
            .delivered
            .iter()
            .any(|record| record.draft == Some(2)),
        "{:?}",
        report.delivered
    );
    let (_, record, repeated) = done(do_nudge(&mut office, &quiet(31), &second));
    assert!(repeated && record["draft"] == 2);
    assert_consistent(&mut office);
}
