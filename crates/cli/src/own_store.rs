//! A connection to the database that a job handler has to itself.

use std::sync::{Arc, Mutex, PoisonError};

use decnet_store::Store;

use crate::config::Settings;
use crate::failure::{Failure, Kind};
use crate::wiring::open_store;

/// A connection that is opened when it is first needed, and again after it failed.
///
/// Work on it waits for nothing but the database, and is over before anything is awaited. So jobs of
/// one thread go by in the order in which they were claimed.
pub(crate) struct OwnStore {
    settings: Arc<Settings>,
    store: Mutex<Option<Store>>,
}

impl OwnStore {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            store: Mutex::default(),
        }
    }

    /// Does `work` on it.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut held = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut store = match held.take() {
            Some(store) => store,
            None => open_store(&self.settings, false)?,
        };
        let done = work(&mut store);
        let is_usable = match &done {
            Ok(_) => true,
            Err(failure) => matches!(failure.kind, Kind::Temporary | Kind::BadInput),
        };
        if is_usable {
            *held = Some(store);
        }
        done
    }
}
