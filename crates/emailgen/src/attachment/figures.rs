//! Made-up figures that add up.

use chrono::{Datelike, NaiveDate, TimeDelta};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Subject, one_of, some_of};

/// What something cost.
pub(super) struct CostLine {
    pub(super) date: NaiveDate,
    pub(super) item: &'static str,
    pub(super) department: &'static str,
    pub(super) quantity: i64,
    /// In hundredths.
    pub(super) price: i64,
}

impl CostLine {
    /// In hundredths.
    pub(super) fn amount(&self) -> i64 {
        self.quantity * self.price
    }
}

/// Lines in the order of their dates, which lie in the months before the file was made.
pub(super) fn cost_lines(
    subject: &Subject<'_>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<CostLine> {
    let items = subject.locale.words("items");
    let departments = subject.locale.words("departments");
    let last = subject.made.date_naive();
    let span = rng.random_range(20..200);
    let mut dates: Vec<NaiveDate> = (0..count)
        .map(|_| booked(last - TimeDelta::days(rng.random_range(1..=span))))
        .collect();
    dates.sort_unstable();
    let distinct = some_of(&items, count, rng);
    (0..count)
        .map(|index| CostLine {
            date: dates.get(index).copied().unwrap_or(last),
            item: match distinct.get(index) {
                Some(item) => item,
                None => one_of(&items, rng),
            },
            department: one_of(&departments, rng),
            quantity: quantity(rng),
            price: price(rng),
        })
        .collect()
}

/// Mostly one, sometimes a dozen.
fn quantity(rng: &mut ChaCha8Rng) -> i64 {
    match rng.random_range(0..10) {
        0..5 => 1,
        5..8 => rng.random_range(2..=12),
        _ => *[10, 15, 20, 25, 40, 50]
            .get(rng.random_range(0..6_usize))
            .unwrap_or(&10),
    }
}

/// A price as a price list has it, in hundredths: two or three digits that mean something, spread
/// evenly over the orders of magnitude (Benford's law follows).
pub(super) fn price(rng: &mut ChaCha8Rng) -> i64 {
    let magnitude = rng.random_range(1.1..3.6_f64);
    let units = libm::pow(10.0, magnitude);
    #[expect(clippy::cast_possible_truncation, reason = "at most 400 000")]
    let cents = (units * 100.0) as i64;
    match rng.random_range(0..10) {
        0..4 => cents / 1000 * 1000 + 1000,
        4..6 => cents / 100 * 100,
        6..8 => cents / 1000 * 1000 + 990,
        _ => cents,
    }
}

/// Planned and actual cost of a month, in hundredths.
pub(super) struct MonthLine {
    /// From 0.
    pub(super) month0: u32,
    pub(super) year: i32,
    pub(super) planned: i64,
    pub(super) actual: i64,
}

/// `count` whole months, the last one before the month in which the file was made.
pub(super) fn month_lines(
    subject: &Subject<'_>,
    count: u32,
    rng: &mut ChaCha8Rng,
) -> Vec<MonthLine> {
    let made = subject.made.date_naive();
    let last = i64::from(made.year()) * 12 + i64::from(made.month0()) - 1;
    let level = rng.random_range(40..900) * 10_000;
    (0..i64::from(count))
        .map(|index| {
            let number = last - i64::from(count) + 1 + index;
            // Plans are round, what happens is not.
            let planned = (level * rng.random_range(80..120) / 100) / 10_000 * 10_000;
            let actual = planned * rng.random_range(780..1190) / 1000 + rng.random_range(0..100);
            MonthLine {
                month0: u32::try_from(number.rem_euclid(12)).unwrap_or(0),
                year: i32::try_from(number.div_euclid(12)).unwrap_or(0),
                planned,
                actual,
            }
        })
        .collect()
}

/// Something to do, by somebody.
pub(super) struct TaskLine {
    pub(super) task: &'static str,
    pub(super) owner: String,
    pub(super) due: NaiveDate,
    pub(super) status: &'static str,
}

/// Tasks, due in the weeks around the day of the mail.
pub(super) fn task_lines(
    subject: &Subject<'_>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<TaskLine> {
    let tasks = subject.locale.words("tasks");
    let statuses = subject.locale.words("statuses");
    let distinct = some_of(&tasks, count, rng);
    (0..count)
        .map(|index| TaskLine {
            task: match distinct.get(index) {
                Some(task) => task,
                None => one_of(&tasks, rng),
            },
            owner: subject.anybody(rng).to_owned(),
            due: working_day(subject.made.date_naive() + TimeDelta::days(rng.random_range(1..40))),
            status: one_of(&statuses, rng),
        })
        .collect()
}

/// The day, or the Friday before a weekend.
fn booked(day: NaiveDate) -> NaiveDate {
    let late = i64::from(day.weekday().num_days_from_monday()) - 4;
    day - TimeDelta::days(late.max(0))
}

/// The day, or the Monday after a weekend.
pub(super) fn working_day(day: NaiveDate) -> NaiveDate {
    let late = i64::from(day.weekday().num_days_from_monday()) - 4;
    if late > 0 {
        day + TimeDelta::days(3 - late)
    } else {
        day
    }
}
