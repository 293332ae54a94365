//! A signal that everybody hears at once.

use std::sync::Arc;

use tokio::sync::watch;

/// Says when to stop, once and for good. Clones are the same signal.
///
/// Whoever starts something again gives it a new one.
///
/// ```
/// use decnet_background::stop::StopSignal;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let signal = StopSignal::new();
/// let heard = signal.clone();
/// signal.stop();
/// heard.stopped().await;
/// assert!(heard.is_stopped());
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct StopSignal {
    sender: Arc<watch::Sender<bool>>,
}

impl StopSignal {
    /// A signal that was not given yet.
    pub fn new() -> Self {
        Self {
            sender: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Gives it. Once more changes nothing.
    pub fn stop(&self) {
        self.sender.send_replace(true);
    }

    /// Whether it was given.
    pub fn is_stopped(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until it is given; at once if it was. May be dropped and asked again.
    pub async fn stopped(&self) {
        let mut receiver = self.sender.subscribe();
        // It fails only without a sender, and there is one here.
        let _ = receiver.wait_for(|is_stopped| *is_stopped).await;
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn everybody_hears_it_those_who_come_late_too() {
        let signal = StopSignal::new();
        let mut listeners = JoinSet::new();
        for _ in 0..50 {
            let signal = signal.clone();
            listeners.spawn(async move { signal.stopped().await });
        }
        tokio::task::yield_now().await;
        assert!(listeners.try_join_next().is_none());
        assert!(!signal.is_stopped());
        signal.clone().stop();
        signal.stop();
        listeners.join_all().await;
        signal.stopped().await;
        assert!(signal.is_stopped());
    }
}
