//! Whether and when a mail is answered.
//!
//! Real reply delays span four decades: in every corpus measured, log10 of the delay has a
//! standard deviation of 0.8 to 1.05, with medians of 47 to 123 minutes and 83 to 93 % within a
//! day. So the delay is drawn from a wide log-normal, and what falls outside the answerer's hours
//! waits for the next opening; mail that arrives at night or at the weekend is answered many times
//! later, as in those corpora.

use chrono::{DateTime, TimeDelta, Utc};
use decnet_realism::active_hours::Schedule;
use decnet_realism::persona::ReplyLatency;
use rand::{Rng, RngExt};

/// How mail is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplyTiming {
    /// Share of mails that get an answer, 0 to 1. Default 0.6.
    pub share_answered: f64,
    /// Standard deviation of log10 of the delay. Default 0.8, the narrow end of the corpora,
    /// because waiting for the next opening widens it again.
    pub spread: f64,
    /// Median delay within working hours of a fast, a normal and a slow persona.
    /// Default 12, 45 and 180 minutes.
    pub medians: [TimeDelta; 3],
}

impl Default for ReplyTiming {
    fn default() -> Self {
        Self {
            share_answered: 0.6,
            spread: 0.8,
            medians: [
                TimeDelta::minutes(12),
                TimeDelta::minutes(45),
                TimeDelta::minutes(180),
            ],
        }
    }
}

/// Nobody reads and answers a mail in less: 0.3 of 1,000 answers come within a minute. Added to
/// what is drawn, so that no delay is more frequent than those beside it.
const SHORTEST: TimeDelta = TimeDelta::seconds(62);
/// The slowest answer, before opening hours are taken into account. The log-normal's tail would
/// otherwise reach into years.
const LONGEST: TimeDelta = TimeDelta::days(14);
/// Median time after the start of work at which mail from outside working hours is answered.
const MORNING_MEDIAN: TimeDelta = TimeDelta::minutes(40);

impl ReplyTiming {
    /// When the answer to a mail sent at `sent_at` is due, or `None` when there will be none.
    ///
    /// The time is always inside the answerer's schedule, and later than `sent_at`.
    pub fn answer_due_at(
        &self,
        sent_at: DateTime<Utc>,
        latency: ReplyLatency,
        schedule: &Schedule,
        rng: &mut impl Rng,
    ) -> Option<DateTime<Utc>> {
        if rng.random::<f64>() >= self.share_answered {
            return None;
        }
        let median = match latency {
            ReplyLatency::Fast => self.medians[0],
            ReplyLatency::Normal => self.medians[1],
            ReplyLatency::Slow => self.medians[2],
        };
        let delay = self.delay(median, rng);
        // Mail that comes outside working hours is found at the next start of work.
        let found_at = if schedule.is_open(sent_at) {
            sent_at
        } else {
            self.after_opening(sent_at, schedule, rng)?
        };
        let due_at = found_at + delay;
        if schedule.is_open(due_at) {
            Some(due_at)
        } else {
            self.after_opening(due_at, schedule, rng)
        }
    }

    /// A moment soon after the first start of work after `time`.
    fn after_opening(
        &self,
        time: DateTime<Utc>,
        schedule: &Schedule,
        rng: &mut impl Rng,
    ) -> Option<DateTime<Utc>> {
        let opening = schedule.next_opening(time)?;
        let settled = opening + self.delay(MORNING_MEDIAN, rng);
        if schedule.is_open(settled) {
            return Some(settled);
        }
        // A shift shorter than the draw: somewhere inside it.
        let length = schedule
            .closes_at(opening)
            .map_or(TimeDelta::hours(1), |closing| closing - opening);
        let inside = length.num_milliseconds().max(2);
        Some(opening + TimeDelta::milliseconds(rng.random_range(1..inside)))
    }

    fn delay(&self, median: TimeDelta, rng: &mut impl Rng) -> TimeDelta {
        let seconds = median.as_seconds_f64() * libm::pow(10.0, self.spread * standard_normal(rng));
        let seconds = (SHORTEST.as_seconds_f64() + seconds).min(LONGEST.as_seconds_f64());
        TimeDelta::microseconds((seconds * 1e6) as i64)
    }
}

/// Box and Muller's transform (1958) of two uniform draws.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let u = 1.0 - rng.random::<f64>();
    let v = rng.random::<f64>();
    (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text).unwrap()
    }

    fn office() -> Schedule {
        schedule(OFFICE)
    }

    const OFFICE: &str = "Europe/Madrid 09:00-18:00 mon-fri";

    #[test]
    fn six_in_ten_are_answered_inside_hours_and_after_the_parent() {
        let schedule = office();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let timing = ReplyTiming::default();
        let start = Utc.with_ymd_and_hms(2026, 3, 2, 0, 0, 0).unwrap();
        let mut answered = 0;
        for i in 0..4_000 {
            let sent = start + TimeDelta::minutes(i * 37);
            if let Some(due) = timing.answer_due_at(sent, ReplyLatency::Normal, &schedule, &mut rng)
            {
                answered += 1;
                assert!(due > sent, "{sent} {due}");
                assert!(schedule.is_open(due), "{sent} {due}");
            }
        }
        assert!((2_250..2_550).contains(&answered), "{answered}");
    }

    #[test]
    fn delays_of_mail_sent_at_work_have_the_measured_shape() {
        let schedule = office();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let timing = ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        };
        let monday_ten = Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap();
        let mut minutes: Vec<f64> = (0..4_000)
            .map(|i| {
                let sent = monday_ten + TimeDelta::minutes(i % 400);
                let due = timing
                    .answer_due_at(sent, ReplyLatency::Normal, &schedule, &mut rng)
                    .unwrap();
                (due - sent).as_seconds_f64() / 60.0
            })
            .collect();
        minutes.sort_by(f64::total_cmp);
        let median = minutes[minutes.len() / 2];
        let within_a_day = minutes.iter().filter(|m| **m < 1_440.0).count() as f64 / 4_000.0;
        // Corpora: medians 47 to 123 minutes, 83 to 93 % within a day.
        assert!((40.0..130.0).contains(&median), "{median}");
        assert!((0.80..0.97).contains(&within_a_day), "{within_a_day}");
    }

    #[test]
    fn fast_people_answer_before_slow_ones() {
        let schedule = office();
        let sent = Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap();
        let timing = ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        };
        let due = |latency| {
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            timing
                .answer_due_at(sent, latency, &schedule, &mut rng)
                .unwrap()
        };
        assert!(due(ReplyLatency::Fast) < due(ReplyLatency::Normal));
        assert!(due(ReplyLatency::Normal) < due(ReplyLatency::Slow));
    }

    #[test]
    fn a_shift_of_minutes_still_gets_its_answers() {
        let schedule = schedule("UTC 12:00-12:05 mon");
        let sent = Utc.with_ymd_and_hms(2026, 3, 4, 9, 0, 0).unwrap();
        let timing = ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            let due = timing
                .answer_due_at(sent, ReplyLatency::Slow, &schedule, &mut rng)
                .unwrap();
            assert!(schedule.is_open(due), "{due}");
        }
    }

    #[test]
    fn no_answer_when_the_share_is_zero() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let timing = ReplyTiming {
            share_answered: 0.0,
            ..ReplyTiming::default()
        };
        let sent = Utc.with_ymd_and_hms(2026, 3, 4, 9, 0, 0).unwrap();
        assert_eq!(
            timing.answer_due_at(sent, ReplyLatency::Fast, &office(), &mut rng),
            None
        );
    }
}
