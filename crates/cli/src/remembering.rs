//! Delivered mail becomes memories: the jobs that see to it.
//!
//! ```text
//! mail is delivered ─► memory.remember ─► a memory for its author and one for each reader
//!                                             └─► memory.score ─► how much it matters
//! ```
//!
//! The first job is written in the transaction that records the delivery, the second kind in the one
//! that settles the first. Memories and scores carry causes that are unique for ever, so doing a job
//! twice changes nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use decnet_background::handler::{JobHandler, Outcome};
use decnet_background::job::{ClaimedJob, Enqueued, NewJob};
use decnet_background::ledger::JobLedger;
use decnet_emailgen::correspondence::{
    Correspondence, CorrespondenceLedger, MAIL_COPIED, mail_cause, memory_cause,
};
use decnet_emailgen::ledger::{FollowUp, MailId};
use decnet_emailgen::record::MailRecord;
use decnet_memory::canon::{CanonEntry, CanonKind, CanonLedger};
use decnet_memory::entities::{Entity, KnownName, extract};
use decnet_memory::ledger::{Judgement, MemoryLedger, MemoryLedgerError, Written};
use decnet_memory::memory::{
    Facts, Kind, MemoryId, NewMemory, Speaker, UTTERANCES_MAX, Utterance, Words,
};
use decnet_memory::significance::rules::{RuleScorer, by_rules};
use decnet_memory::significance::{Score, Scorer, Scoring};
use decnet_store::Store;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Settings;
use crate::environment;
use crate::failure::Failure;
use crate::own_store::OwnStore;
use crate::wiring::open_store;

/// The kind of job that makes memories of a mail. Its payload is `{"mail": 17}`.
pub(crate) const REMEMBER: &str = "memory.remember";
/// The kind of job that scores one. Its payload is `{"memory": 4711}`.
pub(crate) const SCORE: &str = "memory.score";
/// The kind of job that takes a snapshot of all of them. It has no payload.
const SNAPSHOT: &str = "memory.snapshot";

/// Jobs of a kind that are claimed and settled together where none has to wait.
const SIDE_BY_SIDE: usize = 16;
/// A model that failed so often for one memory is not asked for it again.
const MOST_FAILURES: u32 = 5;
/// How long a snapshot may take.
const SNAPSHOT_TIME: Duration = Duration::from_secs(3_600);

/// What has to be done because a mail was delivered. A draft has reached nobody.
pub(crate) fn follow_ups(settings: &Settings, record: &MailRecord) -> Vec<FollowUp> {
    let is_wanted = settings.memory.enabled.value && settings.run.enabled.value;
    if !is_wanted || record.draft.is_some() {
        return Vec::new();
    }
    vec![FollowUp {
        kind: REMEMBER.to_owned(),
        payload: json!({ "mail": record.mail }),
        cause: mail_cause(record.mail),
    }]
}

/// A job that failed for now.
fn again(why: impl ToString) -> Outcome {
    Outcome::Retry {
        why: why.to_string(),
        after: None,
    }
}

fn discard(why: impl ToString) -> Outcome {
    Outcome::Discard {
        why: why.to_string(),
    }
}

/// Makes memories of a mail.
pub(crate) struct Remember(OwnStore);

impl Remember {
    /// With these settings.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self(OwnStore::new(settings))
    }
}

#[async_trait]
impl JobHandler for Remember {
    fn kind(&self) -> &str {
        REMEMBER
    }

    async fn handle(&self, job: &ClaimedJob) -> Outcome {
        #[derive(Deserialize)]
        struct Payload {
            mail: MailId,
        }
        let Payload { mail } = match Payload::deserialize(&job.payload) {
            Ok(payload) => payload,
            Err(error) => return discard(format!("its payload names no mail: {error}")),
        };
        self.0
            .with(|store| remember(store, mail))
            .unwrap_or_else(again)
    }

    fn side_by_side(&self) -> usize {
        SIDE_BY_SIDE
    }
}

