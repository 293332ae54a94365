//! What the writer of a mail gets to know: names that hold, made where there are none yet, and what
//! the sender remembers.

use std::collections::HashMap;

use decnet_realism::canon::{self, CanonKind, CanonWish};
use decnet_realism::knowledge::{CanonName, Knowledge, Recollection};
use decnet_realism::writer::{Brief, Occasion, Parent};

use crate::knowledge_ledger::RecallCue;
use crate::ledger::{LedgerError, MailLedger, ParentMail, PlannedName};
use crate::picker::Pick;
use crate::random::{DeploymentSecret, Kind};

/// Names that are drawn for one thing before it gets one that is taken.
const MOST_DRAWS: u32 = 64;

/// Names that the plans of a group make, and the ledger does not have yet.
#[derive(Debug, Default)]
pub(crate) struct NewNames {
    /// By company, kind and role.
    names: HashMap<(String, CanonKind, String), String>,
}

impl NewNames {
    fn get(&self, company: &str, wish: &CanonWish) -> Option<&String> {
        let key = (company.to_owned(), wish.kind, wish.role.clone());
        self.names.get(&key)
    }

    fn has(&self, company: &str, kind: CanonKind, name: &str) -> bool {
        let mut names = self.names.iter();
        names.any(|((of, what, _), known)| {
            of == company && *what == kind && known.eq_ignore_ascii_case(name)
        })
    }
}

/// Finds out what the sender of a pick knows, up to `tokens` of memories, and puts it there. Names that
/// have to be made become part of its plan.
pub(crate) fn inform(
    pick: &mut Pick,
    ledger: &mut dyn MailLedger,
    new_names: &mut NewNames,
    secret: &DeploymentSecret,
    tokens: usize,
) -> Result<(), LedgerError> {
    let brief = brief_of(pick);
    let (company, wishes) = (canon::company(&brief), canon::wishes(&brief));
    let known = ledger.canon_names(&company, &wanted(&wishes))?;
    let seed = secret.number(Kind::Canon, &company);
    let mut names = Vec::with_capacity(wishes.len());
    for (wish, known) in wishes.into_iter().zip(known) {
        let name = match known {
            Some(name) => name,
            None => {
                let name = match new_names.get(&company, &wish) {
                    Some(name) => name.clone(),
                    None => draw_name(&wish, ledger, new_names, &company, seed)?,
                };
                // Of the plans of a group, any may be the first that is kept.
                let made = CanonName {
                    kind: wish.kind,
                    role: wish.role.clone(),
                    name: name.clone(),
                };
                pick.plan.names.push(PlannedName {
                    company: company.clone(),
                    name: made,
                });
                let key = (company.clone(), wish.kind, wish.role.clone());
                new_names.names.insert(key, name.clone());
                name
            }
        };
        names.push(CanonName {
            kind: wish.kind,
            role: wish.role,
            name,
        });
    }
    let parent = pick.parent.as_ref();
    let recollections = recollect(ledger, &brief_of(pick), parent, &names, tokens)?;
    pick.knowledge = Knowledge {
        names,
        recollections,
    };
    Ok(())
}

/// What the sender of a mail knows, as far as the ledger has it. `parent` is the mail that the brief
/// answers or passes on, `tokens` the most that memories may take.
///
/// # Errors
///
/// [`LedgerError`] when the storage fails.
pub fn known(
    ledger: &mut dyn MailLedger,
    brief: &Brief<'_>,
    parent: Option<&ParentMail>,
    tokens: usize,
) -> Result<Knowledge, LedgerError> {
    let wishes = canon::wishes(brief);
    let known = ledger.canon_names(&canon::company(brief), &wanted(&wishes))?;
    let names = wishes.into_iter().zip(known).filter_map(|(wish, name)| {
        Some(CanonName {
            kind: wish.kind,
            role: wish.role,
            name: name?,
        })
    });
    let names: Vec<CanonName> = names.collect();
    Ok(Knowledge {
        recollections: recollect(ledger, brief, parent, &names, tokens)?,
        names,
    })
}

fn recollect(
    ledger: &mut dyn MailLedger,
    brief: &Brief<'_>,
    parent: Option<&ParentMail>,
    names: &[CanonName],
    tokens: usize,
) -> Result<Vec<Recollection>, LedgerError> {
    if tokens == 0 {
        return Ok(Vec::new());
    }
    let topic = match &brief.occasion {
        Occasion::NewThread { topic } => topic,
        Occasion::Reply { parent } | Occasion::Forward { parent } => parent.topic,
    };
    ledger.recollections(&RecallCue {
        owner: &brief.sender.email.as_str().to_ascii_lowercase(),
        other: &brief.recipient.email.as_str().to_ascii_lowercase(),
        thread: parent.map(|parent| parent.thread),
        parent: parent.map(|parent| parent.id),
        topic,
        text: parent.map_or("", |parent| parent.new_text.as_str()),
        names,
        now: brief.written_at.to_utc(),
        tokens,
    })
}

/// The brief of a pick, without what its sender knows.
fn brief_of(pick: &Pick) -> Brief<'_> {
    let plan = &pick.plan;
    Brief {
        sender: &pick.sender.persona,
        recipient: &pick.recipient.persona,
        language: &plan.language,
        written_at: plan.sent_at,
        occasion: match &pick.parent {
            Some(parent) => Occasion::Reply {
                parent: parent_of(parent),
            },
            None => Occasion::NewThread { topic: &plan.topic },
        },
        knowledge: Knowledge::NONE,
    }
}

/// A mail as writers see it that answer it.
pub fn parent_of(mail: &ParentMail) -> Parent<'_> {
    Parent {
        subject: &mail.subject,
        text: &mail.new_text,
        written_at: mail.sent_at,
        topic: &mail.topic,
        thread_length: mail.thread_length,
        thread_began: mail.thread_began,
    }
}

fn wanted(wishes: &[CanonWish]) -> Vec<(CanonKind, &str)> {
    let wishes = wishes.iter();
    wishes.map(|wish| (wish.kind, wish.role.as_str())).collect()
}

/// A name that nothing else of its kind has, as far as there are any left. Amounts may be the same.
fn draw_name(
    wish: &CanonWish,
    ledger: &mut dyn MailLedger,
    new_names: &NewNames,
    company: &str,
    seed: u64,
) -> Result<String, LedgerError> {
    for tried in 0..MOST_DRAWS {
        let name = wish.name(seed, tried);
        let is_taken = wish.kind != CanonKind::Amount
            && (new_names.has(company, wish.kind, &name)
                || ledger.is_canon_name_taken(company, wish.kind, &name)?);
        if !is_taken {
            return Ok(name);
        }
    }
    Ok(wish.name(seed, MOST_DRAWS))
}
