//! The processors that come with decnet.

pub mod cowrie;
pub mod engagement;
pub mod usage;
pub mod verification;
