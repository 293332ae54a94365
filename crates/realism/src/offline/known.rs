//! What the sender knows, in the text: names that hold in the company, and other matters that the two
//! had with each other.

use super::clean;
use super::compose::{Mail, TOPIC_MAX, lowered};
use super::script;
use crate::canon;
use crate::knowledge::{Part, Recollection};
use crate::language;

/// How long ago something is that people come back to, in hours: from the next day to six weeks.
const RECENT: std::ops::RangeInclusive<i64> = 20..=42 * 24;

impl<'a> Mail<'a> {
    /// The names that hold in the company, by the slot they fill. Of the colleagues, the first two that
    /// are no namesakes of the correspondents.
    pub(super) fn names(&self, sender: &str, recipient: &str) -> Vec<(&'static str, String)> {
        let knowledge = self.brief.knowledge;
        if knowledge.names.is_empty() {
            return Vec::new();
        }
        let mut names = Vec::new();
        let mut colleagues = ["name", "name2"].into_iter();
        for wish in canon::wishes(self.brief) {
            let Some(name) = knowledge.name_of(wish.kind, &wish.role) else {
                continue;
            };
            let name = clean::name(name);
            let is_colleague = wish.slot == "name";
            if name.is_empty() || is_colleague && (name == sender || name == recipient) {
                continue;
            }
            let slot = match is_colleague {
                true => colleagues.next(),
                false => Some(wish.slot),
            };
            names.extend(slot.map(|slot| (slot, name)));
        }
        names
    }

    /// A sentence about another matter that the two had with each other lately, if the sender
    /// remembers one and comes to speak of it. Nobody does so twice.
    pub(super) fn reminisce(&mut self, topic: &str) -> Option<String> {
        let (matter, last) = self.other_matter(topic)?;
        if !self.dice.chance(if last.is_pinned { 60 } else { 30 }) {
            return None;
        }
        let pack = self.pack;
        let asides = &pack.asides;
        let line = self.one(match (last.part, is_answer(&last.text)) {
            (Part::Author, false) => asides.waiting,
            (Part::Author, true) => asides.helped,
            (Part::Reader | Part::Copied, false) => asides.owing,
            (Part::Reader | Part::Copied, true) => asides.thankful,
        });
        let (lowered, polite) = (lowered(line, pack), self.habits.polite);
        Some(script::expand(
            &lowered,
            polite,
            &mut self.dice,
            &mut |slot| (slot == "topic").then(|| (pack.with_article)(&matter)),
        ))
    }

    /// The first matter that the sender remembers having with the recipient, other than this one and
    /// not brought up since, and the last that was said of it between the two.
    fn other_matter(&self, topic: &str) -> Option<(String, &'a Recollection)> {
        let recipient = self.brief.recipient.email.as_str();
        let written_at = self.brief.written_at.to_utc();
        let recollections = &self.brief.knowledge.recollections;
        let between = |recollection: &&'a Recollection| {
            let other = recollection.other.as_deref().unwrap_or_default();
            recollection.part != Part::Copied && other.eq_ignore_ascii_case(recipient)
        };
        let vague = self.pack.asides.vague;
        for recollection in recollections.iter().filter(between) {
            let Some(of) = recollection.topic.as_deref() else {
                continue;
            };
            let matter = clean::phrase(of, TOPIC_MAX);
            let is_vague = matter.split(' ').any(|word| vague.contains(&word));
            if matter.is_empty()
                || matter == topic
                || is_vague
                || language::is_of_another(&matter, self.pack)
            {
                continue;
            }
            let is_same = |other: &&Recollection| other.topic.as_deref() == Some(of);
            let came_up = |other: &Recollection| {
                other.topic.as_deref() != Some(of) && other.text.contains(matter.as_str())
            };
            let said = recollections.iter().filter(between).filter(is_same);
            let last = said.max_by_key(|said| (said.happened_at, said.memory))?;
            let age = written_at.signed_duration_since(last.happened_at);
            let is_passed_on = is_forward(&last.text);
            if RECENT.contains(&age.num_hours())
                && !is_passed_on
                && !recollections.iter().any(came_up)
            {
                return Some((matter, last));
            }
        }
        None
    }
}

/// Whether the subject in the first line of a mail is that of an answer.
fn is_answer(text: &str) -> bool {
    begins_with_one_of(text, &["re:", "aw:"])
}

fn is_forward(text: &str) -> bool {
    begins_with_one_of(text, &["fw:", "fwd:", "rv:", "wg:"])
}

fn begins_with_one_of(text: &str, marks: &[&str]) -> bool {
    let begin: String = text.chars().take(4).flat_map(char::to_lowercase).collect();
    marks.iter().any(|mark| begin.starts_with(mark))
}
