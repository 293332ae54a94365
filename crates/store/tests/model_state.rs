//! What is known about a model's server, between processes.

use std::path::Path;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_realism::llm::circuit_breaker::{CircuitPolicy, CircuitState};
use decnet_realism::llm::conformance::assert_ledger_conforms;
use decnet_realism::llm::model_state::{ModelLedger, Outcome, Permit, Refusal, SlotPolicy};
use decnet_store::{OpenOptions, Store, StoredModelLedger};

const SERVER: &str = "openai http://127.0.0.1:1 small";
const WITHIN: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn database(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("decnet.db");
    Store::open(&path, OpenOptions::default()).expect("a new database");
    path
}

fn admit(ledger: &StoredModelLedger, seconds: i64) -> Result<Permit, Refusal> {
    let mut admitted = None;
    ledger
        .change(SERVER, &mut |state| {
            admitted = Some(state.admit(
                at(seconds),
                WITHIN,
                &CircuitPolicy::default(),
                &SlotPolicy::default(),
            ));
        })
        .expect("the state is kept");
    admitted.expect("it was asked")
}

fn settle(ledger: &StoredModelLedger, permit: Permit, outcome: Outcome, seconds: i64) {
    ledger
        .change(SERVER, &mut |state| {
            state.settle(
                permit,
                outcome,
                at(seconds),
                &CircuitPolicy::default(),
                &SlotPolicy::default(),
            );
        })
        .expect("the state is kept");
}

#[test]
fn a_breaker_that_one_process_opened_is_open_for_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = database(folder.path());
    let failure = Outcome::Failure {
        retry_after: None,
        may_run_on: false,
    };
    for second in 0..3 {
        let process = StoredModelLedger::new(&path);
        let permit = admit(&process, second).expect("closed so far");
        settle(&process, permit, failure, second);
    }
    let refused = admit(&StoredModelLedger::new(&path), 10);
    assert!(
        matches!(refused, Err(Refusal::CircuitOpen { .. })),
        "{refused:?}"
    );
    let mut store = Store::open(&path, OpenOptions::default()).expect("the database");
    let state = store.model_state(SERVER).expect("it can be read");
    assert_eq!(state.breaker.state(), CircuitState::Open);
    let other = store.model_state("another").expect("it can be read");
    assert_eq!(other.breaker.state(), CircuitState::Closed);
}

#[test]
fn it_does_what_a_ledger_has_to() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_ledger_conforms(&StoredModelLedger::new(database(folder.path())));
}

#[test]
fn many_at_once_share_one_slot() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = database(folder.path());
    let admitted: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| admit(&StoredModelLedger::new(&path), 0).is_ok()))
            .collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results.filter(|joined| matches!(joined, Ok(true))).count()
    });
    assert_eq!(admitted, 1);
}

#[test]
fn a_database_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = StoredModelLedger::new(folder.path().join("decnet.db"));
    assert!(ledger.change(SERVER, &mut |_| {}).is_err());
    assert!(!folder.path().join("decnet.db").exists(), "none is made");
}
