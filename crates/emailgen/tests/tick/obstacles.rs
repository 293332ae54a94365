//! What stands in a tick's way, and what it may not cost anybody else.

use super::*;

#[test]
fn a_reply_that_cannot_be_written_costs_no_seed() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    let all_answered = |hour, count| TickSettings {
        group: 1,
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, count)
    };
    office.tick(&all_answered(0, 1));
    // Who has to answer needs a new mailbox, and finds somebody else's.
    office.ledger.remove_deckies(&["mx1".to_owned()]).unwrap();
    let mx2 = office.decky("mx2");
    for name in NAMES {
        occupy(&office, "mx2", &name.to_lowercase());
    }
    office.apply(&WorldChange {
        topologies: vec![decnet_emailgen::conformance::topology("office", {
            let mut team = people(&NAMES);
            team.extend(people(&["Fay", "Gus", "Hal"]));
            team
        })],
        deckies: vec![mx2],
        ..WorldChange::default()
    });
    let report = office.tick(&all_answered(24 * 30, 4));
    assert_eq!(report.delivered.len(), 4);
    by_message_id(&report.delivered);
}

#[test]
fn what_is_answered_is_marked_so() {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    let records = delivered(&mut office, 0, 120, 3);
    let by_id = by_message_id(&records);
    let login = |address: &str| address.split('@').next().unwrap().to_owned();
    let answered: BTreeSet<_> = records
        .iter()
        .filter(|record| record.kind == MailKind::Reply)
        .filter_map(|record| Some((record.parent?, login(&record.from))))
        .collect();
    for message in office.messages().iter().filter(|message| !message.is_sent) {
        let record = by_id[&*message.message_id()];
        let is_answered = answered.contains(&(record.mail, message.login.clone()));
        assert_eq!(
            message.flags().contains('R'),
            is_answered,
            "{}",
            message.file_name
        );
        assert!(!is_answered || message.flags().contains('S'));
    }
}

#[test]
fn a_decky_that_cannot_be_looked_into_holds_up_nobody_else() {
    let homes = [("Ana", "mx1"), ("Bob", "mx1"), ("Cy", "mx2")];
    let team = homes.map(|(name, home)| person(name, &json!({"home": home})));
    let mut office = Office::new(team.to_vec(), &["mx1", "mx2"]);
    let driver = FaultyDriver {
        looks_fail: true,
        ..FaultyDriver::new()
    };
    driver.cut_off("mx2");
    let drivers = registry(driver);
    for hour in 0..20 {
        let settings = settings(hour, 1);
        let report = run(
            &mut office.ledger,
            &drivers,
            &OfflineWriter,
            settings.now,
            &settings,
        );
        assert!(report.is_ok(), "hour {hour}: {report:?}");
    }
}

#[test]
fn many_foreign_mailboxes_do_not_hide_who_can_write() {
    let names: Vec<String> = (0..120).map(|number| format!("P{number}x")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.extend(["Ana", "Bob"]);
    let mut office = Office::always(&names, &["mx1"]);
    for name in &names[..120] {
        occupy(&office, "mx1", &name.to_lowercase());
    }
    let report = office.tick(&settings(0, 1));
    assert_eq!(report.standstill, None);
    assert_eq!(report.delivered.len(), 1);
}

#[test]
fn who_moved_did_not_have_their_mail_removed() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    let all_answered = |hour| TickSettings {
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, 1)
    };
    let first = office.tick(&all_answered(0)).delivered.remove(0);
    let mx2 = office.decky("mx2");
    office.ledger.remove_deckies(&["mx1".to_owned()]).unwrap();
    office.apply(&WorldChange {
        deckies: vec![mx2],
        ..WorldChange::default()
    });
    let reply = office.tick(&all_answered(24 * 30)).delivered.remove(0);
    assert_eq!(reply.parent, Some(first.mail));
    let details = office.ledger.mail(first.mail).unwrap().unwrap();
    assert_eq!(details.vanished_from, [], "it lies where it was delivered");
}

#[test]
fn a_quiet_tick_removes_old_mail_too() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    office.tick(&settings(0, 5));
    let report = office.tick(&TickSettings {
        pacing: Pacing::RepliesOnly,
        replies: ReplyTiming::default(),
        keep_for: Some(TimeDelta::minutes(-5)),
        ..settings(0, 1)
    });
    assert_eq!(report.standstill, Some(Standstill::NothingDue));
    assert!(report.expired > 0);
}

#[test]
fn a_tick_with_a_hopeless_retry_still_sends() {
    let homes = [("Ana", "mx1"), ("Bob", "mx1"), ("Cy", "mx2")];
    let team = homes.map(|(name, home)| person(name, &json!({"home": home})));
    let mut office = Office::new(team.to_vec(), &["mx1", "mx2"]);
    let driver = FaultyDriver::new();
    driver.cut_off("mx2");
    let drivers = registry(driver);
    let mut stuck = false;
    for hour in 0..40 {
        let settings = settings(hour, 1);
        let report = run(
            &mut office.ledger,
            &drivers,
            &OfflineWriter,
            settings.now,
            &settings,
        )
        .unwrap();
        if stuck {
            assert_eq!(report.delivered.len(), 1, "hour {hour}");
        }
        stuck |= !report.failed.is_empty();
    }
    assert!(stuck);
}

#[test]
fn a_reply_keeps_its_thread_when_its_parent_is_forgotten() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    let all_answered = |hour| TickSettings {
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, 1)
    };
    let first = office.tick(&all_answered(0)).delivered.remove(0);
    let settings = all_answered(24 * 30);
    let drivers = registry(quick_driver());
    let writer = SlowWriter::failing(1);
    run(
        &mut office.ledger,
        &drivers,
        &writer,
        settings.now,
        &settings,
    )
    .unwrap();
    office.ledger.forget(&[first.mail]).unwrap();
    let wall = settings.now + TimeDelta::hours(2);
    let report = run(&mut office.ledger, &drivers, &writer, wall, &settings).unwrap();
    let reply = &report.delivered[0];
    assert_eq!(reply.thread, first.mail);
    assert!(reply.subject.starts_with("Re: "), "{}", reply.subject);
}

#[test]
fn a_message_that_retention_took_was_not_removed_by_somebody_else() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    let all_answered = |hour| TickSettings {
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, 1)
    };
    let first = office.tick(&all_answered(0)).delivered.remove(0);
    let later = all_answered(24 * 30);
    let drivers = registry(quick_driver());
    let writer = SlowWriter::failing(1);
    run(&mut office.ledger, &drivers, &writer, later.now, &later).unwrap();
    // The reply waits for its next attempt; meanwhile its parent gets too old.
    let sweeping = TickSettings {
        keep_for: Some(TimeDelta::days(10)),
        ..later.clone()
    };
    run(&mut office.ledger, &drivers, &writer, later.now, &sweeping).unwrap();
    let wall = later.now + TimeDelta::hours(2);
    let report = run(&mut office.ledger, &drivers, &writer, wall, &later).unwrap();
    assert_eq!(report.delivered[0].parent, Some(first.mail));
    let details = office.ledger.mail(first.mail).unwrap().unwrap();
    assert_eq!(details.vanished_from, []);
}
