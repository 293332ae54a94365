//! `decnet memory pin` and `decnet memory unpin`

use decnet_memory::ledger::MemoryLedger;
use decnet_memory::memory::{Memory, Pin};
use decnet_memory::pins::{Hand, PinChange};
use serde_json::json;

use crate::alerting::new_id;
use crate::commands::memory::{because, find};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::output::{say, say_json};
use crate::wiring::open_store;

/// Holds on to a memory.
pub(crate) fn pin(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    set(flags, id, Hand::Pin, json)
}

/// Lets a memory fade.
pub(crate) fn unpin(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    set(flags, id, Hand::Unpin, json)
}

fn set(flags: &Flags, id: i64, hand: Hand, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let before = find(&mut store, id)?;
    // An operator may say the same at different times, and each time it is said anew.
    let cause = format!("operator:{}", new_id());
    let changes = store.set_pin(before.id, hand, &cause, environment::now())?;
    if json {
        let pin = match hand {
            Hand::Pin => Pin::Manual,
            Hand::Unpin => Pin::None,
        };
        let changed = !changes.is_empty();
        say_json(&json!({ "memory": id, "pin": pin, "changed": changed, "changes": changes }));
    } else {
        say(&told(&before, hand, &changes));
    }
    Ok(())
}

/// What a hand changed.
fn told(before: &Memory, hand: Hand, changes: &[PinChange]) -> String {
    let id = before.id;
    let first = match (hand, before.pin, changes.is_empty()) {
        (Hand::Pin, _, true) => format!("memory {id} was pinned by hand already"),
        (Hand::Unpin, _, true) => format!("memory {id} was unpinned by hand already"),
        (Hand::Pin, Pin::Automatic, false) => {
            format!("memory {id}, which was pinned by its score, is pinned whatever it is scored")
        }
        (Hand::Pin, _, false) => format!("memory {id} is pinned, whatever it is scored"),
        (Hand::Unpin, Pin::None, false) => {
            format!("memory {id} was not pinned; no score pins it from now on")
        }
        (Hand::Unpin, _, false) => {
            format!("memory {id} is not pinned any more, and no score pins it from now on")
        }
    };
    let others = changes.iter().filter(|change| change.memory != id);
    let others = others.map(|change| {
        let (other, why) = (change.memory, because(change.why));
        format!("memory {other} is not pinned any more: {why}")
    });
    std::iter::once(first)
        .chain(others)
        .collect::<Vec<_>>()
        .join("\n")
}
