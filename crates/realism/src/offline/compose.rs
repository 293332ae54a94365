//! From a brief to a draft: the mail of a script, in the hand of its sender.

use chrono::{Datelike, NaiveDate, Timelike};

use super::clean;
use super::dice::{Dice, mix, stable_hash};
use super::facts::Facts;
use super::habits::Habits;
use super::mannerism::Mannerisms;
use super::polish::{self, Block};
use super::reading;
use super::script::{self, Script, script_of};
use crate::canon::{by_address, currency};
use crate::language::{self, Pack};
use crate::writer::{Brief, Draft, Occasion, Parent};

/// Longest subject, in characters.
const SUBJECT_MAX: usize = 110;
/// Longest foreign topic that stands in a sentence, in characters.
pub(super) const TOPIC_MAX: usize = 60;
/// Share of a parent's longer words that its script must know for the parent to be taken as a
/// mail of that script, in percent.
const FIT: usize = 60;

/// Writes one mail.
pub(crate) fn compose(brief: &Brief<'_>, seed: u64) -> Draft {
    let mut mail = Mail::new(brief, seed);
    match &brief.occasion {
        Occasion::NewThread { topic } => mail.open_thread(topic),
        Occasion::Reply { parent } => {
            let body = mail.reply(parent);
            Draft {
                subject: clean::phrase(parent.subject, SUBJECT_MAX),
                body,
            }
        }
        Occasion::Forward { parent } => {
            let line = mail.one(mail.pack.forwards);
            let polite = mail.habits.polite;
            let text = script::expand(line, polite, &mut mail.dice, &mut |_| None);
            Draft {
                subject: clean::phrase(parent.subject, SUBJECT_MAX),
                body: mail.finish(vec![Block::Prose(vec![text])], true),
            }
        }
    }
}

fn manners_into(manners: &Mannerisms, habits: &mut Habits) {
    let rate = |wanted: bool| if wanted { 94 } else { 0 };
    if let Some(wanted) = manners.greets {
        habits.greets = rate(wanted);
    }
    if let Some(wanted) = manners.signs {
        habits.signs = rate(wanted);
    }
    if let Some(wanted) = manners.exclaims {
        habits.exclaims = if wanted { 80 } else { 0 };
    }
    habits.lower |= manners.lower;
    habits.careless |= manners.lower;
    habits.dots |= manners.dots;
    if manners.brief {
        habits.length = habits.length * 55 / 100;
    }
    if manners.long {
        habits.length = habits.length * 135 / 100;
    }
    if manners.typos {
        habits.typos = habits.typos.max(14);
    }
}

pub(super) struct Mail<'a> {
    pub(super) pack: &'static Pack,
    pub(super) habits: Habits,
    manners: Mannerisms,
    pub(super) dice: Dice,
    pub(super) brief: &'a Brief<'a>,
}

impl<'a> Mail<'a> {
    fn new(brief: &'a Brief<'a>, seed: u64) -> Self {
        let pack = language::pack(brief.language);
        let mut habits = Habits::of(brief.sender);
        // Two colleagues call each other the same: polite only when both are.
        habits.polite = habits.polite && Habits::of(brief.recipient).polite;
        let manners = Mannerisms::of(&brief.sender.mannerisms);
        manners_into(&manners, &mut habits);
        let salt = stable_hash(&[brief.sender.email.as_str(), brief.recipient.email.as_str()]);
        Self {
            pack,
            habits,
            manners,
            dice: Dice::new(mix(seed) ^ salt),
            brief,
        }
    }

