//! Which driver carries out which kind of action on which transport.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::ActionKind;
use crate::decky::TransportKind;
use crate::driver::ActivityDriver;
use crate::drivers::local_folders::{LocalFoldersDriver, LocalFoldersOptions};

/// The drivers of one program, one for each pair of transport and kind of action.
///
/// A planner asks [`supports`](Self::supports) before it plans, so that it never picks an action
/// that nobody can carry out.
#[derive(Clone, Default)]
pub struct DriverRegistry {
    drivers: BTreeMap<(TransportKind, ActionKind), Arc<dyn ActivityDriver>>,
}

impl DriverRegistry {
    /// A registry without drivers.
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry with every driver of this crate. This is the list: a new driver is one more
    /// line here.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Duplicate`] if two drivers of the list do the same, a mistake in the list.
    pub fn with_built_in(options: BuiltInOptions) -> Result<Self, RegistryError> {
        let mut registry = Self::new();
        registry.register(
            TransportKind::Local,
            Arc::new(LocalFoldersDriver::new(options.local)),
        )?;
        Ok(registry)
    }

    /// Adds a driver for everything that it says it can do on `transport`.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Duplicate`] if another driver already does one of these kinds there; then
    /// nothing is registered.
    pub fn register(
        &mut self,
        transport: TransportKind,
        driver: Arc<dyn ActivityDriver>,
    ) -> Result<(), RegistryError> {
        let kinds = driver.capabilities();
        for (index, &action) in kinds.iter().enumerate() {
            let taken = self.supports(transport, action) || kinds[..index].contains(&action);
            if taken {
                return Err(RegistryError::Duplicate { transport, action });
            }
        }
        for &action in kinds {
            self.drivers
                .insert((transport, action), Arc::clone(&driver));
        }
        Ok(())
    }

    /// The driver for one kind of action on one transport.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoDriver`] if there is none.
    pub fn driver_for(
        &self,
        transport: impl Into<TransportKind>,
        action: ActionKind,
    ) -> Result<&Arc<dyn ActivityDriver>, RegistryError> {
        let transport = transport.into();
        self.drivers
            .get(&(transport, action))
            .ok_or_else(|| RegistryError::NoDriver {
                transport,
                action,
                available: self.actions_of(transport),
            })
    }

    /// Whether there is a driver for one kind of action on one transport.
    pub fn supports(&self, transport: impl Into<TransportKind>, action: ActionKind) -> bool {
        self.drivers.contains_key(&(transport.into(), action))
    }

    /// Everything that is registered, ordered by transport and kind.
    pub fn registered(&self) -> impl Iterator<Item = (TransportKind, ActionKind)> {
        self.drivers.keys().copied()
    }

    fn actions_of(&self, transport: TransportKind) -> Vec<ActionKind> {
        self.registered()
            .filter(|&(of, _)| of == transport)
            .map(|(_, action)| action)
            .collect()
    }
}

impl std::fmt::Debug for DriverRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.registered()).finish()
    }
}

/// How the drivers of this crate behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltInOptions {
    /// For [`Transport::Local`](crate::decky::Transport::Local).
    pub local: LocalFoldersOptions,
}

/// Why a driver was not registered or not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two drivers for the same pair.
    #[error("transport {transport} already has a driver for {action} actions")]
    Duplicate {
        /// Transport of both.
        transport: TransportKind,
        /// Kind of action that both do.
        action: ActionKind,
    },
    /// No driver for a pair.
    #[error("transport {transport} has no driver for {action} actions (it has {available:?})")]
    NoDriver {
        /// Transport asked for.
        transport: TransportKind,
        /// Kind of action asked for.
        action: ActionKind,
        /// Kinds that this transport does have a driver for.
        available: Vec<ActionKind>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, ActivityResult};
    use crate::decky::Decky;
    use crate::driver::DriverError;

    struct Fake(&'static [ActionKind]);

    #[async_trait::async_trait]
    impl ActivityDriver for Fake {
        fn capabilities(&self) -> &'static [ActionKind] {
            self.0
        }

        async fn run(&self, decky: &Decky, _: &Action) -> Result<ActivityResult, DriverError> {
            Err(DriverError::Unsupported {
                decky: decky.name.clone(),
                operation: "run",
            })
        }
    }

    #[test]
    fn a_duplicate_is_refused_and_changes_nothing() {
        let mut registry = DriverRegistry::new();
        let first: Arc<dyn ActivityDriver> = Arc::new(Fake(&[ActionKind::Email]));
        registry
            .register(TransportKind::Local, Arc::clone(&first))
            .unwrap();
        let refused = registry.register(
            TransportKind::Local,
            Arc::new(Fake(&[ActionKind::File, ActionKind::Email])),
        );
        assert_eq!(
            refused,
            Err(RegistryError::Duplicate {
                transport: TransportKind::Local,
                action: ActionKind::Email
            })
        );
        assert!(!registry.supports(TransportKind::Local, ActionKind::File));
        let found = registry
            .driver_for(TransportKind::Local, ActionKind::Email)
            .unwrap();
        assert!(Arc::ptr_eq(found, &first));
    }

    #[test]
    fn a_driver_that_names_a_kind_twice_is_refused() {
        let mut registry = DriverRegistry::new();
        let twice = Arc::new(Fake(&[ActionKind::File, ActionKind::File]));
        assert!(registry.register(TransportKind::Local, twice).is_err());
        assert_eq!(registry.registered().count(), 0);
    }

    #[test]
    fn what_is_missing_is_told_with_what_is_there() {
        let registry = DriverRegistry::with_built_in(BuiltInOptions::default()).unwrap();
        let Err(error) = registry.driver_for(TransportKind::Local, ActionKind::Traffic) else {
            panic!("nobody does traffic");
        };
        assert_eq!(
            error.to_string(),
            "transport local has no driver for traffic actions (it has [Email, File, Edit])"
        );
    }
}
