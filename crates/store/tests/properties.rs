//! The store and the ledger in memory, driven side by side through random changes and mail, show
//! the same; and what the store derives is what it would derive from scratch.

#[path = "properties/derived.rs"]
mod derived;
#[path = "properties/nudged.rs"]
mod nudged;

use std::collections::BTreeSet;

use decnet_activity_driver::action::Folder;
use decnet_activity_driver::decky::{DeckySource, Transport};
use decnet_emailgen::conformance::{Desk, Ledger, composed, decky, persona, topology};
use decnet_emailgen::ledger::{
    ClaimedMail, ComingAnswer, Correspondent, DeckyId, DeliveredMail, DueReply, FailedMail,
    HomeChoice, LedgerError, MailFilter, MailId, MailKind, MailPrograms, MailboxOrigin, PersonaId,
    PlanOutcome, PlannedCopy, PlannedMail, RecipientField, Recorded, ReplyTo, Retention,
    ScheduleId,
};
use decnet_emailgen::memory_ledger::MemoryLedger;
use decnet_emailgen::world::{DeckySpec, PoolSettings, WorldChange, WorldDiff};
use decnet_realism::persona::Persona;
use decnet_store::{Durability, OpenOptions, Store};
use proptest::prelude::*;
use serde_json::json;

const HOURS: [&str; 3] = ["00:00-24:00", "09:00-17:00", "20:00-23:00"];
const DECKIES: [&str; 4] = ["mx1", "mx2", "mx3", "mx4"];
const LISTS: [&str; 2] = ["office", "lab"];