    fn open_thread(&mut self, topic: &str) -> Draft {
        let today = self.brief.written_at.date_naive();
        let phrase = topic_phrase(topic, self.pack);
        let script = script_of(self.pack, topic);
        let (sender, recipient) = self.first_names();
        let began = self.brief.written_at.to_utc().date_naive();
        let mut facts = self.facts(script, &phrase, began, &sender, &recipient);
        facts.day = Facts::some_day(facts.subject_key, today);
        facts.is_subject = true;
        let alternative = script::draw(script.subject(), &mut self.dice);
        let written = self.fill(alternative, &facts);
        facts.is_subject = false;
        let mut subject = clean::phrase(&written, SUBJECT_MAX);
        if written.ends_with('?') && !subject.is_empty() {
            subject.push('?');
            if let Some(at) = written.rfind('¿').filter(|_| !self.habits.careless) {
                let asked = &written[at + '¿'.len_utf8()..];
                let start = subject.len().saturating_sub(asked.len());
                if at == 0 && subject.is_char_boundary(start) {
                    subject.insert(start, '¿');
                }
            }
        }
        let subject = if subject.is_empty() {
            self.pack.vague_topic.to_owned()
        } else {
            subject
        };
        let subject = if self.habits.lower && self.dice.chance(70) {
            subject
        } else {
            polish::capitals(&subject, true)
        };
        facts.key = thread_key(facts.subject_key, &subject);
        let mut blocks = self.tell(script.mail(0).into_iter().flatten(), &facts, false);
        if let Some(sentence) = self.reminisce(&phrase) {
            blocks.push(Block::Prose(vec![sentence]));
        }
        Draft {
            subject,
            body: self.finish(blocks, false),
        }
    }

    fn reply(&mut self, parent: &Parent<'_>) -> String {
        let script = script_of(self.pack, parent.topic);
        let phrase = topic_phrase(parent.topic, self.pack);
        let (sender, recipient) = self.first_names();
        let step = parent.thread_length.max(1) as usize;
        let reading = reading::read(parent, self.pack);
        let names = (sender.as_str(), recipient.as_str());
        let (fit, facts) = self.recognise(parent, script, &phrase, names, &reading);
        let blocks = if fit < FIT {
            let sentences = self.answer(&reading, step);
            self.tell(sentences.into_iter(), &facts, true)
        } else {
            match script.mail(step) {
                Some(sentences) => self.tell(sentences, &facts, true),
                None => {
                    let closing = self.pack.closings;
                    let line = closing.get(self.dice.below(closing.len())).copied();
                    self.tell(line.into_iter(), &facts, true)
                }
            }
        };
        self.finish(blocks, true)
    }

