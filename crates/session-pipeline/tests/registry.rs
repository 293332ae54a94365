//! The list of processors: built when asked for, again when that failed, and no name twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use decnet_session_pipeline::processor::{Cadence, Processor};
use decnet_session_pipeline::processors::usage::Usage;
use decnet_session_pipeline::registry::{Build, ProcessorRegistry, RegistryError};
use decnet_session_pipeline::schedule::Schedule;

const EVERY: Cadence = Cadence {
    every: Duration::from_secs(60),
};

fn usage() -> Build {
    Box::new(|| {
        let usage: Arc<dyn Processor> = Arc::new(Usage::default());
        Ok(usage)
    })
}

#[test]
fn a_processor_is_built_when_it_is_asked_for_and_again_when_that_failed() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let mut registry = ProcessorRegistry::default();
    let build: Build = Box::new(move || {
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err("no model".to_owned());
        }
        let usage: Arc<dyn Processor> = Arc::new(Usage::default());
        Ok(usage)
    });
    registry.register("usage", EVERY, "", build).unwrap();
    assert_eq!(tries.load(Ordering::Relaxed), 0);
    let failed = registry.build("usage").err().unwrap();
    assert!(failed.is_transient());
    assert_eq!(
        failed.to_string(),
        "processor usage is not available: no model"
    );
    assert_eq!(registry.build("usage").unwrap().name(), "usage");
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}

#[test]
fn names_are_checked() {
    let mut registry = ProcessorRegistry::default();
    registry.register("usage", EVERY, "", usage()).unwrap();
    registry.register("other", EVERY, "", usage()).unwrap();
    let duplicate = registry.register("usage", EVERY, "", usage()).unwrap_err();
    assert_eq!(
        duplicate,
        RegistryError::Duplicate {
            name: "usage".to_owned()
        }
    );
    let unknown = registry.build("usge").err().unwrap();
    assert_eq!(
        unknown.to_string(),
        "there is no processor \"usge\"; there are usage, other"
    );
    assert!(!unknown.is_transient());
    let misnamed = registry.build("other").err().unwrap();
    assert!(matches!(misnamed, RegistryError::Misnamed { own, .. } if own == "usage"));
    assert_eq!(registry.entries().len(), 2);
}

#[test]
fn the_next_time_moves_on_after_every_end() {
    let seconds = Duration::from_secs;
    let mut schedule = Schedule::default();
    schedule.add("new", EVERY, None, seconds(5));
    schedule.add("late", EVERY, Some(seconds(1000)), seconds(5));
    schedule.add("fresh", EVERY, Some(seconds(20)), seconds(5));
    let mut begun: Vec<String> = std::iter::from_fn(|| schedule.begin(seconds(5))).collect();
    begun.sort();
    assert_eq!(begun, ["late", "new"]);
    assert_eq!(
        (schedule.running(), schedule.next_due()),
        (2, Some(seconds(45)))
    );
    // A long one is not begun again, however late it is.
    assert_eq!(schedule.begin(seconds(500)).as_deref(), Some("fresh"));
    assert_eq!(
        (schedule.begin(seconds(900)), schedule.next_due()),
        (None, None)
    );
    schedule.end("late", seconds(900));
    assert_eq!(schedule.begin(seconds(959)), None);
    assert_eq!(schedule.begin(seconds(960)).as_deref(), Some("late"));
}
