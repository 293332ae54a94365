//! The plan of a mail: which speech acts, in what order, and how much of each.

use super::clean;
use super::dice::{Dice, mix, stable_hash};
use super::grammar::Grammar;
use super::habits::Habits;
use super::mannerism::Mannerisms;
use super::polish::{self, Block};
use super::reading::{self, Reading};
use super::scene::Scene;
use crate::language::{self, Pack};
use crate::writer::{Brief, Draft, Occasion, Parent};

/// Words of a new thread, by decile.
const NEW_WORDS: [u32; 11] = [7, 15, 25, 35, 45, 54, 65, 79, 98, 132, 185];
/// Words of a reply, by decile.
const REPLY_WORDS: [u32; 11] = [2, 7, 14, 23, 32, 42, 54, 70, 94, 134, 200];
/// Longest subject, in characters.
const SUBJECT_MAX: usize = 110;

/// Writes one mail.
pub(crate) fn compose(brief: &Brief<'_>, seed: u64) -> Draft {
    let pack = language::pack(brief.language);
    let (topic, parent) = match &brief.occasion {
        Occasion::NewThread { topic } => (*topic, None),
        Occasion::Reply { parent } => (parent.topic, Some(parent)),
    };
    let mut habits = Habits::of(brief.sender);
    let manners = Mannerisms::of(&brief.sender.mannerisms);
    manners_into(&manners, &mut habits);
    let key = stable_hash(&[
        brief.sender.email.as_str(),
        brief.recipient.email.as_str(),
        topic,
        if parent.is_some() { "reply" } else { "new" },
    ]);
    let mut mail = Mail {
        pack,
        grammar: (pack.grammar)(),
        scene: Scene::new(pack, brief, topic, habits.tones, habits.polite),
        dice: Dice::new(mix(seed) ^ key ^ mix(brief.written_at.timestamp().unsigned_abs())),
        blocks: Vec::new(),
        words: 0,
        family: 0,
        turns: 0,
        asked: false,
        habits,
        manners,
    };
    let subject = mail.subject();
    match parent {
        Some(parent) => mail.reply(brief, parent),
        None => mail.open_thread(brief),
    }
    let body = mail.finish(brief, parent.is_some());
    Draft { subject, body }
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

struct Mail {
    pack: &'static Pack,
    grammar: &'static Grammar,
    scene: Scene,
    dice: Dice,
    habits: Habits,
    manners: Mannerisms,
    blocks: Vec<Block>,
    words: usize,
    /// Words at which the current matter began.
    family: usize,
    turns: u32,
    asked: bool,
}

impl Mail {
    fn subject(&mut self) -> String {
        for attempt in 0..4 {
            let text = self.expand(if attempt < 3 {
                "subject"
            } else {
                "plain_subject"
            });
            let lower = self.habits.lower && self.dice.chance(70);
            let text = clean::phrase(&text, SUBJECT_MAX);
            if text.is_empty() {
                continue;
            }
            let count = text.split(' ').count();
            if (2..=9).contains(&count) || attempt == 3 && !text.is_empty() {
                return if lower {
                    text
                } else {
                    polish::capitals(&text, true)
                };
            }
        }
        "Update".to_owned()
    }

    fn expand(&mut self, rule: &str) -> String {
        let mut out = String::new();
        self.scene.begin_sentence();
        if let Some(rule) = self.grammar.rule(rule) {
            self.grammar
                .expand(rule, &mut self.scene, &mut self.dice, &mut out);
        }
        out
    }

    /// Adds a sentence.
    fn say(&mut self, rule: &str) {
        let text = self.expand(rule);
        if text.trim().is_empty() {
            return;
        }
        self.words += text.split(' ').count();
        self.asked |= text.contains('?');
        match self.blocks.last_mut() {
            Some(Block::Prose(sentences)) => sentences.push(text),
            _ => self.blocks.push(Block::Prose(vec![text])),
        }
    }

    fn pick(&mut self, rules: &[&'static str]) {
        let rule = rules[self.dice.below(rules.len())];
        self.say(rule);
    }

    /// Starts a new paragraph when the current one has its length.
    fn breathe(&mut self) {
        let full = match self.blocks.last() {
            Some(Block::Prose(sentences)) => sentences.len() >= self.habits.paragraph,
            _ => false,
        };
        if full && self.dice.chance(70) {
            self.blocks.push(Block::Prose(Vec::new()));
        }
    }

    fn target(&mut self, deciles: &[u32]) -> usize {
        (self.dice.quantile(deciles) * self.habits.length / 100).clamp(2, 260) as usize
    }

    fn open_thread(&mut self, brief: &Brief<'_>) {
        let target = self.target(&NEW_WORDS);
        if target < 17 {
            self.say("brief_new");
            return;
        }
        self.say("open");
        self.extras(brief, target);
        self.tell_until(target.saturating_sub(14));
        if self.dice.chance(40) {
            self.breathe();
        }
        if !self.asked || self.manners.asks || self.dice.chance(50) {
            self.pick(&["ask", "ask", "query", "propose", "ask"]);
        }
        if self.words < target && target > 40 && self.dice.chance(45) {
            self.say("close");
        }
    }

    fn reply(&mut self, brief: &Brief<'_>, parent: &Parent<'_>) {
        let reading = reading::read(parent, self.pack);
        let fade = match parent.thread_length {
            0..=2 => 100,
            3 => 82,
            4 => 62,
            5 | 6 => 40,
            _ => 24,
        };
        let target = self.target(&REPLY_WORDS) * fade / 100;
        self.take_over(&reading);
        if parent.thread_length >= 7 || parent.thread_length >= 5 && self.dice.chance(60) {
            self.say("wind");
            if target > 12 {
                self.say("wind_more");
            }
            return;
        }
        if target < 13 {
            let rule = short_answer(&reading, &mut self.dice);
            self.say(rule);
            return;
        }
        self.answer(&reading);
        if self.words < target {
            self.second_answer(&reading);
        }
        self.extras(brief, target);
        self.tell_until(target.saturating_sub(8));
        let may_ask = parent.thread_length < 4 && !self.asked;
        if self.manners.asks && !self.asked || may_ask && target > 25 && self.dice.chance(35) {
            self.pick(&["query", "re_back", "ask"]);
        } else if target > 20 && self.dice.chance(40) {
            self.say("close");
        }
    }

    /// Lets the scene agree with the parent.
    fn take_over(&mut self, reading: &Reading) {
        if let Some(amount) = &reading.amount {
            self.scene.set("amount", amount.clone());
        }
        if let Some(ticket) = &reading.ticket {
            self.scene.set("ticket", ticket.clone());
        }
        if let Some(file) = &reading.file {
            self.scene.set("file", file.clone());
        }
        if let Some((hour, minute)) = reading.time {
            let manner = (self.habits.voice >> 9 & 0xff) as u8 % 3;
            self.scene
                .set("time", (self.pack.calendar.time)(hour, minute, manner));
        }
        if let Some(day) = reading.day {
            self.scene.set_day(day);
        }
        for (slot, name) in ["person", "person2"].into_iter().zip(&reading.people) {
            self.scene.set(slot, (*name).to_owned());
        }
        if let Some((verb, object)) = &reading.task {
            let (verb, promise, done) = self.pack.cues.verbs[*verb];
            self.scene.set("obj", object.clone());
            self.scene.set("do", verb.to_owned());
            self.scene.set("promise", promise.to_owned());
            self.scene.set("done", done.to_owned());
        }
    }

    fn answer(&mut self, reading: &Reading) {
        let meets = reading.meeting && (reading.time.is_some() || reading.day.is_some());
        let day_is_bad = reading.day.is_some_and(|day| !self.scene.is_workday(day));
        if meets && (day_is_bad || self.dice.chance(28)) {
            self.say("re_meet_shift");
        } else if meets {
            self.say("re_meet_yes");
        } else if reading.task.is_some() {
            let today = self.dice.below(10);
            self.say(match today {
                0..3 => "re_task_done",
                3..6 => "re_task_will",
                6..9 => "re_task_later",
                _ => "re_task_no",
            });
        } else if reading.requests {
            self.pick(&["re_will", "re_will", "re_later", "re_did"]);
        } else if reading.asks {
            self.pick(&["re_know", "re_know", "re_unknown", "re_yes"]);
        } else if reading.problem {
            self.say("re_problem");
        } else if reading.thanks {
            self.say("re_thanks");
        } else {
            self.say("re_noted");
        }
    }

    fn second_answer(&mut self, reading: &Reading) {
        if reading.amount.is_some() && self.dice.chance(60) {
            self.say("re_amount");
        } else if reading.ticket.is_some() && self.dice.chance(50) {
            self.say("re_ticket");
        } else if reading.file.is_some() && self.dice.chance(50) {
            self.say("re_file");
        } else if reading.requests && reading.asks && self.dice.chance(50) {
            self.pick(&["re_know", "re_unknown"]);
        } else if !reading.people.is_empty() && self.dice.chance(50) {
            self.say("re_person");
        }
    }

    /// What role and mannerisms add.
    fn extras(&mut self, brief: &Brief<'_>, target: usize) {
        let likely = match (self.manners.lists, target) {
            (true, 31..) => 65,
            (false, 81..) => 7,
            _ => 0,
        };
        if self.dice.chance(likely) {
            self.list();
        }
        if target > 24 && self.dice.chance(26) {
            let role = format!(
                "{} {}",
                brief.sender.role,
                brief.sender.department.as_deref().unwrap_or_default()
            );
            if let Some(rule) = role_rule(&role) {
                self.say(rule);
            }
        }
        if target > 14 && !self.manners.mentions.is_empty() && self.dice.chance(38) {
            let mention =
                self.manners.mentions[self.dice.below(self.manners.mentions.len())].clone();
            self.scene.set("mention", mention);
            self.say("mention");
        }
        if !self.manners.sayings.is_empty() && self.dice.chance(35) {
            let saying = self.manners.sayings[self.dice.below(self.manners.sayings.len())].clone();
            self.scene.set("saying", saying);
            self.say("saying");
        }
    }

    fn list(&mut self) {
        let lead = self.expand("list_lead");
        let count = self.dice.between(2, 4);
        let items: Vec<String> = (0..count).map(|_| self.expand("list_item")).collect();
        self.words += items
            .iter()
            .map(|item| item.split(' ').count())
            .sum::<usize>();
        self.words += lead.split(' ').count();
        if !lead.is_empty() {
            self.blocks.push(Block::Prose(vec![lead]));
        }
        self.blocks.push(Block::List(items));
        self.blocks.push(Block::Prose(Vec::new()));
    }

    /// Tells about the matter at hand until the mail has `target` words.
    fn tell_until(&mut self, target: usize) {
        const ACTS: [&str; 16] = [
            "side",
            "side",
            "tell",
            "tell",
            "tell",
            "tell",
            "tell",
            "tell_why",
            "tell_why",
            "need",
            "need",
            "plan",
            "plan",
            "query",
            "tell_more",
            "tell_more",
        ];
        let mut last = "";
        for _ in 0..40 {
            if self.words >= target {
                break;
            }
            self.breathe();
            if self.words - self.family > 52 && target - self.words > 14 && self.turns < 3 {
                self.turn();
                continue;
            }
            let act = ACTS[self.dice.below(ACTS.len())];
            if act == last && act != "tell" {
                continue;
            }
            last = act;
            self.say(act);
        }
    }

    /// Goes on to another matter.
    fn turn(&mut self) {
        self.family = self.words;
        self.turns += 1;
        self.blocks.push(Block::Prose(Vec::new()));
        let families = self.grammar.families().len();
        let family = self.dice.below(families);
        self.scene.turn(family);
        self.say("turn");
    }

    fn finish(&mut self, brief: &Brief<'_>, is_reply: bool) -> String {
        if self.words == 0 {
            self.say("brief_new");
        }
        let mut out = String::new();
        let blocks = std::mem::take(&mut self.blocks);
        for block in &blocks {
            let text = polish::write(block, &self.habits, self.pack, &mut self.dice);
            if text.is_empty() {
                continue;
            }
            let list = matches!(block, Block::List(_));
            if !out.is_empty() {
                out.push_str(if list { "\n" } else { "\n\n" });
            }
            out.push_str(&text);
        }
        let greets = if is_reply {
            self.habits.greets * 3 / 4
        } else {
            self.habits.greets
        };
        if self.dice.chance(greets) {
            out = self.greeting(&out);
        }
        if self.dice.chance(self.habits.signs) {
            self.sign_off(brief, &mut out);
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
        let part = match self.scene.hour() {
            4..12 => "greet_morning",
            12..20 => "greet_afternoon",
            _ => "greet_night",
        };
        let rule = if voice.is_multiple_of(4) {
            part
        } else {
            "greet"
        };
        let mut own = Dice::new(voice);
        let mut line = String::new();
        if let Some(rule) = self.grammar.rule(rule) {
            self.grammar
                .expand(rule, &mut self.scene, &mut own, &mut line);
        }
        let line = polish::write(&Block::Line(line), &self.habits, self.pack, &mut self.dice);
        // Without a name, the comma before it goes too.
        let line = line.replace(" ,", ",");
        let gap = if voice >> 20 & 3 == 0 { "\n" } else { "\n\n" };
        format!("{line}{gap}{body}")
    }

    fn sign_off(&mut self, brief: &Brief<'_>, out: &mut String) {
        let voice = self.habits.voice;
        let word = match &self.manners.sign_off {
            Some(word) => word.clone(),
            None => {
                let mut own = Dice::new(mix(voice));
                let mut word = String::new();
                if let Some(rule) = self.grammar.rule("bye") {
                    self.grammar
                        .expand(rule, &mut self.scene, &mut own, &mut word);
                }
                word
            }
        };
        let word = polish::write(&Block::Line(word), &self.habits, self.pack, &mut self.dice);
        let name = match self.habits.signature {
            0 => String::new(),
            1 => clean::first_name(&brief.sender.name),
            _ => clean::initials(&brief.sender.name),
        };
        let comma = if voice >> 30 & 1 == 0 && !word.ends_with(['!', '.', ',']) {
            ","
        } else {
            ""
        };
        let gap = if voice >> 24 & 3 == 0 { "\n" } else { "\n\n" };
        if name.is_empty() {
            out.push_str(&format!("{gap}{word}"));
        } else {
            out.push_str(&format!("{gap}{word}{comma}\n{name}"));
        }
    }
}

/// The rule of a short answer.
fn short_answer(reading: &Reading, dice: &mut Dice) -> &'static str {
    if reading.meeting && (reading.time.is_some() || reading.day.is_some()) {
        "short_meet"
    } else if reading.task.is_some() && dice.chance(60) {
        "short_task"
    } else if reading.requests {
        "short_will"
    } else if reading.asks {
        "short_yes"
    } else if reading.thanks {
        "short_thanks"
    } else {
        "short_noted"
    }
}

/// The rule that colours a mail with the sender's trade.
fn role_rule(role: &str) -> Option<&'static str> {
    const TRADES: [(&str, &[&str]); 7] = [
        (
            "role_exec",
            &[
                "chief exec",
                "ceo",
                "managing dir",
                "director gen",
                "directora gen",
                "president",
                "founder",
                "gerente",
            ],
        ),
        (
            "role_finance",
            &[
                "financ",
                "cfo",
                "account",
                "controller",
                "treasur",
                "payroll",
                "contab",
                "tesorer",
                "nómina",
                "audit",
                "administra",
            ],
        ),
        (
            "role_it",
            &[
                "it ",
                "sysadmin",
                "system",
                "develop",
                "engineer",
                "devops",
                "network",
                "security",
                "cto",
                "support",
                "sistemas",
                "informát",
                "desarroll",
                "ingenier",
                "redes",
                "soporte",
                "seguridad",
            ],
        ),
        (
            "role_hr",
            &[
                "hr",
                "human",
                "people",
                "talent",
                "recruit",
                "rrhh",
                "recursos humanos",
                "personas",
                "selecci",
            ],
        ),
        (
            "role_legal",
            &[
                "legal",
                "lawyer",
                "counsel",
                "complian",
                "abogad",
                "jurídic",
                "cumplimiento",
            ],
        ),
        (
            "role_sales",
            &[
                "sales",
                "account manager",
                "marketing",
                "customer",
                "business dev",
                "ventas",
                "comercial",
                "cliente",
            ],
        ),
        (
            "role_ops",
            &[
                "operat",
                "logist",
                "warehouse",
                "facilit",
                "procure",
                "purchas",
                "office",
                "assistant",
                "operaciones",
                "logíst",
                "almacén",
                "compras",
                "oficina",
                "asistente",
                "secretari",
            ],
        ),
    ];
    let bounded: String = role.chars().take(200).collect();
    let lower = format!("{} ", bounded.to_lowercase());
    let found = TRADES
        .iter()
        .find(|(_, words)| words.iter().any(|word| lower.contains(word)));
    found.map(|(rule, _)| *rule)
}
