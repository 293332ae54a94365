//! What the checks are written with.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
use decnet_realism::persona::Persona;
use decnet_realism::writer::{Authorship, Effort, PassedOver};
use serde_json::json;

use super::Ledger;
use crate::ledger::{
    ClaimedMail, ComingAnswer, ComposedMail, Correspondent, DeckyId, DeliveredMail, DueReply,
    FailedMail, HomeChoice, MailDetails, MailFilter, MailId, MailKind, MailSummary, PersonaId,
    PersonaListId, PlanOutcome, PlannedMail, Recorded, ReplyTo, ScheduleId, WrittenBy,
};
use crate::world::{
    ApplyError, DeckySpec, DeckyView, PersonaView, TopologySpec, World, WorldChange, WorldDiff,
};

/// How many draws it takes to be sure that somebody who can be drawn is drawn, in worlds of a
/// handful of people.
const DRAWS: u64 = 400;

/// Somebody who works always, unless `extra` says otherwise.
///
/// # Panics
///
/// If that makes no persona.
pub fn persona(name: &str, email: &str, extra: &serde_json::Value) -> Persona {
    let mut entry = json!({
        "name": name, "email": email, "role": "Clerk",
        "active_hours": "00:00-24:00", "workdays": "daily",
    });
    if let (Some(entry), Some(extra)) = (entry.as_object_mut(), extra.as_object()) {
        entry.extend(extra.clone());
    }
    Persona::from_json(&entry).unwrap_or_else(|error| panic!("{entry}: {error}"))
}

/// A mail decky of a topology.
pub fn decky(name: &str, topology: &str) -> DeckySpec {
    DeckySpec {
        decky: Decky {
            uuid: format!("uuid-of-{name}"),
            name: name.to_owned(),
            source: DeckySource::Topology,
            services: vec!["ssh".to_owned(), "imap".to_owned()],
            transport: Transport::Local(LocalFolders::at(format!("/srv/{name}"))),
        },
        topology: Some(topology.to_owned()),
        running: true,
    }
}

/// A topology in English with the built-in topics.
pub fn topology(name: &str, personas: Vec<Persona>) -> TopologySpec {
    TopologySpec {
        name: name.to_owned(),
        language_default: "en".to_owned(),
        topics: Vec::new(),
        personas,
    }
}

/// A topology `office` of people who work always, one for each name, with the mail deckies named.
pub fn everyone_always(names: &[&str], deckies: &[&str]) -> WorldChange {
    let personas = names
        .iter()
        .map(|name| {
            let address = format!("{}@corp.example", name.to_lowercase());
            persona(name, &address, &json!({}))
        })
        .collect();
    WorldChange {
        topologies: vec![topology("office", personas)],
        deckies: deckies.iter().map(|name| decky(name, "office")).collect(),
        ..WorldChange::default()
    }
}

/// A text under this subject.
pub fn composed(subject: &str) -> ComposedMail {
    ComposedMail {
        subject: subject.to_owned(),
        references: "<first@corp.example> <second@corp.example>".to_owned(),
        new_text: format!("About {subject}."),
        text: format!("About {subject}.\n\n-- \nAna"),
        message: format!("Subject: {subject}\r\n\r\nAbout {subject}.\r\n").into_bytes(),
        thread_index: Some("AdytQ2VJ".to_owned()),
        written_by: WrittenBy {
            authorship: Authorship {
                writer: "offline".to_owned(),
                effort: Effort {
                    took_ms: Some(61),
                    ..Effort::default()
                },
                passed_over: vec![PassedOver {
                    writer: "ollama".to_owned(),
                    reason: "no answer".to_owned(),
                    effort: Effort {
                        model: Some("small".to_owned()),
                        answers: Some(0),
                        ..Effort::default()
                    },
                }],
            },
            mail_client: "thunderbird".to_owned(),
            recalled: vec![4, 17],
            remade_for: vec!["em_dash".to_owned()],
        },
    }
}

/// A ledger with shorthands for what checks and tests do all the time. Every method panics when
/// the ledger does not do what is asked of it.
pub struct Desk<'l> {
    /// The ledger.
    pub ledger: &'l mut dyn Ledger,
    plans: u64,
    recipients: BTreeMap<MailId, PersonaId>,
}

