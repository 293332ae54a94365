//! `decnet jobs`

use chrono::{DateTime, Utc};
use decnet_background::job::{JobId, JobRecord, JobState};
use decnet_background::ledger::{JobFilter, JobLedger};
use decnet_store::Store;
use serde_json::{Value, json};

use crate::arguments::JobListArguments;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, safe_text, say, say_json, shortened, table};
use crate::wiring::open_store;

/// Lists jobs, the last first.
pub(crate) fn list(flags: &Flags, arguments: &JobListArguments) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let jobs = store.jobs(&JobFilter {
        kind: arguments.kind.clone(),
        state: arguments.state.as_deref().and_then(JobState::parse),
        limit: arguments.limit,
    })?;
    if arguments.json {
        say_json(&jobs);
    } else if jobs.is_empty() {
        say("no jobs");
    } else {
        let rows: Vec<Vec<String>> = jobs.iter().map(row).collect();
        let heading = ["id", "kind", "cause", "state", "when", "failures", "error"];
        say(&table(&heading, &rows));
    }
    Ok(())
}

fn row(job: &JobRecord) -> Vec<String> {
    vec![
        job.id.0.to_string(),
        shortened(&job.kind, 30),
        shortened(&job.cause, 40),
        job.state.to_string(),
        when(job),
        job.failures.to_string(),
        shortened(job.error.as_deref().unwrap_or_default(), 60),
    ]
}

/// When a job is due, or was over.
fn when(job: &JobRecord) -> String {
    match (job.state, job.due_at, job.settled_at) {
        (JobState::Waiting, Some(at), _) => format!("due {}", moment(at)),
        (JobState::Waiting, None, _) => "due now".to_owned(),
        (JobState::Running, Some(at), _) => format!("leased until {}", moment(at)),
        (_, _, Some(at)) => moment(at),
        (_, _, None) => moment(job.enqueued_at),
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%a %Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Shows one.
pub(crate) fn show(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let job = find(&mut store, id)?;
    if json {
        say_json(&job);
        return Ok(());
    }
    let mut lines = vec![
        format!("job       {}, {}", job.id.0, job.state),
        format!("kind      {}", one_line(&job.kind)),
        format!("cause     {}", one_line(&job.cause)),
        format!("enqueued  {}", moment(job.enqueued_at)),
        format!("when      {}", when(&job)),
        format!(
            "tries     {} failed, claimed {} times",
            job.failures, job.token
        ),
    ];
    if job.priority != 0 {
        lines.push(format!("priority  {}", job.priority));
    }
    if let Some(error) = &job.error {
        lines.push(format!("error     {}", one_line(error)));
    }
    if job.payload != Value::Null {
        let payload = serde_json::to_string_pretty(&job.payload).unwrap_or_default();
        lines.push(format!("payload   {}", safe_text(&payload)));
    }
    say(&lines.join("\n"));
    Ok(())
}

/// Has one tried again.
pub(crate) fn retry(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    if store.retry(JobId(id), environment::now())? {
        tell(id, "is tried again", JobState::Waiting, json);
        return Ok(());
    }
    let job = find(&mut store, id)?;
    let what = "only dead and discarded jobs can be tried again";
    Err(Failure::new(
        Kind::BadInput,
        format!("job {id} is {}; {what}", job.state),
    ))
}

/// Gives one up.
pub(crate) fn discard(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    if store.discard(JobId(id), "discarded by hand", environment::now())? {
        tell(id, "is given up", JobState::Discarded, json);
        return Ok(());
    }
    let job = find(&mut store, id)?;
    let what = "only waiting and dead jobs can be given up";
    Err(Failure::new(
        Kind::BadInput,
        format!("job {id} is {}; {what}", job.state),
    ))
}

fn find(store: &mut Store, id: i64) -> Result<JobRecord, Failure> {
    store.job(JobId(id))?.ok_or_else(|| {
        let what = format!("there is no job {id}; `decnet jobs list` has the numbers");
        Failure::new(Kind::BadInput, what)
    })
}

fn tell(id: i64, what: &str, state: JobState, json: bool) {
    if json {
        say_json(&json!({ "id": id, "state": state }));
    } else {
        say(&format!("job {id} {what}"));
    }
}
