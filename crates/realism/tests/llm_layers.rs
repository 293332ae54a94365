//! The layers around a backend, on a clock that the tests move.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_realism::llm::backend::{
    ChatMessage, FinishReason, Generation, GenerationRequest, LlmBackend, LlmError, OutputFormat,
    Role, WaitPhase,
};
use decnet_realism::llm::circuit_breaker::{CircuitPolicy, CircuitState};
use decnet_realism::llm::conformance::assert_ledger_conforms;
use decnet_realism::llm::layers::{Deadline, GuardPolicy, Guarded, Retry, RetryPolicy};
use decnet_realism::llm::model_state::{MemoryModelLedger, ModelLedger, ModelState, SlotPolicy};

/// Does what it is told, in order; then answers at once.
#[derive(Default)]
struct Scripted {
    steps: Mutex<VecDeque<Step>>,
    calls: AtomicU32,
    running: AtomicU32,
    most_running: AtomicU32,
}

#[derive(Clone)]
enum Step {
    Fail(LlmError),
    /// Answers after so many seconds.
    Slow(u64),
    Hang,
}

impl Scripted {
    fn new(steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            steps: Mutex::new(steps.into_iter().collect()),
            ..Self::default()
        })
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

struct Shared(Arc<Scripted>);

struct Running<'a>(&'a Scripted);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl LlmBackend for Shared {
    fn name(&self) -> &str {
        "scripted"
    }

    fn model(&self) -> &str {
        "none"
    }