impl<'l> Desk<'l> {
    /// A desk at this ledger.
    pub fn new(ledger: &'l mut dyn Ledger) -> Self {
        Self {
            ledger,
            plans: 0,
            recipients: BTreeMap::new(),
        }
    }

    /// A moment, `minutes` after Monday the 2nd of March 2026, 10:00 UTC.
    pub fn at(minutes: i64) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    /// Applies a change.
    #[track_caller]
    pub fn apply(&mut self, change: &WorldChange) -> WorldDiff {
        self.try_apply(change)
            .unwrap_or_else(|error| panic!("the change is refused: {error}"))
    }

    /// Applies a change that may be refused.
    pub fn try_apply(&mut self, change: &WorldChange) -> Result<WorldDiff, ApplyError> {
        self.ledger.apply(change, false, &mut |_| ())
    }

    /// Applies a change to one decky.
    #[track_caller]
    pub fn apply_decky(&mut self, spec: DeckySpec) -> WorldDiff {
        self.apply(&WorldChange {
            deckies: vec![spec],
            ..WorldChange::default()
        })
    }

    /// Starts or stops a mail decky of the topology `office`.
    #[track_caller]
    pub fn set_running(&mut self, name: &str, running: bool) {
        self.apply_decky(DeckySpec {
            running,
            ..decky(name, "office")
        });
    }

    /// The world.
    #[track_caller]
    pub fn world(&mut self) -> World {
        ok(self.ledger.world())
    }

    /// One persona of the world.
    #[track_caller]
    pub fn persona(&mut self, address: &str) -> PersonaView {
        self.world()
            .lists
            .into_iter()
            .flat_map(|list| list.personas)
            .find(|view| view.persona.email.as_str() == address)
            .unwrap_or_else(|| panic!("{address} is not in the world"))
    }

    /// One decky of the world.
    #[track_caller]
    pub fn decky(&mut self, name: &str) -> DeckyView {
        self.world()
            .deckies
            .into_iter()
            .find(|view| view.decky.name == name)
            .unwrap_or_else(|| panic!("{name} is not in the world"))
    }

    /// The schedules that the ledger gives.
    #[track_caller]
    pub fn schedules(&mut self) -> Vec<ScheduleId> {
        ok(self.ledger.schedules())
            .into_iter()
            .map(|(id, _)| id)
            .collect()
    }

    /// Addresses that `draws` draws of a sender give, each with how often it came.
    #[track_caller]
    pub fn senders(
        &mut self,
        open: &[ScheduleId],
        draws: u64,
    ) -> std::collections::BTreeMap<String, u64> {
        let mut drawn = std::collections::BTreeMap::new();
        for lot in lots(draws) {
            if let Some(who) = ok(self.ledger.draw_sender(open, lot)) {
                *drawn
                    .entry(who.persona.email.as_str().to_owned())
                    .or_default() += 1;
            }
        }
        drawn
    }

    /// Everybody who can be drawn as a sender when all schedules are open.
    #[track_caller]
    pub fn everybody(&mut self) -> Vec<String> {
        let open = self.schedules();
        self.senders(&open, DRAWS).into_keys().collect()
    }

    /// Somebody who can be drawn as a sender.
    #[track_caller]
    pub fn find(&mut self, address: &str) -> Correspondent {
        let open = self.schedules();
        lots(DRAWS)
            .find_map(|lot| {
                ok(self.ledger.draw_sender(&open, lot))
                    .filter(|who| who.persona.email.as_str() == address)
            })
            .unwrap_or_else(|| panic!("{address} is never drawn"))
    }

