//! `decnet emailgen run`

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::commands::emailgen_tick::{failure_of, outcome};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{say, warn};
use crate::wiring::{Session, run_with_sockets};

/// How long a tick in progress may go on after a signal. What it has not finished then stays in
/// the outbox for the next start.
const GRACE: Duration = Duration::from_millis(1_500);

/// Ticks until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    let pause = session
        .settings
        .interval
        .value
        .max(Duration::from_millis(10));
    session.prepare_writer()?;
    run_with_sockets(async {
        let no_signals = |error| {
            Failure::new(
                Kind::Unavailable,
                format!("cannot wait for signals: {error}"),
            )
        };
        let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = ticks.tick() => {}
            }
            let tick = once(&mut session);
            tokio::pin!(tick);
            tokio::select! {
                () = &mut tick => {}
                _ = terminate.recv() => {
                    let _ = timeout(GRACE, &mut tick).await;
                    break;
                }
                _ = interrupt.recv() => {
                    let _ = timeout(GRACE, &mut tick).await;
                    break;
                }
            }
        }
        say("stopped");
        Ok(())
    })
}

/// One tick. What goes wrong is told, and does not end the loop.
async fn once(session: &mut Session) {
    let result = async {
        session.sync_pool()?;
        let settings = session.tick_settings(environment::now(), environment::random(), 1);
        let report = session
            .tick(async |tick| tick.run(&settings).await)
            .await??;
        say(&outcome(&report));
        failure_of(&report)
    };
    if let Err(failure) = result.await {
        warn(&failure.to_string());
    }
}
