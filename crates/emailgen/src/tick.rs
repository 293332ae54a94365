//! One tick: do once what is due, and see every mail through to both mailboxes.
//!
//! A tick works in groups. Of each group it takes over what an earlier tick left unfinished, plans
//! the rest (replies that are due, then new threads), commits the plans, delivers, and commits the
//! outcome. With an immediate writer that is two commits a group. Killed anywhere, the next tick
//! finds the outbox as the last commit left it and goes on from there.

mod delivering;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_activity_driver::driver::DriverError;
use decnet_activity_driver::registry::{DriverRegistry, RegistryError};
use decnet_realism::knowledge::Knowledge;
use decnet_realism::writer::Writer;

use self::delivering::deckies_of;
use crate::composing::{self, CompositionError};
use crate::knowing::{self, NewNames};
use crate::ledger::{
    ClaimedMail, FollowUp, LedgerError, MailId, MailLedger, PlanOutcome, Recorded, Standstill,
};
use crate::picker::{Answering, Pick, Picked, Picker};
use crate::random::{DeploymentSecret, mail_seed};
use crate::record::{MailRecord, rfc3339};
use crate::reply_timing::ReplyTiming;

/// Most mails in one group, so that a group's messages stay within a few megabytes.
pub const MOST_IN_A_GROUP: usize = 128;
/// Tokens of what somebody remembers when they write, unless settings say otherwise: four or five mails
/// between colleagues, which have a median of 31 to 61 words.
pub const RECALL_TOKENS: usize = 400;
/// Plans in a row that others may snatch away before a tick gives up and asks to be tried again.
pub(crate) const MOST_CONFLICTS: usize = 64;
/// Groups in a row of which nothing is delivered before a tick leaves it at that.
const MOST_FRUITLESS_GROUPS: u32 = 8;
/// Messages that one person reads before they write.
const MOST_READ: usize = 20;
/// Messages that retention removes after one group.
const MOST_EXPIRED: usize = 256;

/// What a tick works with. Everything that touches the world outside is handed in.
pub struct Tick<'a> {
    /// Who can write, what is due, and the outbox.
    pub ledger: &'a mut dyn MailLedger,
    /// How deckies are reached.
    pub drivers: &'a DriverRegistry,
    /// Who writes the text.
    pub writer: &'a dyn Writer,
    /// The operating clock, for leases and retries. Dates of mails come from
    /// [`TickSettings::now`].
    pub wall_clock: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    /// What a delivered mail must cause elsewhere; lands in the transaction that records it.
    pub follow_ups: &'a (dyn Fn(&MailRecord) -> Vec<FollowUp> + Sync),
    /// Told of each record as soon as it is committed.
    pub on_record: &'a mut (dyn FnMut(&MailRecord) + Send),
}

/// How a tick behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct TickSettings {
    /// The moment of the tick: who is at work, which replies are due, dates of new threads.
    pub now: DateTime<Utc>,
    /// Same secret, same seed, same `now`, same ledger: same bytes.
    pub seed: u64,
    /// What everything random hangs on beside the seed.
    pub secret: DeploymentSecret,
    /// How many mails, at least 1. Default 1.
    pub count: usize,
    /// What a tick writes when no reply is due. Default [`Pacing::EveryTick`].
    pub pacing: Pacing,
    /// Most mails that share a commit, 1 to [`MOST_IN_A_GROUP`]. Default [`MOST_IN_A_GROUP`].
    pub group: usize,
    /// How long a tick may be silent before another takes over its mails. Default 60 s; must be
    /// longer than the slowest write plus delivery.
    pub lease: TimeDelta,
    /// How mail is answered.
    pub replies: ReplyTiming,
    /// How failed deliveries are tried again.
    pub retries: RetryPolicy,
    /// How long mail is kept, by age; `None` keeps it for ever.
    pub keep_for: Option<TimeDelta>,
    /// Most messages on one decky; 0 sets no limit.
    pub messages_per_decky: u64,
    /// Names of deckies on which what lies there stays as it is, since somebody looks at it: no
    /// message is flagged or removed, and no draft is written. Mail still arrives, and still comes to
    /// lie among the sent. What is held back comes later: people flag what they have read when they
    /// next write, retention and drafts come with a later tick. Default empty.
    pub frozen: BTreeSet<String>,
    /// Most tokens of what somebody remembers when they write, estimated; 0 recalls nothing. Default
    /// [`RECALL_TOKENS`].
    pub recall_tokens: usize,
}