/// Something that happens to a ledger.
#[derive(Clone, Debug)]
enum Step {
    People {
        list: usize,
        who: u8,
        hours: u8,
        home: u8,
    },
    Decky {
        name: usize,
        list: usize,
        running: bool,
        mail: bool,
        adopt: bool,
        uuid: u8,
    },
    Both {
        list: usize,
        who: u8,
        name: usize,
        dry_run: bool,
    },
    RemoveDecky(usize),
    RemoveTopology(usize),
    Pool {
        who: u8,
        hours: u8,
    },
    Declare,
    Mail {
        lot: u64,
        shared_login: bool,
        text: bool,
        answer: Option<u8>,
        deliver: bool,
    },
    Reply {
        lot: u64,
        answer: Option<u8>,
        deliver: bool,
    },
    /// Somebody saves a draft, the next iteration of an open one if there is one.
    Draft {
        lot: u64,
        text: bool,
        deliver: bool,
    },
    /// Somebody answers for a cause what nobody has answered.
    Comment {
        lot: u64,
        deliver: bool,
    },
    /// Takes over the mail of a cause.
    Caused {
        lot: u64,
        minutes: u8,
        outcome: u8,
    },
    /// Plans the last plan once more.
    Replay,
    Claim {
        minutes: u8,
        outcomes: u64,
    },
    Look {
        lot: u64,
        origin: u8,
    },
    Read {
        lot: u64,
    },
    Vanish {
        lot: u64,
        sent: bool,
    },
    Age {
        minutes: u8,
    },
    Surplus {
        name: usize,
        most: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let people =
        (0..2_usize, any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(list, who, hours, home)| {
            Step::People {
                list,
                who,
                hours,
                home,
            }
        });
    let decky = (
        0..4_usize,
        0..3_usize,
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        0..12_u8,
    )
        .prop_map(|(name, list, running, mail, adopt, uuid)| Step::Decky {
            name,
            list,
            running,
            mail,
            adopt,
            uuid,
        });
    let both = (0..2_usize, any::<u8>(), 0..4_usize, any::<bool>()).prop_map(
        |(list, who, name, dry_run)| Step::Both {
            list,
            who,
            name,
            dry_run,
        },
    );
    let pool = (any::<u8>(), any::<u8>()).prop_map(|(who, hours)| Step::Pool { who, hours });
    let answer = || prop::option::weighted(0.7, 0..200_u8);
    let mail = (
        any::<u64>(),
        prop::bool::weighted(0.1),
        any::<bool>(),
        answer(),
        prop::bool::weighted(0.6),
    )
        .prop_map(|(lot, shared_login, text, answer, deliver)| Step::Mail {
            lot,
            shared_login,
            text,
            answer,
            deliver,
        });
    let reply =
        (any::<u64>(), answer(), prop::bool::weighted(0.7)).prop_map(|(lot, answer, deliver)| {
            Step::Reply {
                lot,
                answer,
                deliver,
            }
        });
    prop_oneof![
        3 => people,
        4 => decky,
        2 => both,
        2 => (0..4_usize).prop_map(Step::RemoveDecky),
        1 => (0..2_usize).prop_map(Step::RemoveTopology),
        2 => pool,
        1 => Just(Step::Declare),
        12 => mail,
        8 => reply,
        6 => (any::<u64>(), any::<bool>(), prop::bool::weighted(0.7))
            .prop_map(|(lot, text, deliver)| Step::Draft { lot, text, deliver }),
        3 => (any::<u64>(), prop::bool::weighted(0.6))
            .prop_map(|(lot, deliver)| Step::Comment { lot, deliver }),
        3 => (any::<u64>(), any::<u8>(), 0..3_u8)
            .prop_map(|(lot, minutes, outcome)| Step::Caused { lot, minutes, outcome }),
        2 => Just(Step::Replay),
        4 => (any::<u8>(), any::<u64>())
            .prop_map(|(minutes, outcomes)| Step::Claim { minutes, outcomes }),
        2 => (any::<u64>(), 0..3_u8).prop_map(|(lot, origin)| Step::Look { lot, origin }),
        1 => any::<u64>().prop_map(|lot| Step::Read { lot }),
        1 => (any::<u64>(), any::<bool>()).prop_map(|(lot, sent)| Step::Vanish { lot, sent }),
        1 => any::<u8>().prop_map(|minutes| Step::Age { minutes }),
        1 => (0..4_usize, 1..12_u64).prop_map(|(name, most)| Step::Surplus { name, most }),
    ]
}

/// Six people of a list, those whose bit is set.
fn people(list: usize, who: u8, hours: u8, home: u8) -> Vec<Persona> {
    (0..6_usize)
        .filter(|number| who >> number & 1 == 1)
        .map(|number| {
            let mut extra = json!({"active_hours": HOURS[(usize::from(hours) + number) % 3]});
            if usize::from(home) % 7 == number {
                extra["home"] = json!(DECKIES[usize::from(home) % 4]);
            }
            let name = ["Ana", "Bob", "Cy", "Dan", "Eli", "Fay"][number];
            // The pool has somebody in a domain that is not declared.
            let domain = match (list, number) {
                (2, 5) => "own.com",
                (2, _) => "pool.example",
                (1, _) => "lab.example",
                _ => "corp.example",
            };
            let address = format!("{}@{domain}", name.to_lowercase());
            persona(name, &address, &extra)
        })
        .collect()
}

fn spec(name: usize, list: usize) -> DeckySpec {
    let mut spec = decky(DECKIES[name], LISTS.get(list).copied().unwrap_or_default());
    if list == 2 {
        spec.decky.source = DeckySource::Fleet;
        spec.topology = None;
    }
    spec
}

/// Now and then something is spared.
fn spared(number: u8) -> BTreeSet<String> {
    let name = DECKIES[usize::from(number) % 4].to_owned();
    number
        .is_multiple_of(3)
        .then_some(name)
        .into_iter()
        .collect()
}

/// The two ledgers, and what the steps remember.
struct Pair {
    store: Store,
    memory: MemoryLedger,
    minute: i64,
    plans: u64,
    last_plan: Option<PlannedMail>,
}

impl Pair {
    /// Does the same to both and asserts that they answer the same.
    fn both<T: std::fmt::Debug, E: std::fmt::Display>(
        &mut self,
        mut act: impl FnMut(&mut dyn Ledger) -> Result<T, E>,
    ) -> T {
        let expected = act(&mut self.memory).unwrap_or_else(|error| panic!("memory: {error}"));
        let found = act(&mut self.store).unwrap_or_else(|error| panic!("store: {error}"));
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        found
    }