    /// How well the parent fits the script's mail at its place in the thread, and the facts of
    /// the thread.
    fn recognise<'f>(
        &self,
        parent: &Parent<'_>,
        script: Script,
        phrase: &'f str,
        (sender, recipient): (&'f str, &'f str),
        reading: &reading::Reading,
    ) -> (usize, Facts<'f>) {
        let step = parent.thread_length.max(1) as usize;
        let today = self.brief.written_at.date_naive();
        let subject = clean::phrase(parent.subject, SUBJECT_MAX);
        let began = parent.thread_began.date_naive();
        let mut facts = self.facts(script, phrase, began, sender, recipient);
        facts.key = thread_key(facts.subject_key, &subject);
        facts.today = today;
        facts.day = match reading.day {
            Some(day) if day >= today => day,
            _ => Facts::some_day(facts.subject_key, today),
        };
        facts.time = reading.time;
        facts.said.clone_from(&reading.amount);
        let fit = match script.mail(step - 1) {
            Some(lines) => fit(parent.text, lines, &facts),
            None => fit(parent.text, self.pack.closings.iter().copied(), &facts),
        };
        (fit, facts)
    }

    fn facts<'f>(
        &self,
        script: Script,
        topic: &'f str,
        began: NaiveDate,
        sender: &'f str,
        recipient: &'f str,
    ) -> Facts<'f> {
        let mut pair = [
            self.brief.sender.email.as_str(),
            self.brief.recipient.email.as_str(),
        ]
        .map(str::to_ascii_lowercase);
        pair.sort_unstable();
        let began = began.with_day(1).unwrap_or(began);
        let month = format!("{}-{}", began.year(), began.month());
        let subject_key = stable_hash(&[&pair[0], &pair[1], script.id(), topic, &month]);
        Facts {
            pack: self.pack,
            subject_key,
            key: subject_key,
            in_subject: script.in_subject(),
            sender,
            recipient,
            topic,
            currency: currency(by_address(self.brief.sender, self.brief.recipient)),
            names: self.names(sender, recipient),
            today: self.brief.written_at.date_naive(),
            began,
            day: began,
            said: None,
            time: None,
            now: self.brief.written_at.hour() as usize * 2
                + self.brief.written_at.minute() as usize / 30,
            is_subject: false,
        }
    }

    /// What to answer to a parent that no script knows: the operator's own, or a model's.
    fn answer(&mut self, reading: &reading::Reading, step: usize) -> Vec<&'static str> {
        let answers = &self.pack.answers;
        if step > 6 {
            return vec![self.one(answers.noted)];
        }
        let mut sentences = Vec::new();
        if reading.meeting && reading.day.is_some() {
            sentences.push(self.one(answers.meeting));
        } else if reading.requests {
            sentences.push(self.one(answers.request));
        } else if reading.asks {
            sentences.push(self.one(answers.question));
        } else if reading.problem {
            sentences.push(self.one(answers.problem));
        } else if reading.thanks {
            return vec![self.one(answers.thanks)];
        } else {
            sentences.push(self.one(answers.noted));
        }
        let wanted = reading.asks || reading.requests;
        if reading.amount.is_some() && wanted && !reading.meeting {
            sentences.push(self.one(answers.money));
        } else if self.dice.chance(55) {
            sentences.push(self.one(answers.more));
        }
        sentences
    }

    pub(super) fn one(&mut self, lines: &'static [&'static str]) -> &'static str {
        lines
            .get(self.dice.below(lines.len()))
            .copied()
            .unwrap_or_default()
    }

    /// The paragraphs of a mail.
    fn tell(
        &mut self,
        lines: impl Iterator<Item = &'static str>,
        facts: &Facts<'_>,
        is_reply: bool,
    ) -> Vec<Block> {
        let optional = (self.habits.length * 80 / 100).clamp(20, 95);
        let mut blocks = vec![Vec::new()];
        let mut asked = false;
        for line in lines {
            if line == "-" {
                blocks.push(Vec::new());
                continue;
            }
            let line = match line.strip_prefix("* ") {
                Some(_) if !self.dice.chance(optional) => continue,
                Some(line) => line,
                None => line,
            };
            let alternative = script::draw(line, &mut self.dice);
            let text = self.fill(alternative, facts);
            asked |= text.contains('?');
            if let Some(paragraph) = blocks.last_mut() {
                paragraph.push(text);
            }
        }
        self.add_mannerisms(&mut blocks, facts, asked, is_reply);
        blocks.retain(|paragraph| !paragraph.is_empty());
        let list = self.manners.lists && self.dice.chance(60);
        blocks
            .into_iter()
            .flat_map(|mut paragraph| {
                if list && paragraph.len() > 2 {
                    let items = paragraph.split_off(1);
                    vec![Block::Prose(paragraph), Block::List(items)]
                } else {
                    vec![Block::Prose(paragraph)]
                }
            })
            .collect()
    }

    fn add_mannerisms(
        &mut self,
        blocks: &mut Vec<Vec<String>>,
        facts: &Facts<'_>,
        asked: bool,
        is_reply: bool,
    ) {
        let mut extra = Vec::new();
        if self.manners.asks && !asked && self.dice.chance(85) {
            let line = self.one(self.pack.asides.questions);
            extra.push(self.fill(line, facts));
        }
        if !self.manners.mentions.is_empty() && self.dice.chance(if is_reply { 18 } else { 30 }) {
            let mention =
                self.manners.mentions[self.dice.below(self.manners.mentions.len())].clone();
            let line = self.one(self.pack.asides.mentions);
            extra.push(line.replace("{mention}", &mention));
        }
        if !self.manners.sayings.is_empty() && self.dice.chance(35) {
            let saying = self.manners.sayings[self.dice.below(self.manners.sayings.len())].clone();
            extra.push(polish::capitals(saying.trim_end_matches('.'), true) + ".");
        }
        if extra.is_empty() {
            return;
        }
        match blocks.last_mut() {
            Some(paragraph) => paragraph.extend(extra),
            None => blocks.push(extra),
        }
    }

    /// One sentence with its choices made and its slots filled; its first letter is lower case
    /// unless it has to be a capital, since who writes decides on capitals.
    fn fill(&mut self, alternative: &str, facts: &Facts<'_>) -> String {
        let polite = self.habits.polite;
        let lowered = lowered(alternative, self.pack);
        script::expand(&lowered, polite, &mut self.dice, &mut |slot| {
            facts.value(slot)
        })
    }

    fn finish(&mut self, blocks: Vec<Block>, is_reply: bool) -> String {
        let mut out = String::new();
        for block in &blocks {
            let text = polish::write(block, &self.habits, self.pack, &mut self.dice);
            if text.is_empty() {
                continue;
            }
            if !out.is_empty() {
                let is_list = matches!(block, Block::List(_));
                out.push_str(if is_list { "\n" } else { "\n\n" });
            }
            out.push_str(&text);
        }
        let greets = if is_reply {
            self.habits.greets * 3 / 5
        } else {
            self.habits.greets
        };
        if self.dice.chance(greets) {
            out = self.greeting(&out);
        }
        let signs = if is_reply {
            self.habits.signs * 4 / 5
        } else {
            self.habits.signs
        };
        if self.dice.chance(signs) {
            self.sign_off(&mut out);
        }
        let text = polish::scrub(&out);
        if text.is_empty() {
            "Ok.".to_owned()
        } else {
            text
        }
    }

    fn greeting(&mut self, body: &str) -> String {
        let voice = self.habits.voice;
        let greetings = &self.pack.greetings;
        let hour = self.brief.written_at.hour();
        let by_hour = voice.is_multiple_of(4);
        let list = match hour {
            _ if !by_hour && self.habits.polite => greetings.polite,
            _ if !by_hour => greetings.any,
            hour if hour < 4 => greetings.evening,
            hour if hour < greetings.afternoon_from => greetings.morning,
            hour if hour < greetings.evening_from => greetings.afternoon,
            _ => greetings.evening,
        };
        let mut own = Dice::new(voice);
        let line = list.get(own.below(list.len())).copied().unwrap_or_default();
        let name = clean::first_name(&self.brief.recipient.name);
        let line = match line.strip_prefix("{name}") {
            None if self.habits.lower => lowered(line, self.pack),
            _ => line.to_owned(),
        };
        let line = line.replace("{name}", &name).replace(" ,", ",");
        let line = polish::write(&Block::Line(line), &self.habits, self.pack, &mut self.dice);
        let gap = if voice >> 20 & 3 == 0 { "\n" } else { "\n\n" };
        format!("{line}{gap}{body}")
    }

    fn sign_off(&mut self, out: &mut String) {
        let voice = self.habits.voice;
        let thanks = |text: &str| {
            let lower = text.to_lowercase();
            self.pack.cues.thanks.iter().any(|cue| lower.contains(cue))
        };
        let word = match &self.manners.sign_off {
            Some(word) => word.clone(),
            None => {
                let list = if self.habits.formal {
                    self.pack.sign_offs.formal
                } else {
                    self.pack.sign_offs.plain
                };
                let mut own = Dice::new(mix(voice));
                let word = list.get(own.below(list.len())).copied().unwrap_or_default();
                if self.habits.lower {
                    lowered(word, self.pack)
                } else {
                    word.to_owned()
                }
            }
        };
        if thanks(&word) && (thanks(out) || out.chars().count() < 40) {
            // Thanked already, or nothing to thank for.
            return;
        }
        let word = polish::write(&Block::Line(word), &self.habits, self.pack, &mut self.dice);
        let name = match self.habits.signature {
            0 => String::new(),
            1 => clean::first_name(&self.brief.sender.name),
            _ => clean::initials(&self.brief.sender.name),
        };
        let comma = if voice >> 30 & 1 == 0 && !word.ends_with(['!', '.', ',']) {
            ","
        } else {
            ""
        };
        out.push_str("\n\n");
        out.push_str(&word);
        if !name.is_empty() {
            out.push_str(comma);
            out.push('\n');
            out.push_str(&name);
        }
    }

    fn first_names(&self) -> (String, String) {
        (
            clean::first_name(&self.brief.sender.name),
            clean::first_name(&self.brief.recipient.name),
        )
    }
}

