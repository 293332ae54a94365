//! `decnet llm try`

use decnet_emailgen::knowing::{known, parent_of};
use decnet_emailgen::ledger::{MailId, ParentMail, PersonaId};
use decnet_emailgen::nudge_ledger::NudgeLedger;
use decnet_emailgen::threading::reply_subject;
use decnet_emailgen::world::{World, WorldLedger};
use decnet_realism::knowledge::Knowledge;
use decnet_realism::llm::writer::Attempt;
use decnet_realism::persona::Persona;
use decnet_realism::topic;
use decnet_realism::writer::{Brief, Occasion};
use serde_json::{Value, json};

use crate::arguments::TryArguments;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::model;
use crate::output::{bold, one_line, safe_text, say, say_json};
use crate::wiring::{Session, run_with_sockets};

/// Has one mail written and shows every step. Nothing is sent.
pub(crate) fn run(flags: &Flags, arguments: &TryArguments) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    if !settings.llm.is_on() {
        return Err(model::switched_off());
    }
    let mut session = Session::open(settings, false)?;
    session.sync_pool()?;
    let world = session.store.world()?;
    let sender = find(&world, &arguments.sender)?;
    let recipient = find(&world, &arguments.recipient)?;
    if sender.persona.email == recipient.persona.email {
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "{} writes to nobody but themselves",
                sender.persona.email.as_str()
            ),
        ));
    }
    let now = arguments.now.unwrap_or_else(environment::now);
    let seed = arguments.seed.unwrap_or_else(environment::random);
    let written_at = now
        .with_timezone(&sender.persona.time_zone())
        .fixed_offset();
    let answered = arguments
        .reply_to
        .map(|id| answered_mail(&mut session, id))
        .transpose()?;
    let topics = topic::built_in(sender.language);
    let drawn = usize::try_from(seed % topics.len().max(1) as u64).unwrap_or_default();
    let topic = arguments
        .topic
        .as_deref()
        .or(topics.get(drawn).copied())
        .unwrap_or_default();
    let occasion = match &answered {
        Some(mail) => Occasion::Reply {
            parent: parent_of(mail),
        },
        None => Occasion::NewThread { topic },
    };
    let mut brief = Brief {
        sender: sender.persona,
        recipient: recipient.persona,
        language: sender.language,
        written_at,
        occasion,
        knowledge: Knowledge::NONE,
    };
    let knowledge = known(
        &mut session.store,
        &brief,
        answered.as_ref(),
        session.settings.memory.budget(),
    )?;
    brief.knowledge = &knowledge;
    let writer = model::llm_writer(&session.settings, &mut session.store)?;
    let attempts = run_with_sockets(async { Ok(writer.attempts(&brief, seed).await) })?;
    let subject = answered.as_ref().map(|mail| reply_subject(&mail.subject));
    if arguments.json {
        say_json(&json!({
            "seed": seed,
            "attempts": attempts.iter().map(|attempt| as_json(attempt, subject.as_deref())).collect::<Vec<_>>(),
        }));
    } else {
        for (number, attempt) in attempts.iter().enumerate() {
            show(number + 1, attempt, subject.as_deref());
        }
        say(&format!("seed {seed}"));
    }
    match attempts.last() {
        Some(Attempt {
            reading: Some(Ok(_)),
            ..
        }) => Ok(()),
        Some(Attempt {
            answer: Err(error), ..
        }) => Err(Failure::new(
            Kind::Unavailable,
            format!("the model gave no answer: {error}"),
        )),
        _ => Err(Failure::new(
            Kind::Unavailable,
            "the model wrote nothing that can be sent; a tick would have the offline writer write",
        )),
    }
}

/// Somebody, and the language they write.
struct Found<'w> {
    persona: &'w Persona,
    language: &'w str,
}

