//! How long things take.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use rand::{Rng, RngExt};

use super::Submission;

/// From `Date` to the first hop, log-normal: median and spread (standard deviation of the natural
/// logarithm). Measured on two lists: median 1 to 3 s, 95 % within 17 to 37 s.
const FIRST_HOP: (f64, f64) = (1.6, 1.64);
/// A client that takes longer gives up and tries again.
const LONGEST_FIRST_HOP: f64 = 300.0;
/// Share of mail whose `Date` is over a minute later than its first hop: 0.6 to 0.9 % measured.
const BAD_CLOCKS: f64 = 0.0075;
/// By how much such a clock is ahead: from just over a minute to a quarter of an hour.
const BAD_CLOCK_SECONDS: (f64, f64) = (62.0, 900.0);
/// Between two hops in one network or of one provider, log-normal, in seconds.
const HOP: (f64, f64) = (0.15, 1.2);
/// From one company to another, likewise: name service, TLS, checks before `DATA`.
const INTERNET: (f64, f64) = (0.9, 0.7);
/// Share of mail between companies that has to wait: a server that is busy or cannot be reached,
/// or that turns strangers away at first (greylisting, RFC 6647), which spares the large providers.
const QUEUED: f64 = 0.008;
const QUEUED_FROM_CLOUD: f64 = 0.002;
/// Postfix tries again after 5 minutes (`minimal_backoff_time`), then ever later.
const QUEUE_SECONDS: (f64, f64) = (300.0, 1_900.0);

/// When the first server has the message.
pub(super) fn first_hop(
    submission: Submission,
    date: DateTime<FixedOffset>,
    rng: &mut impl Rng,
) -> DateTime<Utc> {
    // `Date` has whole seconds: the fraction was cut off.
    let sent_at = date.to_utc() + seconds(rng.random::<f64>());
    let (median, spread) = FIRST_HOP;
    let delay = log_normal(median, spread, rng).clamp(0.05, LONGEST_FIRST_HOP);
    // Gmail and webmail write the date themselves, by the clock that the hop goes by.
    let own_clock = !matches!(submission, Submission::Gmail | Submission::Webmail);
    if rng.random::<f64>() < BAD_CLOCKS && own_clock {
        let (least, most) = BAD_CLOCK_SECONDS;
        // Small errors are more frequent than large ones.
        let ahead = least * libm::pow(most / least, rng.random());
        return sent_at - seconds(ahead);
    }
    sent_at + seconds(delay)
}

/// Between two hops of one company or provider.
pub(super) fn hop(rng: &mut impl Rng) -> TimeDelta {
    seconds(log_normal(HOP.0, HOP.1, rng).clamp(0.02, 8.0))
}

/// From one company to another.
pub(super) fn internet(cloud: bool, rng: &mut impl Rng) -> TimeDelta {
    let way = log_normal(INTERNET.0, INTERNET.1, rng).clamp(0.2, 20.0);
    let share = if cloud { QUEUED_FROM_CLOUD } else { QUEUED };
    let (least, most) = QUEUE_SECONDS;
    let queued = if rng.random::<f64>() < share {
        rng.random_range(least..most)
    } else {
        0.0
    };
    seconds(way + queued)
}

fn seconds(seconds: f64) -> TimeDelta {
    TimeDelta::microseconds((seconds * 1e6) as i64)
}

fn log_normal(median: f64, spread: f64, rng: &mut impl Rng) -> f64 {
    // Box and Muller; 1 - x keeps the logarithm finite.
    let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    let normal = (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v);
    median * libm::exp(spread * normal)
}
