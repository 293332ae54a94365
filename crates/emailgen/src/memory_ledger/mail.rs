//! The outbox, replies and draws.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use decnet_activity_driver::action::Folder;
use decnet_activity_driver::decky::Decky;
use decnet_realism::active_hours::Schedule;

use super::{Answer, MailEntry, Mailbox, MemoryLedger, State, at, at_mut, drawn, kept, unknown};
use crate::ledger::{
    ClaimedMail, ComposedMail, Correspondent, DeckyId, DeliveredMail, DraftBefore, DueReply,
    ExpiredMail, FailedMail, HomeChoice, LedgerError, MailDetails, MailFilter, MailId, MailLedger,
    MailSummary, MailboxOrigin, ParentMail, Party, PersonaId, PersonaListId, PlanOutcome,
    PlannedMail, RecipientField, Recorded, Retention, ScheduleId, Standstill, UnreadMail,
};

impl MailLedger for MemoryLedger {
    fn next_mail_id(&mut self) -> Result<MailId, LedgerError> {
        Ok(MailId(self.last_mail + 1))
    }

    fn schedules(&mut self) -> Result<Vec<(ScheduleId, Schedule)>, LedgerError> {
        let kept: BTreeSet<ScheduleId> = self
            .with_colleagues(self.available_people())
            .into_iter()
            .map(|(_, _, schedule)| schedule)
            .collect();
        Ok(kept
            .into_iter()
            .filter_map(|id| Some((id, *at(&self.schedules, id.0)?)))
            .collect())
    }

    fn draw_sender(
        &mut self,
        open: &[ScheduleId],
        lot: u64,
    ) -> Result<Option<Correspondent>, LedgerError> {
        let at_work = self
            .available_people()
            .into_iter()
            .filter(|(_, _, schedule)| open.contains(schedule))
            .collect();
        drawn(&self.with_colleagues(at_work), lot)
            .map(|(id, _, _)| MemoryLedger::correspondent(self, id))
            .transpose()
    }

    fn correspondent(&mut self, id: PersonaId) -> Result<Option<Correspondent>, LedgerError> {
        self.available(id)
            .then(|| MemoryLedger::correspondent(self, id))
            .transpose()
    }

    fn draw_recipient(
        &mut self,
        sender: &Correspondent,
        open: &[ScheduleId],
        lot: u64,
    ) -> Result<Option<Correspondent>, LedgerError> {
        let colleagues: Vec<PersonaId> = self
            .available_people()
            .into_iter()
            .filter(|(id, list, schedule)| {
                *list == sender.list && *id != sender.id && open.contains(schedule)
            })
            .map(|(id, _, _)| id)
            .collect();
        drawn(&colleagues, lot)
            .map(|id| MemoryLedger::correspondent(self, id))
            .transpose()
    }

    fn draw_home(
        &mut self,
        list: PersonaListId,
        lot: u64,
    ) -> Result<Option<(DeckyId, Arc<Decky>)>, LedgerError> {
        drawn(&self.homes_of(list), lot)
            .map(|id| Ok((id, self.decky(id)?)))
            .transpose()
    }

    fn named_home(
        &mut self,
        list: PersonaListId,
        name: &str,
    ) -> Result<Option<(DeckyId, Arc<Decky>)>, LedgerError> {
        self.home_called(list, name)
            .map(|id| Ok((id, self.decky(id)?)))
            .transpose()
    }

    fn login_taken(&mut self, decky: DeckyId, login: &str) -> Result<bool, LedgerError> {
        Ok(self.mailboxes.contains_key(&(decky, login.to_owned())))
    }

    fn mailbox_origin(
        &mut self,
        decky: DeckyId,
        login: &str,
    ) -> Result<Option<MailboxOrigin>, LedgerError> {
        Ok(self
            .mailboxes
            .get(&(decky, login.to_owned()))
            .map(|mailbox| mailbox.origin))
    }

