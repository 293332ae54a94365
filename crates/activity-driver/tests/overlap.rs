//! Many workers deliver the same messages while a mail server moves them about.

mod support;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use decnet_activity_driver::action::ActivityResult;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};

use support::{SEEN, decky, deliver, fast, flag, names};

const MESSAGES: usize = 60;
const WORKERS: usize = 8;
const ROUNDS: usize = 10;

#[test]
fn each_message_is_delivered_once() {
    // What goes wrong here goes wrong rarely.
    for _ in 0..ROUNDS {
        deliver_together();
    }
}

fn deliver_together() {
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
                                // Overtaken, or too much going on in the folder.
                                Err(error) if error.is_transient() => {}
                                other => panic!("try {attempt} gives {other:?}"),
                            }
                        }
                        loop {
                            match runtime.block_on(fast().run(decky, &flag(&name, SEEN))) {
                                Ok(ActivityResult::Flagged { .. }) => break,
                                Err(DriverError::Io { source, .. })
                                    if source.kind() == ErrorKind::WouldBlock => {}
                                other => panic!("flagging {name} gives {other:?}"),
                            }
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
        // Busy, but not so much that the folder never keeps still.
        std::thread::sleep(std::time::Duration::from_micros(500));
    }
}
