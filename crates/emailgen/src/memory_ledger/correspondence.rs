//! Delivered mails with what was said before them.

use super::{MailEntry, MemoryLedger, State};
use crate::correspondence::{Correspondence, CorrespondenceLedger, EarlierMail};
use crate::ledger::{LedgerError, MailId, Party, PersonaId, RecipientField};

impl CorrespondenceLedger for MemoryLedger {
    fn correspondence(
        &mut self,
        mail: MailId,
        earlier: usize,
    ) -> Result<Option<Correspondence>, LedgerError> {
        let Some(entry) = self.delivered(mail) else {
            return Ok(None);
        };
        let plan = &entry.plan;
        let mut recipients = vec![(self.party(plan.recipient)?, RecipientField::To)];
        for copy in &plan.copies {
            recipients.push((self.party(copy.recipient)?, copy.field));
        }
        let mut before = Vec::new();
        let mut answered = entry;
        while before.len() < earlier
            && let Some(reply_to) = answered.plan.reply_to
            && let Some(parent) = self.delivered(reply_to.parent)
        {
            before.push(EarlierMail {
                author: self.address(parent.plan.sender)?,
                new_text: words(parent).1,
                sent_at: parent.plan.sent_at,
            });
            answered = parent;
        }
        before.reverse();
        let (subject, new_text) = words(entry);
        Ok(Some(Correspondence {
            id: mail,
            thread: entry.thread,
            author: self.party(plan.sender)?,
            recipients,
            subject,
            new_text,
            topic: plan.topic.clone(),
            language: plan.language.clone(),
            sent_at: plan.sent_at,
            is_draft: plan.draft.is_some(),
            earlier: before,
        }))
    }
}

impl MemoryLedger {
    fn delivered(&self, id: MailId) -> Option<&MailEntry> {
        let mail = self.mails.get(&id);
        mail.filter(|mail| mail.state == State::Delivered)
    }

    fn party(&self, who: PersonaId) -> Result<Party, LedgerError> {
        let persona = &self.persona_entry(who)?.persona;
        Ok(Party {
            id: who,
            name: persona.name.clone(),
            address: persona.email.as_str().to_owned(),
        })
    }
}

/// Subject and what its author wrote.
fn words(mail: &MailEntry) -> (String, String) {
    let composed = mail.plan.composed.as_ref();
    composed
        .map(|composed| (composed.subject.clone(), composed.new_text.clone()))
        .unwrap_or_default()
}