    fn record_mailbox(
        &mut self,
        persona: PersonaId,
        home: &HomeChoice,
        origin: MailboxOrigin,
    ) -> Result<(), LedgerError> {
        self.persona_entry(persona)?;
        self.decky_entry(home.decky)?;
        let mailbox = self
            .mailboxes
            .entry((home.decky, home.login.clone()))
            .or_insert(Mailbox { persona, origin });
        if mailbox.origin == MailboxOrigin::Foreign && origin == MailboxOrigin::Adopted {
            mailbox.origin = origin;
        }
        if mailbox.persona == persona
            && let Some(entry) = at_mut(&mut self.personas, persona.0)
            && entry.home.is_none()
        {
            entry.home = Some(home.clone());
        }
        Ok(())
    }

    fn topics(&mut self, list: PersonaListId) -> Result<Arc<[String]>, LedgerError> {
        at(&self.lists, list.0)
            .map(|list| list.topics.clone())
            .ok_or_else(|| unknown("list", list.0))
    }

    fn due_replies(
        &mut self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<DueReply>, LedgerError> {
        let mut due: Vec<(MailId, &Answer)> = self
            .answers
            .iter()
            .filter(|(_, answer)| answer.due_at <= kept(now))
            .filter(|(_, answer)| self.available(answer.answerer) && self.available(answer.author))
            .map(|(parent, answer)| (*parent, answer))
            .collect();
        due.sort_by_key(|(parent, answer)| (answer.due_at, *parent));
        due.into_iter()
            .take(limit)
            .map(|(parent, answer)| {
                Ok(DueReply {
                    due_at: answer.due_at,
                    answerer: MemoryLedger::correspondent(self, answer.answerer)?,
                    author: MemoryLedger::correspondent(self, answer.author)?,
                    parent: self
                        .parent_mail(parent, answer.answerer)?
                        .ok_or_else(|| unknown("mail", parent.0))?,
                })
            })
            .collect()
    }

    fn standstill(&mut self, _open: &[ScheduleId]) -> Result<Standstill, LedgerError> {
        if !self.with_colleagues(self.available_people()).is_empty() {
            return Ok(Standstill::OutsideHours { next_opening: None });
        }
        let mut deckies = self
            .deckies
            .iter()
            .filter(|entry| !entry.removed)
            .peekable();
        if deckies.peek().is_none() {
            return Ok(Standstill::NoDeckies);
        }
        let served: Vec<PersonaListId> = deckies
            .filter(|entry| entry.running && entry.decky.serves_mail())
            .map(|entry| entry.list)
            .collect();
        if served.is_empty() {
            return Ok(Standstill::NoRunningMailDecky);
        }
        let enough_people = served.iter().any(|list| {
            let people = self
                .personas
                .iter()
                .filter(|entry| entry.list == *list && !entry.removed && entry.problem.is_none());
            people.count() > 1
        });
        Ok(if enough_people {
            Standstill::NoUsableMailbox
        } else {
            Standstill::TooFewPersonas
        })
    }

    fn record_planned(
        &mut self,
        plans: &[PlannedMail],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<PlanOutcome>, LedgerError> {
        Ok(plans
            .iter()
            .map(|plan| self.insert_plan(plan, lease_until))
            .collect())
    }

    fn record_composed(
        &mut self,
        id: MailId,
        attempt: u32,
        composed: &ComposedMail,
    ) -> Result<Recorded, LedgerError> {
        let Some(mail) = self.held(id, attempt) else {
            return Ok(Recorded::Overtaken);
        };
        mail.state = State::Composed;
        mail.plan.composed = Some(composed.clone());
        Ok(Recorded::Yes)
    }

    fn record_delivered(&mut self, mails: &[DeliveredMail]) -> Result<Vec<Recorded>, LedgerError> {
        Ok(mails
            .iter()
            .map(|mail| self.settle_delivered(mail))
            .collect())
    }

    fn record_failed(&mut self, mails: &[FailedMail]) -> Result<Vec<Recorded>, LedgerError> {
        Ok(mails.iter().map(|mail| self.settle_failed(mail)).collect())
    }

    fn claim_unfinished(
        &mut self,
        wall_clock: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<ClaimedMail>, LedgerError> {
        let claimable: Vec<MailId> = self
            .mails
            .iter()
            .filter(|(_, mail)| mail.claimable_at.is_some_and(|at| at <= kept(wall_clock)))
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        claimable
            .into_iter()
            .map(|id| self.claim(id, lease_until))
            .collect()
    }

    fn unread(
        &mut self,
        reader: PersonaId,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<UnreadMail>, LedgerError> {
        let home = self.persona_entry(reader)?.home.clone();
        Ok(self
            .mails
            .iter()
            .filter(|(_, mail)| {
                mail.plan.sent_at < kept(before)
                    && mail.state == State::Delivered
                    && mail.plan.draft.is_none()
                    && !mail.read_by.contains(&reader)
            })
            .filter_map(|(id, mail)| {
                let (held, inbox_name) = mail.inbox_of(reader)?;
                (home.as_ref() == Some(held)).then(|| UnreadMail {
                    id: *id,
                    inbox_name: inbox_name.clone(),
                })
            })
            .take(limit)
            .collect())
    }

    fn note_vanished(&mut self, id: MailId, folder: Folder) -> Result<(), LedgerError> {
        if let Some(mail) = self.mails.get_mut(&id) {
            match (folder, mail.plan.draft.is_some()) {
                (Folder::Inbox, false) => mail.inbox_vanished = true,
                (Folder::Sent, false) | (Folder::Drafts, true) => mail.sent_vanished = true,
                (Folder::Inbox | Folder::Sent, true) | (Folder::Drafts, false) => {}
            }
        }
        Ok(())
    }

    fn expired(
        &mut self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<ExpiredMail>, LedgerError> {
        // The newest mail stays, so that no id is given twice, and so does what an answer on its
        // way refers to: younger mail goes in its place.
        let mails: Vec<(MailId, &MailEntry)> = self
            .mails
            .iter()
            .rev()
            .skip(1)
            .map(|(id, mail)| (*id, mail))
            .filter(|(id, mail)| !self.is_needed(*id) && !self.is_spared(mail, retention))
            .rev()
            .collect();
        let mut ids = BTreeSet::new();
        if let Some(older_than) = retention.older_than {
            ids.extend(
                mails
                    .iter()
                    .filter(|(_, mail)| {
                        matches!(mail.state, State::Delivered | State::Abandoned)
                            && mail.plan.sent_at < kept(older_than)
                    })
                    .map(|(id, _)| *id),
            );
        }
        if retention.messages_per_decky > 0 {
            for decky in &retention.deckies {
                let mut left = self.messages_on(*decky);
                for (id, mail) in &mails {
                    let here = mail.ends_on(*decky);
                    if left <= retention.messages_per_decky {
                        break;
                    }
                    if mail.state == State::Delivered && !mail.is_replaced && here > 0 {
                        left -= here;
                        ids.insert(*id);
                    }
                }
            }
        }
        ids.into_iter()
            .take(limit)
            .map(|id| self.expired_mail(id))
            .collect()
    }

    fn forget(&mut self, mails: &[MailId]) -> Result<(), LedgerError> {
        for id in mails {
            if self.is_needed(*id) {
                continue;
            }
            if let Some(mail) = self.mails.remove(id)
                && let Some(cause) = mail.plan.cause
            {
                let delivered = mail.state == State::Delivered;
                self.past_causes.insert(cause, (*id, delivered));
            }
            self.answers.remove(id);
            for mail in self.mails.values_mut() {
                if mail.plan.reply_to.is_some_and(|reply| reply.parent == *id) {
                    mail.plan.reply_to = None;
                }
            }
        }
        Ok(())
    }

    fn mails(&mut self, filter: &MailFilter) -> Result<Vec<MailSummary>, LedgerError> {
        let mut summaries = Vec::new();
        for (id, mail) in &self.mails {
            let summary = self.summary(*id, mail)?;
            let named = filter.address.as_ref().is_none_or(|address| {
                summary.from.eq_ignore_ascii_case(address)
                    || summary.to.eq_ignore_ascii_case(address)
                    || mail.plan.copies.iter().any(|copy| {
                        self.address(copy.recipient)
                            .is_ok_and(|copied| copied.eq_ignore_ascii_case(address))
                    })
            });
            if named
                && filter.thread.is_none_or(|thread| thread == mail.thread)
                && filter
                    .state
                    .as_ref()
                    .is_none_or(|state| *state == summary.state)
            {
                summaries.push(summary);
            }
        }
        summaries.sort_by_key(|summary| std::cmp::Reverse((summary.sent_at, summary.id)));
        if let Ok(limit @ 1..) = usize::try_from(filter.limit) {
            summaries.truncate(limit);
        }
        Ok(summaries)
    }

    fn mail(&mut self, id: MailId) -> Result<Option<MailDetails>, LedgerError> {
        let Some(mail) = self.mails.get(&id) else {
            return Ok(None);
        };
        let mut vanished_from = Vec::new();
        if mail.inbox_vanished {
            vanished_from.push(Folder::Inbox);
        }
        if mail.sent_vanished {
            vanished_from.push(match mail.plan.draft {
                Some(_) => Folder::Drafts,
                None => Folder::Sent,
            });
        }
        let record = mail
            .record
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| LedgerError::Corrupt {
                detail: format!("record of mail {}: {error}", id.0),
            })?;
        Ok(Some(MailDetails {
            summary: self.summary(id, mail)?,
            from_name: self.persona_entry(mail.plan.sender)?.persona.name.clone(),
            to_name: self
                .persona_entry(mail.plan.recipient)?
                .persona
                .name
                .clone(),
            parent: mail.plan.reply_to.map(|reply_to| reply_to.parent),
            answer_due_at: self.answers.get(&id).map(|answer| answer.due_at),
            text: mail
                .text()
                .map(|composed| composed.text.clone())
                .unwrap_or_default(),
            vanished_from,
            record,
        }))
    }
}

impl MemoryLedger {
    /// Those of `people` who have a colleague among them.
    fn with_colleagues(
        &self,
        people: Vec<(PersonaId, PersonaListId, ScheduleId)>,
    ) -> Vec<(PersonaId, PersonaListId, ScheduleId)> {
        let mut per_list: BTreeMap<PersonaListId, u32> = BTreeMap::new();
        for (_, list, _) in &people {
            *per_list.entry(*list).or_default() += 1;
        }
        people
            .into_iter()
            .filter(|(_, list, _)| per_list.get(list).is_some_and(|count| *count > 1))
            .collect()
    }

    /// Checks first and writes then, so that a conflict leaves nothing.
    fn insert_plan(&mut self, plan: &PlannedMail, lease_until: DateTime<Utc>) -> PlanOutcome {
        let owed = plan.reply_to.is_none_or(|reply_to| match plan.cause {
            None => self
                .answers
                .get(&reply_to.parent)
                .is_some_and(|answer| answer.answerer == plan.sender),
            Some(_) => self.is_unanswered(reply_to.parent),
        });
        let caused_already = plan.cause.as_ref().is_some_and(|cause| {
            self.past_causes.contains_key(cause)
                || self
                    .mails
                    .values()
                    .any(|mail| mail.plan.cause.as_ref() == Some(cause))
        });
        let before = plan.draft.as_ref().and_then(|draft| draft.before.as_ref());
        let goes_on = before.is_none_or(|before| self.goes_on(before.mail));
        let people: Vec<(PersonaId, &HomeChoice)> = plan.people().collect();
        let one_new_mailbox_for_two = people.iter().enumerate().any(|(at, (who, home))| {
            let earlier = people.iter().take(at);
            earlier
                .clone()
                .any(|(other, held)| other != who && held == home)
        });
        let planned_already = self
            .mails
            .range(plan.expected_id..)
            .any(|(_, mail)| mail.plan.message_id == plan.message_id);
        if !owed
            || caused_already
            || !goes_on
            || one_new_mailbox_for_two
            || !people.iter().all(|(who, home)| self.may_live(*who, home))
            || planned_already
            || !self.agrees_on(&plan.names)
        {
            return PlanOutcome::Conflict;
        }
        if let Some(reply_to) = plan.reply_to {
            self.answers.remove(&reply_to.parent);
        }
        self.keep_names(&plan.names);
        for (who, home) in people {
            self.move_in(who, home);
        }
        if let Some(programs) = &plan.new_mail_programs
            && let Some(sender) = at_mut(&mut self.personas, plan.sender.0)
        {
            sender.mail_programs.get_or_insert_with(|| programs.clone());
        }
        self.last_mail = (self.last_mail + 1).max(plan.expected_id.0);
        let id = MailId(self.last_mail);
        let mut plan = plan.clone();
        plan.sent_at = kept(plan.sent_at.to_utc()).with_timezone(plan.sent_at.offset());
        let mail = MailEntry {
            state: if plan.composed.is_some() {
                State::Composed
            } else {
                State::Planned
            },
            thread: plan.reply_to.map_or(id, |reply_to| reply_to.thread),
            thread_length: plan.reply_to.map_or(1, |reply_to| reply_to.thread_length),
            plan,
            attempt: 1,
            claimable_at: Some(kept(lease_until)),
            failed_attempt: None,
            error: None,
            record: None,
            read_by: BTreeSet::new(),
            inbox_vanished: false,
            sent_vanished: false,
            is_replaced: false,
        };
        self.mails.insert(id, mail);
        PlanOutcome::Planned(id)
    }

    /// Whether a persona has this home, or can get it.
    fn may_live(&self, persona: PersonaId, home: &HomeChoice) -> bool {
        let Some(entry) = at(&self.personas, persona.0) else {
            return false;
        };
        if !self.is_available(entry) {
            return false;
        }
        match &entry.home {
            Some(held) => held == home,
            None => {
                self.homes_of(entry.list).contains(&home.decky)
                    && !self
                        .mailboxes
                        .contains_key(&(home.decky, home.login.clone()))
            }
        }
    }

    fn move_in(&mut self, persona: PersonaId, home: &HomeChoice) {
        if let Some(entry) = at_mut(&mut self.personas, persona.0)
            && entry.home.is_none()
        {
            entry.home = Some(home.clone());
            let mailbox = Mailbox {
                persona,
                origin: MailboxOrigin::Made,
            };
            self.mailboxes
                .insert((home.decky, home.login.clone()), mailbox);
        }
    }

    /// An unfinished mail that nobody claimed since this attempt.
    pub(super) fn held(&mut self, id: MailId, attempt: u32) -> Option<&mut MailEntry> {
        self.mails
            .get_mut(&id)
            .filter(|mail| mail.attempt == attempt && mail.claimable_at.is_some())
    }

    pub(super) fn claim(
        &mut self,
        id: MailId,
        lease_until: DateTime<Utc>,
    ) -> Result<ClaimedMail, LedgerError> {
        let mail = self
            .mails
            .get_mut(&id)
            .ok_or_else(|| unknown("mail", id.0))?;
        mail.attempt += 1;
        mail.claimable_at = Some(kept(lease_until));
        let attempt = mail.attempt;
        let mut plan = PlannedMail {
            expected_id: id,
            new_mail_programs: None,
            names: Vec::new(),
            ..mail.plan.clone()
        };
        // What a draft goes on from is kept with its own text.
        let draft = plan.draft.as_mut();
        if let (Some(before), Some(composed)) = (
            draft.and_then(|draft| draft.before.as_mut()),
            &plan.composed,
        ) {
            before.subject = composed.subject.clone();
            before.body = composed.new_text.clone();
            before.written_by = composed.written_by.clone();
        }
        // The mail goes where it was planned to go, even if the persona moved since.
        let who = |persona, home| -> Result<Correspondent, LedgerError> {
            Ok(Correspondent {
                home: Some(self.resolve(home)?),
                ..MemoryLedger::correspondent(self, persona)?
            })
        };
        Ok(ClaimedMail {
            id,
            attempt,
            sender: who(plan.sender, &plan.sender_home)?,
            recipient: who(plan.recipient, &plan.recipient_home)?,
            copies: plan
                .copies
                .iter()
                .map(|copy| who(copy.recipient, &copy.home))
                .collect::<Result<_, _>>()?,
            parent: match plan.reply_to {
                Some(reply_to) => self.parent_mail(reply_to.parent, plan.sender)?,
                None => None,
            },
            plan,
        })
    }

    /// A mail as the answer of `reader` needs it.
    pub(super) fn parent_mail(
        &self,
        id: MailId,
        reader: PersonaId,
    ) -> Result<Option<ParentMail>, LedgerError> {
        let Some(mail) = self.mails.get(&id) else {
            return Ok(None);
        };
        let party = |who: PersonaId| -> Result<Party, LedgerError> {
            let persona = &self.persona_entry(who)?.persona;
            Ok(Party {
                id: who,
                name: persona.name.clone(),
                address: persona.email.as_str().to_owned(),
            })
        };
        let mut recipients = vec![(party(mail.plan.recipient)?, RecipientField::To)];
        for copy in &mail.plan.copies {
            recipients.push((party(copy.recipient)?, copy.field));
        }
        let (inbox_home, inbox_name) = mail
            .inbox_of(reader)
            .unwrap_or((&mail.plan.recipient_home, &mail.plan.inbox_name));
        let composed = mail.text();
        let text =
            |part: fn(&ComposedMail) -> &String| composed.map(part).cloned().unwrap_or_default();
        Ok(Some(ParentMail {
            id,
            author: party(mail.plan.sender)?,
            recipients,
            thread_index: composed.and_then(|composed| composed.thread_index.clone()),
            thread: mail.thread,
            thread_length: mail.thread_length,
            message_id: mail.plan.message_id.clone(),
            references: text(|composed| &composed.references),
            subject: text(|composed| &composed.subject),
            new_text: text(|composed| &composed.new_text),
            text: text(|composed| &composed.text),
            sent_at: mail.plan.sent_at,
            thread_began: self.thread_began(mail),
            topic: mail.plan.topic.clone(),
            language: mail.plan.language.clone(),
            inbox_home: inbox_home.clone(),
            inbox_name: inbox_name.clone(),
        }))
    }

    fn thread_began(&self, mail: &MailEntry) -> DateTime<Utc> {
        let first = self.mails.get(&mail.thread).unwrap_or(mail);
        first.plan.sent_at.to_utc()
    }

    /// Whether a mail was delivered and has no answer.
    fn is_unanswered(&self, id: MailId) -> bool {
        self.mails
            .get(&id)
            .is_some_and(|mail| mail.state == State::Delivered && mail.plan.draft.is_none())
            && !self
                .mails
                .values()
                .any(|mail| mail.plan.reply_to.is_some_and(|reply| reply.parent == id))
    }

    fn summary(&self, id: MailId, mail: &MailEntry) -> Result<MailSummary, LedgerError> {
        Ok(MailSummary {
            id,
            thread: mail.thread,
            state: mail.state.name().to_owned(),
            sent_at: mail.plan.sent_at,
            from: self.address(mail.plan.sender)?,
            to: self.address(mail.plan.recipient)?,
            copies: mail
                .plan
                .copies
                .iter()
                .map(|copy| self.address(copy.recipient))
                .collect::<Result<_, _>>()?,
            subject: mail
                .text()
                .map(|composed| &composed.subject)
                .or(mail.begun().map(|before| &before.subject))
                .cloned()
                .unwrap_or_default(),
            message_id: mail.plan.message_id.clone(),
            draft: mail.plan.draft.as_ref().map(|draft| draft.iteration),
            attempts: mail.attempt,
            error: mail.error.clone(),
        })
    }

    pub(super) fn address(&self, persona: PersonaId) -> Result<String, LedgerError> {
        Ok(self
            .persona_entry(persona)?
            .persona
            .email
            .as_str()
            .to_owned())
    }
}

impl MailEntry {
    /// How many of its messages lie on a decky.
    pub(super) fn ends_on(&self, decky: DeckyId) -> u64 {
        self.plan
            .people()
            .map(|(_, home)| u64::from(home.decky == decky))
            .sum()
    }

    /// The mailbox of a recipient that it went to, and its name there.
    fn inbox_of(&self, reader: PersonaId) -> Option<(&HomeChoice, &String)> {
        let plan = &self.plan;
        if plan.recipient == reader {
            return Some((&plan.recipient_home, &plan.inbox_name));
        }
        plan.copies
            .iter()
            .find(|copy| copy.recipient == reader)
            .map(|copy| (&copy.home, &copy.inbox_name))
    }

    /// The iteration that it goes on from, if it is a draft that was begun before.
    fn begun(&self) -> Option<&DraftBefore> {
        self.plan.draft.as_ref()?.before.as_ref()
    }

    fn text(&self) -> Option<&ComposedMail> {
        self.plan.composed.as_ref()
    }

    /// The bytes lie on the disk now, or are not wanted any more.
    pub(super) fn drop_message(&mut self) {
        if let Some(composed) = &mut self.plan.composed {
            composed.message = Vec::new();
        }
    }
}
