//! The world of one mail: people, amounts and days that agree within it and along its thread.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, Timelike, Weekday};

use super::clean;
use super::dice::{Dice, mix, stable_hash};
use super::grammar::{Filler, Grammar};
use crate::language::Pack;
use crate::writer::Brief;

/// Longest topic that is repeated inside a sentence, in characters.
const TOPIC_MAX: usize = 60;

/// The world of one mail.
pub(crate) struct Scene {
    pack: &'static Pack,
    grammar: &'static Grammar,
    now: DateTime<FixedOffset>,
    /// Same for every mail of the thread.
    thread: u64,
    company: u64,
    hand: u64,
    tones: u8,
    polite: bool,
    family: usize,
    values: Vec<(&'static str, String)>,
    spent: Vec<u32>,
    weekend: [bool; 7],
    day: Option<NaiveDate>,
    names_taken: Vec<String>,
    /// Which of several matters of the mail is told; 0 is the matter of the thread.
    matter: u64,
    /// People of the sentence being written.
    present: Vec<&'static str>,
}

impl Scene {
    /// The world in which `brief` is answered.
    pub(crate) fn new(
        pack: &'static Pack,
        brief: &Brief<'_>,
        topic: &str,
        tones: u8,
        polite: bool,
    ) -> Self {
        let sender = brief.sender.email.as_str();
        let recipient = brief.recipient.email.as_str();
        let (first, second) = if sender < recipient {
            (sender, recipient)
        } else {
            (recipient, sender)
        };
        let domain = sender.rsplit('@').next().unwrap_or_default();
        let grammar = (pack.grammar)();
        let topic = clean::phrase(topic, 200);
        let you = clean::first_name(&brief.recipient.name);
        let me = clean::first_name(&brief.sender.name);
        let mut scene = Self {
            pack,
            grammar,
            now: brief.written_at,
            thread: stable_hash(&[&topic, first, second]),
            company: stable_hash(&[domain]),
            hand: stable_hash(&[sender, "hand"]),
            tones,
            polite,
            family: grammar.family(family_of(pack, &topic)),
            values: Vec::new(),
            spent: Vec::new(),
            weekend: days_off(brief.sender.workdays.as_deref()),
            day: None,
            names_taken: vec![you.clone(), me],
            matter: 0,
            present: Vec::new(),
        };
        scene.set("you", you);
        scene.set("file", scene.file_name(&topic));
        scene.set_topic(&topic);
        scene
    }

    /// Gives a slot its value for the rest of the mail.
    pub(crate) fn set(&mut self, slot: &'static str, value: String) {
        self.values.retain(|(known, _)| *known != slot);
        self.values.push((slot, value));
    }

    /// Takes over a day that the thread already speaks of, if it is still to come.
    pub(crate) fn set_day(&mut self, day: NaiveDate) {
        if day >= self.now.date_naive() {
            self.day = Some(day);
        }
    }

    /// Goes on to another matter, with people, amounts and papers of its own.
    pub(crate) fn turn(&mut self, family: usize) {
        const KEPT: [&str; 4] = ["you", "topic", "the_topic", "file"];
        self.family = family;
        self.matter += 1;
        self.values.retain(|(slot, _)| KEPT.contains(slot));
    }

    /// Begins a sentence.
    pub(crate) fn begin_sentence(&mut self) {
        self.present.clear();
    }

    /// Dice of the thread and matter, for an entity that every mail of the thread shares.
    fn own(&self, salt: &str) -> Dice {
        let matter = if self.matter == 0 {
            0
        } else {
            mix(self.matter ^ (self.family as u64) << 8)
        };
        Dice::new(mix(self.thread ^ matter ^ stable_hash(&[salt])))
    }

    /// Hour of writing, 0 to 23.
    pub(crate) fn hour(&self) -> u32 {
        self.now.hour()
    }

    /// Whether the writer works on the day of writing.
    pub(crate) fn is_workday(&self, day: NaiveDate) -> bool {
        !self.weekend[day.weekday().num_days_from_monday() as usize]
    }

