//! From a plan to a finished message: the writer's words in the mail client's shape.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use decnet_realism::knowledge::Knowledge;
use decnet_realism::offline::OfflineWriter;
use decnet_realism::writer::{self, Authorship, Brief, Parent, Writer, WriterError, Written};
use rand::RngExt;

use crate::attaching::attachments;
use crate::attachment::Attachment;
use crate::ledger::{ComposedMail, Correspondent, DraftPlan, MailKind, RecipientField, WrittenBy};
use crate::mail_client::{MailClient, choice};
use crate::message::{ComposeError, Mailbox, Message, Occasion, ParentMessage};
use crate::picker::Pick;
use crate::random::{DeploymentSecret, Purpose, generator, sub_seed};
use crate::route::identity;
use crate::scan::{Place, give_aways};

/// Longest subject of a new thread, in characters; a writer's longer one is cut.
const SUBJECT_MAX: usize = 200;

/// Tries before a mail that gives itself away is left unwritten.
const MOST_ROUNDS: u64 = 4;

/// Share of answers that change the subject: 1 to 2 % in two corpora.
const CHANGES_SUBJECT: f64 = 0.015;

/// Why a mail could not be composed.
#[derive(Debug, thiserror::Error)]
pub enum CompositionError {
    /// The writer could not write.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// The mail client refused a field.
    #[error(transparent)]
    Message(#[from] ComposeError),
    /// Every try held what no real mail holds.
    #[error("the mail gives itself away: {}", tells.join(", "))]
    GivesItselfAway {
        /// Ids of the [tells](crate::scan::Tell).
        tells: Vec<String>,
    },
}

/// Has the text written and gives it its shape. What would give it away is made again, a few
/// times; the result says what was wrong.
pub(crate) async fn compose(
    pick: &Pick,
    writer: &dyn Writer,
    secret: &DeploymentSecret,
) -> Result<ComposedMail, CompositionError> {
    if let Some(draft) = &pick.plan.draft {
        return compose_draft(pick, draft, writer, secret).await;
    }
    let earlier = Earlier::of(pick, secret).await?;
    let client = choice::known(&pick.plan.mail_client);
    let attachments = attachments(pick, secret);
    let mut remade_for: Vec<String> = Vec::new();
    for round in 0..MOST_ROUNDS {
        let seed = pick.plan.seed ^ round;
        let text = write(pick, earlier.as_ref(), client, writer, seed).await?;
        let mut composed = shape(
            pick,
            earlier.as_ref(),
            client,
            &text,
            &attachments,
            secret,
            seed,
        )?;
        let tells = tells_of(pick, &composed, secret);
        if tells.is_empty() {
            composed.written_by.remade_for = remade_for;
            return Ok(composed);
        }
        remember(tells, &mut remade_for);
    }
    Err(CompositionError::GivesItselfAway { tells: remade_for })
}

/// One iteration of a draft. The first has the whole text written, later ones show more of it.
async fn compose_draft(
    pick: &Pick,
    draft: &DraftPlan,
    writer: &dyn Writer,
    secret: &DeploymentSecret,
) -> Result<ComposedMail, CompositionError> {
    let client = choice::known(&pick.plan.mail_client);
    let mut remade_for: Vec<String> = Vec::new();
    for round in 0..MOST_ROUNDS {
        let whole = match &draft.before {
            Some(before) => Text {
                subject: before.subject.clone(),
                body: before.body.clone(),
                authorship: before.written_by.authorship.clone(),
            },
            None => write(pick, None, client, writer, draft.seed ^ round).await?,
        };
        let shown = Text {
            body: draft.shown(&whole.body),
            ..whole.clone()
        };
        let seed = pick.plan.seed ^ round;
        let mut composed = shape(pick, None, client, &shown, &[], secret, seed)?;
        composed.new_text = whole.body;
        let place = Place {
            folder: "Drafts",
            file_name: &pick.plan.sent_name,
            modified_at: Some(pick.plan.sent_at.timestamp()),
        };
        let tells = tells_at(&client.sent_copy(&composed.message), &place);
        if tells.is_empty() {
            composed.written_by.remade_for = match &draft.before {
                Some(before) => before.written_by.remade_for.clone(),
                None => remade_for,
            };
            return Ok(composed);
        }
        remember(tells, &mut remade_for);
    }
    Err(CompositionError::GivesItselfAway { tells: remade_for })
}

/// Adds those that are not there.
fn remember(tells: Vec<String>, known: &mut Vec<String>) {
    for tell in tells {
        if !known.contains(&tell) {
            known.push(tell);
        }
    }
}

/// What would give the message away where its first recipient finds it.
fn tells_of(pick: &Pick, composed: &ComposedMail, secret: &DeploymentSecret) -> Vec<String> {
    let trace = pick.route(secret).to(0, &pick.recipient);
    let mut message = trace.header;
    message.extend_from_slice(&composed.message);
    let place = Place {
        folder: "INBOX",
        file_name: &pick.plan.inbox_name,
        modified_at: Some(trace.delivered_at.timestamp()),
    };
    tells_at(&message, &place)
}

fn tells_at(message: &[u8], place: &Place<'_>) -> Vec<String> {
    give_aways(message, place)
        .into_iter()
        .map(|finding| finding.tell.id().to_owned())
        .collect()
}

/// The mail that another one answers or passes on, whether the ledger has it or not.
struct Earlier {
    message_id: String,
    references: String,
    subject: String,
    /// What its author wrote.
    new_text: String,
    /// As the reader sees it, quotes and signature included.
    text: String,
    /// In the zone of the one who answers.
    sent_at: DateTime<FixedOffset>,
    topic: String,
    thread_length: u32,
    thread_began: DateTime<Utc>,
    author: (String, String),
    to: Vec<(String, String)>,
    cc: Vec<(String, String)>,
    thread_index: Option<String>,
}

impl Earlier {
    async fn of(pick: &Pick, secret: &DeploymentSecret) -> Result<Option<Self>, CompositionError> {
        if pick.plan.kind == MailKind::ReplyToUnseen {
            return Self::unseen(pick, secret).await.map(Some);
        }
        let Some(parent) = &pick.parent else {
            return Ok(None);
        };
        let named = |wanted: RecipientField| {
            let recipients = parent.recipients.iter();
            recipients
                .filter(|(_, field)| *field == wanted)
                .map(|(who, _)| (who.name.clone(), who.address.clone()))
                .collect()
        };
        Ok(Some(Self {
            message_id: parent.message_id.clone(),
            references: parent.references.clone(),
            subject: parent.subject.clone(),
            new_text: parent.new_text.clone(),
            text: parent.text.clone(),
            sent_at: local(&pick.sender, parent.sent_at.to_utc()),
            topic: parent.topic.clone(),
            thread_length: parent.thread_length,
            thread_began: parent.thread_began,
            author: (parent.author.name.clone(), parent.author.address.clone()),
            to: named(RecipientField::To),
            cc: named(RecipientField::Cc),
            thread_index: parent.thread_index.clone(),
        }))
    }

