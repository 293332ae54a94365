//! Puts the parts together: database, drivers, writer, pool.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use decnet_activity_driver::drivers::local_folders::LocalFoldersOptions;
use decnet_activity_driver::registry::{BuiltInOptions, DriverRegistry};
use decnet_emailgen::random::DeploymentSecret;
use decnet_emailgen::reply_timing::ReplyTiming;
use decnet_emailgen::tick::{MOST_IN_A_GROUP, Tick, TickSettings};
use decnet_emailgen::world::WorldLedger;
use decnet_realism::offline::OfflineWriter;
use decnet_realism::pool::{Fingerprint, PersonaPool, PoolError};
use decnet_realism::writer::Writer;
use decnet_realism::writer_chain::WriterChain;
use decnet_store::{Durability, OpenOptions, Store};

use crate::config::Settings;
use crate::environment;
use crate::event_file;
use crate::failure::{Failure, Kind};
use crate::model;
use crate::remembering;

/// Everything a command needs, opened once.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) drivers: DriverRegistry,
    secret: DeploymentSecret,
    pool: PersonaPool,
    writer: Option<Box<dyn Writer>>,
}

impl Session {
    /// Opens what the settings name. With `create`, a missing state folder and database are made.
    pub(crate) fn open(settings: Settings, create: bool) -> Result<Self, Failure> {
        let given = match &settings.secret_file.value {
            Some(path) => Some(read_secret(path)?),
            None => None,
        };
        Self::open_as(settings, create, || {
            given.unwrap_or_else(environment::secret)
        })
    }

    /// [`open`](Session::open), with the secret that a new deployment gets.
    pub(crate) fn open_as(
        settings: Settings,
        create: bool,
        make_secret: impl FnOnce() -> DeploymentSecret,
    ) -> Result<Self, Failure> {
        if create {
            make_private_dir(&settings.state_dir.value)?;
        }
        let mut store = open_store(&settings, create)?;
        let secret = store.deployment_secret(make_secret)?;
        let drivers = DriverRegistry::with_built_in(BuiltInOptions {
            local: LocalFoldersOptions {
                durable: settings.durable.value,
            },
        })?;
        let pool = PersonaPool::new(settings.personas.value.clone());
        Ok(Self {
            settings,
            store,
            drivers,
            secret,
            pool,
            writer: None,
        })
    }

    /// Takes over the pool file if it changed. A file that cannot be used leaves the pool as it
    /// was, and says so.
    pub(crate) fn sync_pool(&mut self) -> Result<(), Failure> {
        let held = self.store.pool_fingerprint()?;
        match Fingerprint::of(self.pool.path()) {
            Ok(fingerprint) => {
                let fingerprint = fingerprint.to_text();
                if held.as_ref() == Some(&fingerprint) {
                    return Ok(());
                }
                let loaded = self.pool.load();
                if let Some(problem) = &loaded.problem {
                    tracing::warn!(%problem, "the pool stays as it was");
                    return Ok(());
                }
                for dropped in &loaded.parsed.dropped {
                    tracing::warn!(path = %self.pool.path().display(), %dropped, "left out of the pool");
                }
                self.store
                    .replace_pool(&loaded.parsed.personas, &fingerprint)?;
            }
            Err(PoolError::Missing { .. }) => {
                if held.is_some_and(|held| held != MISSING) {
                    tracing::warn!(path = %self.pool.path().display(), "the pool file is gone; the pool is empty");
                    self.store.replace_pool(&[], MISSING)?;
                }
            }
            Err(problem) => tracing::warn!(%problem, "the pool stays as it was"),
        }
        Ok(())
    }

    /// A tick with these parts. `work` gets it and answers what it made of it.
    pub(crate) async fn tick<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Tick<'_>) -> T,
    ) -> Result<T, Failure> {
        self.write_events()?;
        self.prepare_writer()?;
        let mut on_record = |record: &decnet_emailgen::record::MailRecord| {
            tracing::info!(record = record.to_json(), "mail");
        };
        let value = work(&mut Tick {
            ledger: &mut self.store,
            drivers: &self.drivers,
            writer: self.writer.as_deref().unwrap_or(&OfflineWriter),
            wall_clock: &environment::now,
            follow_ups: &|record| remembering::follow_ups(&self.settings, record),
            on_record: &mut on_record,
        })
        .await;
        self.write_events()?;
        Ok(value)
    }

    /// Makes the writer, if a tick has not done so yet: what is wrong with its settings is said
    /// now.
    pub(crate) fn prepare_writer(&mut self) -> Result<(), Failure> {
        if self.writer.is_none() {
            self.writer = Some(self.make_writer()?);
        }
        Ok(())
    }

    /// Who writes: the model that the settings name with the offline writer behind it, or that
    /// one alone.
    fn make_writer(&mut self) -> Result<Box<dyn Writer>, Failure> {
        if !self.settings.llm.is_on() {
            return Ok(Box::new(OfflineWriter));
        }
        let model = model::llm_writer(&self.settings, &mut self.store)?;
        Ok(Box::new(WriterChain::new(model, OfflineWriter)))
    }

    fn write_events(&mut self) -> Result<(), Failure> {
        match self.settings.events_file.value.clone() {
            Some(path) => {
                event_file::write_pending(&mut self.store, &path, self.settings.durable.value)
            }
            None => Ok(()),
        }
    }

    /// How a tick behaves, from the settings.
    pub(crate) fn tick_settings(
        &self,
        now: chrono::DateTime<chrono::Utc>,
        seed: u64,
        count: usize,
    ) -> TickSettings {
        let span = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let [fast, normal, slow] = &self.settings.reply_medians;
        let llm = &self.settings.llm;
        let writing = if llm.is_on() {
            llm.timeout.value
        } else {
            std::time::Duration::ZERO
        };
        let lease = self.settings.lease.value.saturating_add(writing);
        TickSettings {
            count,
            // A mail in a group would wait for the model to write the others.
            group: if llm.is_on() { 1 } else { MOST_IN_A_GROUP },
            lease: span(lease),
            replies: ReplyTiming {
                share_answered: self.settings.reply_share.value,
                medians: [span(fast.value), span(normal.value), span(slow.value)],
                ..ReplyTiming::default()
            },
            keep_for: self.settings.keep_for.value.map(span),
            messages_per_decky: self.settings.messages_per_decky.value,
            recall_tokens: self.settings.memory.budget(),
            ..TickSettings::new(now, seed, self.secret.clone())
        }
    }
}