impl TickSettings {
    /// Defaults for a tick at `now` with `seed`.
    pub fn new(now: DateTime<Utc>, seed: u64, secret: DeploymentSecret) -> Self {
        Self {
            now,
            seed,
            secret,
            count: 1,
            pacing: Pacing::EveryTick,
            group: MOST_IN_A_GROUP,
            lease: TimeDelta::seconds(60),
            replies: ReplyTiming::default(),
            retries: RetryPolicy::default(),
            keep_for: None,
            messages_per_decky: 0,
            frozen: BTreeSet::new(),
            recall_tokens: RECALL_TOKENS,
        }
    }
}

/// What a tick writes when no reply is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// A new thread: a tick that can send never skips.
    #[default]
    EveryTick,
    /// Nothing.
    RepliesOnly,
}

/// How failed deliveries are tried again: after `first`, then twice as long each time, up to
/// `longest`, `most_attempts` times in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait after the first failure. Default 30 s.
    pub first: TimeDelta,
    /// Longest wait. Default 1 h.
    pub longest: TimeDelta,
    /// Tries before a mail is abandoned. Default 30, more than a day.
    pub most_attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: TimeDelta::seconds(30),
            longest: TimeDelta::hours(1),
            most_attempts: 30,
        }
    }
}

impl RetryPolicy {
    /// When to try again after attempt number `attempt` failed at `now`; `None` for never.
    pub fn next_attempt_at(&self, attempt: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if attempt >= self.most_attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(20);
        let wait = self.first * (1 << doublings);
        Some(now + wait.min(self.longest))
    }
}

/// What a tick did.
#[derive(Debug, Default)]
pub struct TickReport {
    /// Records of the mails it delivered, in order.
    pub delivered: Vec<MailRecord>,
    /// Mails it could not deliver, with the reason.
    pub failed: Vec<TickFailure>,
    /// Mails that another tick took over meanwhile.
    pub overtaken: usize,
    /// Why it stopped before the count was reached, if it did.
    pub standstill: Option<Standstill>,
    /// Messages removed because they were old, or one too many.
    pub expired: usize,
}

/// One mail that was not delivered.
#[derive(Debug)]
pub struct TickFailure {
    /// What was recorded.
    pub record: MailRecord,
    /// The cause.
    pub cause: FailureCause,
}

/// Why a mail was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// A mailbox refused it.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// No text, or no message, could be made.
    #[error(transparent)]
    Composition(#[from] CompositionError),
}

/// Why a tick stopped early.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no driver for a decky.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A decky could not be looked into before its first mail.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// Other ticks were always faster.
    #[error("other ticks took every mail that this one planned, {conflicts} times in a row")]
    Contended {
        /// How often.
        conflicts: usize,
    },
}

impl TickError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_transient(),
            Self::Registry(_) => false,
            Self::Driver(error) => error.is_transient(),
            Self::Contended { .. } => true,
        }
    }
}

/// A mail that a dry run would have written.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Address of the sender.
    pub from: String,
    /// Address of the recipient.
    pub to: String,
    /// Subject, with prefixes.
    pub subject: String,
    /// Date, RFC 3339.
    pub sent_at: String,
    /// Whole text.
    pub text: String,
    /// Whether it answers a mail.
    pub is_reply: bool,
    /// Decky and login of the recipient.
    pub inbox: (String, String),
}

/// A mail in hand: planned, composed perhaps, held under `attempt`.
pub(crate) struct InWork {
    pub(crate) id: MailId,
    pub(crate) attempt: u32,
    pub(crate) pick: Pick,
}

impl From<ClaimedMail> for InWork {
    fn from(mail: ClaimedMail) -> Self {
        Self {
            id: mail.id,
            attempt: mail.attempt,
            pick: Pick {
                plan: mail.plan,
                sender: mail.sender,
                recipient: mail.recipient,
                copies: mail.copies,
                parent: mail.parent,
                knowledge: Knowledge::default(),
            },
        }
    }
}

impl InWork {
    /// Whether it is a draft on a decky where nothing may change.
    fn is_held_back(&self, settings: &TickSettings) -> bool {
        let home = self.pick.sender.home.as_ref();
        self.pick.plan.draft.is_some()
            && home.is_some_and(|home| settings.frozen.contains(&home.decky.name))
    }
}