    fn step(&mut self, step: &Step) {
        self.minute += 1;
        match step.clone() {
            Step::People {
                list,
                who,
                hours,
                home,
            } => {
                let change = WorldChange {
                    topologies: vec![topology(LISTS[list], people(list, who, hours, home))],
                    ..WorldChange::default()
                };
                self.apply(&change, false);
            }
            Step::Decky {
                name,
                list,
                running,
                mail,
                adopt,
                uuid,
            } => {
                let mut spec = spec(name, list);
                spec.running = running;
                if !mail {
                    spec.decky.services = vec!["ssh".to_owned()];
                }
                if uuid < 4 {
                    spec.decky.uuid = decky(DECKIES[usize::from(uuid)], "").decky.uuid;
                }
                let Transport::Local(folders) = &mut spec.decky.transport;
                folders.adopt = adopt;
                let change = WorldChange {
                    deckies: vec![spec],
                    ..WorldChange::default()
                };
                self.apply(&change, false);
            }
            Step::Both {
                list,
                who,
                name,
                dry_run,
            } => {
                let change = WorldChange {
                    pool: Some(PoolSettings {
                        language_default: ["en", "es"][usize::from(who) % 2].to_owned(),
                        topics: Vec::new(),
                    }),
                    topologies: vec![topology(LISTS[list], people(list, who, 0, 255))],
                    deckies: vec![spec(name, list), spec((name + 1) % 4, list)],
                    ..WorldChange::default()
                };
                self.apply(&change, dry_run);
            }
            Step::RemoveDecky(name) => {
                let names = [DECKIES[name].to_owned()];
                self.both(|ledger| ledger.remove_deckies(&names));
            }
            Step::RemoveTopology(list) => {
                let names = [LISTS[list].to_owned()];
                self.both(|ledger| ledger.remove_topologies(&names));
            }
            Step::Pool { who, hours } => {
                let people = people(2, who, hours, 255);
                self.both(|ledger| ledger.replace_pool(&people, &who.to_string()));
            }
            Step::Declare => {
                let change = WorldChange {
                    domains: vec!["own.com".to_owned()],
                    ..WorldChange::default()
                };
                self.apply(&change, false);
            }
            Step::Mail {
                lot,
                shared_login,
                text,
                answer,
                deliver,
            } => {
                let Some((sender, recipient)) = self.draw(lot) else {
                    return;
                };
                let mut plan = self.plan(sender, recipient, lot, shared_login);
                if text {
                    plan.composed = Some(composed(&format!("mail {}", self.plans)));
                }
                self.send(plan, answer, deliver);
            }
            Step::Reply {
                lot,
                answer,
                deliver,
            } => {
                let now = Desk::at(self.minute);
                let due: Vec<DueReply> = self.memory_due(now);
                let Some(due) = pick(&due, lot).cloned() else {
                    return;
                };
                let mut plan = self.plan(due.answerer.clone(), due.author.clone(), lot, false);
                plan.reply_to = Some(ReplyTo {
                    parent: due.parent.id,
                    thread: due.parent.thread,
                    thread_length: due.parent.thread_length + 1,
                });
                plan.sent_at = due.due_at.fixed_offset();
                self.send(plan, answer, deliver);
            }
            Step::Draft { lot, text, deliver } => self.draft(lot, text, deliver),
            Step::Comment { lot, deliver } => self.comment(lot, deliver),
            Step::Caused {
                lot,
                minutes,
                outcome,
            } => self.take_over_caused(lot, i64::from(minutes), outcome),
            Step::Replay => {
                if let Some(plan) = self.last_plan.clone() {
                    let lease = Desk::at(self.minute + 60);
                    self.both(|ledger| ledger.record_planned(std::slice::from_ref(&plan), lease));
                }
            }
            Step::Claim { minutes, outcomes } => self.claim(i64::from(minutes), outcomes),
            Step::Look { lot, origin } => {
                let Some((who, _)) = self.draw(lot) else {
                    return;
                };
                let home = self.home(&who, lot, false);
                let origin = [
                    MailboxOrigin::Made,
                    MailboxOrigin::Adopted,
                    MailboxOrigin::Foreign,
                ][usize::from(origin)];
                self.both(|ledger| ledger.record_mailbox(who.id, &home, origin));
            }
            Step::Read { lot } => {
                if let Some((who, _)) = self.draw(lot) {
                    let before = Desk::at(self.minute - 5);
                    self.both(|ledger| ledger.unread(who.id, before, 3));
                }
            }
            Step::Vanish { lot, sent } => {
                let mail = MailId((lot % 40).cast_signed());
                let folder = match (sent, lot.is_multiple_of(3)) {
                    (_, true) => Folder::Drafts,
                    (true, false) => Folder::Sent,
                    (false, false) => Folder::Inbox,
                };
                self.both(|ledger| ledger.note_vanished(mail, folder));
            }
            Step::Age { minutes } => {
                let retention = Retention {
                    older_than: Some(Desk::at(self.minute - i64::from(minutes))),
                    messages_per_decky: 0,
                    deckies: Vec::new(),
                    spared: spared(minutes),
                };
                self.forget(&retention);
            }
            Step::Surplus { name, most } => {
                let retention = Retention {
                    older_than: None,
                    messages_per_decky: most,
                    deckies: vec![DeckyId(1 + i64::try_from(name).unwrap())],
                    spared: BTreeSet::new(),
                };
                // How much goes at a time is up to the ledger; what is left is not.
                for ledger in [&mut self.store as &mut dyn Ledger, &mut self.memory] {
                    for _ in 0..50 {
                        let expired = ledger.expired(&retention, 100).unwrap();
                        let ids: Vec<MailId> = expired.iter().map(|mail| mail.id).collect();
                        ledger.forget(&ids).unwrap();
                    }
                }
            }
        }
    }

