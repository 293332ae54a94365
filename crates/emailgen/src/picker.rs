//! Who writes to whom, about what, and when.
//!
//! A reply that is due comes first. Otherwise somebody at work starts a thread with a colleague
//! who is at work too. Nothing here reads a whole table: the ledger draws.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_activity_driver::action::{ActionKind, Folder, MailLocation, MailboxState};
use decnet_activity_driver::decky::{Decky, Transport};
use decnet_activity_driver::registry::DriverRegistry;
use decnet_realism::login;
use decnet_realism::topic;
use rand::{Rng, RngExt};

use crate::ledger::{
    Correspondent, DeckyId, DueReply, Home, HomeChoice, LedgerError, MailId, MailLedger,
    MailboxOrigin, ParentMail, PersonaId, PlannedMail, ReplyTo, ScheduleId, Standstill,
};
use crate::mail_client::MailClient;
use crate::maildir_name::unique_name;
use crate::random::{Purpose, generator};
use crate::tick::TickError;

/// How far before a tick a new thread may be dated: ticks come on the minute, people do not.
const SEND_TIME_WINDOW: TimeDelta = TimeDelta::seconds(60);
/// Draws in a row that lead nowhere before a tick gives up looking for somebody else. A mailbox
/// that turns out to hold foreign mail does not count: nobody draws it again.
const MOST_DRAWS: usize = 64;
/// Logins tried for one persona on one decky.
const MOST_LOGINS: usize = 1_000;

/// A plan with what is needed to write and deliver it.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) plan: PlannedMail,
    pub(crate) sender: Correspondent,
    pub(crate) recipient: Correspondent,
    pub(crate) parent: Option<ParentMail>,
}

/// What picking came to.
#[derive(Debug)]
pub(crate) enum Picked {
    /// Somebody writes.
    Mail(Box<Pick>),
    /// Nobody can.
    Nobody(Standstill),
}

/// Picks mails for one group, remembering the homes that earlier picks of the group chose.
pub(crate) struct Picker<'a> {
    pub(crate) ledger: &'a mut dyn MailLedger,
    pub(crate) drivers: &'a DriverRegistry,
    pub(crate) mail_client: &'a dyn MailClient,
    pub(crate) now: DateTime<Utc>,
    open: Vec<ScheduleId>,
    homes: HashMap<PersonaId, Home>,
    logins: HashSet<(DeckyId, String)>,
    /// Deckies that could not be looked into, with what stood in the way of the last one.
    unreachable: HashSet<DeckyId>,
    obstacle: Option<TickError>,
    /// Mailboxes found to hold foreign mail.
    foreign: usize,
}

impl<'a> Picker<'a> {
    /// A picker for the moment `now`.
    pub(crate) fn new(
        ledger: &'a mut dyn MailLedger,
        drivers: &'a DriverRegistry,
        mail_client: &'a dyn MailClient,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let open = ledger
            .schedules()?
            .into_iter()
            .filter(|(_, schedule)| schedule.is_open(now))
            .map(|(id, _)| id)
            .collect();
        Ok(Self {
            ledger,
            drivers,
            mail_client,
            now,
            open,
            homes: HashMap::new(),
            logins: HashSet::new(),
            unreachable: HashSet::new(),
            obstacle: None,
            foreign: 0,
        })
    }