/// What the database remembers of a pool file that does not exist.
const MISSING: &str = "missing";

/// Longest secret file that is read: the digits and some white space.
const SECRET_FILE_MAX: u64 = 1024;

/// The secret in a file.
fn read_secret(path: &Path) -> Result<DeploymentSecret, Failure> {
    let mut text = String::new();
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Failure::new(
            Kind::Configuration,
            format!("secret_file {}: not a file", path.display()),
        ));
    }
    fs::File::open(path)
        .and_then(|file| file.take(SECRET_FILE_MAX).read_to_string(&mut text))
        .map_err(|error| {
            Failure::new(
                Kind::Configuration,
                format!("secret_file {}: {error}", path.display()),
            )
        })?;
    DeploymentSecret::from_hex(text.trim()).ok_or_else(|| {
        Failure::new(
            Kind::Configuration,
            format!(
                "secret_file {}: not 64 hexadecimal digits; make one with: openssl rand -hex 32",
                path.display()
            ),
        )
    })
}

/// Opens the database.
pub(crate) fn open_store(settings: &Settings, create: bool) -> Result<Store, Failure> {
    let durability = if settings.durable.value {
        Durability::Full
    } else {
        Durability::ProcessOnly
    };
    Ok(Store::open(
        &settings.database(),
        OpenOptions {
            durability,
            create,
            queue_events: settings.events_file.value.is_some(),
            backup_before_migration: Some(settings.backup.folder.value.clone()),
            ..OpenOptions::default()
        },
    )?)
}

/// Makes a folder for the user alone; one that exists stays as it is.
pub(crate) fn make_private_dir(path: &Path) -> Result<(), Failure> {
    make_dir(path, 0o700)
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| Failure::writing(path, &error))
}

/// Makes a folder that others may pass through but not list: a mail server has to reach the decoys
/// below it.
pub(crate) fn make_passable_dir(path: &Path) -> Result<(), Failure> {
    make_dir(path, 0o711)
}

/// Whether others than the owner can enter or read something.
pub(crate) fn is_private(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

/// The name of the first decky whose root contains a file or folder, which may not exist yet.
pub(crate) fn decky_around<'a>(
    path: &Path,
    roots: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> Option<&'a str> {
    // What does not exist lies where its nearest folder that does leads.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut ancestors = absolute.ancestors();
    let real = ancestors.find_map(|folder| fs::canonicalize(folder).ok())?;
    let mut roots = roots.into_iter();
    let around = |root: &Path| real.starts_with(fs::canonicalize(root).unwrap_or(root.to_owned()));
    roots.find(|(_, root)| around(root)).map(|(decky, _)| decky)
}

/// The first decky root that contains the state folder or the backups: an intruder would find them
/// there.
pub(crate) fn root_around<'a>(
    settings: &Settings,
    roots: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> Option<Failure> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let state = (
        "state directory",
        real(&settings.state_dir.value),
        "--state-dir",
    );
    let backups = (
        "folder of backups",
        real(&settings.backup.folder.value),
        "backup.folder",
    );
    roots.into_iter().find_map(|(decky, root)| {
        let around = real(root);
        let inside = [&state, &backups].into_iter().find(|(_, path, _)| path.starts_with(&around));
        let (what, path, setting) = inside?;
        Some(Failure::new(
            Kind::Configuration,
            format!(
                "{what} {} lies inside {}, the root of decky {decky}, where an intruder would find it; choose another {setting}",
                path.display(),
                root.display()
            ),
        ))
    })
}

/// A runtime for one thread: everything waits for disks, nothing for other cores.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    build(&mut tokio::runtime::Builder::new_current_thread())
}

/// Runs `work` to its end with timers, signals and sockets. What is still under way elsewhere then,
/// such as a name that no server resolves, is not waited for.
pub(crate) fn run_with_sockets<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = build(tokio::runtime::Builder::new_current_thread().enable_all())?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn build(builder: &mut tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, Failure> {
    builder
        .build()
        .map_err(|error| Failure::new(Kind::Unavailable, format!("cannot start: {error}")))
}

/// The pool, for commands that only look.
pub(crate) fn pool(settings: &Settings) -> Arc<decnet_realism::pool::LoadedPool> {
    PersonaPool::new(settings.personas.value.clone()).load()
}