    fn apply(&mut self, change: &WorldChange, dry_run: bool) {
        let _: Result<WorldDiff, String> = self.both(|ledger| {
            let applied = ledger.apply(change, dry_run, &mut |_| ());
            Ok::<_, LedgerError>(applied.map_err(|error| error.to_string()))
        });
    }

    fn memory_due(&mut self, now: chrono::DateTime<chrono::Utc>) -> Vec<DueReply> {
        let ledger: &mut dyn Ledger = &mut self.memory;
        ledger.due_replies(now, 100).unwrap()
    }

    fn draw(&mut self, lot: u64) -> Option<(Correspondent, Correspondent)> {
        let ledger: &mut dyn Ledger = &mut self.memory;
        let open: Vec<ScheduleId> = ledger
            .schedules()
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        let sender = ledger.draw_sender(&open, lot).unwrap()?;
        let recipient = ledger.draw_recipient(&sender, &open, lot >> 32).unwrap()?;
        Some((sender, recipient))
    }

    fn home(&mut self, who: &Correspondent, lot: u64, shared: bool) -> HomeChoice {
        if let Some(home) = &who.home {
            return HomeChoice {
                decky: home.decky_id,
                login: home.login.clone(),
            };
        }
        let ledger: &mut dyn Ledger = &mut self.memory;
        let (decky, _) = match &who.persona.home {
            Some(name) => ledger.named_home(who.list, name).unwrap().unwrap(),
            None => ledger.draw_home(who.list, lot >> 16).unwrap().unwrap(),
        };
        let mut login = if shared {
            "shared"
        } else {
            who.persona.email.local()
        }
        .to_owned();
        while !shared && ledger.login_taken(decky, &login).unwrap() {
            login.push('x');
        }
        HomeChoice { decky, login }
    }

