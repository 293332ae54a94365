//! `decnet sessions facts`

use decnet_session_pipeline::ledger::SessionLedger;
use decnet_session_pipeline::processors::verification::Verification;
use decnet_session_pipeline::processors::verification::evidence::{EVIDENCE, Evidence};
use decnet_session_pipeline::processors::verification::facts::{Fact, merge};
use serde_json::json;

use crate::config::{Flags, Settings};
use crate::failure::Failure;
use crate::output::{one_line, say, say_json, shortened, table};
use crate::wiring::open_store;

/// What the evidence of all sessions comes to.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    let mut evidence = Vec::new();
    store.for_each_record(
        Verification::NAME,
        EVIDENCE,
        &mut |record| match Evidence::from_body(&record.body) {
            Ok(one) => evidence.push(one),
            Err(error) => tracing::warn!(%error, id = %record.id, "evidence of another version"),
        },
    )?;
    let facts = merge(evidence);
    if json {
        let values: Vec<_> = facts
            .iter()
            .map(|fact| {
                json!({
                    "id": fact.id.to_hex(),
                    "user": fact.user,
                    "subject": fact.subject,
                    "attribute": fact.attribute,
                    "value": fact.value,
                    "confidence": fact.confidence,
                    "evidence": fact.evidence.iter().map(|id| id.to_hex()).collect::<Vec<_>>(),
                    "against": fact.against.iter().map(|id| id.to_hex()).collect::<Vec<_>>(),
                    "first_said": fact.said.map(|(first, _)| first),
                    "last_said": fact.said.map(|(_, last)| last),
                    "superseded_by": fact.superseded_by.map(|id| id.to_hex()),
                    "disputed": fact.disputed,
                })
            })
            .collect();
        say_json(&values);
        return Ok(());
    }
    if facts.is_empty() {
        say(
            "no fact was confirmed or corrected yet; it takes a language model and `decnet sessions tick`",
        );
        return Ok(());
    }
    let rows: Vec<Vec<String>> = facts.iter().map(row).collect();
    let heading = [
        "user",
        "subject",
        "attribute",
        "value",
        "confidence",
        "evidence",
        "standing",
    ];
    say(&table(&heading, &rows));
    Ok(())
}

fn row(fact: &Fact) -> Vec<String> {
    let standing = match (&fact.superseded_by, fact.disputed) {
        (Some(_), _) => "corrected",
        (None, true) => "disputed",
        (None, false) => "stands",
    };
    vec![
        one_line(fact.user.as_deref().unwrap_or("unknown")),
        shortened(&fact.subject, 30),
        shortened(&fact.attribute, 30),
        shortened(&fact.value, 40),
        format!("{:.2}", fact.confidence),
        fact.evidence.len().to_string(),
        standing.to_owned(),
    ]
}