fn remember(store: &mut Store, mail: MailId) -> Result<Outcome, Failure> {
    let Some(told) = store.correspondence(mail, UTTERANCES_MAX)? else {
        let why = format!("there is no mail {} any more that was delivered", mail.0);
        return Ok(discard(why));
    };
    if told.is_draft {
        return Ok(discard(format!("mail {} is a draft", mail.0)));
    }
    // The names of a mail are those of one of the two who write to each other.
    let reader = told.recipients.first().map(|(who, _)| &who.address);
    let addresses = std::iter::once(&told.author.address).chain(reader);
    let mut companies: Vec<&str> = addresses.map(|address| company(address)).collect();
    companies.dedup();
    let mut canon = Vec::new();
    for kind in [CanonKind::Project, CanonKind::Vendor, CanonKind::Customer] {
        for company in &companies {
            canon.extend(store.canon_list(Some(company), Some(kind))?);
        }
    }
    let written = match store.write(&memories_of(&told, &canon), environment::now()) {
        Ok(written) => written,
        Err(error @ MemoryLedgerError::Malformed(_)) => return Ok(discard(error)),
        Err(error) => return Err(error.into()),
    };
    let mut to_score = Vec::new();
    for memory in written {
        let is_scored = match memory {
            Written::New(_) => false,
            Written::Known(id) => {
                let known = store.show(id)?;
                known.is_none_or(|memory| memory.significance.is_some())
            }
        };
        if !is_scored {
            to_score.push(score_job(memory.id()));
        }
    }
    Ok(Outcome::Done(to_score))
}

fn score_job(memory: MemoryId) -> NewJob {
    NewJob::new(
        SCORE,
        format!("memory:{memory}"),
        json!({ "memory": memory }),
    )
}

/// What everybody in a mail will remember of it: its author first.
fn memories_of(told: &Correspondence, canon: &[CanonEntry]) -> Vec<NewMemory> {
    let happened_at = told.sent_at.to_utc();
    let words = Words {
        narrative: format!("{}\n{}", told.subject, told.new_text),
        dialogue: Vec::new(),
    };
    // Only what is kept of a long mail is looked through.
    let narrative = words.bounded().narrative;
    let known: Vec<KnownName<'_>> = canon.iter().flat_map(CanonEntry::known_names).collect();
    let mut entities = vec![Entity::from(format!("topic:{}", told.topic))];
    entities.extend(extract(&narrative, &known, happened_at));
    let author = told.author.address.to_lowercase();
    let mut readers: Vec<String> = Vec::new();
    for (reader, _) in &told.recipients {
        let reader = reader.address.to_lowercase();
        if reader != author && !readers.contains(&reader) {
            readers.push(reader);
        }
    }
    let memory = |owner: &str, other: Option<&String>, kind| NewMemory {
        cause: memory_cause(told.id, owner),
        facts: Facts {
            owner: owner.to_owned(),
            other: other.cloned(),
            thread: Some(format!("thread:{}", told.thread.0)),
            kind,
            happened_at,
            entities: entities.clone(),
        },
        words: Words {
            narrative: narrative.clone(),
            dialogue: dialogue(told, owner),
        },
    };
    let of_author = memory(&author, readers.first(), Kind::MailSent);
    let of_readers = readers.iter().enumerate().map(|(place, reader)| {
        let kind = match place {
            0 => Kind::MailReceived,
            _ => Kind::Other(MAIL_COPIED.to_owned()),
        };
        memory(reader, Some(&author), kind)
    });
    std::iter::once(of_author).chain(of_readers).collect()
}

/// What was said before, as `owner` has it.
fn dialogue(told: &Correspondence, owner: &str) -> Vec<Utterance> {
    let said = told.earlier.iter().map(|mail| Utterance {
        by: match mail.author.to_lowercase() == owner {
            true => Speaker::Owner,
            false => Speaker::Other,
        },
        text: mail.new_text.clone(),
    });
    said.collect()
}