    fn plan(
        &mut self,
        sender: Correspondent,
        recipient: Correspondent,
        lot: u64,
        shared: bool,
    ) -> PlannedMail {
        self.plans += 1;
        let number = self.plans;
        let copies = self.copies(&sender, &recipient, lot, shared);
        let next: &mut dyn Ledger = &mut self.memory;
        PlannedMail {
            expected_id: next.next_mail_id().unwrap(),
            seed: lot,
            list: sender.list,
            sender: sender.id,
            sender_home: self.home(&sender, lot, shared),
            recipient: recipient.id,
            recipient_home: self.home(&recipient, lot, shared),
            copies,
            kind: MailKind::New,
            mail_client: "thunderbird".to_owned(),
            new_mail_programs: lot.is_multiple_of(5).then(|| MailPrograms {
                desk: format!("client-{}", lot % 7),
                phone: None,
            }),
            reply_to: None,
            topic: "budget".to_owned(),
            language: "en".to_owned(),
            sent_at: Desk::at(self.minute).fixed_offset(),
            message_id: format!("<{number}@corp.example>"),
            inbox_name: format!("{number}.inbox"),
            sent_name: format!("{number}.sent"),
            composed: None,
            names: Vec::new(),
            cause: None,
            draft: None,
        }
    }

    /// With one mail in three, somebody who gets a copy.
    fn copies(
        &mut self,
        sender: &Correspondent,
        recipient: &Correspondent,
        lot: u64,
        shared: bool,
    ) -> Vec<PlannedCopy> {
        if !lot.is_multiple_of(3) {
            return Vec::new();
        }
        let third = PersonaId(i64::try_from(lot >> 8 & 7).unwrap() + 1);
        let ledger: &mut dyn Ledger = &mut self.memory;
        let known = [sender.id, recipient.id];
        match ledger.correspondent(third) {
            Ok(Some(who)) if !known.contains(&third) && who.list == sender.list => {
                vec![PlannedCopy {
                    recipient: third,
                    home: self.home(&who, lot >> 3, shared),
                    field: RecipientField::Cc,
                    inbox_name: format!("{}.copy", self.plans),
                }]
            }
            _ => Vec::new(),
        }
    }

    fn send(&mut self, plan: PlannedMail, answer: Option<u8>, deliver: bool) {
        let lease = Desk::at(self.minute + 60);
        let planned = self.both(|ledger| ledger.record_planned(std::slice::from_ref(&plan), lease));
        if let (true, [PlanOutcome::Planned(id)]) = (deliver, &planned[..]) {
            self.deliver(*id, 1, &plan, answer);
        }
        self.last_plan = Some(plan);
    }

    fn deliver(&mut self, id: MailId, attempt: u32, plan: &PlannedMail, answer: Option<u8>) {
        let answer = answer.map(|minutes| {
            let copy = plan.copies.first().map(|copy| copy.recipient);
            ComingAnswer {
                answerer: copy.filter(|_| minutes % 2 == 0).unwrap_or(plan.recipient),
                due_at: Desk::at(self.minute + i64::from(minutes)),
            }
        });
        let delivered = DeliveredMail {
            id,
            attempt,
            record: json!({"mail": id.0}).to_string(),
            answer,
            follow_ups: Vec::new(),
            read: (1..id.0).step_by(3).map(MailId).collect(),
            vanished: Vec::new(),
        };
        self.both(|ledger| ledger.record_delivered(std::slice::from_ref(&delivered)));
    }

    fn claim(&mut self, minutes: i64, outcomes: u64) {
        let now = self.minute + minutes;
        let claimed: Vec<ClaimedMail> =
            self.both(|ledger| ledger.claim_unfinished(Desk::at(now), Desk::at(now + 60), 20));
        for (number, mail) in claimed.into_iter().enumerate() {
            let outcome = outcomes.rotate_right(u32::try_from(number * 3).unwrap_or(0)) % 8;
            // Now and then by somebody who was overtaken.
            let attempt = mail.attempt - u32::from(outcome == 7);
            let failed = FailedMail {
                id: mail.id,
                attempt,
                error: format!("failure {outcome}"),
                next_attempt_at: (outcome != 0).then(|| Desk::at(now + 10)),
                refused_by: (outcome < 3).then_some(mail.plan.recipient_home.decky),
                record: json!({"failed": mail.id.0}).to_string(),
            };
            match outcome {
                0..=2 | 7 => {
                    self.both(|ledger| ledger.record_failed(std::slice::from_ref(&failed)));
                }
                3 => {
                    let text = composed(&format!("late {}", mail.id.0));
                    let _: Recorded =
                        self.both(|ledger| ledger.record_composed(mail.id, attempt, &text));
                }
                _ => self.deliver(mail.id, attempt, &mail.plan, Some(30)),
            }
        }
    }

