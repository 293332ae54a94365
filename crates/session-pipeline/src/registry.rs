//! The processors there are, in one list.

use std::fmt;
use std::sync::Arc;

use crate::processor::{Cadence, Processor};

/// Makes a processor when it is first asked for; says why it cannot.
pub type Build = Box<dyn Fn() -> Result<Arc<dyn Processor>, String> + Send + Sync>;

/// A processor as it is listed.
pub struct Entry {
    /// Its name.
    pub name: String,
    /// When it is due.
    pub cadence: Cadence,
    /// One line for people.
    pub about: String,
    build: Build,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("cadence", &self.cadence)
            .finish_non_exhaustive()
    }
}

/// The processors, in the order in which they were registered.
#[derive(Debug, Default)]
pub struct ProcessorRegistry {
    entries: Vec<Entry>,
}

/// Why there is no such processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Nobody registered it.
    #[error("there is no processor {name:?}; there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It was registered twice.
    #[error("there are two processors named {name:?}")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// It cannot be made now. The next call tries again.
    #[error("processor {name} is not available: {why}")]
    Unavailable {
        /// The name.
        name: String,
        /// What it misses.
        why: String,
    },
    /// It calls itself by another name than the one it was registered under.
    #[error("the processor registered as {name:?} calls itself {own:?}")]
    Misnamed {
        /// The name it was registered under.
        name: String,
        /// Its own.
        own: String,
    },
}

impl RegistryError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl ProcessorRegistry {
    /// Adds a processor.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Duplicate`] when the name is taken.
    pub fn register(
        &mut self,
        name: &str,
        cadence: Cadence,
        about: &str,
        build: Build,
    ) -> Result<(), RegistryError> {
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(RegistryError::Duplicate {
                name: name.to_owned(),
            });
        }
        self.entries.push(Entry {
            name: name.to_owned(),
            cadence,
            about: about.to_owned(),
            build,
        });
        Ok(())
    }

    /// Everything that was registered.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that name.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unknown`].
    pub fn entry(&self, name: &str) -> Result<&Entry, RegistryError> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| RegistryError::Unknown {
                name: name.to_owned(),
                known: self
                    .entries
                    .iter()
                    .map(|entry| entry.name.clone())
                    .collect(),
            })
    }

    /// Makes the processor of that name.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unknown`], [`RegistryError::Unavailable`] or [`RegistryError::Misnamed`].
    pub fn build(&self, name: &str) -> Result<Arc<dyn Processor>, RegistryError> {
        let entry = self.entry(name)?;
        let processor = (entry.build)().map_err(|why| RegistryError::Unavailable {
            name: name.to_owned(),
            why,
        })?;
        if processor.name() != name {
            return Err(RegistryError::Misnamed {
                name: name.to_owned(),
                own: processor.name().to_owned(),
            });
        }
        Ok(processor)
    }
}