    /// Plans the answer to a mail.
    pub(crate) async fn reply(
        &mut self,
        due: DueReply,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Option<Box<Pick>>, TickError> {
        let Some(answerer) = self.with_home(due.answerer, seed).await? else {
            return Ok(None);
        };
        let Some(author) = self.with_home(due.author, seed).await? else {
            return Ok(None);
        };
        let reply_to = ReplyTo {
            parent: due.parent.id,
            thread: due.parent.thread,
            thread_length: due.parent.thread_length + 1,
        };
        let topic = due.parent.topic.clone();
        let language = answerer.persona.language_or("en").to_owned();
        let pick = self.pick(
            answerer,
            author,
            Some((reply_to, due.parent)),
            due.due_at,
            topic,
            language,
            (expected_id, seed),
        );
        Ok(pick.map(Box::new))
    }

    /// Plans the first mail of a thread.
    pub(crate) async fn thread(
        &mut self,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Picked, TickError> {
        let mut rng = generator(seed, Purpose::Picker);
        let mut fruitless = 0;
        while fruitless < MOST_DRAWS {
            let foreign = self.foreign;
            fruitless += 1;
            let Some(sender) = self.ledger.draw_sender(&self.open, rng.random())? else {
                break;
            };
            let Some(recipient) = self
                .ledger
                .draw_recipient(&sender, &self.open, rng.random())?
            else {
                continue;
            };
            let sender = self.with_home(sender, rng.random()).await?;
            let recipient = match &sender {
                Some(_) => self.with_home(recipient, rng.random()).await?,
                None => None,
            };
            let (Some(sender), Some(recipient)) = (sender, recipient) else {
                if self.foreign > foreign {
                    fruitless = 0;
                }
                continue;
            };
            // Everybody writes in their own language.
            let language = sender.persona.language_or("en").to_owned();
            let topics = self.ledger.topics(sender.list)?;
            let topic = if topics.is_empty() {
                draw(topic::built_in(&language), &mut rng)
                    .copied()
                    .unwrap_or("news")
                    .to_owned()
            } else {
                draw(&topics, &mut rng).cloned().unwrap_or_default()
            };
            let sent_at = self.send_time(&sender, seed);
            if let Some(pick) = self.pick(
                sender,
                recipient,
                None,
                sent_at,
                topic,
                language,
                (expected_id, seed),
            ) {
                return Ok(Picked::Mail(Box::new(pick)));
            }
        }
        // Somebody could have written, had their decky been in reach.
        if let Some(obstacle) = self.obstacle.take() {
            return Err(obstacle);
        }
        Ok(Picked::Nobody(self.standstill()?))
    }

    /// Why nobody can start a thread now.
    fn standstill(&mut self) -> Result<Standstill, LedgerError> {
        let standstill = self.ledger.standstill(&self.open)?;
        let Standstill::OutsideHours { .. } = standstill else {
            return Ok(standstill);
        };
        let now = self.now;
        let next_opening = self
            .ledger
            .schedules()?
            .iter()
            .filter(|(_, schedule)| !schedule.is_open(now))
            .filter_map(|(_, schedule)| schedule.next_opening(now))
            .min();
        Ok(Standstill::OutsideHours { next_opening })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call for each of the two occasions"
    )]
    fn pick(
        &self,
        sender: Correspondent,
        recipient: Correspondent,
        reply: Option<(ReplyTo, ParentMail)>,
        sent_at: DateTime<Utc>,
        topic: String,
        language: String,
        (expected_id, seed): (MailId, u64),
    ) -> Option<Pick> {
        let sender_home = sender.home.as_ref()?;
        let recipient_home = recipient.home.as_ref()?;
        let sent_at = sender.persona.schedule().local(sent_at);
        let mut names = generator(seed, Purpose::FileName);
        let seconds = sent_at.timestamp();
        let plan = PlannedMail {
            expected_id,
            seed,
            list: sender.list,
            sender: sender.id,
            sender_home: choice(sender_home),
            recipient: recipient.id,
            recipient_home: choice(recipient_home),
            reply_to: reply.as_ref().map(|(reply_to, _)| *reply_to),
            topic,
            language,
            sent_at,
            message_id: self.mail_client.message_id(
                sender.persona.email.as_str(),
                sent_at,
                &mut generator(seed, Purpose::MessageId),
            ),
            inbox_name: unique_name(seconds, &recipient_home.decky.name, &mut names),
            sent_name: unique_name(seconds, &sender_home.decky.name, &mut names),
            composed: None,
        };
        Some(Pick {
            plan,
            sender,
            recipient,
            parent: reply.map(|(_, parent)| parent),
        })
    }

    /// When the first mail of a thread is sent: within the last minute, inside the sender's hours.
    fn send_time(&self, sender: &Correspondent, seed: u64) -> DateTime<Utc> {
        let mut rng = generator(seed, Purpose::SendTime);
        let back = rng.random_range(0..SEND_TIME_WINDOW.num_milliseconds());
        let sent_at = self.now - TimeDelta::milliseconds(back);
        if sender.persona.schedule().is_open(sent_at) {
            sent_at
        } else {
            self.now
        }
    }

    /// The persona with a mailbox that decnet may write to, chosen now if there is none yet;
    /// `None` when there is no such mailbox.
    async fn with_home(
        &mut self,
        mut who: Correspondent,
        lot: u64,
    ) -> Result<Option<Correspondent>, TickError> {
        if who.home.is_some() {
            return Ok(Some(who));
        }
        if let Some(home) = self.homes.get(&who.id) {
            who.home = Some(home.clone());
            return Ok(Some(who));
        }
        let found = match &who.persona.home {
            Some(name) => self.ledger.named_home(who.list, name)?,
            None => self.ledger.draw_home(who.list, lot)?,
        };
        let Some((decky_id, decky)) = found else {
            return Ok(None);
        };
        if self.unreachable.contains(&decky_id) {
            return Ok(None);
        }
        let Some(login) = self.free_login(decky_id, &who.persona.name)? else {
            return Ok(None);
        };
        let home = Home {
            decky_id,
            decky,
            login,
        };
        if !self.may_write(&who, &home).await? {
            return Ok(None);
        }
        self.logins.insert((decky_id, home.login.clone()));
        self.homes.insert(who.id, home.clone());
        who.home = Some(home);
        Ok(Some(who))
    }

    fn free_login(&mut self, decky: DeckyId, name: &str) -> Result<Option<String>, LedgerError> {
        for login in login::candidates(name).take(MOST_LOGINS) {
            if !self.logins.contains(&(decky, login.clone()))
                && !self.ledger.login_taken(decky, &login)?
            {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }

    /// Looks into a mailbox before the first mail goes there.
    async fn may_write(&mut self, who: &Correspondent, home: &Home) -> Result<bool, TickError> {
        let location = location(who, home, Folder::Inbox, String::new());
        let driver = self
            .drivers
            .driver_for(home.decky.transport.kind(), ActionKind::Email)?;
        let state = match driver.mailbox_state(&home.decky, &location).await {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(decky = home.decky.name, %error, "cannot look into a mailbox");
                self.unreachable.insert(home.decky_id);
                self.obstacle = Some(error.into());
                return Ok(false);
            }
        };
        if matches!(state, MailboxState::Absent | MailboxState::Empty) {
            return Ok(true);
        }
        // Another tick may have made it since and delivered its first mail.
        let origin = match self.ledger.mailbox_origin(home.decky_id, &home.login)? {
            Some(origin @ (MailboxOrigin::Made | MailboxOrigin::Adopted)) => origin,
            _ if adopts(&home.decky) => MailboxOrigin::Adopted,
            _ => MailboxOrigin::Foreign,
        };
        if origin != MailboxOrigin::Made {
            self.ledger.record_mailbox(who.id, &choice(home), origin)?;
        }
        if origin == MailboxOrigin::Foreign {
            self.foreign += 1;
            tracing::warn!(
                decky = home.decky.name,
                login = home.login,
                "mailbox holds mail that decnet did not write; left alone (set adopt = true to use it)"
            );
        }
        Ok(origin != MailboxOrigin::Foreign)
    }
}

/// Where a mail of `who` lies.
pub(crate) fn location(
    who: &Correspondent,
    home: &Home,
    folder: Folder,
    unique_name: String,
) -> MailLocation {
    MailLocation {
        login: home.login.clone(),
        address: who.persona.email.as_str().to_owned(),
        folder,
        unique_name,
    }
}

fn choice(home: &Home) -> HomeChoice {
    HomeChoice {
        decky: home.decky_id,
        login: home.login.clone(),
    }
}

fn adopts(decky: &Arc<Decky>) -> bool {
    match &decky.transport {
        Transport::Local(folders) => folders.adopt,
    }
}

fn draw<'t, T>(items: &'t [T], rng: &mut impl Rng) -> Option<&'t T> {
    if items.is_empty() {
        None
    } else {
        items.get(rng.random_range(0..items.len()))
    }
}
