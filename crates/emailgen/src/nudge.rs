//! One thing done on one decky because somebody asks for it, exactly once.
//!
//! A [`Nudge`] names a decky, what is wanted there, and a cause. The cause is unique for ever: the
//! mail that is planned for it carries it, and asking again finds that mail. So a caller that was
//! killed asks again with the same cause, and an ordinary [tick](crate::tick) that comes first
//! finishes the mail like any other.

use chrono::{DateTime, Utc};
use decnet_realism::writer::{Unavailability, WriterError};
use serde::{Deserialize, Serialize};

use crate::composing::{self, CompositionError};
use crate::knowing::NewNames;
use crate::ledger::{MailId, PlanOutcome};
use crate::nudge_ledger::{CausedMail, CausedState};
use crate::picker::Picker;
use crate::random::mail_seed;
use crate::record::{MailEvent, MailRecord};
use crate::tick::{
    FailureCause, InWork, MOST_CONFLICTS, Tick, TickError, TickReport, TickSettings,
};

/// What is wanted on a decky.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nudge {
    /// Unique for ever; doing it again changes nothing.
    pub cause: String,
    /// Name of the decky.
    pub decky: String,
    /// What is wanted.
    pub kind: NudgeKind,
}

/// What can be wanted on a decky.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NudgeKind {
    /// An answer in the decky's stalest thread: one of those who got its last mail answers its
    /// author. Threads whose last mail is older than 45 days are left alone; people do not revive
    /// them.
    Comment,
    /// The next [iteration](crate::drafts) of a message in an owner's Drafts; the first one of
    /// another message when none is left that somebody at work could go on with.
    Edit,
    /// A new thread of somebody whose mailbox is on the decky, as its author or its reader. If
    /// nobody lives there yet, somebody without a mailbox moves in.
    Thread,
}

/// What became of a nudge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum NudgeOutcome {
    /// It lies in the mailboxes.
    Done {
        /// Which mail.
        mail: MailId,
        /// The [`MailRecord`] as JSON; null if retention has taken the mail away since.
        record: serde_json::Value,
        /// Whether an earlier call, or a tick, had delivered it before.
        repeated: bool,
    },
    /// It is in the outbox, and was not delivered. The next call with this cause tries it again,
    /// and so does any tick from `next_attempt_at` on.
    Kept {
        /// Which mail.
        mail: MailId,
        /// What went wrong, one line.
        error: String,
        /// When a tick tries it again.
        next_attempt_at: DateTime<Utc>,
        /// What kind of thing went wrong.
        failure: NudgeFailure,
    },
    /// Somebody else has it in work; look again later.
    InWork {
        /// Which mail.
        mail: MailId,
    },
    /// Given up for good.
    Abandoned {
        /// Which mail.
        mail: MailId,
        /// Why, one line; empty if retention has taken the mail away since.
        error: String,
    },
    /// Nothing was planned for this cause. Nothing was written either, but for the note that a
    /// mailbox holds foreign mail, where one was found.
    Impossible(Obstacle),
}

/// What kind of thing kept a mail from being delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NudgeFailure {
    /// The writer's answer did not come in time.
    Timeout,
    /// The writer wants to be asked less often.
    RateLimit,
    /// The writer cannot be reached, or wrote nothing of use.
    Unavailable,
    /// A decky cannot be reached, or refused the mail.
    Unreachable,
    /// Anything else.
    Other,
}

impl From<&FailureCause> for NudgeFailure {
    fn from(cause: &FailureCause) -> Self {
        match cause {
            FailureCause::Driver(_) => Self::Unreachable,
            FailureCause::Composition(CompositionError::Writer(error)) => match error {
                WriterError::Unavailable { cause, .. } => match cause {
                    Unavailability::Timeout => Self::Timeout,
                    Unavailability::RateLimit => Self::RateLimit,
                    Unavailability::Other => Self::Unavailable,
                },
                WriterError::Unusable { .. } => Self::Unavailable,
            },
            FailureCause::Composition(
                CompositionError::Message(_) | CompositionError::GivesItselfAway { .. },
            ) => Self::Other,
        }
    }
}

/// Why nothing can be done on a decky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "obstacle", rename_all = "snake_case")]
pub enum Obstacle {
    /// No decky of that name serves mail, is running, and was not removed.
    UnknownDecky,
    /// Nobody who can be written to has a mailbox there; so it is while the decky refuses mail.
    NoMailbox,
    /// Everybody it takes is off work.
    NobodyAtWork {
        /// When the first of them starts work.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_opening: Option<DateTime<Utc>>,
    },
    /// Every thread there is answered, too young, or too old.
    NothingToAnswer,
    /// Nobody is there to write to.
    NoColleague,
    /// The decky is [frozen](TickSettings::frozen), and a draft would change what lies there.
    Frozen,
}

