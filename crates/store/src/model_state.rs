//! What is known about the servers of models, kept between processes.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use decnet_emailgen::ledger::LedgerError;
use decnet_realism::llm::model_state::{ModelLedger, ModelLedgerError, ModelState};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::ledger_error;
use crate::open::{Durability, OpenOptions, Store};

impl Store {
    /// The state of `server`, new when nobody has asked it yet.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails.
    pub fn model_state(&mut self, server: &str) -> Result<ModelState, LedgerError> {
        read(&self.connection, server)
    }
}

/// The states of models' servers in the database of a [`Store`], through a connection of its own:
/// a text is written while a tick holds the other one.
///
/// The connection is opened when it is needed. Its commits do not wait for the disk: after a power
/// cut a model is asked once too often.
#[derive(Debug)]
pub struct StoredModelLedger {
    path: PathBuf,
    store: Mutex<Option<Store>>,
}

impl StoredModelLedger {
    /// For the database at `path`, which has to exist by the time it is used.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            store: Mutex::new(None),
        }
    }

    fn with_store<T>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, LedgerError>,
    ) -> Result<T, ModelLedgerError> {
        let unkept = |reason: String| ModelLedgerError { reason };
        let mut held: MutexGuard<'_, Option<Store>> =
            self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match held.take() {
            Some(store) => held.insert(store),
            None => {
                let options = OpenOptions {
                    durability: Durability::ProcessOnly,
                    create: false,
                    ..OpenOptions::default()
                };
                let store =
                    Store::open(&self.path, options).map_err(|error| unkept(error.to_string()))?;
                held.insert(store)
            }
        };
        work(store).map_err(|error| unkept(error.to_string()))
    }
}

impl ModelLedger for StoredModelLedger {
    fn state(&self, server: &str) -> Result<ModelState, ModelLedgerError> {
        self.with_store(|store| store.model_state(server))
    }

    fn change(
        &self,
        server: &str,
        change: &mut dyn FnMut(&mut ModelState),
    ) -> Result<(), ModelLedgerError> {
        self.with_store(|store| {
            store.write(|transaction| {
                let held = read(transaction, server)?;
                let mut state = held.clone();
                change(&mut state);
                if state == held {
                    return Ok(());
                }
                // Strings, numbers and lists only: serialising them cannot fail.
                let json = serde_json::to_string(&state).unwrap_or_default();
                transaction
                    .prepare_cached(
                        "INSERT INTO model_state (server, state) VALUES (?1, ?2)
                         ON CONFLICT (server) DO UPDATE SET state = excluded.state",
                    )
                    .and_then(|mut statement| statement.execute(params![server, json]))
                    .map(|_| ())
                    .map_err(ledger_error)
            })
        })
    }
}

fn read(connection: &Connection, server: &str) -> Result<ModelState, LedgerError> {
    let json: Option<String> = connection
        .prepare_cached("SELECT state FROM model_state WHERE server = ?1")
        .and_then(|mut statement| {
            statement
                .query_row(params![server], |row| row.get(0))
                .optional()
        })
        .map_err(ledger_error)?;
    // A state that cannot be read is one of another version: it is worth a new start, not a stop.
    Ok(json
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default())
}