/// A topic as it stands in a sentence.
fn topic_phrase(topic: &str, pack: &Pack) -> String {
    let phrase = clean::phrase(topic, TOPIC_MAX);
    if phrase.is_empty() {
        pack.vague_topic.to_owned()
    } else {
        phrase
    }
}

/// What the facts of a thread follow from: the pair, the topic, the month and the subject, however
/// its capitals and prefixes are written.
fn thread_key(subject_key: u64, subject: &str) -> u64 {
    let plain: String = subject
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    mix(subject_key ^ stable_hash(&[&plain]))
}

/// The share of the longer words of `text` that `lines` know, in percent.
fn fit(text: &str, lines: impl Iterator<Item = &'static str>, facts: &Facts<'_>) -> usize {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 3)
            .take(400)
            .map(str::to_lowercase)
            .collect()
    };
    let mut known: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    let mut sentences = 0;
    for line in lines {
        sentences += usize::from(line != "-" && !line.starts_with("* "));
        known.extend(words(line));
        for (at, _) in line.match_indices('{') {
            let slot = line[at + 1..].split('}').next().unwrap_or_default();
            known.extend(facts.value(slot).iter().flat_map(|value| words(value)));
        }
    }
    let bounded: String = text.chars().take(4_000).collect();
    // Greeting and sign-off say nothing about the script.
    let (first, last) = (&facts.pack.greetings, &facts.pack.sign_offs);
    let frames = [
        first.any,
        first.polite,
        first.morning,
        first.afternoon,
        first.evening,
        last.plain,
        last.formal,
        &[facts.sender, facts.recipient],
    ];
    // Neither do the words that a formal hand writes out.
    let long_forms = facts.pack.contractions.iter().map(|(_, long)| long);
    let frame: Vec<String> = frames
        .into_iter()
        .flatten()
        .chain(long_forms)
        .flat_map(|line| words(line))
        .collect();
    let mut found = words(&bounded);
    found.retain(|word| known.contains(word) || !frame.contains(word));
    if sentences > 1 && found.len() < sentences {
        // Shorter than any mail of the script.
        return 0;
    }
    if found.is_empty() {
        // A word or two: a script's last mails look like that.
        return 100;
    }
    let is_known = |word: &String| {
        known.contains(word) || known.iter().any(|meant| polish::is_slip(word, meant))
    };
    let fitting = found.iter().filter(|word| is_known(word)).count();
    // Chance agrees with a few words more easily than with many.
    let unknown = found.len() - fitting;
    let strict = if found.len() < 8 { unknown } else { 0 };
    fitting.saturating_sub(strict) * 100 / found.len()
}