    /// Deckies that can be drawn as homes of a list.
    #[track_caller]
    pub fn homes(&mut self, list: PersonaListId) -> Vec<String> {
        let mut names: Vec<String> = lots(DRAWS)
            .filter_map(|lot| ok(self.ledger.draw_home(list, lot)))
            .map(|(_, decky)| decky.name.clone())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The home of somebody, or one that they can have, under a login made of their address.
    #[track_caller]
    pub fn home_for(&mut self, who: &Correspondent) -> HomeChoice {
        if let Some(home) = &who.home {
            return HomeChoice {
                decky: home.decky_id,
                login: home.login.clone(),
            };
        }
        let found = match &who.persona.home {
            Some(name) => ok(self.ledger.named_home(who.list, name)),
            None => ok(self.ledger.draw_home(who.list, 0)),
        };
        let Some((decky, _)) = found else {
            panic!("there is no home for {}", who.persona.email.as_str());
        };
        let mut login = who.persona.email.local().to_owned();
        while ok(self.ledger.login_taken(decky, &login)) {
            login.push('x');
        }
        HomeChoice { decky, login }
    }

    /// A plan for a first mail of a thread, without text.
    #[track_caller]
    pub fn plan(&mut self, from: &str, to: &str) -> PlannedMail {
        let sender = self.find(from);
        let recipient = self.find(to);
        let sender_home = self.home_for(&sender);
        let recipient_home = self.home_for(&recipient);
        self.plans += 1;
        let number = self.plans;
        let sent_at = Self::at(i64::try_from(number).unwrap_or_default());
        PlannedMail {
            expected_id: ok(self.ledger.next_mail_id()),
            seed: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            list: sender.list,
            sender: sender.id,
            sender_home,
            recipient: recipient.id,
            recipient_home,
            copies: Vec::new(),
            kind: MailKind::New,
            reply_to: None,
            mail_client: "thunderbird".to_owned(),
            new_mail_programs: None,
            topic: "budget".to_owned(),
            language: "en".to_owned(),
            sent_at: sent_at.with_timezone(
                &chrono::FixedOffset::east_opt(3_600).unwrap_or_else(|| unreachable!()),
            ),
            message_id: format!("<{number}@corp.example>"),
            inbox_name: format!("{number}.inbox"),
            sent_name: format!("{number}.sent"),
            composed: None,
            cause: None,
            names: Vec::new(),
            draft: None,
        }
    }

    /// A plan for the answer to a reply that is due.
    #[track_caller]
    pub fn plan_reply(&mut self, due: &DueReply) -> PlannedMail {
        let answerer = due.answerer.persona.email.as_str().to_owned();
        let author = due.author.persona.email.as_str().to_owned();
        PlannedMail {
            kind: MailKind::Reply,
            reply_to: Some(ReplyTo {
                parent: due.parent.id,
                thread: due.parent.thread,
                thread_length: due.parent.thread_length + 1,
            }),
            sent_at: due.due_at.fixed_offset(),
            ..self.plan(&answerer, &author)
        }
    }

    /// Plans one mail, leased until `lease_until` (minutes).
    #[track_caller]
    pub fn record_planned(&mut self, plan: &PlannedMail, lease_until: i64) -> PlanOutcome {
        let outcomes = ok(self
            .ledger
            .record_planned(std::slice::from_ref(plan), Self::at(lease_until)));
        let [outcome] = &outcomes[..] else {
            panic!("one plan is answered with {outcomes:?}");
        };
        outcome.clone()
    }

    /// Plans one mail, leased for an hour.
    #[track_caller]
    pub fn planned(&mut self, plan: &PlannedMail) -> MailId {
        match self.record_planned(plan, 60) {
            PlanOutcome::Planned(id) => {
                self.recipients.insert(id, plan.recipient);
                id
            }
            PlanOutcome::Conflict => panic!("the plan is in conflict: {plan:?}"),
        }
    }

    /// An answer by the recipient of a mail, due at `due_at` (minutes).
    #[track_caller]
    pub fn answer(&mut self, id: MailId, due_at: i64) -> Option<ComingAnswer> {
        let answerer = match self.recipients.get(&id) {
            Some(recipient) => *recipient,
            None => {
                let to = self.mail(id).summary.to;
                self.find(&to).id
            }
        };
        Some(ComingAnswer {
            answerer,
            due_at: Self::at(due_at),
        })
    }

    /// Marks one mail as delivered.
    #[track_caller]
    pub fn record_delivered(&mut self, mail: DeliveredMail) -> Recorded {
        let outcomes = ok(self.ledger.record_delivered(&[mail]));
        let [outcome] = &outcomes[..] else {
            panic!("one mail is answered with {outcomes:?}");
        };
        *outcome
    }

    /// Gives one mail back.
    #[track_caller]
    pub fn record_failed(&mut self, mail: FailedMail) -> Recorded {
        let outcomes = ok(self.ledger.record_failed(&[mail]));
        let [outcome] = &outcomes[..] else {
            panic!("one mail is answered with {outcomes:?}");
        };
        *outcome
    }

    /// Plans and delivers a first mail; its answer is due at `answer_due_at` (minutes).
    #[track_caller]
    pub fn deliver(&mut self, from: &str, to: &str, answer_due_at: Option<i64>) -> MailId {
        let plan = self.plan(from, to);
        self.deliver_plan(plan, answer_due_at)
    }

    /// Delivers a plan.
    #[track_caller]
    pub fn deliver_plan(&mut self, plan: PlannedMail, answer_due_at: Option<i64>) -> MailId {
        let subject = format!("mail {}", plan.message_id);
        let id = self.planned(&PlannedMail {
            composed: Some(composed(&subject)),
            ..plan
        });
        let answer = answer_due_at.and_then(|due_at| self.answer(id, due_at));
        let outcome = self.record_delivered(DeliveredMail {
            answer,
            ..delivered(id, 1)
        });
        assert_eq!(outcome, Recorded::Yes, "mail {} is not delivered", id.0);
        id
    }

    /// Claims everything that can be claimed at `now` (minutes), until an hour later.
    #[track_caller]
    pub fn claim(&mut self, now: i64) -> Vec<ClaimedMail> {
        ok(self
            .ledger
            .claim_unfinished(Self::at(now), Self::at(now + 60), 100))
    }

    /// Replies that are due at `now` (minutes).
    #[track_caller]
    pub fn due(&mut self, now: i64) -> Vec<DueReply> {
        ok(self.ledger.due_replies(Self::at(now), 100))
    }

    /// The mails that are answered by replies due at `now` (minutes).
    #[track_caller]
    pub fn due_parents(&mut self, now: i64) -> Vec<MailId> {
        self.due(now).iter().map(|due| due.parent.id).collect()
    }

    /// All mails, newest first.
    #[track_caller]
    pub fn mails(&mut self) -> Vec<MailSummary> {
        ok(self.ledger.mails(&MailFilter::default()))
    }

    /// One mail.
    #[track_caller]
    pub fn mail(&mut self, id: MailId) -> MailDetails {
        ok(self.ledger.mail(id)).unwrap_or_else(|| panic!("mail {} is unknown", id.0))
    }

    /// The state of one mail.
    #[track_caller]
    pub fn state(&mut self, id: MailId) -> String {
        self.mail(id).summary.state
    }

    /// The decky that somebody lives on.
    #[track_caller]
    pub fn home_of(&mut self, address: &str) -> DeckyId {
        let who = self.find(address);
        who.home
            .unwrap_or_else(|| panic!("{address} has no home"))
            .decky_id
    }
}

/// A delivery without an answer.
pub(super) fn delivered(id: MailId, attempt: u32) -> DeliveredMail {
    DeliveredMail {
        id,
        attempt,
        record: json!({"mail": id.0, "event": "mail.delivered"}).to_string(),
        answer: None,
        follow_ups: Vec::new(),
        read: Vec::new(),
        vanished: Vec::new(),
    }
}

/// A failure to be tried again at `next_attempt_at` (minutes).
pub(super) fn failed(id: MailId, attempt: u32, next_attempt_at: Option<i64>) -> FailedMail {
    FailedMail {
        id,
        attempt,
        error: "no route to decky".to_owned(),
        next_attempt_at: next_attempt_at.map(Desk::at),
        refused_by: None,
        record: json!({"mail": id.0, "event": "mail.failed"}).to_string(),
    }
}

/// The value, or a panic with the error.
#[track_caller]
pub(super) fn ok<T>(result: Result<T, crate::ledger::LedgerError>) -> T {
    result.unwrap_or_else(|error| panic!("the ledger failed: {error}"))
}

/// Lots from the whole range, low bits and high bits alike.
fn lots(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) ^ number)
}