    /// A mail that the recipient once wrote to the sender, and that no mailbox holds: it went to
    /// another address, or was deleted.
    async fn unseen(pick: &Pick, secret: &DeploymentSecret) -> Result<Self, CompositionError> {
        let plan = &pick.plan;
        let (author, reader) = (&pick.recipient, &pick.sender);
        let seed = sub_seed(plan.seed, Purpose::Unseen);
        let mut rng = generator(seed, Purpose::SendTime);
        // Half an hour to three days, half of them within four hours.
        let minutes = 30.0 * libm::pow(144.0, rng.random::<f64>().powi(2));
        let sent_at = plan.sent_at - TimeDelta::seconds((minutes * 60.0) as i64);
        let written_at = local(author, sent_at.to_utc());
        let known = Knowledge {
            names: pick.knowledge.names.clone(),
            recollections: Vec::new(),
        };
        let brief = Brief {
            sender: &author.persona,
            recipient: &reader.persona,
            // That of the topic, and of the answer.
            language: &plan.language,
            written_at,
            occasion: writer::Occasion::NewThread { topic: &plan.topic },
            // The names are those of the matter; the memories are the sender's.
            knowledge: &known,
        };
        let Written { draft, .. } = OfflineWriter.write(&brief, seed).await?;
        let programs = author
            .mail_programs
            .clone()
            .unwrap_or_else(|| choice::mail_programs(&author.persona, secret));
        let client = choice::mail_client_of(&programs, &mut generator(seed, Purpose::MailProgram));
        let message_id = client.message_id(
            &identity(author, secret),
            written_at,
            &mut generator(seed, Purpose::MessageId),
        );
        let party = |who: &Correspondent| {
            (
                who.persona.name.clone(),
                who.persona.email.as_str().to_owned(),
            )
        };
        let text = match author.persona.signature.as_deref() {
            Some(signature) => format!("{}\n\n-- \n{signature}", draft.body),
            None => draft.body.clone(),
        };
        Ok(Self {
            message_id,
            references: String::new(),
            subject: draft.subject,
            new_text: draft.body,
            text,
            sent_at: local(reader, sent_at.to_utc()),
            topic: plan.topic.clone(),
            thread_length: 1,
            // Later mails of the thread know of nothing before this answer.
            thread_began: plan.sent_at.to_utc(),
            author: party(author),
            to: vec![party(reader)],
            cc: Vec::new(),
            thread_index: None,
        })
    }
}

/// A moment as somebody's clock showed it, which may not be the offset that it has now.
fn local(who: &Correspondent, at: DateTime<Utc>) -> DateTime<FixedOffset> {
    who.persona.schedule().local(at)
}

/// The words of a mail.
#[derive(Clone)]
struct Text {
    subject: String,
    body: String,
    authorship: Authorship,
}

async fn write(
    pick: &Pick,
    earlier: Option<&Earlier>,
    client: &dyn MailClient,
    writer: &dyn Writer,
    seed: u64,
) -> Result<Text, CompositionError> {
    let plan = &pick.plan;
    let seed = sub_seed(seed, Purpose::Text);
    let parent = earlier.map(|earlier| Parent {
        subject: &earlier.subject,
        text: &earlier.new_text,
        written_at: earlier.sent_at,
        topic: &earlier.topic,
        thread_length: earlier.thread_length,
        thread_began: earlier.thread_began,
    });
    let is_forward = plan.kind == MailKind::Forward;
    let occasion = match parent {
        Some(parent) if is_forward => writer::Occasion::Forward { parent },
        Some(parent) => writer::Occasion::Reply { parent },
        None => writer::Occasion::NewThread { topic: &plan.topic },
    };
    let brief = Brief {
        sender: &pick.sender.persona,
        recipient: &pick.recipient.persona,
        language: &plan.language,
        written_at: plan.sent_at,
        occasion,
        knowledge: &pick.knowledge,
    };
    let Written { draft, authorship } = writer.write(&brief, seed).await?;
    let subject = match earlier {
        Some(earlier) if is_forward => client.forward_subject(&earlier.subject, &plan.language),
        Some(earlier) => {
            let subject = changed_subject(pick, &earlier.subject);
            client.reply_subject(&subject, &plan.language)
        }
        None => draft.subject.chars().take(SUBJECT_MAX).collect(),
    };
    Ok(Text {
        subject,
        body: draft.body,
        authorship,
    })
}

/// The subject that is answered; now and then, the thread's topic has moved on, and it says so.
fn changed_subject(pick: &Pick, subject: &str) -> String {
    let mut rng = generator(sub_seed(pick.plan.seed, Purpose::Thread), Purpose::Text);
    if rng.random::<f64>() >= CHANGES_SUBJECT {
        return subject.to_owned();
    }
    let tail = match pick.plan.language.get(..2) {
        Some("es") => [
            "actualización",
            "siguiente paso",
            "fechas",
            "versión final",
            "dudas",
        ],
        Some("de") => [
            "Update",
            "nächste Schritte",
            "Termine",
            "finale Version",
            "Fragen",
        ],
        _ => [
            "update",
            "next steps",
            "dates",
            "final version",
            "questions",
        ],
    };
    let tail = tail[rng.random_range(0..tail.len())];
    format!("{subject} - {tail}")
}

fn shape(
    pick: &Pick,
    earlier: Option<&Earlier>,
    client: &dyn MailClient,
    text: &Text,
    attachments: &[Attachment],
    secret: &DeploymentSecret,
    seed: u64,
) -> Result<ComposedMail, CompositionError> {
    let plan = &pick.plan;
    let sender = &pick.sender.persona;
    let mut to = vec![mailbox(&pick.recipient)];
    let mut cc = Vec::new();
    for (copy, who) in plan.copies.iter().zip(&pick.copies) {
        match copy.field {
            RecipientField::To => to.push(mailbox(who)),
            RecipientField::Cc => cc.push(mailbox(who)),
        }
    }
    let (parent_to, parent_cc) = match earlier {
        Some(earlier) => (parties(&earlier.to), parties(&earlier.cc)),
        None => (Vec::new(), Vec::new()),
    };
    let parent = earlier.map(|earlier| ParentMessage {
        message_id: &earlier.message_id,
        references: &earlier.references,
        author: Mailbox {
            name: &earlier.author.0,
            address: &earlier.author.1,
        },
        to: &parent_to,
        cc: &parent_cc,
        subject: &earlier.subject,
        date: earlier.sent_at,
        text: &earlier.text,
        thread_index: earlier.thread_index.as_deref(),
    });
    let message = Message {
        from: mailbox(&pick.sender),
        to: &to,
        cc: &cc,
        subject: &text.subject,
        message_id: &plan.message_id,
        date: plan.sent_at,
        language: &plan.language,
        text: &text.body,
        signature: sender.signature.as_deref(),
        occasion: match (plan.kind, parent) {
            (MailKind::Forward, Some(parent)) => Occasion::Forward(parent),
            (_, Some(parent)) => Occasion::Reply(parent),
            (_, None) => Occasion::New,
        },
        attachments,
        installation: identity(&pick.sender, secret).installation,
    };
    let mut rng = generator(seed, Purpose::MailClient);
    let composed = match (&plan.draft, &pick.sender.home) {
        (Some(_), Some(home)) => client.compose_draft(&message, &home.decky.name, &mut rng)?,
        _ => client.compose(&message, &mut rng)?,
    };
    Ok(ComposedMail {
        subject: text.subject.clone(),
        references: composed.references,
        new_text: text.body.clone(),
        text: composed.text,
        message: composed.bytes,
        thread_index: composed.thread_index,
        written_by: WrittenBy {
            authorship: text.authorship.clone(),
            mail_client: client.name().to_owned(),
            recalled: pick.recalled(),
            remade_for: Vec::new(),
        },
    })
}

fn mailbox(who: &Correspondent) -> Mailbox<'_> {
    Mailbox {
        name: &who.persona.name,
        address: who.persona.email.as_str(),
    }
}

fn parties(parties: &[(String, String)]) -> Vec<Mailbox<'_>> {
    parties
        .iter()
        .map(|(name, address)| Mailbox { name, address })
        .collect()
}
