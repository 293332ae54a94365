//! What the sender knows, in the text: names that hold in the company, and other matters that the two
//! had with each other.

use super::clean;
use super::compose::{Mail, TOPIC_MAX, lowered};
use super::script;
use crate::canon;
use crate::knowledge::Recollection;
use crate::language;

/// How long ago something is that people come back to, in hours: from the next day to six weeks.
const RECENT: std::ops::RangeInclusive<i64> = 20..=42 * 24;

impl Mail<'_> {
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
    /// remembers one and comes to speak of it.
    pub(super) fn reminisce(&mut self, topic: &str) -> Option<String> {
        let recipient = self.brief.recipient.email.as_str();
        let written_at = self.brief.written_at.to_utc();
        let is_apt = |recollection: &&Recollection| {
            let age = written_at.signed_duration_since(recollection.happened_at);
            let other = recollection.other.as_deref().unwrap_or_default();
            RECENT.contains(&age.num_hours()) && other.eq_ignore_ascii_case(recipient)
        };
        let pack = self.pack;
        let matter = self.brief.knowledge.recollections.iter().filter(is_apt);
        let (matter, is_pinned) = matter
            .filter_map(|recollection| {
                let matter = clean::phrase(recollection.topic.as_deref()?, TOPIC_MAX);
                Some((matter, recollection.is_pinned))
            })
            .find(|(matter, _)| {
                let is_foreign = language::is_of_another(matter, pack);
                !matter.is_empty() && matter != topic && !is_foreign
            })?;
        if !self.dice.chance(if is_pinned { 60 } else { 30 }) {
            return None;
        }
        let line = self.one(pack.asides.recollections);
        let (lowered, polite) = (lowered(line, pack), self.habits.polite);
        Some(script::expand(
            &lowered,
            polite,
            &mut self.dice,
            &mut |slot| (slot == "topic").then(|| (pack.with_article)(&matter)),
        ))
    }
}
