//! `decnet emailgen run`

use decnet_background::stop::StopSignal;

use crate::commands::emailgen_tick::{failure_of, outcome};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::heal::frozen;
use crate::output::say;
use crate::ticking::{Pulse, tick_until, until_told};
use crate::wiring::Session;

/// Ticks until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    session.prepare_writer()?;
    until_told(async |stop| {
        tick(stop, &Pulse::alone("mail"), &mut session).await;
        Ok(())
    })
}

/// Ticks until `stop`.
pub(crate) async fn tick(stop: &StopSignal, pulse: &Pulse, session: &mut Session) {
    let pause = session.settings.interval.value;
    tick_until(stop, pulse, pause, async || once(session, pulse).await).await;
}

async fn once(session: &mut Session, pulse: &Pulse) -> Result<(), Failure> {
    session.sync_pool()?;
    let now = environment::now();
    let mut settings = session.tick_settings(now, environment::random(), 1);
    settings.frozen = frozen(&mut session.store, &session.settings, now)?;
    let report = session
        .tick(async |tick| tick.run(&settings).await)
        .await??;
    say(&pulse.prefixed(outcome(&report)));
    failure_of(&report)
}
