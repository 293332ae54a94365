//! The second half of a tick: from composed messages to mailboxes, and the records of it.

use std::collections::BTreeMap;

use decnet_activity_driver::action::{
    Action, ActionKind, ActivityResult, Folder, MailDelivery, MailFlagging, MailFlags, MailLocation,
};
use decnet_activity_driver::decky::{Decky, TransportKind};
use decnet_activity_driver::driver::DriverError;
use decnet_activity_driver::registry::RegistryError;
use rand::RngExt;

use super::{
    FailureCause, InWork, MOST_EXPIRED, MOST_READ, Tick, TickError, TickFailure, TickReport,
    TickSettings,
};
use crate::ledger::{
    ComingAnswer, ComposedMail, Correspondent, DeckyId, DeliveredMail, FailedMail, LedgerError,
    MailId, MailKind, PersonaId, Placement, RecipientField, Recorded, Retention,
};
use crate::mail_client::choice;
use crate::mailbox_past::past;
use crate::picker::location;
use crate::random::{DeploymentSecret, Purpose, generator};
use crate::record::{MailEvent, MailRecord, RECORD_VERSION, rfc3339};

/// Chance that somebody else in `To` answers in place of the first recipient.
const ANSWERED_BY_OTHER: f64 = 0.3;
/// Chance that somebody who got a copy does.
const ANSWERED_BY_COPIED: f64 = 0.12;