/// The one persona whose address or name is, or else starts with, what was typed.
fn find<'w>(world: &'w World, wanted: &str) -> Result<Found<'w>, Failure> {
    let lower = wanted.trim().to_lowercase();
    let everybody: Vec<Found<'w>> = world
        .lists
        .iter()
        .flat_map(|list| {
            list.personas.iter().map(|view| Found {
                persona: &view.persona,
                language: view.persona.language_or(&list.language_default),
            })
        })
        .collect();
    let by = |matches: &dyn Fn(&str) -> bool| -> Vec<usize> {
        everybody
            .iter()
            .enumerate()
            .filter(|(_, found)| {
                matches(&found.persona.email.as_str().to_lowercase())
                    || matches(&found.persona.name.to_lowercase())
            })
            .map(|(index, _)| index)
            .collect()
    };
    let mut hits = by(&|text| text == lower);
    if hits.is_empty() {
        hits = by(&|text| text.starts_with(&lower));
    }
    let names = |indices: &[usize]| -> String {
        let addresses = indices
            .iter()
            .filter_map(|index| everybody.get(*index))
            .map(|found| found.persona.email.as_str());
        addresses.take(5).collect::<Vec<_>>().join(", ")
    };
    match hits.as_slice() {
        [] => Err(Failure::new(
            Kind::BadInput,
            format!(
                "nobody is called {wanted:?}; there are {}",
                names(&(0..everybody.len()).collect::<Vec<_>>())
            ),
        )),
        [one] => {
            let index = *one;
            everybody
                .into_iter()
                .nth(index)
                .ok_or_else(|| Failure::new(Kind::BadInput, "nobody is there"))
        }
        several => Err(Failure::new(
            Kind::BadInput,
            format!("{wanted:?} may be {}", names(several)),
        )),
    }
}

fn answered_mail(session: &mut Session, id: i64) -> Result<ParentMail, Failure> {
    // As nobody in particular needs it.
    let mail = session.store.parent(MailId(id), PersonaId(0))?;
    mail.ok_or_else(|| {
        Failure::new(
            Kind::BadInput,
            format!("there is no mail {id}; `decnet emailgen list` has the numbers"),
        )
    })
}

fn as_json(attempt: &Attempt, subject: Option<&str>) -> Value {
    let mail = match &attempt.reading {
        Some(Ok(mail)) => json!({
            "subject": subject.unwrap_or(&mail.subject),
            "body": mail.body,
        }),
        _ => Value::Null,
    };
    let problems = match &attempt.reading {
        Some(Err(problems)) => problems.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    json!({
        "messages": attempt.request.messages,
        "answer": attempt.answer.as_ref().ok(),
        "error": attempt.answer.as_ref().err().map(ToString::to_string),
        "mail": mail,
        "problems": problems,
    })
}

fn show(number: usize, attempt: &Attempt, subject: Option<&str>) {
    for message in &attempt.request.messages {
        say(&bold(&format!("try {number}: {:?} message", message.role)));
        say(&format!("{}\n", safe_text(&message.content)));
    }
    say(&bold(&format!("try {number}: answer")));
    match &attempt.answer {
        Ok(generation) => {
            say(&safe_text(&generation.text));
            let tokens = |count: Option<u32>| {
                count.map_or_else(|| "unknown".to_owned(), |count| count.to_string())
            };
            say(&format!(
                "(ended by {:?}; tokens read {}, written {})\n",
                generation.finish,
                tokens(generation.prompt_tokens),
                tokens(generation.output_tokens)
            ));
        }
        Err(error) => say(&format!("none: {}\n", one_line(&error.to_string()))),
    }
    match &attempt.reading {
        Some(Ok(mail)) => {
            say(&bold(&format!("try {number}: mail")));
            let subject = subject.unwrap_or(&mail.subject);
            say(&format!(
                "Subject: {}\n\n{}\n",
                one_line(subject),
                safe_text(&mail.body)
            ));
        }
        Some(Err(problems)) => {
            say(&bold(&format!("try {number}: cannot be sent")));
            for problem in problems {
                say(&format!("- {}", one_line(&problem.to_string())));
            }
            say("");
        }
        None => {}
    }
}
