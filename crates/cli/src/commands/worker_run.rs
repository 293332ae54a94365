//! `decnet worker run`

use std::sync::Arc;

use crate::config::{Flags, Settings};
use crate::failure::{Failure, Kind};
use crate::jobs::work_until;
use crate::ticking::{Pulse, until_told};
use crate::wiring::open_store;

/// What to say where there is nothing to run.
pub(super) const TURNED_OFF: &str = "worker.enabled is false: no jobs are enqueued or done";

/// Does jobs until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let settings = Arc::new(Settings::load(flags)?);
    if !settings.run.enabled.value {
        return Err(Failure::new(Kind::Configuration, TURNED_OFF));
    }
    // What is wrong with the database is said now.
    open_store(&settings, false)?;
    until_told(async |stop| work_until(stop, &Pulse::alone("worker"), &settings).await)
}