/// The company of an address: its domain.
fn company(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Says how much a memory matters.
pub(crate) struct ScoreMemory {
    store: OwnStore,
    /// Who is asked first; `None` leaves it to the rules.
    model: Option<Box<dyn Scorer>>,
    /// Failures of the model after which the rules score.
    most_failures: u32,
    most_time: Duration,
    side_by_side: usize,
}

impl ScoreMemory {
    /// With these settings, and the model that they ask for.
    pub(crate) fn new(settings: Arc<Settings>, model: Option<Box<dyn Scorer>>) -> Self {
        let (most_time, side_by_side) = match &model {
            // It may be asked twice; and the server has so many slots.
            Some(_) => (
                settings
                    .llm
                    .timeout
                    .value
                    .saturating_mul(2)
                    .saturating_add(Duration::from_secs(60)),
                usize::try_from(settings.llm.slots.value).unwrap_or(1),
            ),
            None => (Duration::from_secs(60), SIDE_BY_SIDE),
        };
        Self {
            // The last try is not lost to a model that fails.
            most_failures: settings.run.tries.value.min(MOST_FAILURES),
            store: OwnStore::new(settings),
            model,
            most_time,
            side_by_side,
        }
    }

    /// A score, and who gave it; or why it is to be tried again, after so many failures.
    async fn score(&self, scoring: &Scoring, failures: u32) -> Result<(String, Score), String> {
        if let Some(model) = &self.model {
            match model.score(scoring).await {
                Ok(score) => return Ok((model.name().to_owned(), score)),
                Err(error)
                    if error.is_transient() && failures.saturating_add(1) < self.most_failures =>
                {
                    return Err(error.to_string());
                }
                Err(error) => {
                    tracing::info!(memory = scoring.memory.0, %error, "the rules score a memory");
                }
            }
        }
        Ok((RuleScorer.name().to_owned(), by_rules(scoring)))
    }
}

#[async_trait]
impl JobHandler for ScoreMemory {
    fn kind(&self) -> &str {
        SCORE
    }

    async fn handle(&self, job: &ClaimedJob) -> Outcome {
        #[derive(Deserialize)]
        struct Payload {
            memory: MemoryId,
        }
        let Payload { memory } = match Payload::deserialize(&job.payload) {
            Ok(payload) => payload,
            Err(error) => return discard(format!("its payload names no memory: {error}")),
        };
        let scoring = match self.store.with(|store| Ok(store.scoring(memory)?)) {
            Ok(Some(scoring)) => scoring,
            Ok(None) => return discard(format!("there is no memory {memory}")),
            Err(failure) => return again(failure),
        };
        let (scorer, score) = match self.score(&scoring, job.failures).await {
            Ok(scored) => scored,
            Err(why) => return again(why),
        };
        let judgement = Judgement {
            memory,
            score,
            scorer,
            cause: job.cause.clone(),
        };
        let kept = self
            .store
            .with(|store| Ok(store.set_significance(&judgement, environment::now())?));
        match kept {
            Ok(_) => Outcome::done(),
            Err(failure) => again(failure),
        }
    }

    fn most_time(&self) -> Duration {
        self.most_time
    }

    fn side_by_side(&self) -> usize {
        self.side_by_side
    }
}

/// Enqueues a snapshot of all memories, if the newest one is old enough and something has happened
/// since. Answers whether it did.
pub(crate) fn enqueue_snapshot(
    store: &mut Store,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    if !settings.memory.enabled.value {
        return Ok(false);
    }
    let every = settings.memory.snapshot_every.value;
    let newest = store.snapshots()?.into_iter().next();
    if let Some(newest) = &newest {
        // One of the future is left by a clock that was put back: it is as old as it is far off.
        let age = (now - newest.taken_at).abs();
        if age.to_std().unwrap_or_default() < every {
            return Ok(false);
        }
    }
    let last_entry = newest.map_or(0, |newest| newest.last_entry);
    if store.log(last_entry, 1)?.is_empty() {
        return Ok(false);
    }
    // Once in each span of this length: if it fails for good, the next span brings another.
    let length = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let begun = now
        .timestamp_millis()
        .div_euclid(length)
        .saturating_mul(length);
    let begun = DateTime::from_timestamp_millis(begun).unwrap_or(now);
    let job = NewJob::new(SNAPSHOT, begun.to_rfc3339(), Value::Null);
    let enqueued = store.enqueue(&[job], now)?;
    Ok(matches!(enqueued.first(), Some(Enqueued::New(_))))
}

/// Takes a snapshot of all memories.
pub(crate) struct Snapshot {
    settings: Arc<Settings>,
}

impl Snapshot {
    /// With these settings.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }
}

#[async_trait]
impl JobHandler for Snapshot {
    fn kind(&self) -> &str {
        SNAPSHOT
    }

    async fn handle(&self, _job: &ClaimedJob) -> Outcome {
        let settings = Arc::clone(&self.settings);
        // It reads all of the log, and keeps its thread busy.
        let work = tokio::task::spawn_blocking(move || {
            let kept = settings.memory.snapshots_kept.value;
            let mut store = open_store(&settings, false)?;
            Ok::<_, Failure>(store.snapshot(environment::now(), kept)?)
        });
        match work.await {
            Ok(Ok(taken)) => {
                tracing::info!(memories = taken.memories, bytes = taken.bytes, "snapshot");
                Outcome::done()
            }
            Ok(Err(failure)) => again(failure),
            Err(error) => again(error),
        }
    }

    fn most_time(&self) -> Duration {
        SNAPSHOT_TIME
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use chrono::TimeDelta;
    use decnet_background::job::JobId;
    use decnet_emailgen::correspondence::EarlierMail;
    use decnet_emailgen::ledger::{Party, PersonaId, RecipientField};
    use decnet_memory::canon::{CanonId, CanonKind};
    use decnet_memory::ledger::MemoryFilter;
    use decnet_memory::significance::ScorerError;
    use tempfile::TempDir;

    use super::*;
    use crate::config::Flags;

    fn party(name: &str) -> Party {
        Party {
            id: PersonaId(1),
            name: name.to_owned(),
            address: format!("{name}@Corp.example"),
        }
    }

    fn told() -> Correspondence {
        let sent_at = DateTime::UNIX_EPOCH.fixed_offset();
        let earlier = |author: &str, text: &str| EarlierMail {
            author: format!("{author}@Corp.example"),
            new_text: text.to_owned(),
            sent_at,
        };
        Correspondence {
            id: MailId(17),
            thread: MailId(9),
            author: party("Ana"),
            recipients: vec![
                (party("Tom"), RecipientField::To),
                (party("Ana"), RecipientField::To),
                (party("Zoe"), RecipientField::Cc),
                (party("tom"), RecipientField::Cc),
            ],
            subject: "RE: paper".to_owned(),
            new_text: "The old acme wants 400 EUR.".to_owned(),
            topic: "Office supplies".to_owned(),
            language: "en".to_owned(),
            sent_at,
            is_draft: false,
            earlier: vec![earlier("Ana", "first"), earlier("Tom", "second")],
        }
    }

    #[test]
    fn everybody_in_a_mail_remembers_it_in_their_own_way() {
        let acme = CanonEntry {
            id: CanonId(1),
            company: "corp.example".to_owned(),
            kind: CanonKind::Vendor,
            role: "office-supplies".to_owned(),
            name: "Acme Paper".to_owned(),
            details: String::new(),
            aliases: vec!["the old acme".to_owned()],
            made_at: DateTime::UNIX_EPOCH,
        };
        let memories = memories_of(&told(), &[acme]);
        let seen: Vec<_> = memories
            .iter()
            .map(|memory| {
                let facts = &memory.facts;
                (
                    memory.cause.as_str(),
                    facts.owner.as_str(),
                    facts.other.as_deref().unwrap_or_default(),
                    facts.kind.name(),
                )
            })
            .collect();
        let [ana, tom, zoe] = ["ana@corp.example", "tom@corp.example", "zoe@corp.example"];
        assert_eq!(
            seen,
            [
                ("mail:17/ana@corp.example", ana, tom, "mail-sent"),
                ("mail:17/tom@corp.example", tom, ana, "mail-received"),
                ("mail:17/zoe@corp.example", zoe, ana, "mail-copied"),
            ]
        );
        let speakers: Vec<Vec<Speaker>> = memories
            .iter()
            .map(|memory| memory.words.dialogue.iter().map(|said| said.by).collect())
            .collect();
        let (owner, other) = (Speaker::Owner, Speaker::Other);
        assert_eq!(
            speakers,
            [vec![owner, other], vec![other, owner], vec![other, other]]
        );
        for memory in &memories {
            assert_eq!(memory.facts.thread.as_deref(), Some("thread:9"));
            assert_eq!(
                memory.words.narrative,
                "RE: paper\nThe old acme wants 400 EUR."
            );
            let entities: Vec<String> = memory
                .facts
                .entities
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(entities[..2], ["topic:Office supplies", "name:acme paper"]);
            assert!(memory.prepared().is_ok());
        }
    }

    /// A scorer that fails, and counts how often it was asked.
    struct Failing {
        error: ScorerError,
        asked: Arc<AtomicU32>,
    }

    #[async_trait]
    impl Scorer for Failing {
        fn name(&self) -> &str {
            "llm:failing"
        }

        async fn score(&self, _scoring: &Scoring) -> Result<Score, ScorerError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Err(self.error.clone())
        }
    }

    fn settings(folder: &TempDir, text: &str) -> Arc<Settings> {
        let config = folder.path().join("decnet.toml");
        std::fs::write(&config, text).unwrap();
        let settings = Settings::load(&Flags {
            config: Some(config),
            state_dir: Some(folder.path().to_owned()),
            ..Flags::default()
        });
        Arc::new(settings.unwrap())
    }

    fn memory(cause: &str) -> NewMemory {
        NewMemory {
            cause: cause.to_owned(),
            ..memories_of(&told(), &[]).remove(0)
        }
    }

    fn claimed(payload: Value, failures: u32) -> ClaimedJob {
        ClaimedJob {
            id: JobId(1),
            kind: SCORE.to_owned(),
            cause: "memory:1".to_owned(),
            payload,
            token: 1,
            failures,
            enqueued_at: DateTime::UNIX_EPOCH,
        }
    }

    /// How often a model that fails is asked until a memory has a score of the rules.
    fn asked_until_the_rules_score(config: &str, error: ScorerError) -> u32 {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, config);
        let mut store = open_store(&settings, true).unwrap();
        let id = store
            .write(&[memory("a")], DateTime::UNIX_EPOCH)
            .unwrap()
            .remove(0)
            .id();
        let asked = Arc::new(AtomicU32::new(0));
        let failing = Failing {
            error,
            asked: Arc::clone(&asked),
        };
        let handler = ScoreMemory::new(settings, Some(Box::new(failing)));
        let runtime = crate::wiring::runtime().ok().unwrap();
        for failures in 0.. {
            let job = claimed(json!({ "memory": id }), failures);
            match runtime.block_on(handler.handle(&job)) {
                Outcome::Retry { .. } => {}
                outcome => {
                    assert_eq!(outcome, Outcome::done());
                    break;
                }
            }
            let unscored = store.show(id).unwrap().unwrap().significance;
            assert_eq!(unscored, None);
        }
        let significance = store.show(id).unwrap().unwrap().significance.unwrap();
        assert_eq!(significance.scorer, "rules");
        // Once more, as after a crash: nothing changes.
        let job = claimed(json!({ "memory": id }), 9);
        assert_eq!(runtime.block_on(handler.handle(&job)), Outcome::done());
        let entries = MemoryLedger::log(&mut store, 0, 100).unwrap();
        assert_eq!(entries.len(), 2);
        asked.load(Ordering::Relaxed) - 1
    }

    #[test]
    fn nothing_stays_without_a_score() {
        let detail = || "no".to_owned();
        let unavailable = || ScorerError::Unavailable { detail: detail() };
        let malformed = ScorerError::Malformed { detail: detail() };
        let refused = ScorerError::Refused { detail: detail() };
        assert_eq!(asked_until_the_rules_score("", unavailable()), 5);
        assert_eq!(asked_until_the_rules_score("", malformed), 5);
        assert_eq!(asked_until_the_rules_score("", refused), 1);
        let few = "[worker]\ntries = 2\n";
        assert_eq!(asked_until_the_rules_score(few, unavailable()), 2);
    }

    #[test]
    fn what_makes_no_sense_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, "");
        open_store(&settings, true).unwrap();
        let runtime = crate::wiring::runtime().ok().unwrap();
        let remember = Remember::new(Arc::clone(&settings));
        let score = ScoreMemory::new(settings, None);
        let why = |handler: &dyn JobHandler, payload| match runtime
            .block_on(handler.handle(&claimed(payload, 0)))
        {
            Outcome::Discard { why } => why,
            outcome => panic!("{outcome:?}"),
        };
        assert!(why(&remember, json!({ "mail": 7 })).contains("no mail 7"));
        assert!(why(&score, json!({ "memory": 7 })).contains("no memory 7"));
        for payload in [Value::Null, json!({}), json!({ "mail": "x", "memory": [] })] {
            assert!(why(&remember, payload.clone()).contains("names no mail"));
            assert!(why(&score, payload).contains("names no memory"));
        }
    }

    #[test]
    fn a_snapshot_is_due_once_in_a_while_if_something_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, "[memory]\nsnapshot_every = \"1h\"\n");
        let mut store = open_store(&settings, true).unwrap();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let at = |minutes| now + TimeDelta::minutes(minutes);
        let is_due =
            |store: &mut Store, minutes| enqueue_snapshot(store, &settings, at(minutes)).unwrap();
        assert!(!is_due(&mut store, 0), "there is nothing to keep");
        store.write(&[memory("a")], now).unwrap();
        assert!(is_due(&mut store, 1), "the first one is due at once");
        assert!(!is_due(&mut store, 2), "it is enqueued already");
        assert!(is_due(&mut store, 61), "nobody has taken it in its hour");
        store.snapshot(at(62), 5).unwrap();
        assert!(!is_due(&mut store, 200), "nothing is new");
        store.write(&[memory("b")], now).unwrap();
        assert!(!is_due(&mut store, 121));
        assert!(is_due(&mut store, 122));
        store.snapshot(at(123), 5).unwrap();
        store.write(&[memory("c")], now).unwrap();
        assert!(
            is_due(&mut store, -10_000),
            "of a clock that was put back far"
        );
        let kept = store.list(&MemoryFilter::default()).unwrap();
        assert_eq!(kept.len(), 3);
    }

    #[test]
    fn settings_of_memory_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let failure = |text: &str| {
            let config = folder.path().join("wrong.toml");
            std::fs::write(&config, text).unwrap();
            let flags = Flags {
                config: Some(config),
                state_dir: Some(folder.path().to_owned()),
                ..Flags::default()
            };
            Settings::load(&flags).err().unwrap().message
        };
        for (text, said) in [
            ("scorer = \"oracle\"", "there are auto, rules, model"),
            ("snapshots_kept = 0", "at least 1"),
            ("snapshot_every = \"often\"", "is no duration"),
            ("recall_tokens = 100000", "no prompt holds"),
            ("recal_tokens = 1", "unknown field"),
        ] {
            let told = failure(&format!("[memory]\n{text}\n"));
            assert!(told.contains(said), "{told}");
        }
        let wanted = settings(&folder, "[memory]\nscorer = \"model\"\n");
        let mut store = open_store(&wanted, true).unwrap();
        // What is missing is told, and keeps no job from being done.
        assert!(crate::memory_scorer::lacks_model(&wanted));
        let scorer = crate::memory_scorer::from_settings(&wanted, &mut store);
        assert!(scorer.unwrap().is_none());
    }
}
