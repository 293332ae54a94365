//! A mail, as a tick would have it written.

use chrono::{DateTime, FixedOffset};
use decnet_realism::knowledge::Knowledge;
use decnet_realism::llm::backend::LlmBackend;
use decnet_realism::llm::writer::{Attempt, LlmWriter};
use decnet_realism::persona::{Persona, parse_personas_text};
use decnet_realism::writer::{Brief, Occasion};

use crate::commands::findings::Findings;
use crate::config::Settings;
use crate::environment;
use crate::output::shortened;

/// Has a mail written between two invented people.
pub(super) async fn mail(
    settings: &Settings,
    backend: Box<dyn LlmBackend>,
    findings: &mut Findings,
) {
    let people = parse_personas_text(PEOPLE, "en").personas;
    let [sender, recipient]: &[Persona; 2] = match people.as_slice().try_into() {
        Ok(two) => two,
        Err(_) => return,
    };
    let written_at: DateTime<FixedOffset> = environment::now().fixed_offset();
    let brief = Brief {
        sender,
        recipient,
        language: "en",
        written_at,
        occasion: Occasion::NewThread {
            topic: "the copier contract",
        },
        knowledge: Knowledge::NONE,
    };
    let writer = LlmWriter::new(backend, settings.llm.writer_settings());
    let attempts = writer.attempts(&brief, environment::random()).await;
    let count = attempts.len();
    match attempts.last() {
        Some(Attempt {
            reading: Some(Ok(mail)),
            ..
        }) => {
            let what = format!(
                "{:?}: {:?}, at try {count}",
                mail.subject,
                shortened(&mail.body, 160)
            );
            findings.good("sample mail", what);
        }
        Some(Attempt {
            reading: Some(Err(problems)),
            ..
        }) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            findings.warning(
                "sample mail",
                format!("cannot be sent: {}", problems.join(", ")),
                "ticks write offline when this happens; `decnet llm try` shows the text; a larger model, or llm.format = \"grammar\" on llama.cpp, helps",
            );
        }
        Some(Attempt {
            answer: Err(error), ..
        }) => findings.problem(
            "sample mail",
            error.to_string(),
            "`decnet llm try` shows what was asked",
        ),
        _ => {}
    }
}

const PEOPLE: &str = r#"[
    {"name": "Laura Bennett", "email": "laura@corp.example", "role": "Office manager", "tone": "direct"},
    {"name": "Tom Oakley", "email": "tom@corp.example", "role": "Buyer", "tone": "casual"}
]"#;