    /// The day of writing.
    pub(crate) fn today(&self) -> NaiveDate {
        self.now.date_naive()
    }

    fn set_topic(&mut self, topic: &str) {
        let known = self
            .pack
            .topics
            .iter()
            .find(|(phrase, ..)| *phrase == topic);
        if let Some((phrase, article, _)) = known {
            self.set("topic", (*phrase).to_owned());
            self.set("the_topic", format!("{article}{phrase}"));
            return;
        }
        if topic.is_empty() || topic.chars().count() > TOPIC_MAX {
            let mut value = String::new();
            if let Some(rule) = self.grammar.rule("vague_topic") {
                let mut dice = Dice::new(self.thread);
                self.grammar.expand(rule, self, &mut dice, &mut value);
            }
            self.set("topic", value.clone());
            self.set("the_topic", value);
            return;
        }
        let first = topic.split(' ').next().unwrap_or_default();
        let lower = first.to_lowercase();
        let is_common = self
            .pack
            .topics
            .iter()
            .any(|(known, ..)| known.split(' ').any(|word| word == lower));
        let inside = if is_common {
            format!("{lower}{}", &topic[first.len()..])
        } else {
            topic.to_owned()
        };
        let has_article = self.pack.determiners.contains(&lower.as_str())
            || first
                .chars()
                .next()
                .is_some_and(|c| c.is_uppercase() && !is_common);
        let article = if has_article {
            ""
        } else {
            self.pack.vague_article
        };
        let inside = if self.pack.determiners.contains(&lower.as_str()) {
            format!("{lower}{}", &topic[first.len()..])
        } else {
            inside
        };
        self.set("the_topic", format!("{article}{inside}"));
        self.set("topic", inside);
    }

    fn file_name(&self, topic: &str) -> String {
        const KINDS: [&str; 6] = ["xlsx", "xlsx", "docx", "pdf", "pptx", "csv"];
        let mut dice = Dice::new(mix(self.thread ^ 0xf11e));
        let separator = ["-", "-", ""][dice.below(3)];
        let mut name = String::new();
        for word in topic
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|w| w.len() > 2)
        {
            if name.len() + word.len() > 24 {
                break;
            }
            if !name.is_empty() {
                name.push_str(separator);
            }
            name.push_str(&word.to_ascii_lowercase());
        }
        if name.is_empty() {
            name.push_str("notes");
        }
        let mark = match dice.below(4) {
            0 => format!("v{}", dice.between(2, 7)),
            1 => format!("{}{:02}", self.now.year(), self.now.month()),
            2 => format!("rev{}", dice.between(2, 9)),
            _ => "final".to_owned(),
        };
        format!("{name}{separator}{mark}.{}", KINDS[dice.below(KINDS.len())])
    }

    /// A workday, `ahead` workdays after today (before it when negative).
    fn workday(&self, ahead: i32) -> NaiveDate {
        let mut day = self.today();
        let mut left = ahead.abs();
        for _ in 0..120 {
            if left == 0 {
                break;
            }
            let next = if ahead < 0 {
                day.checked_sub_days(Days::new(1))
            } else {
                day.checked_add_days(Days::new(1))
            };
            let Some(next) = next else {
                break;
            };
            day = next;
            if self.is_workday(day) {
                left -= 1;
            }
        }
        day
    }

    fn day_name(&self, day: NaiveDate, on: bool) -> String {
        let calendar = &self.pack.calendar;
        let distance = (day - self.today()).num_days();
        let weekday = calendar.weekdays[day.weekday().num_days_from_monday() as usize];
        let prefix = if on { calendar.on } else { "" };
        match distance {
            0 => calendar.today.to_owned(),
            1 => calendar.tomorrow.to_owned(),
            -1 => calendar.yesterday.to_owned(),
            -6..=6 => format!("{prefix}{weekday}"),
            _ => format!("{prefix}{}", self.date_name(day)),
        }
    }

    fn date_name(&self, day: NaiveDate) -> String {
        let month = self.pack.calendar.months[day.month0() as usize % 12];
        (self.pack.calendar.date)(day.day(), month)
    }

