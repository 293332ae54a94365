//! Picks for one decky: somebody answers what lies there, starts a thread there, or goes on with a
//! draft.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;

use super::{Answering, Intent, MOST_DRAWS, Pick, Picker, draw};
use crate::drafts::OpenDraft;
use crate::ledger::{
    Correspondent, DeckyId, DraftBefore, DraftPlan, DueReply, LedgerError, MailId, MailKind,
    ParentMail, PersonaId, ScheduleId,
};
use crate::nudge::Obstacle;
use crate::nudge_ledger::DeckyLife;
use crate::random::{Purpose, generator};
use crate::tick::TickError;

/// After how long nobody answers a mail any more, so that an answer would be odd. A judgement: nine
/// in ten answers come within a day, and one after weeks still happens.
const TOO_OLD_TO_ANSWER: TimeDelta = TimeDelta::days(45);
/// How old a mail is at least that is answered: the most frequent delay is two minutes, and the
/// mail has to have arrived, which takes seconds.
const TOO_NEW_TO_ANSWER: TimeDelta = TimeDelta::minutes(5);
/// Mails of a decky among which one to answer is looked for, the newest ones.
const MOST_LOOKED_AT: usize = 500;

/// A pick, or why there is none.
type Nudged = Result<Box<Pick>, Obstacle>;

