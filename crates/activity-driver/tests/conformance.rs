//! The conformance suite, on the drivers of this crate and on one that keeps all in memory.

mod support;

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use decnet_activity_driver::action::{
    Action, ActionKind, ActivityResult, MailLocation, MailboxState,
};
use decnet_activity_driver::conformance::{Fixture, assert_conforms, violations};
use decnet_activity_driver::decky::Decky;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};
use decnet_activity_driver::drivers::local_folders::{LocalFoldersDriver, LocalFoldersOptions};

#[tokio::test]
async fn local_folders_conform() {
    for durable in [false, true] {
        let mut folders = Vec::new();
        assert_conforms(|| {
            let folder = tempfile::tempdir().unwrap();
            let decky = support::decky(folder.path());
            folders.push(folder);
            Fixture {
                driver: Arc::new(LocalFoldersDriver::new(LocalFoldersOptions { durable })),
                decky,
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_driver_in_memory_conforms() {
    assert_conforms(|| Fixture {
        driver: Arc::new(InMemory::default()),
        decky: support::decky(Path::new("/nonexistent")),
    })
    .await;
}

#[tokio::test]
async fn a_driver_that_does_nothing_conforms() {
    struct Nothing;

    #[async_trait::async_trait]
    impl ActivityDriver for Nothing {
        fn capabilities(&self) -> &'static [ActionKind] {
            &[]
        }

        async fn run(&self, decky: &Decky, _: &Action) -> Result<ActivityResult, DriverError> {
            Err(DriverError::Unsupported {
                decky: decky.name.clone(),
                operation: "run",
            })
        }
    }

    assert_conforms(|| Fixture {
        driver: Arc::new(Nothing),
        decky: support::decky(Path::new("/nonexistent")),
    })
    .await;
}

#[tokio::test]
async fn a_driver_that_delivers_twice_is_caught() {
    let found = violations(|| Fixture {
        driver: Arc::new(InMemory {
            forgetful: true,
            ..InMemory::default()
        }),
        decky: support::decky(Path::new("/nonexistent")),
    })
    .await;
    let checks: Vec<_> = found.iter().map(|violation| violation.check).collect();
    assert!(
        checks.contains(&"a_delivery_done_again_changes_nothing"),
        "{found:?}"
    );
}

/// The least that a driver has to do.
#[derive(Default)]
struct InMemory {
    messages: Mutex<HashMap<String, Vec<u8>>>,
    files: Mutex<HashMap<PathBuf, Vec<u8>>>,
    forgetful: bool,
}

fn key(decky: &Decky, location: &MailLocation) -> Result<String, DriverError> {
    for (what, value) in [
        ("login", &location.login),
        ("unique_name", &location.unique_name),
    ] {
        let unusable = value.is_empty()
            || value == "."
            || value == ".."
            || value.contains(|symbol: char| symbol == '/' || symbol.is_control());
        if unusable {
            return Err(DriverError::InvalidArgument {
                decky: decky.name.clone(),
                what,
                value: value.clone(),
                reason: "it is no name",
            });
        }
    }
    let MailLocation {
        login,
        folder,
        unique_name,
        ..
    } = location;
    Ok(format!("{login}/{folder:?}/{unique_name}"))
}

fn below(decky: &Decky, path: &Path) -> Result<PathBuf, DriverError> {
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(DriverError::OutsideRoot {
            decky: decky.name.clone(),
            path: path.to_owned(),
        });
    }
    if path.as_os_str().is_empty() || path.to_string_lossy().contains('\0') {
        return Err(DriverError::InvalidArgument {
            decky: decky.name.clone(),
            what: "path",
            value: path.to_string_lossy().into_owned(),
            reason: "it is no path",
        });
    }
    Ok(path.to_owned())
}

#[async_trait::async_trait]
impl ActivityDriver for InMemory {
    fn capabilities(&self) -> &'static [ActionKind] {
        &[ActionKind::Email, ActionKind::File, ActionKind::Edit]
    }

    async fn run(&self, decky: &Decky, action: &Action) -> Result<ActivityResult, DriverError> {
        let key = key(decky, action.mail_location().unwrap())?;
        let path = PathBuf::from(&key);
        let mut messages = self.messages.lock().unwrap();
        Ok(match action {
            Action::DeliverMail(_) if messages.contains_key(&key) && !self.forgetful => {
                ActivityResult::AlreadyDelivered { path }
            }
            Action::DeliverMail(delivery) => {
                let size = delivery.message.len() as u64;
                messages.insert(key.clone(), delivery.message.clone());
                self.files
                    .lock()
                    .unwrap()
                    .insert(path.clone(), delivery.message.clone());
                ActivityResult::Delivered { path, size }
            }
            Action::FlagMail(_) if messages.contains_key(&key) => ActivityResult::Flagged { path },
            Action::RemoveMail(_) if messages.remove(&key).is_some() => ActivityResult::Removed,
            Action::FlagMail(_) | Action::RemoveMail(_) => ActivityResult::Absent,
        })
    }

    async fn mailbox_state(
        &self,
        _: &Decky,
        _: &MailLocation,
    ) -> Result<MailboxState, DriverError> {
        Ok(match self.messages.lock().unwrap().len() {
            0 => MailboxState::Empty,
            messages => MailboxState::Occupied {
                messages: messages as u64,
            },
        })
    }

    async fn plant_file(
        &self,
        decky: &Decky,
        path: &Path,
        bytes: &[u8],
        _: Option<u32>,
        _: Option<i64>,
    ) -> Result<(), DriverError> {
        let path = below(decky, path)?;
        self.files.lock().unwrap().insert(path, bytes.to_vec());
        Ok(())
    }

    async fn read_file(
        &self,
        decky: &Decky,
        path: &Path,
        limit: u64,
    ) -> Result<Vec<u8>, DriverError> {
        let path = below(decky, path)?;
        match self.files.lock().unwrap().get(&path) {
            None => Err(DriverError::Absent {
                decky: decky.name.clone(),
                path,
            }),
            Some(bytes) if bytes.len() as u64 > limit => Err(DriverError::TooLarge {
                decky: decky.name.clone(),
                path,
                limit,
            }),
            Some(bytes) => Ok(bytes.clone()),
        }
    }
}
