//! `decnet heal run`

use decnet_background::stop::StopSignal;
use decnet_self_heal::tick::OpenCircuit;

use crate::commands::heal_tick::{execution_line, failure_of};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::heal;
use crate::output::say;
use crate::ticking::{Pulse, tick_until, until_told};
use crate::wiring::Session;

/// Ticks until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    session.prepare_writer()?;
    until_told(async |stop| {
        tick(stop, &Pulse::alone("heal"), &mut session).await;
        Ok(())
    })
}

/// Ticks until `stop`.
pub(crate) async fn tick(stop: &StopSignal, pulse: &Pulse, session: &mut Session) {
    let pause = session.settings.heal.interval.value;
    let mut circuit = None;
    tick_until(stop, pulse, pause, async || {
        once(session, pulse, &mut circuit).await
    })
    .await;
}

async fn once(
    session: &mut Session,
    pulse: &Pulse,
    circuit: &mut Option<OpenCircuit>,
) -> Result<(), Failure> {
    let (now, seed) = (environment::now(), environment::random());
    let report = heal::tick(session, now, seed, false).await?;
    for execution in &report.executions {
        say(&pulse.prefixed(execution_line(execution)));
    }
    match (&report.circuit, circuit.is_some()) {
        (Some(open), false) => say(&pulse.prefixed(format_args!(
            "the fleet's circuit is open: {} of {} decoys with traffic are stale",
            open.count.stale, open.count.with_traffic
        ))),
        (None, true) => say(&pulse.prefixed("the fleet's circuit is closed")),
        (Some(_), true) | (None, false) => {}
    }
    *circuit = report.circuit;
    failure_of(&report)
}
