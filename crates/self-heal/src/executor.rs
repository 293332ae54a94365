//! The contract of what carries plans out.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::attempt::{AttemptId, ExecutionError};
use crate::decision::Plan;

/// A plan to be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The attempt that it belongs to.
    pub attempt: AttemptId,
    /// What to do.
    pub plan: Plan,
    /// The moment of the tick.
    pub now: DateTime<Utc>,
    /// How often the attempt was begun, from 1: one that failed for good may be begun again.
    pub beginning: u32,
    /// Number of this try since it began, from 1.
    pub tries: u32,
}

/// Carries plans out.
///
/// It is told the same [cause](Plan::cause) again when a try failed or its process died, and then
/// finishes what it began. Whatever happens, an action is done once for each cause.
#[async_trait]
pub trait Executor: Send {
    /// Does it, and answers with what there is to keep of it, such as the id of a mail.
    ///
    /// # Errors
    ///
    /// [`ExecutionError`]; after a [transient](ExecutionError::is_transient) one it is told again.
    async fn execute(&mut self, order: &Order) -> Result<serde_json::Value, ExecutionError>;

    /// Whether it can do anything to this target at all. What it cannot is judged, and nothing
    /// begins. Default `true`.
    fn acts_on(&self, target: &str) -> bool {
        let _ = target;
        true
    }
}