/// The text with sentence starts in lower case, except what is a capital anywhere: `I`,
/// abbreviations, weekdays and months.
pub(super) fn lowered(text: &str, pack: &Pack) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    // Whether the choice that is open stands at the start of a sentence.
    let mut opens = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        match c {
            '[' => opens = start,
            '|' if opens => start = true,
            ']' => {
                opens = false;
                start = false;
            }
            _ => {}
        }
        if start && c.is_uppercase() && !keeps_capital(rest, pack) {
            out.extend(c.to_lowercase());
            start = false;
        } else {
            out.push(c);
            if c.is_alphanumeric() || c == '{' {
                start = false;
            }
        }
        if matches!(c, '.' | '?' | '!') && next.starts_with(' ') {
            start = true;
        }
        rest = next;
    }
    out
}

fn keeps_capital(text: &str, pack: &Pack) -> bool {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '\'' || *c == '-')
        .collect();
    let bare = word.split('\'').next().unwrap_or_default();
    let calendar = &pack.calendar;
    bare == "I"
        || bare
            .chars()
            .skip(1)
            .any(|c| c.is_uppercase() || c.is_ascii_digit())
        || calendar.weekdays.contains(&bare)
        || calendar.months.contains(&bare)
        || pack.proper.contains(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon;
    use crate::knowledge::{CanonName, Knowledge};

    #[test]
    fn sentence_starts_are_lowered_unless_they_must_not() {
        let check = |text: &str, expected: &str| {
            assert_eq!(lowered(text, language::pack("en")), expected);
        };
        check(
            "Can you check? The list is old.",
            "can you check? the list is old.",
        );
        check(
            "[Done|PDF sent|]. [Thanks|], Ana.",
            "[done|PDF sent|]. [thanks|], Ana.",
        );
        check(
            "I think so. PDF is fine. Thursday works.",
            "I think so. PDF is fine. Thursday works.",
        );
        check(
            "[Could|Can] you ask {name}? {name2} Knows.",
            "[could|can] you ask {name}? {name2} Knows.",
        );
    }

    #[test]
    fn threads_stay_on_their_script() {
        let mut replies = 0;
        let mut lost = Vec::new();
        for code in language::supported() {
            for (seed, topic) in crate::topic::built_in(code).iter().enumerate() {
                for is_informed in [false, true] {
                    let (misfits, count) = run_thread(code, topic, seed as u64, is_informed);
                    replies += count;
                    lost.extend(misfits);
                }
            }
        }
        assert!(replies > 1_000);
        assert!(lost.len() * 100 <= replies, "{lost:#?}");
    }

    /// A whole thread between two colleagues: the parents that were not recognised, and how many
    /// replies there were.
    fn run_thread(code: &str, topic: &str, seed: u64, is_informed: bool) -> (Vec<String>, usize) {
        let list = r#"[
            {"name": "Ana Ruiz", "email": "ana@corp.example", "role": "CFO", "tone": "formal"},
            {"name": "Ben Cole", "email": "ben@corp.example", "role": "Clerk", "tone": "direct"}
        ]"#;
        let people = crate::persona::parse_personas_text(list, code).personas;
        let written_at = chrono::DateTime::parse_from_rfc3339("2026-03-03T09:20:00+00:00")
            .expect("a valid time");
        let pack = language::pack(code);
        let count = script_of(pack, topic).mail_count();
        let mut misfits = Vec::new();
        let mut last: Option<Draft> = None;
        for step in 0..count {
            let (from, to) = (step % 2, (step + 1) % 2);
            let occasion = match &last {
                None => Occasion::NewThread { topic },
                Some(draft) => Occasion::Reply {
                    parent: Parent {
                        subject: &draft.subject,
                        text: &draft.body,
                        written_at,
                        topic,
                        thread_length: step as u32,
                        thread_began: written_at.to_utc(),
                    },
                },
            };
            let mut knowledge = Knowledge::default();
            let mut brief = Brief {
                sender: &people[from],
                recipient: &people[to],
                language: code,
                written_at,
                occasion,
                knowledge: Knowledge::NONE,
            };
            if is_informed {
                let wishes = canon::wishes(&brief).into_iter();
                let named = wishes.map(|wish| CanonName {
                    kind: wish.kind,
                    name: wish.name(17, 0),
                    role: wish.role,
                });
                knowledge.names.extend(named);
                brief.knowledge = &knowledge;
            }
            if let Occasion::Reply { parent } = &brief.occasion {
                let mail = Mail {
                    pack,
                    habits: Habits::of(brief.sender),
                    manners: Mannerisms::default(),
                    dice: Dice::new(seed),
                    brief: &brief,
                };
                let (sender, recipient) = mail.first_names();
                let names = (sender.as_str(), recipient.as_str());
                let phrase = topic_phrase(topic, pack);
                let reading = reading::read(parent, pack);
                let script = script_of(pack, topic);
                let (fit, _) = mail.recognise(parent, script, &phrase, names, &reading);
                if fit < FIT {
                    misfits.push(format!("{topic} {step}: {fit}: {}", parent.text));
                }
            }
            let mut draft = compose(&brief, seed + step as u64);
            if let Some(first) = last {
                draft.subject = first.subject;
            }
            last = Some(draft);
        }
        (misfits, count.saturating_sub(1))
    }

    #[test]
    fn a_key_does_not_depend_on_how_the_subject_is_written() {
        assert_eq!(
            thread_key(1, "Parking, April"),
            thread_key(1, "parking april")
        );
        assert_ne!(
            thread_key(1, "Parking, April"),
            thread_key(2, "Parking, April")
        );
    }
}
