//! Ticks that die, and the next ones that finish their work.

use super::*;

/// What a tick is killed in the middle of: unfinished mail, replies that are due, and new threads.
fn busy_office() -> Office {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    office.tick(&settings(0, 4));
    let driver = FaultyDriver::new();
    driver.cut_off("mx1");
    let drivers = registry(driver);
    let settings = settings(1, 2);
    run(
        &mut office.ledger,
        &drivers,
        &OfflineWriter,
        settings.now,
        &settings,
    )
    .unwrap();
    office
}

fn finish(office: &mut Office, killed_at: DateTime<Utc>) -> TickReport {
    let drivers = registry(quick_driver());
    let settings = settings(40, 20);
    // The lease of the dead tick has run out.
    let wall = killed_at + TimeDelta::hours(2);
    run(
        &mut office.ledger,
        &drivers,
        &OfflineWriter,
        wall,
        &settings,
    )
    .unwrap()
}

#[test]
fn a_tick_killed_at_any_call_to_the_ledger_is_finished_by_the_next() {
    for slow in [false, true] {
        let mut number = 0;
        loop {
            let mut ended = false;
            for death in [Death::Before(number), Death::After(number)] {
                let mut office = busy_office();
                let drivers = registry(quick_driver());
                let settings = settings(30, 6);
                let mut ledger = MortalLedger::new(&mut office.ledger, death);
                let writer = SlowWriter::failing(0);
                let result = if slow {
                    run(&mut ledger, &drivers, &writer, settings.now, &settings)
                } else {
                    run(
                        &mut ledger,
                        &drivers,
                        &OfflineWriter,
                        settings.now,
                        &settings,
                    )
                };
                ended |= result.is_ok();
                let last = *ledger.calls.last().unwrap();
                let known = office.mails();
                let report = finish(&mut office, settings.now);
                assert!(
                    report.failed.is_empty(),
                    "{death:?} ({last}): {:?}",
                    report.failed
                );
                let mails = office.mails();
                for mail in &mails {
                    assert_eq!(mail.state, "delivered", "{death:?} ({last})");
                }
                for mail in known {
                    let now = mails.iter().find(|now| now.id == mail.id).unwrap();
                    assert_eq!(now.message_id, mail.message_id, "{death:?} ({last})");
                }
                assert_exactly_once(&mails, &office.messages());
            }
            number += 1;
            if ended {
                break;
            }
        }
        assert!(
            number > 10,
            "a tick calls its ledger more than {number} times"
        );
    }
}

#[test]
fn a_tick_killed_at_any_action_is_finished_by_the_next() {
    for actions in 0..40 {
        let mut office = busy_office();
        let dead: Arc<AtomicBool> = Arc::default();
        let driver = FaultyDriver {
            dies_after: actions,
            dead: Arc::clone(&dead),
            ..FaultyDriver::new()
        };
        let drivers = registry(driver);
        let settings = settings(30, 6);
        let mut ledger = MortalLedger::with_flag(&mut office.ledger, &dead);
        let result = run(
            &mut ledger,
            &drivers,
            &OfflineWriter,
            settings.now,
            &settings,
        );
        if !dead.load(Ordering::SeqCst) {
            assert!(actions > 10 && result.is_ok(), "{actions}: {result:?}");
            return;
        }
        finish(&mut office, settings.now);
        let mails = office.mails();
        assert!(
            mails.iter().all(|mail| mail.state == "delivered"),
            "{actions}"
        );
        assert_exactly_once(&mails, &office.messages());
    }
    panic!("the tick never came to its end");
}