    fn month_name(&self, ahead: i32) -> String {
        let month = (self.today().month0() as i32 + ahead).rem_euclid(12);
        self.pack.calendar.months[month as usize].to_owned()
    }

    /// Days, times and numbers; `None` for a slot that the grammar describes.
    fn reckoned(&mut self, slot: &str, dice: &mut Dice) -> Option<String> {
        Some(match slot {
            "n" => self.pack.numbers[dice.below(self.pack.numbers.len())].to_owned(),
            "nn" => dice.between(11, 96).to_string(),
            "num" => dice.between(103, 989).to_string(),
            "pct" => format!(
                "{}%",
                [dice.between(2, 19), dice.between(2, 48)][dice.below(2)]
            ),
            "amount" | "amount2" | "amount3" => {
                let mut own = self.own(slot);
                let scale = [10, 10, 25, 100, 100, 1000][own.below(6)];
                let units = own.between(17, 98) * scale + [0, 0, 5, 7, 40][own.below(5)];
                (self.pack.amount)(units as u32, (self.company & 1) as u8)
            }
            "ticket" => {
                let prefix =
                    ["INC-", "#", "REQ", "TCK-", "CHG", "SR-"][(self.company >> 8) as usize % 6];
                format!("{prefix}{}", self.own(slot).between(10_234, 98_765))
            }
            "order" => format!(
                "{}-{}",
                ["PO", "SO", "P"][(self.company >> 16) as usize % 3],
                self.own(slot).between(20_117, 79_998)
            ),
            "day" | "on_day" => {
                let day = *self.day.get_or_insert(NaiveDate::MIN);
                let day = if day == NaiveDate::MIN {
                    let day = self.workday(dice.between(1, 5) as i32);
                    self.day = Some(day);
                    day
                } else {
                    day
                };
                self.day_name(day, slot == "on_day")
            }
            "later" | "on_later" => {
                let day = self.day.unwrap_or_else(|| self.today()).max(self.today());
                let ahead = (day - self.today()).num_days() as i32 % 60;
                let mut later = self.workday(ahead + 1 + dice.below(2) as i32);
                if later <= day {
                    later = self.workday(ahead + 4);
                }
                self.day_name(later, slot == "on_later")
            }
            "date" => self.date_name(self.workday(dice.between(6, 34) as i32)),
            "past_date" => self.date_name(self.workday(-(dice.between(6, 40) as i32))),
            "past" => match dice.below(8) {
                0 if self.hour() >= 12 => self.pack.calendar.this_morning.to_owned(),
                _ => self.day_name(self.workday(-(dice.between(1, 4) as i32)), true),
            },
            "time" | "time2" | "clock" => {
                let hour = [9, 9, 10, 10, 11, 11, 12, 13, 14, 15, 15, 16][dice.below(12)];
                let minute = [0, 0, 15, 30, 30, 45][dice.below(6)];
                (self.pack.calendar.time)(hour, minute, (self.hand >> 8 & 0xff) as u8 % 3)
            }
            "month" => self.month_name(0),
            "last_month" => self.month_name(-1),
            "next_month" => self.month_name(1),
            "quarter" => format!("Q{}", self.today().month0() / 3 + 1),
            "year" => self.today().year().to_string(),
            "when" => {
                let rule = match self.hour() {
                    0..12 => "when_early",
                    12..16 => "when_midday",
                    _ => "when_late",
                };
                self.expansion(rule, dice)
            }
            _ => return None,
        })
    }

    /// The slot of a colleague who is not yet in the sentence, so that nobody meets themselves.
    fn someone_else(&mut self, slot: &'static str) -> &'static str {
        const PEOPLE: [&str; 4] = ["person", "person2", "person3", "person4"];
        if !PEOPLE.contains(&slot) {
            return slot;
        }
        let free = PEOPLE
            .into_iter()
            .find(|other| !self.present.contains(other));
        let chosen = if self.present.contains(&slot) {
            free.unwrap_or(slot)
        } else {
            slot
        };
        self.present.push(chosen);
        chosen
    }

    fn expansion(&mut self, rule: &str, dice: &mut Dice) -> String {
        let mut value = String::new();
        if let Some(rule) = self.grammar.rule(rule) {
            self.grammar.expand(rule, self, dice, &mut value);
        }
        value
    }
}

impl Filler for Scene {
    fn tones(&self) -> u8 {
        self.tones
    }

