//! `decnet worker run`

use std::sync::Arc;

use crate::config::{Flags, Settings};
use crate::failure::Failure;
use crate::jobs::work_until;
use crate::ticking::{Pulse, until_told};
use crate::wiring::open_store;

/// Does jobs until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let settings = Arc::new(Settings::load(flags)?);
    // What is wrong with the database is said now.
    open_store(&settings, false)?;
    until_told(async |stop| work_until(stop, &Pulse::alone("worker"), &settings).await)
}
