//! Who writes to whom, about what, and when.
//!
//! A reply that is due comes first. Otherwise somebody at work starts a thread with a colleague
//! who is at work too. Nothing here reads a whole table: the ledger draws.
//!
//! Threads are as people make them: some mails go to several, some are passed on instead of
//! answered, and some answer what no mailbox holds. Every share is that of a corpus, named where
//! it stands.

mod nudged;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_activity_driver::action::{ActionKind, Folder, MailLocation, MailboxState};
use decnet_activity_driver::decky::{Decky, Transport};
use decnet_activity_driver::registry::DriverRegistry;
use decnet_realism::knowledge::Knowledge;
use decnet_realism::login;
use decnet_realism::topic;
use rand::{Rng, RngExt};

use crate::ledger::{
    Correspondent, DeckyId, DueReply, Home, HomeChoice, LedgerError, MailId, MailKind, MailLedger,
    MailboxOrigin, ParentMail, PersonaId, PlannedCopy, PlannedMail, RecipientField, ReplyTo,
    ScheduleId, Standstill,
};
use crate::mail_client::choice;
use crate::maildir_name::unique_name;
use crate::random::{DeploymentSecret, Purpose, generator};
use crate::route::{Route, identity};
use crate::tick::TickError;

/// How far before a tick a new thread may be dated: ticks come on the minute, people do not.
const SEND_TIME_WINDOW: TimeDelta = TimeDelta::seconds(60);
/// Draws in a row that lead nowhere before a tick gives up looking for somebody else. A mailbox
/// that turns out to hold foreign mail does not count: nobody draws it again.
const MOST_DRAWS: usize = 64;
/// Logins tried for one persona on one decky.
const MOST_LOGINS: usize = 1_000;

/// Share of new threads with more than one recipient: 47 % of the mail of Enron, 56 % of a list of
/// engineers, where answers to all add to it.
const SEVERAL_RECIPIENTS: f64 = 0.36;
/// Share of further recipients who get a copy rather than the mail itself.
const COPIED: f64 = 0.7;
/// Share of answers to a mail with several recipients that go to all of them.
const TO_ALL: f64 = 0.8;
/// Share of answers that bring somebody new in: threads of three and more mails have 2.6 to 2.7
/// people.
const JOINED: f64 = 0.07;
/// Share of answers that are forwards instead. Of an inbox of Enron 11 % are forwards, of a list
/// of engineers 0.3 %.
const PASSED_ON: f64 = 0.045;
/// Share of new threads that answer something no mailbox holds. With it, about 6 % of all mail
/// does; 9 % and 16 % in two corpora.
const ANSWERS_UNSEEN: f64 = 0.13;
/// Most recipients beside the first.
const MOST_COPIES: usize = 8;
/// Draws for one more recipient before it is left at those there are.
const COPY_DRAWS: usize = 3;

/// A plan with what is needed to write and deliver it.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) plan: PlannedMail,
    pub(crate) sender: Correspondent,
    pub(crate) recipient: Correspondent,
    /// In the order of the plan's copies.
    pub(crate) copies: Vec<Correspondent>,
    pub(crate) parent: Option<ParentMail>,
    /// What the sender knows. Nothing until it is [found out](crate::knowing::inform).
    pub(crate) knowledge: Knowledge,
}

impl Pick {
    /// Numbers of the memories that the sender has in mind.
    pub(crate) fn recalled(&self) -> Vec<i64> {
        let recollections = self.knowledge.recollections.iter();
        recollections
            .map(|recollection| recollection.memory)
            .collect()
    }

    /// How it gets to its recipients.
    pub(crate) fn route<'a>(&'a self, secret: &'a DeploymentSecret) -> Route<'a> {
        Route {
            secret,
            sender: &self.sender,
            mail_client: choice::known(&self.plan.mail_client),
            message_id: &self.plan.message_id,
            sent_at: self.plan.sent_at,
            seed: self.plan.seed,
        }
    }
}