impl Picker<'_> {
    /// An answer in the stalest thread of a decky.
    pub(crate) async fn comment_on(
        &mut self,
        decky: &DeckyLife,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Nudged, TickError> {
        if decky.owners == 0 {
            return Ok(Err(Obstacle::NoMailbox));
        }
        let mails = self.ledger.unanswered_on(
            decky.id,
            self.now - TOO_OLD_TO_ANSWER,
            self.now - TOO_NEW_TO_ANSWER,
            MOST_LOOKED_AT,
        )?;
        let mut hours = Hours::default();
        for mail in mails {
            let Some(due) = self.due(mail, decky.id, &mut hours)? else {
                continue;
            };
            let lives_here = |who: &Correspondent| {
                who.home
                    .as_ref()
                    .is_some_and(|home| home.decky_id == decky.id)
            };
            // Either way the answer comes to lie on the decky: in Sent, in the author's INBOX, or
            // in that of whoever got the mail there.
            let answering = if lives_here(&due.answerer) || lives_here(&due.author) {
                Answering::ToAuthor
            } else {
                Answering::ToAll
            };
            let due = DueReply {
                due_at: self.send_time(&due.answerer, seed).max(due.due_at),
                ..due
            };
            if let Some(pick) = self.reply(due, answering, (expected_id, seed)).await? {
                return Ok(Ok(pick));
            }
        }
        if let Some(obstacle) = self.obstacle.take() {
            return Err(obstacle);
        }
        Ok(Err(if hours.has_closed {
            Obstacle::NobodyAtWork {
                next_opening: hours.next_opening,
            }
        } else {
            Obstacle::NothingToAnswer
        }))
    }

    /// Who can answer a mail now: one of those it was sent to, who is at work, rather somebody of
    /// the decky. `due_at` is the earliest that they can have read it.
    fn due(
        &mut self,
        mail: MailId,
        decky: DeckyId,
        hours: &mut Hours,
    ) -> Result<Option<DueReply>, LedgerError> {
        // As nobody in particular needs it: who there is to answer.
        let Some(parent) = self.ledger.parent(mail, PersonaId(0))? else {
            return Ok(None);
        };
        let Some(author) = self.ledger.correspondent(parent.author.id)? else {
            return Ok(None);
        };
        let mut answerer: Option<Correspondent> = None;
        for (party, _) in &parent.recipients {
            if party.id == author.id {
                continue;
            }
            let Some(who) = self.ledger.correspondent(party.id)? else {
                continue;
            };
            if !hours.are_open(&who, self.now) {
                continue;
            }
            let lives_here = who.home.as_ref().is_some_and(|home| home.decky_id == decky);
            if lives_here {
                answerer = Some(who);
                break;
            }
            answerer.get_or_insert(who);
        }
        let Some(answerer) = answerer else {
            return Ok(None);
        };
        let Some(parent) = self.ledger.parent(mail, answerer.id)? else {
            return Ok(None);
        };
        Ok(Some(DueReply {
            due_at: earliest_answer(&parent),
            answerer,
            author,
            parent,
        }))
    }

    /// The first mail of a thread between somebody of the decky and a colleague.
    pub(crate) async fn thread_on(
        &mut self,
        decky: &DeckyLife,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Nudged, TickError> {
        let mut rng = generator(seed, Purpose::Picker);
        let mut people = self.ledger.residents(decky.id)?;
        let is_settled = !people.is_empty();
        if !is_settled {
            people = self.ledger.newcomers(decky.id)?;
        }
        if people.is_empty() {
            return Ok(Err(Obstacle::NoMailbox));
        }
        let at_work = match self.at_work(&people)? {
            Ok(at_work) => at_work,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        for _ in 0..MOST_DRAWS {
            let Some(who) = draw(&at_work, &mut rng).copied() else {
                break;
            };
            let Some(local) = self.ledger.correspondent(who)? else {
                continue;
            };
            let Some(colleague) = self
                .ledger
                .draw_recipient(&local, &self.open, rng.random())?
            else {
                continue;
            };
            let local = if is_settled {
                Some(local)
            } else {
                let found = self.ledger.named_home(local.list, &decky.name)?;
                match found {
                    Some(home) => self.settle(local, home).await?,
                    None => None,
                }
            };
            let colleague = match &local {
                Some(_) => self.with_home(colleague, rng.random()).await?,
                None => None,
            };
            let (Some(local), Some(colleague)) = (local, colleague) else {
                continue;
            };
            let people = if rng.random() {
                (local, colleague)
            } else {
                (colleague, local)
            };
            if let Some(pick) = self.start(people, &mut rng, (expected_id, seed)).await? {
                return Ok(Ok(Box::new(pick)));
            }
        }
        if let Some(obstacle) = self.obstacle.take() {
            return Err(obstacle);
        }
        Ok(Err(Obstacle::NoColleague))
    }

    /// The next iteration of a draft on the decky, or the first one of another.
    pub(crate) fn edit_on(
        &mut self,
        decky: &DeckyLife,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Nudged, LedgerError> {
        let mut rng = generator(seed, Purpose::Picker);
        let residents = self.ledger.residents(decky.id)?;
        if residents.is_empty() {
            return Ok(Err(Obstacle::NoMailbox));
        }
        let at_work = match self.at_work(&residents)? {
            Ok(at_work) => at_work,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        let open: Vec<OpenDraft> = self
            .ledger
            .open_drafts(decky.id)?
            .into_iter()
            .filter(|draft| at_work.contains(&draft.author))
            .collect();
        if let Some(draft) = draw(&open, &mut rng).cloned()
            && let Some(pick) = self.next_iteration(draft, (expected_id, seed))?
        {
            return Ok(Ok(Box::new(pick)));
        }
        // Drafts are written to anybody, at work or not.
        let everybody: Vec<ScheduleId> = self
            .ledger
            .schedules()?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        for _ in 0..MOST_DRAWS {
            let Some(who) = draw(&at_work, &mut rng).copied() else {
                break;
            };
            let Some(author) = self.ledger.correspondent(who)? else {
                continue;
            };
            let Some(recipient) = self
                .ledger
                .draw_recipient(&author, &everybody, rng.random())?
            else {
                continue;
            };
            let language = author.persona.language_or("en").to_owned();
            let topic = self.topic(&author, &language, &mut rng)?;
            let draft = (DraftPlan::first(seed), None);
            let words = (topic, language);
            if let Some(pick) = self.draft((author, recipient), words, draft, (expected_id, seed)) {
                return Ok(Ok(Box::new(pick)));
            }
        }
        Ok(Err(Obstacle::NoColleague))
    }

    /// `None` when its author or recipient cannot be written to any more.
    fn next_iteration(
        &mut self,
        draft: OpenDraft,
        place: (MailId, u64),
    ) -> Result<Option<Pick>, LedgerError> {
        let Some(author) = self.ledger.correspondent(draft.author)? else {
            return Ok(None);
        };
        let Some(recipient) = self.ledger.correspondent(draft.recipient)? else {
            return Ok(None);
        };
        let plan = DraftPlan {
            iteration: draft.iteration + 1,
            last: draft.last,
            seed: draft.seed,
            before: Some(DraftBefore {
                mail: draft.mail,
                name: draft.name,
                subject: draft.subject,
                body: draft.body,
                written_by: draft.written_by,
            }),
        };
        let words = (draft.topic, draft.language);
        Ok(self.draft(
            (author, recipient),
            words,
            (plan, Some(draft.mail_client)),
            place,
        ))
    }

    /// An iteration of a draft, saved with that mail client.
    fn draft(
        &self,
        (author, mut recipient): (Correspondent, Correspondent),
        (topic, language): (String, String),
        (draft, mail_client): (DraftPlan, Option<String>),
        (expected_id, seed): (MailId, u64),
    ) -> Option<Pick> {
        // It goes nowhere but into the mailbox of its author.
        recipient.home = author.home.clone();
        let intent = Intent {
            sent_at: self.send_time(&author, seed),
            sender: author,
            recipient,
            copies: Vec::new(),
            kind: MailKind::New,
            reply: None,
            topic,
            language,
            mail_client,
        };
        let mut pick = self.pick(intent, (expected_id, seed))?;
        pick.plan.inbox_name = String::new();
        pick.plan.draft = Some(draft);
        Some(pick)
    }

    /// Those who are at work, or why nobody can do anything.
    fn at_work(
        &mut self,
        people: &[(PersonaId, ScheduleId)],
    ) -> Result<Result<Vec<PersonaId>, Obstacle>, LedgerError> {
        let mut hours = Hours::default();
        let mut known = BTreeSet::new();
        let mut open = BTreeSet::new();
        // One of those who keep the same hours tells them.
        for (who, schedule) in people {
            if known.insert(*schedule)
                && let Some(who) = self.ledger.correspondent(*who)?
                && hours.are_open(&who, self.now)
            {
                open.insert(*schedule);
            }
        }
        let at_work: Vec<PersonaId> = people
            .iter()
            .filter(|(_, schedule)| open.contains(schedule))
            .map(|(who, _)| *who)
            .collect();
        Ok(if at_work.is_empty() {
            Err(Obstacle::NobodyAtWork {
                next_opening: hours.next_opening,
            })
        } else {
            Ok(at_work)
        })
    }
}

/// The moment before which nobody answers a mail.
fn earliest_answer(parent: &ParentMail) -> DateTime<Utc> {
    parent.sent_at.to_utc() + TOO_NEW_TO_ANSWER - super::SEND_TIME_WINDOW
}

/// When people who were asked are at work.
#[derive(Default)]
struct Hours {
    has_closed: bool,
    next_opening: Option<DateTime<Utc>>,
}

impl Hours {
    fn are_open(&mut self, who: &Correspondent, now: DateTime<Utc>) -> bool {
        let schedule = who.persona.schedule();
        if schedule.is_open(now) {
            return true;
        }
        self.has_closed = true;
        if let Some(opening) = schedule.next_opening(now) {
            self.next_opening = Some(self.next_opening.map_or(opening, |next| next.min(opening)));
        }
        false
    }
}