impl Tick<'_> {
    /// Does what is wanted on a decky, or finds out that it is done.
    ///
    /// The same secret, seed, `now` and ledger give the same bytes. [`TickSettings::count`],
    /// [`TickSettings::pacing`] and [`TickSettings::group`] do not matter.
    ///
    /// # Errors
    ///
    /// [`TickError`] as from [`run`](Tick::run). What was planned stays in the outbox, and the next
    /// call with the cause goes on with it.
    pub async fn nudge(
        &mut self,
        settings: &TickSettings,
        nudge: &Nudge,
    ) -> Result<NudgeOutcome, TickError> {
        let is_held_back = nudge.kind == NudgeKind::Edit && settings.frozen.contains(&nudge.decky);
        for _ in 0..=MOST_CONFLICTS {
            let caused = self.ledger.caused(&nudge.cause)?;
            let mail = match caused {
                Some(CausedMail { id, state }) => match state {
                    CausedState::Delivered { record } => {
                        return Ok(NudgeOutcome::Done {
                            mail: id,
                            record: record.as_deref().map(json).unwrap_or_default(),
                            repeated: true,
                        });
                    }
                    CausedState::Abandoned { error } => {
                        return Ok(NudgeOutcome::Abandoned { mail: id, error });
                    }
                    CausedState::Unfinished if is_held_back => {
                        return Ok(NudgeOutcome::Impossible(Obstacle::Frozen));
                    }
                    CausedState::Unfinished => match self.take_over_one(settings, id)? {
                        Some(mail) => mail,
                        None => return Ok(NudgeOutcome::InWork { mail: id }),
                    },
                },
                None if is_held_back => {
                    return Ok(NudgeOutcome::Impossible(Obstacle::Frozen));
                }
                None => match self.plan_nudge(settings, nudge).await? {
                    Planned::Mail(mail) => *mail,
                    Planned::Nothing(obstacle) => return Ok(NudgeOutcome::Impossible(obstacle)),
                    Planned::Conflict => continue,
                },
            };
            return self.finish(settings, mail).await;
        }
        Err(TickError::Contended {
            conflicts: MOST_CONFLICTS,
        })
    }

    fn take_over_one(
        &mut self,
        settings: &TickSettings,
        id: MailId,
    ) -> Result<Option<InWork>, TickError> {
        let wall_clock = (self.wall_clock)();
        let claimed = self
            .ledger
            .claim_mail(id, wall_clock, wall_clock + settings.lease)?;
        Ok(claimed.map(InWork::from))
    }

    /// Picks a mail for a nudge and commits the plan.
    async fn plan_nudge(
        &mut self,
        settings: &TickSettings,
        nudge: &Nudge,
    ) -> Result<Planned, TickError> {
        let MailId(next) = self.ledger.next_mail_id()?;
        let seed = mail_seed(&settings.secret, settings.seed, settings.now, next);
        let place = (MailId(next), seed);
        let mut picker = Picker::new(
            &mut *self.ledger,
            self.drivers,
            &settings.secret,
            settings.now,
        )?;
        let Some(decky) = picker.ledger.decky_life_of(&nudge.decky, &[])? else {
            return Ok(Planned::Nothing(Obstacle::UnknownDecky));
        };
        let picked = match nudge.kind {
            NudgeKind::Comment => picker.comment_on(&decky, place).await?,
            NudgeKind::Edit => picker.edit_on(&decky, place)?,
            NudgeKind::Thread => picker.thread_on(&decky, place).await?,
        };
        let mut pick = match picked {
            Ok(pick) => *pick,
            Err(obstacle) => return Ok(Planned::Nothing(obstacle)),
        };
        pick.plan.cause = Some(nudge.cause.clone());
        self.inform(settings, &mut pick, &mut NewNames::default())?;
        if self.writer.is_immediate() {
            let composed = composing::compose(&pick, self.writer, &settings.secret).await;
            pick.plan.composed = composed.ok();
        }
        let lease_until = (self.wall_clock)() + settings.lease;
        let outcomes = self
            .ledger
            .record_planned(std::slice::from_ref(&pick.plan), lease_until)?;
        Ok(match outcomes.first() {
            Some(PlanOutcome::Planned(id)) => Planned::Mail(Box::new(InWork {
                id: *id,
                attempt: 1,
                pick,
            })),
            Some(PlanOutcome::Conflict) | None => Planned::Conflict,
        })
    }

    /// Sees one mail through to its mailboxes.
    async fn finish(
        &mut self,
        settings: &TickSettings,
        mail: InWork,
    ) -> Result<NudgeOutcome, TickError> {
        let id = mail.id;
        let mut report = TickReport::default();
        let group = self
            .write_missing(settings, vec![mail], &mut report)
            .await?;
        self.deliver_group(settings, group, &mut report).await?;
        if let Some(record) = report.delivered.pop() {
            return Ok(NudgeOutcome::Done {
                mail: id,
                record: as_json(&record),
                repeated: false,
            });
        }
        let Some(failure) = report.failed.pop() else {
            // Overtaken: whoever holds it now will tell what becomes of it.
            return Ok(NudgeOutcome::InWork { mail: id });
        };
        let error = failure.record.error.unwrap_or_default();
        Ok(
            match (failure.record.event, failure.record.next_attempt_at) {
                (MailEvent::Failed, Some(next_attempt_at)) => NudgeOutcome::Kept {
                    mail: id,
                    error,
                    next_attempt_at,
                    failure: NudgeFailure::from(&failure.cause),
                },
                _ => NudgeOutcome::Abandoned { mail: id, error },
            },
        )
    }
}

/// What planning a nudge came to.
enum Planned {
    Mail(Box<InWork>),
    Nothing(Obstacle),
    /// Somebody else was faster.
    Conflict,
}

fn json(record: &str) -> serde_json::Value {
    serde_json::from_str(record).unwrap_or_default()
}

fn as_json(record: &MailRecord) -> serde_json::Value {
    // Strings, numbers and lists only: this cannot fail.
    serde_json::to_value(record).unwrap_or_default()
}