    fn is_polite(&self) -> bool {
        self.polite
    }

    fn family(&self) -> usize {
        self.family
    }

    fn fill(&mut self, slot: &'static str, dice: &mut Dice, out: &mut String) {
        let slot = self.someone_else(slot);
        if let Some((_, value)) = self.values.iter().find(|(known, _)| *known == slot) {
            out.push_str(value);
            return;
        }
        if let Some(value) = self.reckoned(slot, dice) {
            out.push_str(&value);
            if matches!(
                slot,
                "amount" | "amount2" | "amount3" | "time" | "time2" | "ticket" | "order"
            ) {
                self.set(slot, value);
            }
            return;
        }
        // An entity of the thread: `{person2}` is the second expansion of `_person`.
        let base = slot.trim_end_matches(|c: char| c.is_ascii_digit());
        let Some(rule) = self.grammar.rule(&format!("_{base}")) else {
            if let Some(rule) = self.grammar.rule(slot) {
                self.grammar.expand(rule, self, dice, out);
            }
            return;
        };
        let mut value = String::new();
        for salt in 0..6 {
            let mut own = self.own(&format!("{slot}{}", "+".repeat(salt)));
            value.clear();
            let spent = std::mem::take(&mut self.spent);
            self.grammar.expand(rule, self, &mut own, &mut value);
            self.spent = spent;
            let clashes = self
                .names_taken
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&value))
                || self.values.iter().any(|(_, known)| *known == value);
            if !clashes {
                break;
            }
        }
        out.push_str(&value);
        self.set(slot, value);
    }

    fn is_spent(&mut self, alternative: u32) -> bool {
        let spent = self.spent.contains(&alternative);
        if !spent {
            self.spent.push(alternative);
        }
        spent
    }
}

/// Scenario family of a topic.
fn family_of(pack: &Pack, topic: &str) -> &'static str {
    if let Some((.., family)) = pack.topics.iter().find(|(phrase, ..)| *phrase == topic) {
        return family;
    }
    let lower = topic.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let starts = |stem: &str| words.iter().any(|word| word.starts_with(stem));
    let found = pack.stems.iter().find(|(stem, _)| starts(stem));
    found.map_or("generic", |(_, family)| family)
}

/// Days without work, Monday first, from a range such as `sun-thu`; never all seven.
fn days_off(workdays: Option<&str>) -> [bool; 7] {
    const USUAL: [bool; 7] = [false, false, false, false, false, true, true];
    let Some(text) = workdays else {
        return USUAL;
    };
    let mut off = [true; 7];
    for part in text.split(',') {
        let mut ends = part
            .split('-')
            .map(|name| name.trim().parse::<Weekday>().ok());
        let (Some(Some(first)), last) = (ends.next(), ends.next()) else {
            continue;
        };
        let last = last.flatten().unwrap_or(first);
        let mut day = first;
        for _ in 0..7 {
            off[day.num_days_from_monday() as usize] = false;
            if day == last {
                break;
            }
            day = day.succ();
        }
    }
    if off.contains(&false) { off } else { USUAL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workdays() {
        let check = |text, expect: [u8; 7]| {
            assert_eq!(days_off(text).map(u8::from), expect, "{text:?}");
        };
        check(None, [0, 0, 0, 0, 0, 1, 1]);
        check(Some("sun-thu"), [0, 0, 0, 0, 1, 1, 0]);
        check(Some("mon,wed"), [0, 1, 0, 1, 1, 1, 1]);
        check(Some("whenever"), [0, 0, 0, 0, 0, 1, 1]);
    }
}
