//! `decnet sessions status | processors | usage | records | quarantine`

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use decnet_session_pipeline::ledger::{Quarantined, RecordedRun, SessionLedger, StoredRecord};
use decnet_session_pipeline::processor::Processor;
use decnet_session_pipeline::processors::usage::{UsageBy, UsageReport, UsageRow};
use decnet_session_pipeline::source::SourceKind;
use serde_json::{Value, json};

use crate::arguments::{RecordArguments, UsageArguments, UsageByArgument};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, say, say_json, shortened, table};
use crate::processors::registry;
use crate::sessions::overdue;
use crate::wiring::open_store;

/// How each processor is doing, and how much was read.
pub(crate) fn status(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let registry = registry(&settings)?;
    let mut store = open_store(&settings, false)?;
    let logs = store.log_counts()?;
    let quarantined = store.quarantined()?;
    let late = overdue(&mut store, &registry, environment::now())?;
    let mut processors = Vec::new();
    for entry in registry.entries() {
        let last = store.runs(&entry.name, 1)?.into_iter().next();
        processors.push(ProcessorStatus {
            name: entry.name.clone(),
            last,
            records: store.record_counts(&entry.name)?,
            quarantined: quarantined
                .iter()
                .filter(|q| q.processor == entry.name)
                .count(),
            is_overdue: late.iter().any(|overdue| overdue.name == entry.name),
        });
    }
    if json {
        let logs: Vec<Value> = logs
            .iter()
            .map(|(kind, count)| json!({ "kind": kind.name(), "logs": count }))
            .collect();
        let records = processors.iter().flat_map(|of| {
            let name = &of.name;
            of.records.iter().map(
                move |(kind, count)| json!({ "processor": name, "kind": kind, "records": count }),
            )
        });
        let records: Vec<Value> = records.collect();
        say_json(&json!({
            "processors": processors.iter().map(ProcessorStatus::to_json).collect::<Vec<_>>(),
            "logs": logs,
            "records": records,
        }));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = processors.iter().map(ProcessorStatus::row).collect();
    let heading = ["processor", "last run", "result", "records", "quarantined"];
    say(&table(&heading, &rows));
    for (kind, count) in &logs {
        say(&format!("logs of kind {}: {count}", kind.name()));
    }
    if logs.is_empty() {
        say("no log was read yet: decnet sessions tick");
    }
    Ok(())
}

struct ProcessorStatus {
    name: String,
    last: Option<RecordedRun>,
    /// How many of each kind.
    records: Vec<(String, u64)>,
    quarantined: usize,
    is_overdue: bool,
}

impl ProcessorStatus {
    fn record_count(&self) -> u64 {
        self.records.iter().map(|(_, count)| count).sum()
    }

    fn result(&self) -> String {
        let late = if self.is_overdue { ", overdue" } else { "" };
        let Some(run) = &self.last else {
            return "never ran".to_owned();
        };
        let counts = &run.report.counts;
        match (run.ended_at, &run.report.unavailable) {
            (None, _) => format!("runs, or was killed: {}{late}", one_line(&run.started_by)),
            (Some(_), Some(why)) => format!("{}{late}", shortened(why, 60)),
            (Some(_), None) => format!(
                "processed {}, errors {}, left {}{late}",
                counts.processed, counts.errors, counts.capped
            ),
        }
    }

    fn row(&self) -> Vec<String> {
        let last = self.last.as_ref();
        vec![
            self.name.clone(),
            last.map_or_else(
                || "never".to_owned(),
                |run| time(run.ended_at.unwrap_or(run.started_at)),
            ),
            self.result(),
            self.record_count().to_string(),
            self.quarantined.to_string(),
        ]
    }

    fn to_json(&self) -> Value {
        let run = self.last.as_ref().map(|run| {
            let mut value = json!(run.report.counts);
            value["started_by"] = json!(run.started_by);
            value["started_at"] = json!(run.started_at);
            value["ended_at"] = json!(run.ended_at);
            value["version"] = json!(run.version);
            value["details"] = json!(run.report.details);
            value["unavailable"] = json!(run.report.unavailable);
            value
        });
        json!({
            "processor": self.name,
            "last_run": run,
            "records": self.record_count(),
            "quarantined": self.quarantined,
            "overdue": self.is_overdue,
        })
    }
}

/// The processors there are, and what keeps one from running.
pub(crate) fn processors(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let registry = registry(&settings)?;
    let built: Vec<_> = registry
        .entries()
        .iter()
        .map(|entry| (entry, registry.build(&entry.name)))
        .collect();
    let reads = |processor: &Arc<dyn Processor>| -> Vec<&'static str> {
        processor
            .reads()
            .iter()
            .copied()
            .map(SourceKind::name)
            .collect()
    };
    if json {
        let values: Vec<Value> = built
            .iter()
            .map(|(entry, built)| {
                json!({
                    "processor": entry.name,
                    "about": entry.about,
                    "cadence_seconds": entry.cadence.every.as_secs(),
                    "available": built.is_ok(),
                    "version": built.as_ref().ok().map(|processor| processor.version()),
                    "reads": built.as_ref().ok().map(reads),
                    "reason": built.as_ref().err().map(ToString::to_string),
                })
            })
            .collect();
        say_json(&values);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = built
        .iter()
        .map(|(entry, built)| {
            vec![
                entry.name.clone(),
                humantime::format_duration(entry.cadence.every).to_string(),
                built
                    .as_ref()
                    .map_or_else(|_| "-".to_owned(), |p| reads(p).join(", ")),
                entry.about.clone(),
            ]
        })
        .collect();
    say(&table(&["processor", "every", "reads", "about"], &rows));
    for (_, built) in &built {
        if let Err(error) = built {
            say(&one_line(&error.to_string()));
        }
    }
    Ok(())
}

/// Usage, added up.
pub(crate) fn usage(flags: &Flags, arguments: &UsageArguments) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    let (by, name) = match arguments.by {
        UsageByArgument::Day => (UsageBy::Day, "day"),
        UsageByArgument::User => (UsageBy::User, "user"),
        UsageByArgument::Model => (UsageBy::Model, "model"),
        UsageByArgument::Tool => (UsageBy::Tool, "tool"),
    };
    let report = UsageReport::read(&mut store, by)?;
    if arguments.json {
        say_json(&json!({ "by": name, "rows": report.rows, "total": report.total }));
        return Ok(());
    }
    if report.rows.is_empty() {
        say("no usage is recorded yet: decnet sessions tick");
        return Ok(());
    }
    // What a tool costs is not in the log.
    let has_tokens = by != UsageBy::Tool;
    let row = |usage: &UsageRow| {
        let mut row = vec![one_line(&usage.name)];
        if has_tokens {
            row.extend([
                usage.messages.to_string(),
                usage.input_tokens.to_string(),
                usage.output_tokens.to_string(),
                usage.cache_read_tokens.to_string(),
                usage.cache_creation_tokens.to_string(),
            ]);
        }
        row.extend([usage.events.to_string(), usage.errors.to_string()]);
        row
    };
    let mut heading = vec![name];
    if has_tokens {
        heading.extend(["messages", "input", "output", "cache read", "cache written"]);
    }
    heading.extend(["events", "errors"]);
    let rows: Vec<Vec<String>> = report.rows.iter().chain([&report.total]).map(row).collect();
    say(&table(&heading, &rows));
    Ok(())
}

