//! Text from a language model, without ever being in the way.
//!
//! - [`backend`] is the contract of whatever generates text, [`conformance`] what each one has to
//!   do, and [`backends`] the ones that are built in: Ollama's own protocol, any OpenAI-compatible
//!   server, and a fixed answer for tests. [`endpoint`] decides which hosts may be spoken to.
//! - [`layers`] bound any backend: a deadline, a few retries, slots, a circuit breaker whose
//!   state ([`model_state`]) outlives the process. [`cassette`] records answers and plays them
//!   back.
//! - [`prompt`] asks for a mail, [`output`] reads the answer, and [`writer`] puts these together
//!   as a [`Writer`](crate::writer::Writer).

pub mod backend;
pub mod backends;
pub mod cassette;
pub mod circuit_breaker;
pub mod conformance;
pub mod endpoint;
pub mod http;
pub mod layers;
pub mod model_state;
pub mod output;
pub mod prompt;
pub mod secret;
mod stopwatch;
pub mod writer;
