//! The facts of a thread: names, amounts, days, documents.
//!
//! Names that the brief knows hold. Every other fact follows from who writes to whom, the subject,
//! and the month in which the thread began, so both sides of a thread know the same facts in each
//! of its mails. Days are taken over from the parent where it names one.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::dice::{Dice, stable_hash};
use super::slots::SLOTS;
use crate::language::{Lists, Pack};

/// What the facts of one thread follow from.
pub(crate) struct Facts<'a> {
    pub(crate) pack: &'static Pack,
    /// Facts of the subject follow from this.
    pub(crate) subject_key: u64,
    /// All others from this, which the subject is part of.
    pub(crate) key: u64,
    /// Slots that the subject uses, one bit each.
    pub(crate) in_subject: u64,
    /// First names of the two.
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a str,
    /// What the thread is about, as it stands in a sentence.
    pub(crate) topic: &'a str,
    /// Sign of the currency: 0 dollar, 1 pound, 2 euro.
    pub(crate) currency: u8,
    /// The day this mail is written.
    pub(crate) today: NaiveDate,
    /// Names that hold in the company, by slot.
    pub(crate) names: Vec<(&'static str, String)>,
    /// The month in which the thread began, as its first day.
    pub(crate) began: NaiveDate,
    /// The day that the mail is about.
    pub(crate) day: NaiveDate,
    /// The amount that a parent named.
    pub(crate) said: Option<String>,
    /// The time of day that a parent named, hour and minute.
    pub(crate) time: Option<(u32, u32)>,
    /// Half hours since midnight when this mail is written.
    pub(crate) now: usize,
    /// The text is a subject, which is read on other days too: no `today`.
    pub(crate) is_subject: bool,
}

impl Facts<'_> {
    /// The value of a slot; `None` for a slot that does not exist.
    pub(crate) fn value(&self, slot: &str) -> Option<String> {
        let mut names = self.names.iter();
        if let Some((_, name)) = names.find(|(filled, _)| *filled == slot) {
            return Some(name.clone());
        }
        let lists = &self.pack.lists;
        let mut dice = self.dice(slot);
        let dice = &mut dice;
        let one = |dice: &mut Dice, list: &'static [&'static str]| {
            list.get(dice.below(list.len()))
                .copied()
                .unwrap_or_default()
                .to_owned()
        };
        Some(match slot {
            "name" => self.colleague("name", ""),
            "name2" => self.colleague("name2", &self.colleague("name", "")),
            "surname" => one(dice, lists.surnames),
            "vendor" => company_name(lists, lists.vendor_tails, dice),
            "customer" => company_name(lists, lists.customer_tails, dice),
            "project" => one(dice, lists.projects),
            "month" => self.month_name(1),
            "from_month" => format!("{} {}", self.pack.calendar.from, self.month_name(1)),
            "last_month" => self.month_name(-1),
            "said" => match &self.said {
                Some(amount) => amount.clone(),
                None => self.money(dice.between(640, 2_400)),
            },
            "amount" | "amount2" | "small" | "budget" => self.money(sum_of(slot, dice) as usize),
            "percent" => (self.pack.percent)(dice.between(2, 14) as u32),
            "count" => dice.between(3, 40).to_string(),
            "few" => self.small_number(dice.between(2, 6)),
            "number" => dice.between(10, 99).to_string(),
            "big" => dice.between(120, 900).to_string(),
            "weeks" => self.small_number(dice.between(2, 6)),
            "ticket" => format!("INC-{}", dice.between(20_000, 89_999)),
            "order" => format!("PO-{}", dice.between(10_000, 69_999)),
            "invoice" => format!(
                "{}-{}",
                self.pack.invoice_prefix,
                dice.between(10_000, 89_999)
            ),
            "system" => {
                const KINDS: [&str; 7] = ["fs", "app", "db", "web", "bkp", "print", "vpn"];
                let kind = KINDS.get(dice.below(KINDS.len())).copied().unwrap_or("srv");
                format!("{kind}-{:02}", dice.between(1, 12))
            }
            "room" => format!(
                "{} {}.{:02}",
                self.pack.room,
                dice.between(1, 4),
                dice.between(1, 24)
            ),
            "floor" => one(dice, lists.floors),
            "city" => one(dice, lists.cities),
            "day" => self.weekday().to_owned(),
            "on_day" => (self.pack.calendar.on_day)(&self.day_name(), self.is_near()),
            "by_day" => (self.pack.calendar.by_day)(&self.day_name(), self.is_near()),
            "time" => match self.time {
                Some((hour, minute)) => format!("{hour}:{minute:02}"),
                None => self.clock(self.dice("time").between(17, 26)),
            },
            "early" => self.clock(dice.between(16, 19)),
            // Later on the day of writing, and not after closing time where that is still ahead.
            "later" => {
                let soon = self.now + dice.between(2, 5);
                self.clock(soon.min(36.max(self.now + 1)).min(47))
            }
            "time2" => {
                self.clock(self.dice("time").between(17, 26) + self.dice("time2").between(3, 8))
            }
            "doc" => self.document("xlsx"),
            "doc_pdf" => self.document("pdf"),
            "duration" => one(dice, lists.durations),
            "year" => self.began.year().to_string(),
            "next_year" => (self.began.year() + 1).to_string(),
            "quarter" => {
                let next = (self.began.month0() / 3 + 1) % 4;
                lists
                    .quarters
                    .get(next as usize)
                    .copied()
                    .unwrap_or_default()
                    .to_owned()
            }
            "sender" => self.sender.to_owned(),
            "recipient" => self.recipient.to_owned(),
            "topic" => (self.pack.with_article)(self.topic),
            "bare_topic" => (self.pack.without_article)(self.topic).to_owned(),
            _ => return None,
        })
    }

    /// The first workday on which something can be due, one to four workdays from `today`.
    pub(crate) fn some_day(key: u64, today: NaiveDate) -> NaiveDate {
        let mut ahead = Dice::new(key ^ 0x6461_7900).between(1, 4);
        let mut day = today;
        while ahead > 0 {
            day = day.checked_add_days(Days::new(1)).unwrap_or(day);
            if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
                ahead -= 1;
            }
        }
        day
    }

    fn dice(&self, slot: &str) -> Dice {
        let bit = SLOTS.iter().position(|known| *known == slot);
        let key = if bit.is_some_and(|bit| self.in_subject >> bit & 1 == 1) {
            self.subject_key
        } else {
            self.key
        };
        Dice::new(stable_hash(&[slot]) ^ key)
    }

    /// A third person: not one of the two, and not `other`.
    fn colleague(&self, slot: &str, other: &str) -> String {
        let names = self.pack.lists.people;
        let mut dice = self.dice(slot);
        for _ in 0..8 {
            let name = names
                .get(dice.below(names.len()))
                .copied()
                .unwrap_or_default();
            if name != self.sender && name != self.recipient && name != other {
                return name.to_owned();
            }
        }
        names.first().copied().unwrap_or_default().to_owned()
    }

    fn money(&self, units: usize) -> String {
        (self.pack.money)(units as u32, self.currency)
    }

    fn small_number(&self, number: usize) -> String {
        let words = self.pack.numbers;
        match number.checked_sub(2).and_then(|at| words.get(at)) {
            Some(word) => (*word).to_owned(),
            None => number.to_string(),
        }
    }

    fn month_name(&self, ahead: i32) -> String {
        let month = (self.began.month0() as i32 + ahead).rem_euclid(12);
        self.pack
            .calendar
            .months
            .get(month as usize)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    fn clock(&self, half_hours: usize) -> String {
        format!("{}:{:02}", half_hours / 2, half_hours % 2 * 30)
    }

    fn document(&self, kind: &str) -> String {
        let mut stem: String = self
            .topic
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .take_while(|word| word != "que" && word != "that")
            .filter(|word| word.chars().count() > 3)
            .filter(|word| !self.pack.cues.common.contains(&word.as_str()))
            .map(|word| plain_letters(&word))
            .take(2)
            .collect::<Vec<_>>()
            .join("_");
        if stem.is_empty() {
            stem.push_str("doc");
        }
        let version = self.dice("doc").between(1, 4);
        format!(
            "{}_v{version}.{kind}",
            stem.chars().take(32).collect::<String>()
        )
    }

    fn is_near(&self) -> bool {
        !self.is_subject && (self.day <= self.today || self.today.succ_opt() == Some(self.day))
    }

    fn day_name(&self) -> String {
        let calendar = &self.pack.calendar;
        if self.is_subject {
            return self.weekday().to_owned();
        }
        if self.day <= self.today {
            return calendar.today.to_owned();
        }
        if self.today.succ_opt() == Some(self.day) {
            return calendar.tomorrow.to_owned();
        }
        self.weekday().to_owned()
    }

    fn weekday(&self) -> &'static str {
        let day = self.day.weekday().num_days_from_monday() as usize;
        self.pack
            .calendar
            .weekdays
            .get(day)
            .copied()
            .unwrap_or_default()
    }
}