impl Tick<'_> {
    /// Delivers a group and commits the outcome.
    pub(super) async fn deliver(
        &mut self,
        settings: &TickSettings,
        group: Vec<InWork>,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        let mut errands: Vec<Errand> = Vec::with_capacity(group.len() * 2);
        for (index, mail) in group.iter().enumerate() {
            let Some(composed) = &mail.pick.plan.composed else {
                continue;
            };
            errands.extend(delivery(index, mail, composed, &settings.secret));
        }
        let mut outcomes = self.run_errands(&errands).await?;
        self.remove_replaced(&group, &errands, &mut outcomes)
            .await?;
        let mut placements: BTreeMap<usize, Vec<Placement>> = BTreeMap::new();
        let mut failures: BTreeMap<usize, (DriverError, usize)> = BTreeMap::new();
        for (at, (errand, outcome)) in errands.iter().zip(outcomes).enumerate() {
            match outcome {
                Ok(result) => placements.entry(errand.mail).or_default().push(Placement {
                    decky: errand.decky.name.clone(),
                    location: errand.location().clone(),
                    result,
                }),
                Err(error) => {
                    failures.entry(errand.mail).or_insert((error, at));
                }
            }
        }
        let mut arrived = Vec::with_capacity(group.len());
        for (index, mail) in group.into_iter().enumerate() {
            if let Some((error, at)) = failures.remove(&index) {
                let transient = error.is_transient();
                let refused_by = errands.get(at).and_then(|errand| errand.decky_of(&mail));
                self.fail(settings, mail, error.into(), transient, refused_by, report)
                    .await?;
                continue;
            }
            arrived.push((mail, placements.remove(&index).unwrap_or_default()));
        }
        let mut readings = self.mark_read(settings, &arrived).await?;
        let mut delivered = Vec::with_capacity(arrived.len());
        let mut records = Vec::with_capacity(arrived.len());
        for (index, (mail, placements)) in arrived.into_iter().enumerate() {
            let answer = coming_answer(settings, &mail);
            let mut record = self.record(&mail, placements);
            record.answer_due_at = answer.map(|answer| answer.due_at);
            let reading = readings.remove(&index).unwrap_or_default();
            delivered.push(DeliveredMail {
                id: mail.id,
                attempt: mail.attempt,
                record: record.to_json(),
                answer,
                follow_ups: (self.follow_ups)(&record),
                read: reading.read,
                vanished: reading.vanished,
            });
            records.push(record);
        }
        let outcomes = self.ledger.record_delivered(&delivered)?;
        for (record, outcome) in records.into_iter().zip(outcomes) {
            match outcome {
                Recorded::Yes => {
                    (self.on_record)(&record);
                    report.delivered.push(record);
                }
                Recorded::Overtaken => report.overtaken += 1,
            }
        }
        Ok(())
    }

    /// Removes the files of iterations that drafts of the group replace, as a mail program does once
    /// the new text is saved. A removal that fails takes the place of the draft's own outcome, so that
    /// the draft is tried again.
    async fn remove_replaced(
        &mut self,
        group: &[InWork],
        errands: &[Errand],
        outcomes: &mut [Result<ActivityResult, DriverError>],
    ) -> Result<(), TickError> {
        let mut removals = Vec::new();
        let mut subjects = Vec::new();
        for (at, (errand, outcome)) in errands.iter().zip(&*outcomes).enumerate() {
            let Some(mail) = group.get(errand.mail).filter(|_| outcome.is_ok()) else {
                continue;
            };
            let draft = mail.pick.plan.draft.as_ref();
            let Some(before) = draft.and_then(|draft| draft.before.as_ref()) else {
                continue;
            };
            removals.push(Errand {
                mail: errand.mail,
                decky: errand.decky.clone(),
                action: Action::RemoveMail(MailLocation {
                    unique_name: before.name.clone(),
                    ..errand.location().clone()
                }),
            });
            subjects.push((at, before.mail, mail.attempt));
        }
        if removals.is_empty() {
            return Ok(());
        }
        let removed = self.run_errands(&removals).await?;
        for ((at, before, attempt), outcome) in subjects.into_iter().zip(removed) {
            match outcome {
                // A later try cannot tell whether an earlier one removed it.
                Ok(ActivityResult::Absent) if attempt == 1 => {
                    tracing::info!(mail = before.0, "a draft was removed by somebody else");
                    self.ledger.note_vanished(before, Folder::Drafts)?;
                }
                Ok(_) => {}
                Err(error) => {
                    if let Some(own) = outcomes.get_mut(at) {
                        *own = Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Flags what the senders of these mails have read by now: the mail they answer as answered,
    /// and what came before as seen. A message that is gone was removed by somebody else. Nothing is
    /// flagged where nothing may change.
    async fn mark_read(
        &mut self,
        settings: &TickSettings,
        arrived: &[(InWork, Vec<Placement>)],
    ) -> Result<BTreeMap<usize, Reading>, TickError> {
        let mut wanted: BTreeMap<(MailId, PersonaId), (usize, String, MailFlags)> = BTreeMap::new();
        for (index, (mail, _)) in arrived.iter().enumerate() {
            let plan = &mail.pick.plan;
            let home = mail.pick.sender.home.as_ref();
            if home.is_some_and(|home| settings.frozen.contains(&home.decky.name)) {
                continue;
            }
            let before = plan.sent_at.to_utc();
            let mut want = |id, inbox_name, answered| {
                let (_, _, flags) = wanted.entry((id, plan.sender)).or_insert_with(|| {
                    let flags = MailFlags {
                        seen: true,
                        ..MailFlags::default()
                    };
                    (index, inbox_name, flags)
                });
                flags.answered |= answered;
            };
            if let Some(parent) = &mail.pick.parent
                && parent.inbox_home == plan.sender_home
            {
                let answers = plan.kind == MailKind::Reply;
                want(parent.id, parent.inbox_name.clone(), answers);
            }
            for unread in self.ledger.unread(plan.sender, before, MOST_READ)? {
                want(unread.id, unread.inbox_name, false);
            }
        }
        let mut errands = Vec::with_capacity(wanted.len());
        let mut subjects = Vec::with_capacity(wanted.len());
        for ((id, _), (index, inbox_name, flags)) in wanted {
            let reader = arrived.get(index).map(|(mail, _)| mail);
            if let Some(errand) = reader.and_then(|mail| flagging(index, mail, inbox_name, flags)) {
                errands.push(errand);
                subjects.push(id);
            }
        }
        let mut readings: BTreeMap<usize, Reading> = BTreeMap::new();
        let outcomes = self.run_errands(&errands).await?;
        for ((id, errand), outcome) in subjects.into_iter().zip(&errands).zip(outcomes) {
            let reading = readings.entry(errand.mail).or_default();
            match outcome {
                Ok(ActivityResult::Absent) => {
                    tracing::info!(
                        mail = id.0,
                        decky = errand.decky.name,
                        login = errand.location().login,
                        "a delivered message was removed by somebody else"
                    );
                    reading.vanished.push(id);
                }
                Ok(_) => reading.read.push(id),
                // The mail itself is delivered; a flag is not worth failing it for.
                Err(error) => tracing::warn!(mail = id.0, %error, "cannot flag a message"),
            }
        }
        Ok(readings)
    }

    /// Removes what retention lets go: first the messages, then the rows.
    pub(super) async fn expire(
        &mut self,
        settings: &TickSettings,
        deckies: Vec<DeckyId>,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        if settings.keep_for.is_none() && settings.messages_per_decky == 0 {
            return Ok(());
        }
        let retention = Retention {
            older_than: settings.keep_for.map(|keep_for| settings.now - keep_for),
            messages_per_decky: settings.messages_per_decky,
            deckies,
            spared: settings.frozen.clone(),
        };
        let expired = self.ledger.expired(&retention, MOST_EXPIRED)?;
        if expired.is_empty() {
            return Ok(());
        }
        let mut forgotten = Vec::with_capacity(expired.len());
        for mail in expired {
            let mut gone = true;
            for (decky, location) in mail.placements {
                let driver = self
                    .drivers
                    .driver_for(decky.transport.kind(), ActionKind::Email)?;
                if let Err(error) = driver.run(&decky, &Action::RemoveMail(location)).await {
                    tracing::warn!(mail = mail.id.0, %error, "cannot remove an expired message");
                    gone = false;
                }
            }
            if gone {
                forgotten.push(mail.id);
            }
        }
        self.ledger.forget(&forgotten)?;
        report.expired += forgotten.len();
        Ok(())
    }

    /// Gives drafts back to the outbox that may not be written now. Not a failure: nothing is told of
    /// it. Each time counts as an attempt, so it is not done often.
    pub(super) fn hold_back(
        &mut self,
        settings: &TickSettings,
        drafts: Vec<InWork>,
    ) -> Result<(), LedgerError> {
        if drafts.is_empty() {
            return Ok(());
        }
        let next_attempt_at = (self.wall_clock)() + settings.retries.longest;
        let failed: Vec<FailedMail> = drafts
            .iter()
            .map(|draft| {
                let error = "nothing may change on its decky now";
                let mut record = self.record(draft, Vec::new());
                record.event = MailEvent::Failed;
                record.error = Some(error.to_owned());
                record.next_attempt_at = Some(next_attempt_at);
                FailedMail {
                    id: draft.id,
                    attempt: draft.attempt,
                    error: error.to_owned(),
                    next_attempt_at: Some(next_attempt_at),
                    refused_by: None,
                    record: record.to_json(),
                }
            })
            .collect();
        // Whoever took one over meanwhile does as they see fit.
        let _ = self.ledger.record_failed(&failed)?;
        Ok(())
    }

    /// Gives a mail back to the outbox, or abandons it.
    pub(super) async fn fail(
        &mut self,
        settings: &TickSettings,
        mail: InWork,
        cause: FailureCause,
        transient: bool,
        refused_by: Option<DeckyId>,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        let next_attempt_at = if transient {
            settings
                .retries
                .next_attempt_at(mail.attempt, (self.wall_clock)())
        } else {
            None
        };
        let error = cause.to_string();
        let mut record = self.record(&mail, Vec::new());
        record.event = if next_attempt_at.is_some() {
            MailEvent::Failed
        } else {
            MailEvent::Abandoned
        };
        record.error = Some(error.clone());
        record.next_attempt_at = next_attempt_at;
        let failed = FailedMail {
            id: mail.id,
            attempt: mail.attempt,
            error,
            next_attempt_at,
            refused_by,
            record: record.to_json(),
        };
        let outcomes = self.ledger.record_failed(&[failed])?;
        if outcomes.contains(&Recorded::Overtaken) {
            // Whoever holds it now will tell what becomes of it.
            report.overtaken += 1;
            return Ok(());
        }
        (self.on_record)(&record);
        if next_attempt_at.is_none() {
            self.clear_leftovers(&mail, &settings.secret).await?;
        }
        report.failed.push(TickFailure { record, cause });
        Ok(())
    }

    /// Removes what an abandoned mail left in one of its two mailboxes.
    async fn clear_leftovers(
        &mut self,
        mail: &InWork,
        secret: &DeploymentSecret,
    ) -> Result<(), TickError> {
        let Some(composed) = &mail.pick.plan.composed else {
            return Ok(());
        };
        let removals: Vec<Errand> = delivery(0, mail, composed, secret)
            .into_iter()
            .map(|errand| Errand {
                action: Action::RemoveMail(errand.location().clone()),
                ..errand
            })
            .collect();
        for outcome in self.run_errands(&removals).await? {
            if let Err(error) = outcome {
                tracing::warn!(mail = mail.id.0, %error, "cannot remove an abandoned message");
            }
        }
        Ok(())
    }

    fn record(&self, mail: &InWork, placements: Vec<Placement>) -> MailRecord {
        let plan = &mail.pick.plan;
        let address = |who: &Correspondent| who.persona.email.as_str().to_owned();
        let addresses = |field: RecipientField| {
            let copies = plan.copies.iter().zip(&mail.pick.copies);
            copies
                .filter(move |(copy, _)| copy.field == field)
                .map(|(_, who)| address(who))
                .collect()
        };
        MailRecord {
            version: RECORD_VERSION,
            event: MailEvent::Delivered,
            mail: mail.id,
            thread: plan.reply_to.map_or(mail.id, |reply_to| reply_to.thread),
            parent: plan.reply_to.map(|reply_to| reply_to.parent),
            draft: plan.draft.as_ref().map(|draft| draft.iteration),
            cause: plan.cause.clone(),
            message_id: plan.message_id.clone(),
            kind: plan.kind,
            from: address(&mail.pick.sender),
            to: address(&mail.pick.recipient),
            also_to: addresses(RecipientField::To),
            cc: addresses(RecipientField::Cc),
            subject: plan
                .composed
                .as_ref()
                .map(|composed| composed.subject.clone())
                .unwrap_or_default(),
            sent_at: rfc3339(plan.sent_at),
            topic: plan.topic.clone(),
            language: plan.language.clone(),
            written_by: plan
                .composed
                .as_ref()
                .map(|composed| composed.written_by.clone()),
            placements,
            attempt: mail.attempt,
            answer_due_at: None,
            error: None,
            next_attempt_at: None,
            recorded_at: rfc3339((self.wall_clock)().fixed_offset()),
        }
    }

    /// Runs errands, those of one transport together, and answers in their order.
    async fn run_errands(
        &mut self,
        errands: &[Errand],
    ) -> Result<Vec<Result<ActivityResult, DriverError>>, RegistryError> {
        let mut by_transport: BTreeMap<TransportKind, Vec<usize>> = BTreeMap::new();
        for (at, errand) in errands.iter().enumerate() {
            by_transport
                .entry(errand.decky.transport.kind())
                .or_default()
                .push(at);
        }
        let mut results: Vec<Option<Result<ActivityResult, DriverError>>> =
            errands.iter().map(|_| None).collect();
        for (transport, places) in by_transport {
            let driver = self.drivers.driver_for(transport, ActionKind::Email)?;
            let actions: Vec<(&Decky, &Action)> = places
                .iter()
                .filter_map(|at| errands.get(*at))
                .map(|errand| (&*errand.decky, &errand.action))
                .collect();
            for (at, result) in places.iter().zip(driver.run_all(&actions).await) {
                if let Some(slot) = results.get_mut(*at) {
                    *slot = Some(result);
                }
            }
        }
        Ok(results
            .into_iter()
            .zip(errands)
            .map(|(result, errand)| {
                result.unwrap_or_else(|| {
                    Err(DriverError::Unreachable {
                        decky: errand.decky.name.clone(),
                        reason: "its driver gave no answer".to_owned(),
                    })
                })
            })
            .collect())
    }
}

/// One action for one mail of a group.
struct Errand {
    /// Place of the mail in its group.
    mail: usize,
    decky: std::sync::Arc<Decky>,
    action: Action,
}

impl Errand {
    fn location(&self) -> &MailLocation {
        match &self.action {
            Action::DeliverMail(delivery) => &delivery.location,
            Action::FlagMail(flagging) => &flagging.location,
            Action::RemoveMail(location) => location,
        }
    }

    fn decky_of(&self, mail: &InWork) -> Option<DeckyId> {
        [&mail.pick.sender, &mail.pick.recipient]
            .into_iter()
            .chain(&mail.pick.copies)
            .filter_map(|who| who.home.as_ref())
            .find(|home| home.decky.uuid == self.decky.uuid)
            .map(|home| home.decky_id)
    }
}

/// Who answers a mail and when, if anybody does.
fn coming_answer(settings: &TickSettings, mail: &InWork) -> Option<ComingAnswer> {
    let plan = &mail.pick.plan;
    if plan.draft.is_some() {
        return None;
    }
    let mut rng = generator(plan.seed, Purpose::Answer);
    let mut place = 0;
    for (index, copy) in plan.copies.iter().enumerate() {
        let share = match copy.field {
            RecipientField::To => ANSWERED_BY_OTHER,
            RecipientField::Cc => ANSWERED_BY_COPIED,
        };
        if rng.random::<f64>() < share {
            place = index + 1;
        }
    }
    let answerer = match place.checked_sub(1) {
        None => &mail.pick.recipient,
        Some(copy) => mail.pick.copies.get(copy)?,
    };
    let trace = mail.pick.route(&settings.secret).to(place, answerer);
    let due_at = settings.replies.answer_due_at(
        trace.delivered_at.max(plan.sent_at.to_utc()),
        answerer.persona.reply_latency,
        &answerer.persona.schedule(),
        &mut rng,
    )?;
    Some(ComingAnswer {
        answerer: answerer.id,
        due_at,
    })
}

/// The deckies that these mails go to.
pub(super) fn deckies_of(group: &[InWork]) -> Vec<DeckyId> {
    let mut deckies: Vec<DeckyId> = group
        .iter()
        .flat_map(|mail| mail.pick.plan.people())
        .map(|(_, home)| home.decky)
        .collect();
    deckies.sort_unstable();
    deckies.dedup();
    deckies
}

/// The deliveries of a mail: INBOX of each recipient, with the way it came, and Sent of the sender;
/// of a draft, Drafts of its author.
fn delivery(
    index: usize,
    mail: &InWork,
    composed: &ComposedMail,
    secret: &DeploymentSecret,
) -> Vec<Errand> {
    let plan = &mail.pick.plan;
    if plan.draft.is_some() {
        return saved_draft(index, mail, composed, secret)
            .into_iter()
            .collect();
    }
    let route = mail.pick.route(secret);
    let mut errands = Vec::with_capacity(2 + plan.copies.len());
    let copies = plan.copies.iter().map(|copy| &copy.inbox_name);
    let recipients = std::iter::once(&mail.pick.recipient).chain(&mail.pick.copies);
    let names = std::iter::once(&plan.inbox_name).chain(copies);
    for (place, (who, unique_name)) in recipients.zip(names).enumerate() {
        let trace = route.to(place, who);
        let mut message = trace.header;
        message.extend_from_slice(&composed.message);
        let end = End {
            who,
            folder: Folder::Inbox,
            unique_name,
            delivered_at: trace.delivered_at.timestamp(),
            flags: MailFlags::default(),
        };
        errands.extend(end.errand(index, mail, message, secret));
    }
    let end = End {
        who: &mail.pick.sender,
        folder: Folder::Sent,
        unique_name: &plan.sent_name,
        delivered_at: plan.sent_at.timestamp(),
        flags: MailFlags {
            seen: true,
            ..MailFlags::default()
        },
    };
    let kept = choice::known(&plan.mail_client).sent_copy(&composed.message);
    errands.extend(end.errand(index, mail, kept, secret));
    errands
}

/// The one delivery of a draft: into Drafts of its author, as their mail program saves it.
fn saved_draft(
    index: usize,
    mail: &InWork,
    composed: &ComposedMail,
    secret: &DeploymentSecret,
) -> Option<Errand> {
    let plan = &mail.pick.plan;
    let end = End {
        who: &mail.pick.sender,
        folder: Folder::Drafts,
        unique_name: &plan.sent_name,
        delivered_at: plan.sent_at.timestamp(),
        flags: MailFlags {
            draft: true,
            seen: true,
            ..MailFlags::default()
        },
    };
    let saved = choice::known(&plan.mail_client).sent_copy(&composed.message);
    end.errand(index, mail, saved, secret)
}

/// One of the mailboxes that a mail goes to.
struct End<'a> {
    who: &'a Correspondent,
    folder: Folder,
    unique_name: &'a str,
    /// Seconds since 1970.
    delivered_at: i64,
    flags: MailFlags,
}

impl End<'_> {
    fn errand(
        self,
        index: usize,
        mail: &InWork,
        message: Vec<u8>,
        secret: &DeploymentSecret,
    ) -> Option<Errand> {
        let home = self.who.home.as_ref()?;
        Some(Errand {
            mail: index,
            decky: home.decky.clone(),
            action: Action::DeliverMail(MailDelivery {
                location: location(self.who, home, self.folder, self.unique_name.to_owned()),
                message,
                delivered_at: self.delivered_at,
                flags: self.flags,
                attempt: mail.attempt,
                history: Some(past(home, mail.pick.plan.sent_at.to_utc(), secret)),
            }),
        })
    }
}

/// Flags a message in the INBOX of the sender of a mail.
fn flagging(index: usize, mail: &InWork, inbox_name: String, add: MailFlags) -> Option<Errand> {
    let reader = &mail.pick.sender;
    let home = reader.home.as_ref()?;
    Some(Errand {
        mail: index,
        decky: home.decky.clone(),
        action: Action::FlagMail(MailFlagging {
            location: location(reader, home, Folder::Inbox, inbox_name),
            add,
        }),
    })
}

/// What the sender of a mail has read by the time they write it.
#[derive(Default)]
struct Reading {
    read: Vec<MailId>,
    vanished: Vec<MailId>,
}