    async fn generate(&self, _: &GenerationRequest) -> Result<Generation, LlmError> {
        let scripted = &*self.0;
        scripted.calls.fetch_add(1, Ordering::SeqCst);
        let running = scripted.running.fetch_add(1, Ordering::SeqCst) + 1;
        scripted.most_running.fetch_max(running, Ordering::SeqCst);
        let _running = Running(scripted);
        let step = scripted.steps.lock().expect("nobody panicked").pop_front();
        match step {
            Some(Step::Fail(error)) => return Err(error),
            Some(Step::Slow(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Some(Step::Hang) => std::future::pending().await,
            None => {}
        }
        Ok(Generation {
            text: "done".to_owned(),
            finish: FinishReason::Stop,
            prompt_tokens: None,
            output_tokens: None,
        })
    }
}

fn request() -> GenerationRequest {
    GenerationRequest {
        messages: vec![ChatMessage {
            role: Role::User,
            content: "hello".to_owned(),
        }],
        most_tokens: 10,
        temperature: 0.0,
        repeat_penalty: 1.0,
        seed: 1,
        stop: Vec::new(),
        format: OutputFormat::Text,
        within: Duration::from_secs(10),
    }
}

fn refused(status: u16, retry_after: Option<u64>) -> LlmError {
    LlmError::Refused {
        status,
        message: "no".to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
    }
}

fn unreachable() -> LlmError {
    LlmError::Unavailable {
        reason: "connection refused".to_owned(),
        may_run_on: false,
    }
}

thread_local! {
    static STARTED: tokio::time::Instant = tokio::time::Instant::now();
}

/// A wall clock that goes with the test's own.
fn wall_clock() -> DateTime<Utc> {
    let gone = STARTED.with(tokio::time::Instant::elapsed);
    DateTime::UNIX_EPOCH + TimeDelta::from_std(gone).expect("a short test")
}

fn guarded(scripted: &Arc<Scripted>, ledger: &Arc<MemoryModelLedger>) -> Guarded<Deadline<Shared>> {
    let policy = GuardPolicy {
        circuit: CircuitPolicy::default(),
        slots: SlotPolicy {
            slots: 1,
            hold: Duration::from_secs(20),
        },
    };
    Guarded::new(
        Deadline::new(Shared(scripted.clone()), Duration::from_secs(60)),
        "scripted",
        policy,
        ledger.clone(),
        wall_clock,
        ModelState::default(),
    )
}

#[test]
fn the_ledger_in_memory_does_what_it_has_to() {
    assert_ledger_conforms(&MemoryModelLedger::default());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_what_hangs() {
    let scripted = Scripted::new([Step::Hang]);
    let backend = Deadline::new(Shared(scripted.clone()), Duration::from_secs(60));
    let started = tokio::time::Instant::now();
    assert_eq!(
        backend.generate(&request()).await,
        Err(LlmError::Timeout {
            phase: WaitPhase::Total,
            after: Duration::from_secs(10)
        })
    );
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert_eq!(scripted.running.load(Ordering::SeqCst), 0, "it was dropped");
}

#[tokio::test(start_paused = true)]
async fn what_did_no_work_is_tried_again_a_few_times() {
    let scripted = Scripted::new([Step::Fail(unreachable()), Step::Fail(refused(503, None))]);
    let backend = Retry::new(Shared(scripted.clone()), RetryPolicy::default());
    assert!(backend.generate(&request()).await.is_ok());
    assert_eq!(scripted.calls(), 3);
    let scripted = Scripted::new(vec![Step::Fail(unreachable()); 9]);
    let backend = Retry::new(Shared(scripted.clone()), RetryPolicy::default());
    assert_eq!(backend.generate(&request()).await, Err(unreachable()));
    assert_eq!(scripted.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_may_run_on_or_cannot_change_is_not_tried_again() {
    let errors = [
        LlmError::Timeout {
            phase: WaitPhase::Idle,
            after: Duration::from_secs(1),
        },
        LlmError::Unavailable {
            reason: "reset".to_owned(),
            may_run_on: true,
        },
        refused(404, None),
        refused(401, None),
        refused(429, Some(600)),
        LlmError::Malformed {
            what: "no JSON".to_owned(),
        },
    ];
    for error in errors {
        let scripted = Scripted::new([Step::Fail(error.clone())]);
        let backend = Retry::new(Shared(scripted.clone()), RetryPolicy::default());
        assert_eq!(backend.generate(&request()).await, Err(error));
        assert_eq!(scripted.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_pause_that_a_server_asks_for_is_kept() {
    let scripted = Scripted::new([Step::Fail(refused(429, Some(2)))]);
    let backend = Retry::new(Shared(scripted.clone()), RetryPolicy::default());
    let started = tokio::time::Instant::now();
    assert!(backend.generate(&request()).await.is_ok());
    assert_eq!(started.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn failures_open_the_circuit_and_a_probe_closes_it() {
    let scripted = Scripted::new(vec![Step::Fail(refused(500, None)); 4]);
    let ledger = Arc::new(MemoryModelLedger::default());
    let backend = guarded(&scripted, &ledger);
    for _ in 0..3 {
        assert_eq!(backend.generate(&request()).await, Err(refused(500, None)));
    }
    let state = ledger.state("scripted").expect("it is in memory");
    assert_eq!(state.breaker.state(), CircuitState::Open);
    let failure = state.last_failure.expect("it is told");
    assert_eq!(failure.reason, "refused with HTTP status 500: no");
    // Another process that shares the ledger, too, does not ask.
    for backend in [&backend, &guarded(&scripted, &ledger)] {
        let answer = backend.generate(&request()).await;
        assert!(
            matches!(answer, Err(LlmError::CircuitOpen { .. })),
            "{answer:?}"
        );
    }
    assert_eq!(scripted.calls(), 3);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(backend.generate(&request()).await, Err(refused(500, None)));
    assert!(matches!(
        backend.generate(&request()).await,
        Err(LlmError::CircuitOpen { .. })
    ));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(backend.generate(&request()).await.is_ok());
    assert!(backend.generate(&request()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_slot_runs_one_generation_at_a_time() {
    let scripted = Scripted::new([Step::Slow(3), Step::Slow(3), Step::Slow(3)]);
    let ledger = Arc::new(MemoryModelLedger::default());
    let (one, two) = (guarded(&scripted, &ledger), guarded(&scripted, &ledger));
    let asked = request();
    let answers = tokio::join!(
        one.generate(&asked),
        two.generate(&asked),
        one.generate(&asked)
    );
    assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok());
    assert_eq!(scripted.most_running.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slot_too_long_is_told() {
    let scripted = Scripted::new([Step::Slow(9), Step::Slow(9)]);
    let ledger = Arc::new(MemoryModelLedger::default());
    let backend = guarded(&scripted, &ledger);
    let asked = request();
    let started = tokio::time::Instant::now();
    let (first, second) = tokio::join!(backend.generate(&asked), backend.generate(&asked));
    assert!(first.is_ok());
    // It had a second left when the slot was free.
    assert!(
        matches!(second, Err(LlmError::Timeout { .. })),
        "{second:?}"
    );
    assert!(started.elapsed() <= Duration::from_millis(10_100));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_generation_is_not_joined_by_another() {
    let scripted = Scripted::new([Step::Hang]);
    let ledger = Arc::new(MemoryModelLedger::default());
    let backend = guarded(&scripted, &ledger);
    assert!(matches!(
        backend.generate(&request()).await,
        Err(LlmError::Timeout { .. })
    ));
    let started = tokio::time::Instant::now();
    let answer = backend.generate(&request()).await;
    assert_eq!(
        answer,
        Err(LlmError::NoSlot {
            retry_after: Duration::from_secs(20)
        })
    );
    assert_eq!(started.elapsed(), Duration::ZERO, "nobody waits for it");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert!(backend.generate(&request()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_keeps_the_slot_but_says_nothing_of_the_server() {
    let scripted = Scripted::new([Step::Hang]);
    let ledger = Arc::new(MemoryModelLedger::default());
    let backend = guarded(&scripted, &ledger);
    let asked = request();
    let gone = tokio::time::timeout(Duration::from_secs(1), backend.generate(&asked)).await;
    assert!(gone.is_err());
    let state = ledger.state("scripted").expect("it is in memory");
    assert_eq!(state.breaker.failures(), 0);
    assert_eq!(state.taken(wall_clock()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_keeps_the_model_silent() {
    struct Broken;
    impl ModelLedger for Broken {
        fn state(
            &self,
            _: &str,
        ) -> Result<ModelState, decnet_realism::llm::model_state::ModelLedgerError> {
            unreachable!("only changes are asked for")
        }

        fn change(
            &self,
            _: &str,
            _: &mut dyn FnMut(&mut ModelState),
        ) -> Result<(), decnet_realism::llm::model_state::ModelLedgerError> {
            Err(decnet_realism::llm::model_state::ModelLedgerError {
                reason: "the disk is full".to_owned(),
            })
        }
    }
    let scripted = Scripted::new([]);
    let backend = Guarded::new(
        Shared(scripted.clone()),
        "scripted",
        GuardPolicy::default(),
        Arc::new(Broken),
        wall_clock,
        ModelState::default(),
    );
    let error = backend
        .generate(&request())
        .await
        .expect_err("it must not go on");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(scripted.calls(), 0);
}
