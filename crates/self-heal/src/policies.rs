//! The policies that come with the engine.

pub mod age;
pub mod stagnation;