/// What a processor recorded, one line of JSON each.
pub(crate) fn records(flags: &Flags, arguments: &RecordArguments) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let registry = registry(&settings)?;
    let name = &registry.entry(&arguments.processor)?.name;
    let mut store = open_store(&settings, false)?;
    if let Some(kind) = &arguments.kind {
        store.for_each_record(name, kind, &mut |record| say(&line(&record)))?;
        return Ok(());
    }
    for (kind, _) in store.record_counts(name)? {
        store.for_each_record(name, &kind, &mut |record| say(&line(&record)))?;
    }
    Ok(())
}

/// A record as one line of JSON. What JSON leaves as it is cannot drive a terminal: control
/// characters are escaped.
fn line(record: &StoredRecord) -> String {
    let body: Value = serde_json::from_str(&record.body).unwrap_or(Value::Null);

    one_line(
        &json!({
            "log": format!("{}/{}", record.log.source, record.log.key),
            "kind": record.kind,
            "id": record.id.to_hex(),
            "user": record.log.user,
            "decky": record.log.decky,
            "occurred_at": record.occurred_at,
            "record": body,
        })
        .to_string(),
    )
}

/// Logs that were set aside.
pub(crate) fn quarantine(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    let quarantined = store.quarantined()?;
    if json {
        let values: Vec<Value> = quarantined
            .iter()
            .map(|of| {
                json!({
                    "key": key(of),
                    "processor": of.processor,
                    "since": of.since,
                    "tries": of.failures,
                    "error": of.last_error,
                })
            })
            .collect();
        say_json(&values);
        return Ok(());
    }
    if quarantined.is_empty() {
        say("nothing is in quarantine");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = quarantined
        .iter()
        .map(|of| {
            vec![
                one_line(&key(of)),
                of.processor.clone(),
                time(of.since),
                of.failures.to_string(),
                shortened(&of.last_error, 70),
            ]
        })
        .collect();
    say(&table(
        &["key", "processor", "since", "tries", "last error"],
        &rows,
    ));
    Ok(())
}

/// Makes a log due again.
pub(crate) fn replay(
    flags: &Flags,
    wanted: &str,
    processor: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    let quarantined = store.quarantined()?;
    let mut matching: Vec<&Quarantined> =
        quarantined.iter().filter(|of| key(of) == wanted).collect();
    if matching.is_empty() {
        matching = quarantined
            .iter()
            .filter(|of| of.log.key == wanted || one_line(&key(of)) == wanted)
            .collect();
    }
    let Some(first) = matching.first() else {
        let what = format!(
            "{wanted:?} is not in quarantine; `decnet sessions quarantine list` shows what is"
        );
        return Err(Failure::new(Kind::BadInput, what));
    };
    if matching.iter().any(|of| of.log.source != first.log.source) {
        let keys: Vec<String> = matching.iter().map(|of| key(of)).collect();
        let what = format!("{wanted:?} may be {}", keys.join(" or "));
        return Err(Failure::new(Kind::BadInput, what));
    }
    let (source, log) = (&first.log.source, &first.log.key);
    let replayed = store.replay(source, log, processor)?;
    if replayed == 0 {
        let what = format!(
            "{wanted:?} is not in quarantine for {}",
            processor.unwrap_or("any processor")
        );
        return Err(Failure::new(Kind::BadInput, what));
    }
    if json {
        say_json(&json!({ "key": key(first), "replayed": replayed }));
    } else {
        say(&format!(
            "{} is read again by the next run",
            one_line(&key(first))
        ));
    }
    Ok(())
}

fn key(of: &Quarantined) -> String {
    format!("{}/{}", of.log.source, of.log.key)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
