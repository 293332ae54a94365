//! Which processors are due: pure, on a clock that nobody sets.
//!
//! A processor is due for the first time at once, or one cadence after its last run ended; then one
//! cadence after each run, whether it went well or not. One that still runs is not due.

use std::time::Duration;

use crate::processor::Cadence;

/// When each processor is due next. Times are durations since some moment.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    cadence: Cadence,
    due: Duration,
    runs: bool,
}

impl Schedule {
    /// Adds a processor whose last run ended `ended_ago`. `None`: it never ran.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use decnet_session_pipeline::processor::Cadence;
    /// use decnet_session_pipeline::schedule::Schedule;
    ///
    /// let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    /// let mut schedule = Schedule::default();
    /// schedule.add("usage", Cadence::new(minutes(10)), Some(minutes(7)), minutes(0));
    /// assert_eq!(schedule.begin(minutes(0)), None);
    /// assert_eq!(schedule.next_due(), Some(minutes(3)));
    /// assert_eq!(schedule.begin(minutes(3)).as_deref(), Some("usage"));
    /// assert_eq!(schedule.begin(minutes(60)), None, "it still runs");
    /// schedule.end("usage", minutes(61));
    /// assert_eq!(schedule.next_due(), Some(minutes(71)));
    /// ```
    pub fn add(
        &mut self,
        name: &str,
        cadence: Cadence,
        ended_ago: Option<Duration>,
        now: Duration,
    ) {
        let wait = ended_ago.map_or(Duration::ZERO, |ago| cadence.every.saturating_sub(ago));
        self.entries.push(Entry {
            name: name.to_owned(),
            cadence,
            due: now.saturating_add(wait),
            runs: false,
        });
    }

    /// A processor that is due, the one that waits longest first. It counts as running from now on.
    pub fn begin(&mut self, now: Duration) -> Option<String> {
        let due = self
            .entries
            .iter_mut()
            .filter(|entry| !entry.runs && entry.due <= now)
            .min_by_key(|entry| entry.due)?;
        due.runs = true;
        Some(due.name.clone())
    }

    /// A run has ended, well or not.
    pub fn end(&mut self, name: &str, now: Duration) {
        for entry in self.entries.iter_mut().filter(|entry| entry.name == name) {
            entry.runs = false;
            entry.due = now.saturating_add(entry.cadence.every);
        }
    }

    /// When the next one is due. `None` when all of them run.
    pub fn next_due(&self) -> Option<Duration> {
        let waiting = self.entries.iter().filter(|entry| !entry.runs);
        waiting.map(|entry| entry.due).min()
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.entries.iter().filter(|entry| entry.runs).count()
    }
}