impl Tick<'_> {
    /// Writes and delivers up to `settings.count` mails.
    ///
    /// A mail that cannot be delivered is kept for a later try and reported in
    /// [`TickReport::failed`]; the others go on.
    ///
    /// # Errors
    ///
    /// [`TickError`] when the ledger or the planning fails. What was planned before stays in the
    /// outbox.
    pub async fn run(&mut self, settings: &TickSettings) -> Result<TickReport, TickError> {
        let mut report = TickReport::default();
        let mut conflicts = 0;
        let mut left = settings.count.max(1);
        let mut fruitless = 0;
        while left > 0 && report.standstill.is_none() && fruitless < MOST_FRUITLESS_GROUPS {
            let size = left.min(settings.group.clamp(1, MOST_IN_A_GROUP));
            let mut group = self.take_over(settings, size)?;
            let wanted = size - group.len();
            let planned = self.plan(settings, wanted, &mut report).await?;
            if planned.len() < wanted && report.standstill.is_none() {
                conflicts += 1;
                if conflicts > MOST_CONFLICTS {
                    return Err(TickError::Contended { conflicts });
                }
            } else {
                conflicts = 0;
            }
            group.extend(planned);
            if group.is_empty() {
                continue;
            }
            let before = report.delivered.len();
            let failures = report.failed.len();
            let group = self.write_missing(settings, group, &mut report).await?;
            self.deliver_group(settings, group, &mut report).await?;
            // A mail that a mailbox refused is not the tick's mail: another one may get through,
            // since that decky gets no more. One that could not be written is: the next would
            // wait for the same writer.
            let unwritten = report
                .failed
                .iter()
                .skip(failures)
                .filter(|failure| matches!(failure.cause, FailureCause::Composition(_)))
                .count();
            let done = report.delivered.len() - before + unwritten;
            fruitless = if done == 0 { fruitless + 1 } else { 0 };
            left -= done.min(left);
        }
        if report.delivered.is_empty() {
            self.expire(settings, Vec::new(), &mut report).await?;
        }
        Ok(report)
    }

    /// What [`run`](Tick::run) would write next, without writing anything.
    ///
    /// # Errors
    ///
    /// As [`run`](Tick::run).
    pub async fn preview(
        &mut self,
        settings: &TickSettings,
    ) -> Result<(Vec<Preview>, Option<Standstill>), TickError> {
        let mut report = TickReport::default();
        let picks = self
            .pick(settings, settings.count.max(1), &mut report)
            .await?;
        let mut previews = Vec::with_capacity(picks.len());
        for pick in picks {
            let text = composing::compose(&pick, self.writer, &settings.secret).await;
            let (subject, text) = match text {
                Ok(composed) => (composed.subject, composed.text),
                Err(error) => (String::new(), error.to_string()),
            };
            previews.push(Preview {
                from: pick.sender.persona.email.as_str().to_owned(),
                to: pick.recipient.persona.email.as_str().to_owned(),
                subject,
                sent_at: rfc3339(pick.plan.sent_at),
                text,
                is_reply: pick.parent.is_some(),
                inbox: pick
                    .recipient
                    .home
                    .as_ref()
                    .map(|home| (home.decky.name.clone(), home.login.clone()))
                    .unwrap_or_default(),
            });
        }
        Ok((previews, report.standstill))
    }

    /// Takes over what earlier ticks left unfinished.
    fn take_over(
        &mut self,
        settings: &TickSettings,
        limit: usize,
    ) -> Result<Vec<InWork>, LedgerError> {
        let wall_clock = (self.wall_clock)();
        let claimed =
            self.ledger
                .claim_unfinished(wall_clock, wall_clock + settings.lease, limit)?;
        let (held_back, group): (Vec<InWork>, Vec<InWork>) = claimed
            .into_iter()
            .map(InWork::from)
            .partition(|mail| mail.is_held_back(settings));
        self.hold_back(settings, held_back)?;
        let mut group = group;
        for mail in &mut group {
            if mail.pick.plan.composed.is_none() {
                self.inform(settings, &mut mail.pick, &mut NewNames::default())?;
            }
        }
        Ok(group)
    }

    /// Picks up to `wanted` mails: replies that are due, then new threads.
    async fn pick(
        &mut self,
        settings: &TickSettings,
        wanted: usize,
        report: &mut TickReport,
    ) -> Result<Vec<Pick>, TickError> {
        let mut picks = Vec::with_capacity(wanted);
        if wanted == 0 {
            return Ok(picks);
        }
        let due = self.ledger.due_replies(settings.now, wanted)?;
        let MailId(next) = self.ledger.next_mail_id()?;
        // A pick that comes to nothing costs no seed: the next mail has the seed of its own id.
        let seed_of = |picked: usize| {
            let id = next.saturating_add(i64::try_from(picked).unwrap_or(i64::MAX));
            let seed = mail_seed(&settings.secret, settings.seed, settings.now, id);
            (MailId(id), seed)
        };
        let mut picker = Picker::new(
            &mut *self.ledger,
            self.drivers,
            &settings.secret,
            settings.now,
        )?;
        for due in due {
            if let Some(pick) = picker
                .reply(due, Answering::Freely, seed_of(picks.len()))
                .await?
            {
                picks.push(*pick);
            }
        }
        if settings.pacing == Pacing::RepliesOnly && picks.len() < wanted {
            report.standstill = Some(Standstill::NothingDue);
        }
        while picks.len() < wanted && settings.pacing != Pacing::RepliesOnly {
            match picker.thread(seed_of(picks.len())).await? {
                Picked::Mail(pick) => picks.push(*pick),
                Picked::Nobody(standstill) => {
                    report.standstill = Some(standstill);
                    break;
                }
            }
        }
        let mut new_names = NewNames::default();
        for pick in &mut picks {
            self.inform(settings, pick, &mut new_names)?;
        }
        Ok(picks)
    }

    /// Finds out what the sender of a pick knows.
    pub(crate) fn inform(
        &mut self,
        settings: &TickSettings,
        pick: &mut Pick,
        new_names: &mut NewNames,
    ) -> Result<(), LedgerError> {
        let tokens = settings.recall_tokens;
        knowing::inform(pick, self.ledger, new_names, &settings.secret, tokens)
    }

    /// Picks and commits plans; with an immediate writer the text is part of the same commit.
    async fn plan(
        &mut self,
        settings: &TickSettings,
        wanted: usize,
        report: &mut TickReport,
    ) -> Result<Vec<InWork>, TickError> {
        let mut picks = self.pick(settings, wanted, report).await?;
        if picks.is_empty() {
            return Ok(Vec::new());
        }
        if self.writer.is_immediate() {
            for pick in &mut picks {
                // A mail that cannot be composed is planned all the same, and fails on record.
                let composed = composing::compose(pick, self.writer, &settings.secret).await;
                pick.plan.composed = composed.ok();
            }
        }
        let plans: Vec<_> = picks.iter().map(|pick| pick.plan.clone()).collect();
        let lease_until = (self.wall_clock)() + settings.lease;
        let outcomes = self.ledger.record_planned(&plans, lease_until)?;
        Ok(picks
            .into_iter()
            .zip(outcomes)
            .filter_map(|(pick, outcome)| match outcome {
                PlanOutcome::Planned(id) => Some(InWork {
                    id,
                    attempt: 1,
                    pick,
                }),
                PlanOutcome::Conflict => None,
            })
            .collect())
    }

    /// Delivers a group, and removes what retention lets go of where it was delivered.
    pub(crate) async fn deliver_group(
        &mut self,
        settings: &TickSettings,
        group: Vec<InWork>,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        let deckies = deckies_of(&group);
        self.deliver(settings, group, report).await?;
        self.expire(settings, deckies, report).await
    }

    /// Has the text written of every mail that has none yet, and commits it.
    pub(crate) async fn write_missing(
        &mut self,
        settings: &TickSettings,
        group: Vec<InWork>,
        report: &mut TickReport,
    ) -> Result<Vec<InWork>, TickError> {
        let mut ready = Vec::with_capacity(group.len());
        for mut mail in group {
            if mail.pick.plan.composed.is_some() {
                ready.push(mail);
                continue;
            }
            match composing::compose(&mail.pick, self.writer, &settings.secret).await {
                Ok(composed) => {
                    match self
                        .ledger
                        .record_composed(mail.id, mail.attempt, &composed)?
                    {
                        Recorded::Yes => {
                            mail.pick.plan.composed = Some(composed);
                            ready.push(mail);
                        }
                        Recorded::Overtaken => report.overtaken += 1,
                    }
                }
                Err(error) => {
                    let transient = match &error {
                        CompositionError::Writer(error) => error.is_transient(),
                        CompositionError::Message(_) | CompositionError::GivesItselfAway { .. } => {
                            false
                        }
                    };
                    self.fail(settings, mail, error.into(), transient, None, report)
                        .await?;
                }
            }
        }
        Ok(ready)
    }
}
