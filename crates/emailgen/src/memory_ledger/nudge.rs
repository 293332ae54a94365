//! What nudges ask.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{MailEntry, MemoryLedger, State, at, kept, numbered};
use crate::drafts::OpenDraft;
use crate::ledger::{
    ClaimedMail, DeckyId, HomeChoice, LedgerError, MailId, ParentMail, PersonaId, ScheduleId,
    WrittenBy,
};
use crate::nudge_ledger::{CausedMail, CausedState, DeckyLife, NudgeLedger};

impl NudgeLedger for MemoryLedger {
    fn caused(&mut self, cause: &str) -> Result<Option<CausedMail>, LedgerError> {
        let held = self
            .mails
            .iter()
            .find(|(_, mail)| mail.plan.cause.as_deref() == Some(cause));
        if let Some((id, mail)) = held {
            let state = match mail.state {
                State::Delivered => CausedState::Delivered {
                    record: mail.record.clone(),
                },
                State::Abandoned => CausedState::Abandoned {
                    error: mail.error.clone().unwrap_or_default(),
                },
                State::Planned | State::Composed | State::Failed => CausedState::Unfinished,
            };
            return Ok(Some(CausedMail { id: *id, state }));
        }
        Ok(self.past_causes.get(cause).map(|(id, delivered)| {
            let state = if *delivered {
                CausedState::Delivered { record: None }
            } else {
                CausedState::Abandoned {
                    error: String::new(),
                }
            };
            CausedMail { id: *id, state }
        }))
    }