/// The name of a firm.
pub(crate) fn company_name(
    lists: &Lists,
    tails: &'static [&'static str],
    dice: &mut Dice,
) -> String {
    let mut one = |list: &'static [&'static str]| {
        let drawn = list.get(dice.below(list.len()));
        drawn.copied().unwrap_or_default()
    };
    let (stem, end) = (one(lists.vendor_stems), one(lists.vendor_ends));
    format!("{stem}{end}{}", one(tails))
}

/// An amount of money as such a slot has them, in units.
pub(crate) fn sum_of(slot: &str, dice: &mut Dice) -> u32 {
    let units = match slot {
        "amount2" => dice.between(110, 590),
        "small" => dice.between(34, 96),
        "budget" => dice.between(40, 190) * 100,
        _ => match dice.below(3) {
            0 => dice.between(640, 2_400),
            1 => dice.between(130, 480) * 10,
            _ => dice.between(24, 190) * 100,
        },
    };
    units as u32
}

/// Letters as file names of an office have them.
fn plain_letters(word: &str) -> String {
    word.chars()
        .filter_map(|c| match c {
            'á' | 'à' | 'ä' | 'â' => Some('a'),
            'é' | 'è' | 'ë' | 'ê' => Some('e'),
            'í' | 'ì' | 'ï' | 'î' => Some('i'),
            'ó' | 'ò' | 'ö' | 'ô' => Some('o'),
            'ú' | 'ù' | 'ü' | 'û' => Some('u'),
            'ñ' => Some('n'),
            'ç' => Some('c'),
            c if c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language;

    #[test]
    fn every_slot_has_a_value_in_every_language() {
        for code in language::supported() {
            let day = NaiveDate::default();
            let facts = Facts {
                pack: language::pack(code),
                subject_key: 1,
                key: 2,
                in_subject: 0,
                sender: "Ana",
                recipient: "Ben",
                topic: "the topic",
                currency: 2,
                today: day,
                names: Vec::new(),
                began: day,
                day: Facts::some_day(3, day),
                said: None,
                time: None,
                now: 47,
                is_subject: false,
            };
            for slot in SLOTS {
                let value = facts.value(slot).unwrap_or_default();
                assert!(!value.is_empty(), "{code}: {slot}");
            }
            assert_eq!(facts.value("no slot"), None);
        }
    }
}