    fn forget(&mut self, retention: &Retention) {
        let expired = self.both(|ledger| ledger.expired(retention, 1_000));
        let ids: Vec<MailId> = expired.iter().map(|mail| mail.id).collect();
        self.both(|ledger| ledger.forget(&ids));
    }

    /// Asserts that both show the same, and that everything derived is right.
    fn compare(&mut self) {
        self.both(|ledger| ledger.world());
        let far = Desk::at(1_000_000);
        self.both(|ledger| ledger.due_replies(far, 1_000));
        self.both(|ledger| ledger.next_mail_id());
        self.both(|ledger| ledger.schedules());
        self.both(|ledger| ledger.standstill(&[]));
        let mails = self.both(|ledger| ledger.mails(&MailFilter::default()));
        for mail in mails {
            self.both(|ledger| ledger.mail(mail.id));
        }
        let open = self.both(|ledger| ledger.schedules());
        let open: Vec<ScheduleId> = open.into_iter().map(|(id, _)| id).step_by(2).collect();
        self.both(|ledger| ledger.decky_life(DeckyId(0), 100, &open));
        // A decky's id is the order in which it came; the ledgers know the same ones.
        for name in DECKIES {
            let life = self.both(|ledger| ledger.decky_life_of(name, &open));
            if let Some(life) = life {
                self.both(|ledger| ledger.residents(life.id));
                self.both(|ledger| ledger.newcomers(life.id));
                self.both(|ledger| ledger.open_drafts(life.id));
                self.both(|ledger| ledger.unanswered_on(life.id, Desk::at(0), far, 500));
            }
        }
        for number in 0..40 {
            self.both(|ledger| ledger.caused(&format!("cause {number}")));
        }
    }

    /// Asserts that both can draw the same people, with all or only some schedules open.
    fn compare_draws(&mut self) {
        let schedules = self.both(|ledger| ledger.schedules());
        for closed in 0..=schedules.len() {
            let open: Vec<ScheduleId> = schedules
                .iter()
                .enumerate()
                .filter(|(number, _)| *number != closed)
                .map(|(_, (id, _))| *id)
                .collect();
            self.both(|ledger| {
                let mut senders: BTreeSet<PersonaId> = BTreeSet::new();
                for lot in 0..400_u64 {
                    let lot = lot.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    senders.extend(ledger.draw_sender(&open, lot).unwrap().map(|who| who.id));
                }
                Ok::<_, LedgerError>(senders)
            });
        }
        for list in 1..=3 {
            self.both(|ledger| {
                let mut homes: BTreeSet<DeckyId> = BTreeSet::new();
                let list = decnet_emailgen::ledger::PersonaListId(list);
                for lot in 0..40 {
                    homes.extend(ledger.draw_home(list, lot).unwrap().map(|(id, _)| id));
                }
                Ok::<_, LedgerError>(homes)
            });
        }
    }
}

fn pick<T>(items: &[T], lot: u64) -> Option<&T> {
    let count = u64::try_from(items.len()).ok().filter(|count| *count > 0)?;
    items.get(usize::try_from(lot % count).ok()?)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn store_and_memory_show_the_same(steps in prop::collection::vec(step(), 1..70)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let options = OpenOptions {
            durability: Durability::ProcessOnly,
            ..OpenOptions::default()
        };
        let mut pair = Pair {
            store: Store::open(&path, options).unwrap(),
            memory: MemoryLedger::new(),
            minute: 0,
            plans: 0,
            last_plan: None,
        };
        // Something to start from.
        pair.step(&Step::Both { list: 0, who: 0b1111, name: 0, dry_run: false });
        pair.step(&Step::Both { list: 1, who: 0b0111, name: 2, dry_run: false });
        let reader = derived::open(&path);
        for step in &steps {
            pair.step(step);
            pair.compare();
            derived::check(&reader);
        }
        pair.compare_draws();
        prop_assert_eq!(pair.store.integrity_problems().unwrap(), Vec::<String>::new());
    }
}