    fn claim_mail(
        &mut self,
        id: MailId,
        wall_clock: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<ClaimedMail>, LedgerError> {
        let is_free = self.mails.get(&id).is_some_and(|mail| {
            mail.claimable_at.is_some_and(|at| {
                at <= kept(wall_clock) || mail.failed_attempt == Some(mail.attempt)
            })
        });
        is_free.then(|| self.claim(id, lease_until)).transpose()
    }

    fn unanswered_on(
        &mut self,
        decky: DeckyId,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        look_at: usize,
    ) -> Result<Vec<MailId>, LedgerError> {
        let answered: BTreeSet<MailId> = self
            .mails
            .values()
            .filter_map(|mail| mail.plan.reply_to.map(|reply_to| reply_to.parent))
            .collect();
        let mut found: Vec<(DateTime<Utc>, MailId)> = self
            .mails
            .iter()
            .rev()
            .filter(|(_, mail)| mail.ends_on(decky) > 0)
            .take(look_at)
            .filter(|(id, mail)| {
                mail.state == State::Delivered
                    && mail.plan.draft.is_none()
                    && mail.plan.sent_at >= kept(since)
                    && mail.plan.sent_at <= kept(until)
                    && !answered.contains(id)
            })
            .map(|(id, mail)| (mail.plan.sent_at.to_utc(), *id))
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    fn parent(&mut self, id: MailId, reader: PersonaId) -> Result<Option<ParentMail>, LedgerError> {
        self.parent_mail(id, reader)
    }

    fn residents(&mut self, decky: DeckyId) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError> {
        Ok(numbered(&self.personas)
            .filter(|(_, entry)| {
                entry.home.as_ref().is_some_and(|home| home.decky == decky)
                    && self.is_available(entry)
            })
            .map(|(id, entry)| (PersonaId(id), entry.schedule))
            .collect())
    }

    fn newcomers(&mut self, decky: DeckyId) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError> {
        let entry = self.decky_entry(decky)?;
        if !self.takes_mail(decky) {
            return Ok(Vec::new());
        }
        let (list, name) = (entry.list, &entry.decky.name);
        Ok(numbered(&self.personas)
            .filter(|(_, persona)| {
                persona.list == list
                    && persona.home.is_none()
                    && persona
                        .persona
                        .home
                        .as_ref()
                        .is_none_or(|home| home == name)
                    && self.is_available(persona)
            })
            .map(|(id, persona)| (PersonaId(id), persona.schedule))
            .collect())
    }

    fn open_drafts(&mut self, decky: DeckyId) -> Result<Vec<OpenDraft>, LedgerError> {
        Ok(self
            .mails
            .iter()
            .rev()
            .filter(|(id, mail)| {
                mail.plan.sender_home.decky == decky
                    && mail.state == State::Delivered
                    && !mail.is_replaced
                    && !self.has_next_iteration(**id)
                    && self.still_lives(mail.plan.sender, &mail.plan.sender_home)
            })
            .filter_map(|(id, mail)| mail.open_draft(*id))
            .collect())
    }

    fn decky_life(
        &mut self,
        after: DeckyId,
        limit: usize,
        open: &[ScheduleId],
    ) -> Result<Vec<DeckyLife>, LedgerError> {
        Ok(numbered(&self.deckies)
            .filter(|(id, _)| *id > after.0)
            .filter_map(|(id, _)| self.life(DeckyId(id), open))
            .take(limit)
            .collect())
    }

    fn decky_life_of(
        &mut self,
        name: &str,
        open: &[ScheduleId],
    ) -> Result<Option<DeckyLife>, LedgerError> {
        Ok(numbered(&self.deckies)
            .filter(|(_, entry)| entry.decky.name == name)
            .find_map(|(id, _)| self.life(DeckyId(id), open)))
    }
}

impl MemoryLedger {
    fn life(&self, id: DeckyId, open: &[ScheduleId]) -> Option<DeckyLife> {
        let entry = at(&self.deckies, id.0)?;
        if !entry.running || !entry.decky.serves_mail() || entry.removed {
            return None;
        }
        let owners = self.personas.iter().filter(|persona| {
            persona.home.as_ref().is_some_and(|home| home.decky == id) && self.is_available(persona)
        });
        Some(DeckyLife {
            id,
            name: entry.decky.name.clone(),
            last_change: entry.last_change,
            owners: u32::try_from(owners.clone().count()).unwrap_or(u32::MAX),
            owner_at_work: owners.clone().any(|owner| open.contains(&owner.schedule)),
        })
    }

    /// Whether the next iteration of a draft is in the outbox or was delivered.
    pub(super) fn has_next_iteration(&self, id: MailId) -> bool {
        self.mails.values().any(|mail| {
            let draft = mail.plan.draft.as_ref();
            mail.state != State::Abandoned
                && draft
                    .and_then(|draft| draft.before.as_ref())
                    .is_some_and(|before| before.mail == id)
        })
    }

    /// Whether a draft can be gone on with.
    pub(super) fn goes_on(&self, before: MailId) -> bool {
        self.mails
            .get(&before)
            .is_some_and(|mail| mail.state == State::Delivered && !mail.is_replaced)
            && !self.has_next_iteration(before)
    }

    fn still_lives(&self, persona: PersonaId, home: &HomeChoice) -> bool {
        at(&self.personas, persona.0)
            .is_some_and(|entry| entry.home.as_ref() == Some(home) && self.is_available(entry))
    }
}

impl MailEntry {
    fn open_draft(&self, id: MailId) -> Option<OpenDraft> {
        let plan = &self.plan;
        let draft = plan.draft.as_ref()?;
        let (subject, body, written_by) = match (&plan.composed, &draft.before) {
            (Some(text), _) => (&text.subject, &text.new_text, text.written_by.clone()),
            (None, Some(before)) => (&before.subject, &before.body, before.written_by.clone()),
            (None, None) => (&String::new(), &String::new(), WrittenBy::default()),
        };
        (draft.iteration < draft.last).then(|| OpenDraft {
            mail: id,
            author: plan.sender,
            home: plan.sender_home.clone(),
            name: plan.sent_name.clone(),
            recipient: plan.recipient,
            iteration: draft.iteration,
            last: draft.last,
            seed: draft.seed,
            mail_client: plan.mail_client.clone(),
            topic: plan.topic.clone(),
            language: plan.language.clone(),
            subject: subject.clone(),
            body: body.clone(),
            written_by,
        })
    }
}
