//! Which files go with a mail.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::attachment::{
    Attachment, AttachmentKind, AttachmentRequest, Producer, attach, draw_kind,
};
use crate::ledger::MailKind;
use crate::picker::Pick;
use crate::random::{DeploymentSecret, Purpose, generator};
use crate::route::identity;

/// Share of mails with a file: 10 % of a list of engineers.
const WITH_FILE: f64 = 0.09;
/// Share of them with a second one.
const WITH_TWO: f64 = 0.15;

/// The files of a mail; none with most.
pub(crate) fn attachments(pick: &Pick, secret: &DeploymentSecret) -> Vec<Attachment> {
    let plan = &pick.plan;
    let mut rng = generator(plan.seed, Purpose::Attachment);
    if plan.kind == MailKind::Forward || rng.random::<f64>() >= WITH_FILE {
        return Vec::new();
    }
    let mut files = vec![file(pick, secret, &mut rng)];
    if rng.random::<f64>() < WITH_TWO {
        let second = file(pick, secret, &mut rng);
        if files.iter().all(|first| first.kind != second.kind) {
            files.push(second);
        }
    }
    files
}

fn file(pick: &Pick, secret: &DeploymentSecret, rng: &mut ChaCha8Rng) -> Attachment {
    let plan = &pick.plan;
    let sender = &pick.sender.persona;
    let recipients: Vec<(&str, &str)> = std::iter::once(&pick.recipient)
        .chain(&pick.copies)
        .map(|who| (who.persona.name.as_str(), who.persona.email.as_str()))
        .collect();
    let identity = identity(&pick.sender, secret);
    // From a phone people send pictures.
    let kind = match plan.mail_client.as_str() {
        "iphone" | "iphone-exchange" | "k9" | "outlook-mobile" => AttachmentKind::Image,
        _ => draw_kind(rng),
    };
    attach(
        kind,
        &AttachmentRequest {
            topic: &plan.topic,
            language: &plan.language,
            author_name: &sender.name,
            author_address: identity.address,
            recipients: &recipients,
            date: plan.sent_at,
            time_zone: sender.timezone.as_deref().unwrap_or("UTC"),
            producer: producer(&plan.mail_client, kind, identity.installation.person),
            installation: identity.installation,
        },
        rng,
    )
}

/// What somebody makes files with, by their mail program and, where that runs everywhere, by a
/// number of theirs.
fn producer(mail_client: &str, kind: AttachmentKind, person: u64) -> Producer {
    let office = match kind {
        AttachmentKind::Csv => Producer::Excel,
        _ => Producer::Word,
    };
    match mail_client {
        "apple-mail" | "iphone" | "iphone-exchange" => Producer::MacQuartz,
        "evolution" | "mutt" => Producer::LibreOffice,
        "gmail" if !person.is_multiple_of(4) => Producer::GoogleDocs,
        "thunderbird" | "roundcube" if person % 5 < 2 => Producer::LibreOffice,
        _ => office,
    }
}
