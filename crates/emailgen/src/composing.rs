//! From a plan to a finished message: the writer's words in the mail client's shape.

use decnet_realism::writer::{Brief, Occasion, Parent, Writer, WriterError, Written};

use crate::ledger::{ComposedMail, WrittenBy};
use crate::mail_client::MailClient;
use crate::message::{ComposeError, Mailbox, Message, ParentMessage};
use crate::picker::Pick;
use crate::random::{Purpose, generator, sub_seed};
use crate::threading::{references, reply_subject};

/// Longest subject of a new thread, in characters; a writer's longer one is cut.
const SUBJECT_MAX: usize = 200;

/// Why a mail could not be composed.
#[derive(Debug, thiserror::Error)]
pub enum CompositionError {
    /// The writer could not write.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// The mail client refused a field.
    #[error(transparent)]
    Message(#[from] ComposeError),
}

/// Has the text written and gives it its shape.
pub(crate) async fn compose(
    pick: &Pick,
    writer: &dyn Writer,
    mail_client: &dyn MailClient,
) -> Result<ComposedMail, CompositionError> {
    let plan = &pick.plan;
    let sender = &pick.sender.persona;
    let recipient = &pick.recipient.persona;
    let occasion = match &pick.parent {
        Some(parent) => Occasion::Reply {
            parent: Parent {
                subject: &parent.subject,
                text: &parent.new_text,
                written_at: parent.sent_at,
                topic: &parent.topic,
                thread_length: parent.thread_length,
            },
        },
        None => Occasion::NewThread { topic: &plan.topic },
    };
    let brief = Brief {
        sender,
        recipient,
        language: &plan.language,
        written_at: plan.sent_at,
        occasion,
    };
    let Written { draft, authorship } = writer
        .write(&brief, sub_seed(plan.seed, Purpose::Text))
        .await?;
    let subject = match &pick.parent {
        Some(parent) => reply_subject(&parent.subject),
        None => draft.subject.chars().take(SUBJECT_MAX).collect(),
    };
    let references = match &pick.parent {
        Some(parent) => references(
            &parent.references.split(' ').collect::<Vec<_>>(),
            &parent.message_id,
        ),
        None => String::new(),
    };
    let message = Message {
        from: Mailbox {
            name: &sender.name,
            address: sender.email.as_str(),
        },
        to: Mailbox {
            name: &recipient.name,
            address: recipient.email.as_str(),
        },
        subject: &subject,
        message_id: &plan.message_id,
        date: plan.sent_at,
        language: &plan.language,
        text: &draft.body,
        signature: sender.signature.as_deref(),
        parent: pick.parent.as_ref().map(|parent| ParentMessage {
            message_id: &parent.message_id,
            references: &parent.references,
            author_name: &recipient.name,
            author_address: recipient.email.as_str(),
            date: parent.sent_at.with_timezone(plan.sent_at.offset()),
            text: &parent.text,
        }),
    };
    let composed = mail_client.compose(&message, &mut generator(plan.seed, Purpose::MailClient))?;
    Ok(ComposedMail {
        subject,
        references,
        new_text: draft.body,
        text: composed.text,
        message: composed.bytes,
        written_by: WrittenBy {
            authorship,
            mail_client: mail_client.name().to_owned(),
        },
    })
}
