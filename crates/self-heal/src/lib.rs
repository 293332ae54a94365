//! Which targets deserve a nudge now, and why or why not.
//!
//! A target is anything that people look at and use: a decoy, a post, a page. Its [`Point`]s say how
//! much, over time. [Policies](policies) decide from facts alone: [`Stagnation`] acts on what is seen
//! and not used, [`Age`] on what has not changed for days. Each answers [`Act`] with a plan, or
//! [`Skip`] with one [`Reason`] and the facts behind it.
//!
//! Around the policies, an [`Engine`](engine::Engine) keeps off what is paused or has an intruder
//! inside, does nothing when too much is stale at once, and keeps to a budget. A
//! [`HealTick`](tick::HealTick) carries plans out through an [`Executor`](executor::Executor), so that
//! a crash anywhere leads to neither an action twice nor one that is lost. Everything that is done is
//! appended to a [log], and nothing in it is ever changed.
//!
//! This crate knows nothing of mail, drivers or databases. It reads no clock, no environment and no
//! source of randomness; a [`HealLedger`](ledger::HealLedger) keeps what has to be kept.
//!
//! ```
//! use async_trait::async_trait;
//! use chrono::{DateTime, TimeDelta};
//! use decnet_self_heal::attempt::ExecutionError;
//! use decnet_self_heal::executor::{Executor, Order};
//! use decnet_self_heal::ledger::{HealLedger, Intake};
//! use decnet_self_heal::memory_ledger::MemoryHealLedger;
//! use decnet_self_heal::point::Point;
//! use decnet_self_heal::policies::stagnation::Stagnation;
//! use decnet_self_heal::surroundings::NoSurroundings;
//! use decnet_self_heal::tick::{HealSettings, HealTick};
//! use serde_json::{Value, json};
//!
//! struct Network;
//!
//! #[async_trait]
//! impl Executor for Network {
//!     async fn execute(&mut self, order: &Order) -> Result<Value, ExecutionError> {
//!         // Done once for each `order.plan.cause()`, however often it is asked.
//!         Ok(json!({ "posted": order.plan.action }))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
//! let points = [(60, 0), (30, 500), (5, 1_000)].map(|(minutes, impressions)| {
//!     let at = now - TimeDelta::minutes(minutes);
//!     ("post-1", Point { at, impressions, engagements: 0 })
//! });
//! let mut ledger = MemoryHealLedger::new();
//! ledger.take_in(&Intake { points: &points, ..Intake::default() })?;
//! let mut tick = HealTick {
//!     ledger: &mut ledger,
//!     policies: &[&Stagnation::default()],
//!     surroundings: &mut NoSurroundings,
//!     executor: &mut Network,
//!     wall_clock: &|| DateTime::UNIX_EPOCH + TimeDelta::days(1),
//!     random: &mut || 4,
//!     on_execution: &mut |_| {},
//! };
//! let report = tick.run(&HealSettings::new(now)).await?;
//! assert_eq!(report.executions[0].attempt.result, Some(json!({ "posted": "thread" })));
//! let again = tick.run(&HealSettings::new(now)).await?;
//! let reason = again.verdicts[0].decision.reason().map(|reason| reason.name());
//! assert_eq!(reason, Some("duplicate_action"));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! [`Act`]: decision::Decision::Act
//! [`Age`]: policies::age::Age
//! [`Point`]: point::Point
//! [`Reason`]: decision::Reason
//! [`Skip`]: decision::Decision::Skip
//! [`Stagnation`]: policies::stagnation::Stagnation

pub mod action;
pub mod attempt;
pub mod decision;
pub mod fleet;
pub mod freeze;
pub mod limits;
pub mod point;
pub mod policies;
pub mod policy;
pub mod retry;

pub mod engine;
pub mod executor;
pub mod surroundings;
pub mod tick;

pub mod conformance;
pub mod import;
pub mod ledger;
pub mod log;
pub mod memory_ledger;
