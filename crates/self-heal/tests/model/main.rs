//! The whole engine against a plain model of it: 1,000 decoys, 10,000 hours, random traffic,
//! intruders, pauses, clocks, failures and crashes. The model shares no code with the engine; after
//! every tick it says whether what was done was allowed, and whether each "no" was true.

mod judge;
mod world;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use decnet_self_heal::decision::{Decision, Reason};
use decnet_self_heal::ledger::HealLedger;
use decnet_self_heal::log::State;
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::policies::age::Age;
use decnet_self_heal::policies::stagnation::Stagnation;
use decnet_self_heal::tick::{HealReport, HealSettings, HealTick};
use judge::Judge;
use world::{Hands, Nature, World, moment};

const SEED: u64 = 0xdec0;
const HOURS: i64 = 10_000;
/// Every reason that there is.
const REASONS: usize = 13;

/// One tick; `None` when its process died.
fn tick(
    ledger: &mut MemoryHealLedger,
    world: &mut World,
    hands: &mut Hands,
    lots: &mut Nature,
    preview: bool,
) -> Option<HealReport> {
    let (stagnation, age) = (Stagnation::default(), Age::default());
    let now = moment(world.clock);
    let settings = HealSettings::new(now);
    let mut tick = HealTick {
        ledger,
        policies: &[&stagnation, &age],
        surroundings: world,
        executor: hands,
        wall_clock: &move || now,
        random: &mut || lots.next_number(),
        on_execution: &mut |_| {},
    };
    if preview {
        return Some(tick.preview(&settings).unwrap());
    }
    let running = pin!(tick.run(&settings));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(report) => Some(report.unwrap()),
        Poll::Pending => None,
    }
}

#[test]
fn ten_thousand_hours_of_a_thousand_decoys_go_as_the_model_says() {
    println!("seed {SEED:#x}");
    let mut ledger = MemoryHealLedger::new();
    let mut world = World::new(SEED);
    let mut hands = Hands::new(SEED + 1);
    let mut lots = Nature::new(SEED + 2);
    let mut judge = Judge::new();
    for hour in 0..HOURS {
        world.pass_an_hour(hour, &mut ledger);
        play(&mut ledger, &mut world, &mut hands, &mut lots, &mut judge);
        if lots.one_in(10) {
            world.clock += 20;
            world.truth += 20;
            play(&mut ledger, &mut world, &mut hands, &mut lots, &mut judge);
            world.clock -= 20;
            world.truth -= 20;
        }
    }
    // Nothing is lost: left in peace, everything that was begun comes to its end.
    hands.is_clumsy = false;
    for hour in HOURS..HOURS + 48 {
        world.pass_a_quiet_hour(hour, &mut ledger);
        play(&mut ledger, &mut world, &mut hands, &mut lots, &mut judge);
    }
    judge.assert_all_settled(&hands);
    let log = ledger.log(0, usize::MAX).unwrap();
    let mut state = State::default();
    for entry in &log {
        state.apply(entry);
    }
    assert_eq!(state, *ledger.state());
    // It was worth a look.
    println!("{judge}");
    assert_eq!(judge.reasons.len(), REASONS, "{judge}");
    assert!(
        judge.done > 10_000 && judge.retried > 2_000 && judge.gave_up > 500,
        "{judge}"
    );
    assert!(
        judge.crashes > 300 && judge.circuit_openings > 10,
        "{judge}"
    );
}

fn play(
    ledger: &mut MemoryHealLedger,
    world: &mut World,
    hands: &mut Hands,
    lots: &mut Nature,
    judge: &mut Judge,
) {
    let entries = ledger.state().last_entry;
    let foreseen = lots
        .one_in(100)
        .then(|| tick(ledger, world, hands, lots, true).unwrap());
    assert_eq!(
        ledger.state().last_entry,
        entries,
        "a preview writes nothing"
    );
    judge.look_at(world);
    let report = tick(ledger, world, hands, lots, false);
    if world.paused_all {
        assert_eq!(ledger.state().last_entry, entries, "a pause writes nothing");
    }
    if let (Some(foreseen), Some(report)) = (&foreseen, &report) {
        for (foreseen, verdict) in foreseen.verdicts.iter().zip(&report.verdicts) {
            let was_refused = matches!(foreseen.decision, Decision::Act(_))
                && matches!(verdict.decision, Decision::Skip(_));
            assert!(
                foreseen.decision == verdict.decision || was_refused,
                "seed {SEED:#x}, truth {}: {foreseen:?} became {verdict:?}",
                world.truth
            );
        }
    }
    let done = std::mem::take(&mut hands.done);
    judge.check_executions(world, hands, &done, report.is_some(), ledger.state());
    if let Some(report) = &report {
        judge.check_verdicts(world, report, &done);
    }
    for execution in &done {
        if execution.took_effect {
            world.changed(&execution.target);
        }
    }
}

/// A name for what was decided.
fn told(decision: &Decision) -> &'static str {
    decision.reason().map_or("act", Reason::name)
}
