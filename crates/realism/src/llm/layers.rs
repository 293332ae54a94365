//! Bounds around any backend, each a backend itself.
//!
//! From the outside in: [`Guarded`] asks the circuit breaker and takes a slot, [`Deadline`] ends
//! what takes too long, [`Retry`] asks again when the server did no work yet.

mod deadline;
mod guarded;
mod retry;

pub use deadline::Deadline;
pub use guarded::{GuardPolicy, Guarded};
pub use retry::{Retry, RetryPolicy};