/// Who writes what to whom.
struct Intent {
    sender: Correspondent,
    recipient: Correspondent,
    copies: Vec<(Correspondent, RecipientField)>,
    kind: MailKind,
    reply: Option<(ReplyTo, ParentMail)>,
    sent_at: DateTime<Utc>,
    topic: String,
    language: String,
    /// Name of the mail client it is written with; `None` for one of the sender's.
    mail_client: Option<String>,
}

/// What becomes of a mail that somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    /// As people do: now and then it is passed on instead, and most answers go to all.
    Freely,
    /// It is answered.
    ToAuthor,
    /// It is answered to everybody who got it.
    ToAll,
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
    pub(crate) secret: &'a DeploymentSecret,
    pub(crate) now: DateTime<Utc>,
    pub(crate) open: Vec<ScheduleId>,
    homes: HashMap<PersonaId, Home>,
    logins: HashSet<(DeckyId, String)>,
    /// Deckies that could not be looked into, with what stood in the way of the last one.
    unreachable: HashSet<DeckyId>,
    pub(crate) obstacle: Option<TickError>,
    /// Mailboxes found to hold foreign mail.
    foreign: usize,
}

impl<'a> Picker<'a> {
    /// A picker for the moment `now`.
    pub(crate) fn new(
        ledger: &'a mut dyn MailLedger,
        drivers: &'a DriverRegistry,
        secret: &'a DeploymentSecret,
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
            secret,
            now,
            open,
            homes: HashMap::new(),
            logins: HashSet::new(),
            unreachable: HashSet::new(),
            obstacle: None,
            foreign: 0,
        })
    }

    /// Plans the answer to a mail, or that it is passed on.
    pub(crate) async fn reply(
        &mut self,
        due: DueReply,
        answering: Answering,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Option<Box<Pick>>, TickError> {
        let mut rng = generator(seed, Purpose::Thread);
        let Some(answerer) = self.with_home(due.answerer, seed).await? else {
            return Ok(None);
        };
        let Some(author) = self.with_home(due.author, seed).await? else {
            return Ok(None);
        };
        let parent = due.parent;
        let reply_to = ReplyTo {
            parent: parent.id,
            thread: parent.thread,
            thread_length: parent.thread_length + 1,
        };
        let mut known: Vec<PersonaId> = parent.recipients.iter().map(|(who, _)| who.id).collect();
        known.extend([author.id, answerer.id]);
        let mut intent = Intent {
            recipient: author,
            copies: Vec::new(),
            kind: MailKind::Reply,
            sent_at: due.due_at,
            topic: parent.topic.clone(),
            language: answerer.persona.language_or("en").to_owned(),
            mail_client: None,
            reply: None,
            sender: answerer,
        };
        if rng.random::<f64>() < PASSED_ON
            && answering == Answering::Freely
            && let Some(third) = self.somebody_else(&intent.sender, &known, &mut rng).await?
        {
            intent.kind = MailKind::Forward;
            intent.recipient = third;
        } else {
            if rng.random::<f64>() < TO_ALL || answering == Answering::ToAll {
                self.add_others(&mut intent, &parent, &mut rng).await?;
            }
            if rng.random::<f64>() < JOINED
                && let Some(third) = self.somebody_else(&intent.sender, &known, &mut rng).await?
            {
                intent.copies.push((third, RecipientField::Cc));
            }
        }
        intent.reply = Some((reply_to, parent));
        Ok(self.pick(intent, (expected_id, seed)).map(Box::new))
    }

    /// Adds everybody who got the parent beside its author and the one who answers.
    async fn add_others(
        &mut self,
        intent: &mut Intent,
        parent: &ParentMail,
        rng: &mut impl Rng,
    ) -> Result<(), TickError> {
        let others = parent
            .recipients
            .iter()
            .filter(|(who, _)| who.id != intent.sender.id && who.id != intent.recipient.id);
        for (who, field) in others.take(MOST_COPIES) {
            let Some(who) = self.ledger.correspondent(who.id)? else {
                continue;
            };
            if let Some(who) = self.with_home(who, rng.random()).await? {
                intent.copies.push((who, *field));
            }
        }
        Ok(())
    }

    /// A colleague at work who is not among those known, with a mailbox.
    async fn somebody_else(
        &mut self,
        sender: &Correspondent,
        known: &[PersonaId],
        rng: &mut impl Rng,
    ) -> Result<Option<Correspondent>, TickError> {
        for _ in 0..COPY_DRAWS {
            let drawn = self
                .ledger
                .draw_recipient(sender, &self.open, rng.random())?;
            if let Some(who) = drawn.filter(|who| !known.contains(&who.id)) {
                return self.with_home(who, rng.random()).await;
            }
        }
        Ok(None)
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
            let people = (sender, recipient);
            if let Some(pick) = self.start(people, &mut rng, (expected_id, seed)).await? {
                return Ok(Picked::Mail(Box::new(pick)));
            }
        }
        // Somebody could have written, had their decky been in reach.
        if let Some(obstacle) = self.obstacle.take() {
            return Err(obstacle);
        }
        Ok(Picked::Nobody(self.standstill()?))
    }

    /// The first mail of a thread between two people with mailboxes. `rng` draws its topic.
    pub(crate) async fn start(
        &mut self,
        (sender, recipient): (Correspondent, Correspondent),
        rng: &mut impl Rng,
        (expected_id, seed): (MailId, u64),
    ) -> Result<Option<Pick>, TickError> {
        // Everybody writes in their own language.
        let language = sender.persona.language_or("en").to_owned();
        let mut intent = Intent {
            sent_at: self.send_time(&sender, seed),
            copies: Vec::new(),
            kind: MailKind::New,
            reply: None,
            topic: self.topic(&sender, &language, rng)?,
            language,
            mail_client: None,
            sender,
            recipient,
        };
        self.shape_thread(&mut intent, seed).await?;
        Ok(self.pick(intent, (expected_id, seed)))
    }

    /// What somebody writes about when nothing is given.
    pub(crate) fn topic(
        &mut self,
        sender: &Correspondent,
        language: &str,
        rng: &mut impl Rng,
    ) -> Result<String, LedgerError> {
        let topics = self.ledger.topics(sender.list)?;
        Ok(if topics.is_empty() {
            draw(topic::built_in(language), rng)
                .copied()
                .unwrap_or("news")
                .to_owned()
        } else {
            draw(&topics, rng).cloned().unwrap_or_default()
        })
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

    /// Decides who else gets the first mail of a thread, and whether it answers something.
    async fn shape_thread(&mut self, intent: &mut Intent, seed: u64) -> Result<(), TickError> {
        let mut rng = generator(seed, Purpose::Thread);
        if rng.random::<f64>() < ANSWERS_UNSEEN {
            intent.kind = MailKind::ReplyToUnseen;
        }
        if rng.random::<f64>() >= SEVERAL_RECIPIENTS {
            return Ok(());
        }
        // Halves with each more: most have two recipients, few have many.
        let mut wanted = 1;
        while wanted < MOST_COPIES && rng.random::<f64>() < 0.45 {
            wanted += 1;
        }
        let mut known = vec![intent.sender.id, intent.recipient.id];
        for _ in 0..wanted {
            let Some(who) = self.somebody_else(&intent.sender, &known, &mut rng).await? else {
                break;
            };
            known.push(who.id);
            let field = if rng.random::<f64>() < COPIED {
                RecipientField::Cc
            } else {
                RecipientField::To
            };
            intent.copies.push((who, field));
        }
        Ok(())
    }

    fn pick(&self, intent: Intent, (expected_id, seed): (MailId, u64)) -> Option<Pick> {
        let Intent {
            sender,
            recipient,
            mut copies,
            kind,
            reply,
            sent_at,
            topic,
            language,
            mail_client,
        } = intent;
        // Headers name everybody in `To` before those in `Cc`.
        copies.sort_by_key(|(_, field)| *field == RecipientField::Cc);
        let sender_home = sender.home.as_ref()?;
        let recipient_home = recipient.home.as_ref()?;
        let sent_at = sender.persona.schedule().local(sent_at);
        let known = sender.mail_programs.clone();
        let programs = known
            .clone()
            .unwrap_or_else(|| choice::mail_programs(&sender.persona, self.secret));
        let mail_client = match mail_client {
            Some(name) => choice::known(&name),
            None => choice::mail_client_of(&programs, &mut generator(seed, Purpose::MailProgram)),
        };
        let who = identity(&sender, self.secret);
        let message_id =
            mail_client.message_id(&who, sent_at, &mut generator(seed, Purpose::MessageId));
        let mut names = generator(seed, Purpose::FileName);
        let route = Route {
            secret: self.secret,
            sender: &sender,
            mail_client,
            message_id: &message_id,
            sent_at,
            seed,
        };
        let mut name_of = |arrived_at: DateTime<Utc>, home: &Home| {
            unique_name(arrived_at.timestamp(), &home.decky.name, &mut names)
        };
        let inbox_name = name_of(route.to(0, &recipient).delivered_at, recipient_home);
        let sent_name = name_of(sent_at.to_utc(), sender_home);
        let mut planned_copies = Vec::with_capacity(copies.len());
        for (index, (who, field)) in copies.iter().enumerate() {
            let home = who.home.as_ref()?;
            planned_copies.push(PlannedCopy {
                recipient: who.id,
                home: choice_of(home),
                field: *field,
                inbox_name: name_of(route.to(index + 1, who).delivered_at, home),
            });
        }
        let plan = PlannedMail {
            expected_id,
            seed,
            list: sender.list,
            sender: sender.id,
            sender_home: choice_of(sender_home),
            recipient: recipient.id,
            recipient_home: choice_of(recipient_home),
            copies: planned_copies,
            kind,
            reply_to: reply.as_ref().map(|(reply_to, _)| *reply_to),
            mail_client: mail_client.name().to_owned(),
            new_mail_programs: known.is_none().then_some(programs),
            topic,
            language,
            sent_at,
            message_id,
            inbox_name,
            sent_name,
            composed: None,
            cause: None,
            names: Vec::new(),
            draft: None,
        };
        Some(Pick {
            plan,
            sender,
            recipient,
            copies: copies.into_iter().map(|(who, _)| who).collect(),
            parent: reply.map(|(_, parent)| parent),
            knowledge: Knowledge::default(),
        })
    }

    /// When the first mail of a thread is sent: within the last minute, inside the sender's hours.
    pub(crate) fn send_time(&self, sender: &Correspondent, seed: u64) -> DateTime<Utc> {
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
    pub(crate) async fn with_home(
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
        match found {
            Some(decky) => self.settle(who, decky).await,
            None => Ok(None),
        }
    }

    /// Somebody without a mailbox, with one on this decky; `None` when they cannot have it there.
    pub(crate) async fn settle(
        &mut self,
        mut who: Correspondent,
        (decky_id, decky): (DeckyId, Arc<Decky>),
    ) -> Result<Option<Correspondent>, TickError> {
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
            self.ledger
                .record_mailbox(who.id, &choice_of(home), origin)?;
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

pub(crate) fn choice_of(home: &Home) -> HomeChoice {
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

pub(crate) fn draw<'t, T>(items: &'t [T], rng: &mut impl Rng) -> Option<&'t T> {
    if items.is_empty() {
        None
    } else {
        items.get(rng.random_range(0..items.len()))
    }
}
