//! Many workers deliver the same messages while a mail server moves them about.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use decnet_activity_driver::action::ActivityResult;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};

use support::{SEEN, decky, deliver, fast, flag, names};

const MESSAGES: usize = 60;
const WORKERS: usize = 8;

#[test]
fn each_message_is_delivered_once() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let maildir = root.path().join("home/ana/Maildir");
    let attempts: Vec<AtomicU32> = (0..MESSAGES).map(|_| AtomicU32::new(0)).collect();
    let delivered = AtomicU64::new(0);
    let stop = AtomicBool::new(false);

    std::thread::scope(|scope| {
        scope.spawn(|| serve(&maildir, &stop));
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (decky, attempts, delivered) = (&decky, &attempts, &delivered);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .build()
                        .unwrap();
                    for index in 0..MESSAGES {
                        // Some at the same message, some elsewhere.
                        let index = (index + worker % 4 * 7) % MESSAGES;
                        let name = format!("1780000000.M{index}P2.mx1");
                        loop {
                            let attempt = attempts[index].fetch_add(1, Ordering::Relaxed) + 1;
                            let action = deliver(&name, attempt);
                            match runtime.block_on(fast().run(decky, &action)) {
                                Ok(ActivityResult::Delivered { .. }) => {
                                    delivered.fetch_add(1, Ordering::Relaxed);
                                    break;
                                }
                                Ok(ActivityResult::AlreadyDelivered { .. }) => break,
                                Err(DriverError::Overtaken { .. }) => {}
                                other => panic!("try {attempt} gives {other:?}"),
                            }
                        }
                        let flagged = runtime.block_on(fast().run(decky, &flag(&name, SEEN)));
                        match flagged {
                            Ok(ActivityResult::Flagged { .. }) => {}
                            other => panic!("flagging {name} gives {other:?}"),
                        }
                    }
                })
            })
            .collect();
        let finished: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(finished.iter().all(Result::is_ok));
    });

    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for name in [names(&maildir.join("new")), names(&maildir.join("cur"))].concat() {
        let unique_name = name.split(',').next().unwrap().to_owned();
        *found.entry(unique_name).or_default() += 1;
    }
    assert_eq!(found.len(), MESSAGES);
    assert!(found.values().all(|&files| files == 1), "{found:?}");
    assert_eq!(delivered.into_inner(), MESSAGES as u64);
    // Nothing but fences.
    let left = names(&maildir.join("tmp"));
    assert!(left.iter().all(|name| name.ends_with(".mx1.0")), "{left:?}");
}

/// Moves new messages to `cur/` and turns flags on and off, as a server and its clients do.
fn serve(maildir: &Path, stop: &AtomicBool) {
    let (new, cur) = (maildir.join("new"), maildir.join("cur"));
    let list = |folder: &Path| match folder.exists() {
        true => names(folder),
        false => Vec::new(),
    };
    while !stop.load(Ordering::Relaxed) {
        for name in list(&new) {
            let _ = std::fs::rename(new.join(&name), cur.join(format!("{name}:2,")));
        }
        for name in list(&cur).into_iter().step_by(3) {
            if let Some((base, flags)) = name.split_once(":2,") {
                let flags = match flags.contains('F') {
                    true => flags.replace('F', ""),
                    false => format!("F{flags}"),
                };
                let _ = std::fs::rename(cur.join(&name), cur.join(format!("{base}:2,{flags}")));
            }
        }
        std::thread::yield_now();
    }
}
