//! What every driver has to do, as checks that a driver's own tests can run.
//!
//! ```
//! # async fn example(folder: &std::path::Path) {
//! use std::sync::Arc;
//!
//! use decnet_activity_driver::conformance::{Fixture, assert_conforms};
//! use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
//! use decnet_activity_driver::drivers::local_folders::LocalFoldersDriver;
//!
//! let mut fresh = 0;
//! assert_conforms(|| {
//!     fresh += 1;
//!     let root = folder.join(fresh.to_string());
//!     std::fs::create_dir(&root).unwrap();
//!     Fixture {
//!         driver: Arc::new(LocalFoldersDriver::default()),
//!         decky: Decky {
//!             uuid: fresh.to_string(),
//!             name: "mx1".to_owned(),
//!             source: DeckySource::Fleet,
//!             services: vec!["imap".to_owned()],
//!             transport: Transport::Local(LocalFolders::at(root)),
//!         },
//!     }
//! })
//! .await;
//! # }
//! # let folder = tempfile::tempdir().unwrap();
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example(folder.path()));
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::action::{
    Action, ActionKind, ActivityResult, Folder, FolderHistory, LaterFolderHistory, MailDelivery,
    MailFlagging, MailFlags, MailLocation, MailboxHistory, MailboxState,
};
use crate::decky::Decky;
use crate::driver::{ActivityDriver, DriverError};

/// A driver, and a decky that nothing was ever written to.
pub struct Fixture {
    /// The driver under test.
    pub driver: Arc<dyn ActivityDriver>,
    /// Its decky, empty but ready for use.
    pub decky: Decky,
}

/// Something that a driver does not do as its contract says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {problem}")]
pub struct Violation {
    /// Name of the check.
    pub check: &'static str,
    /// What was found instead.
    pub problem: String,
}

/// Runs every check, each on a fixture of its own, and returns what does not hold. What a driver
/// says it cannot do is only checked to be refused.
pub async fn violations(mut fresh: impl FnMut() -> Fixture) -> Vec<Violation> {
    let mut violations = Vec::new();
    macro_rules! checks {
        ($($check:ident),* $(,)?) => {$(
            if let Err(problem) = $check(&fresh()).await {
                violations.push(Violation { check: stringify!($check), problem });
            }
        )*};
    }
    checks![
        a_ready_decky_is_not_reported,
        capabilities_are_honoured,
        a_message_is_delivered_as_it_is,
        line_ends_do_not_matter,
        a_delivery_done_again_changes_nothing,
        a_delivery_is_found_again_under_other_flags,
        sent_mail_is_apart_from_the_inbox,
        drafts_are_apart_from_the_others,
        a_draft_takes_the_place_of_another,
        flags_are_added,
        a_past_is_no_message_and_is_told_once,
        a_removed_message_is_gone,
        a_missing_message_is_absent,
        names_that_are_paths_are_refused,
        many_actions_are_answered_in_order,
        actions_on_one_message_follow_each_other,
        a_file_is_read_as_planted,
        a_planted_file_is_replaced,
        a_missing_file_is_absent,
        a_long_file_is_refused,
        paths_do_not_leave_the_root,
    ];
    violations
}

/// Runs every check.
///
/// # Panics
///
/// If any does not hold, listing all that do not.
pub async fn assert_conforms(fresh: impl FnMut() -> Fixture) {
    let violations = violations(fresh).await;
    let list: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(
        violations.is_empty(),
        "the driver does not conform:\n{}",
        list.join("\n")
    );
}

type Check = Result<(), String>;

const MESSAGE: &[u8] = b"From: ana@corp.example\nSubject: hi\n\nHello\n";

impl Fixture {
    fn can(&self, kind: ActionKind) -> bool {
        self.driver.capabilities().contains(&kind)
    }

    async fn run(&self, action: Action) -> Result<ActivityResult, String> {
        self.driver
            .run(&self.decky, &action)
            .await
            .map_err(|error| format!("{action:?} failed: {error}"))
    }

    async fn state(&self) -> Result<MailboxState, String> {
        self.driver
            .mailbox_state(&self.decky, &location(Folder::Inbox, "ignored"))
            .await
            .map_err(|error| format!("mailbox_state failed: {error}"))
    }

    /// Checks the number of messages in all folders.
    async fn holds(&self, messages: u64) -> Check {
        let state = self.state().await?;
        let right = match messages {
            0 => state != (MailboxState::Occupied { messages: 0 }) && state.messages() == 0,
            _ => state.messages() == messages,
        };
        ensure(right, || {
            format!("the mailbox should hold {messages} messages, but is {state:?}")
        })
    }

    /// Checks a message, if the driver can read at all.
    async fn reads(&self, path: &Path, message: &[u8]) -> Check {
        match self.driver.read_file(&self.decky, path, 1 << 20).await {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
                let wanted = String::from_utf8_lossy(message).replace("\r\n", "\n");
                ensure(text == wanted, || {
                    format!("{} reads {text:?}, not {wanted:?}", path.display())
                })
            }
            Err(DriverError::Unsupported { .. }) => Ok(()),
            Err(error) => Err(format!("read_file failed: {error}")),
        }
    }
}

async fn a_ready_decky_is_not_reported(fixture: &Fixture) -> Check {
    match fixture.driver.probe(&fixture.decky).await {
        Ok(()) | Err(DriverError::Unsupported { .. }) => Ok(()),
        Err(error) => Err(format!("probing a decky that is ready fails: {error}")),
    }
}

async fn capabilities_are_honoured(fixture: &Fixture) -> Check {
    let Fixture { driver, decky } = fixture;
    let file = Path::new("notes.txt");
    if !fixture.can(ActionKind::Email) {
        let run = driver.run(decky, &deliver(Folder::Inbox, "m1", 1)).await;
        unsupported("run", run)?;
        let mailbox = location(Folder::Inbox, "m1");
        unsupported("mailbox_state", driver.mailbox_state(decky, &mailbox).await)?;
    }
    if !fixture.can(ActionKind::File) && !fixture.can(ActionKind::Edit) {
        let planted = driver.plant_file(decky, file, b"", None, None).await;
        unsupported("plant_file", planted)?;
    }
    Ok(())
}

async fn a_message_is_delivered_as_it_is(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    fixture.holds(0).await?;
    let result = fixture.run(deliver(Folder::Inbox, "m1", 1)).await?;
    let ActivityResult::Delivered { path, size } = result else {
        return Err(format!("a new message should be Delivered, not {result:?}"));
    };
    ensure(size > 0, || "the size on disk is 0".to_owned())?;
    fixture.reads(&path, MESSAGE).await?;
    fixture.holds(1).await
}

async fn line_ends_do_not_matter(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    let with_crlf = String::from_utf8_lossy(MESSAGE).replace('\n', "\r\n");
    let action = Action::DeliverMail(MailDelivery {
        message: with_crlf.into_bytes(),
        ..delivery(Folder::Inbox, "m1", 1)
    });
    match fixture.run(action).await? {
        ActivityResult::Delivered { path, .. } => fixture.reads(&path, MESSAGE).await,
        other => Err(format!("a new message should be Delivered, not {other:?}")),
    }
}

async fn a_delivery_done_again_changes_nothing(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    for folder in FOLDERS {
        delivered(fixture.run(deliver(folder, "m1", 1)).await?)?;
        for attempt in 2..5 {
            already(fixture.run(deliver(folder, "m1", attempt)).await?)?;
        }
    }
    fixture.holds(3).await
}

async fn a_delivery_is_found_again_under_other_flags(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    delivered(fixture.run(deliver(Folder::Inbox, "m1", 1)).await?)?;
    flagged(fixture.run(flag("m1", true, true)).await?)?;
    already(fixture.run(deliver(Folder::Inbox, "m1", 2)).await?)?;
    fixture.holds(1).await
}

async fn sent_mail_is_apart_from_the_inbox(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    delivered(fixture.run(deliver(Folder::Sent, "m1", 1)).await?)?;
    absent(fixture.run(remove(Folder::Inbox, "m1")).await?)?;
    fixture.holds(1).await
}

async fn drafts_are_apart_from_the_others(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    absent(fixture.run(remove(Folder::Drafts, "m1")).await?)?;
    delivered(fixture.run(deliver(Folder::Drafts, "m1", 1)).await?)?;
    absent(fixture.run(remove(Folder::Inbox, "m1")).await?)?;
    absent(fixture.run(remove(Folder::Sent, "m1")).await?)?;
    delivered(fixture.run(deliver(Folder::Sent, "m1", 1)).await?)?;
    fixture.holds(2).await
}

async fn a_draft_takes_the_place_of_another(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    delivered(fixture.run(deliver(Folder::Inbox, "m0", 1)).await?)?;
    delivered(fixture.run(deliver(Folder::Drafts, "m1", 1)).await?)?;
    for attempt in 1..3 {
        let written = fixture.run(deliver(Folder::Drafts, "m2", attempt)).await?;
        if attempt == 1 {
            delivered(written)?;
        } else {
            already(written)?;
        }
        let replaced = fixture.run(remove(Folder::Drafts, "m1")).await?;
        let expected = if attempt == 1 {
            ActivityResult::Removed
        } else {
            ActivityResult::Absent
        };
        ensure(replaced == expected, || {
            format!("the draft before should be {expected:?}, not {replaced:?}")
        })?;
    }
    fixture.holds(2).await
}

async fn flags_are_added(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    delivered(fixture.run(deliver(Folder::Inbox, "m1", 1)).await?)?;
    for (seen, answered) in [(true, false), (false, true), (true, true), (false, false)] {
        let path = flagged(fixture.run(flag("m1", seen, answered)).await?)?;
        fixture.reads(&path, MESSAGE).await?;
    }
    fixture.holds(1).await
}

async fn a_past_is_no_message_and_is_told_once(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    let with = |folder, unique_name, attempt, uid_validity| {
        Action::DeliverMail(MailDelivery {
            history: Some(history(uid_validity, 200)),
            ..delivery(folder, unique_name, attempt)
        })
    };
    for folder in FOLDERS {
        delivered(fixture.run(with(folder, "m1", 1, 1_500_000_000)).await?)?;
        already(fixture.run(with(folder, "m1", 2, 1_500_000_000)).await?)?;
        // Too late for another one, which does no harm.
        delivered(fixture.run(with(folder, "m2", 1, 1_600_000_000)).await?)?;
        delivered(fixture.run(deliver(folder, "m3", 1)).await?)?;
    }
    fixture.holds(9).await
}

async fn a_removed_message_is_gone(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    for folder in FOLDERS {
        delivered(fixture.run(deliver(folder, "m1", 1)).await?)?;
        let result = fixture.run(remove(folder, "m1")).await?;
        ensure(result == ActivityResult::Removed, || {
            format!("a message should be Removed, not {result:?}")
        })?;
        absent(fixture.run(remove(folder, "m1")).await?)?;
    }
    fixture.holds(0).await
}

async fn a_missing_message_is_absent(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    let untouched = fixture.state().await?;
    absent(fixture.run(flag("m1", true, false)).await?)?;
    absent(fixture.run(remove(Folder::Sent, "m1")).await?)?;
    let state = fixture.state().await?;
    ensure(state == untouched, || {
        format!("looking for a message made the mailbox {state:?}")
    })?;
    delivered(fixture.run(deliver(Folder::Inbox, "m10", 1)).await?)?;
    absent(fixture.run(flag("m1", true, false)).await?)
}

async fn names_that_are_paths_are_refused(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    for name in ["", ".", "..", "../m1", "a/b", "a\0b", "a\nb"] {
        let action = deliver(Folder::Inbox, name, 1);
        refused(
            "unique_name",
            name,
            fixture.driver.run(&fixture.decky, &action).await,
        )?;
    }
    for name in ["..", "../ana", "a/b", "a\0b"] {
        let mut delivery = delivery(Folder::Inbox, "m1", 1);
        delivery.location.login = name.to_owned();
        delivery.location.address = format!("{name}@corp.example");
        let action = Action::DeliverMail(delivery);
        refused(
            "login",
            name,
            fixture.driver.run(&fixture.decky, &action).await,
        )?;
    }
    fixture.holds(0).await
}

async fn many_actions_are_answered_in_order(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    let names: Vec<String> = (0..300).map(|index| format!("m{index}")).collect();
    let actions: Vec<Action> = names
        .iter()
        .enumerate()
        .map(|(index, name)| match index % 3 {
            0 => deliver(Folder::Inbox, name, 1),
            1 => deliver(Folder::Sent, name, 1),
            _ => deliver(Folder::Inbox, &format!("../{name}"), 1),
        })
        .collect();
    let pairs: Vec<_> = actions
        .iter()
        .map(|action| (&fixture.decky, action))
        .collect();
    let results = fixture.driver.run_all(&pairs).await;
    ensure(results.len() == actions.len(), || {
        format!("{} actions have {} results", actions.len(), results.len())
    })?;
    for (index, result) in results.into_iter().enumerate() {
        match (index % 3, result) {
            (2, result) => refused("unique_name", "../…", result)?,
            (_, Ok(ActivityResult::Delivered { path, .. })) => {
                let name = &names[index];
                let matches = path.to_string_lossy().contains(name.as_str());
                ensure(matches, || {
                    format!("{name} is answered with {}", path.display())
                })?;
            }
            (_, other) => return Err(format!("action {index} of many gives {other:?}")),
        }
    }
    fixture.holds(200).await
}

async fn actions_on_one_message_follow_each_other(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Email) {
        return Ok(());
    }
    let actions = [
        deliver(Folder::Inbox, "m1", 1),
        deliver(Folder::Inbox, "m2", 1),
        flag("m1", true, false),
        deliver(Folder::Inbox, "m1", 2),
        remove(Folder::Inbox, "m1"),
        flag("m1", true, false),
    ];
    let pairs: Vec<_> = actions
        .iter()
        .map(|action| (&fixture.decky, action))
        .collect();
    let results: Result<Vec<_>, _> = fixture.driver.run_all(&pairs).await.into_iter().collect();
    let results = results.map_err(|error| format!("one of many failed: {error}"))?;
    use ActivityResult::{Absent, AlreadyDelivered, Delivered, Flagged, Removed};
    let right = matches!(
        results.as_slice(),
        [
            Delivered { .. },
            Delivered { .. },
            Flagged { .. },
            AlreadyDelivered { .. },
            Removed,
            Absent
        ]
    );
    ensure(right, || format!("actions on one message give {results:?}"))?;
    fixture.holds(1).await
}

async fn a_file_is_read_as_planted(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::File) {
        return Ok(());
    }
    let Fixture { driver, decky } = fixture;
    for (path, bytes) in [
        ("notes.txt", &b"one\r\ntwo\n\0three"[..]),
        ("home/ana/Documents/plan é.md", b"plan"),
        ("empty", b""),
    ] {
        let path = Path::new(path);
        driver
            .plant_file(decky, path, bytes, Some(0o640), Some(1_700_000_000))
            .await
            .map_err(|error| format!("plant_file failed: {error}"))?;
        let read = read(fixture, path, bytes.len() as u64).await?;
        ensure(read == bytes, || {
            format!("{} reads {read:?}, not {bytes:?}", path.display())
        })?;
    }
    Ok(())
}

async fn a_planted_file_is_replaced(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::Edit) {
        return Ok(());
    }
    let path = Path::new("notes.txt");
    for bytes in [&b"first, and longer"[..], b"second"] {
        fixture
            .driver
            .plant_file(&fixture.decky, path, bytes, None, None)
            .await
            .map_err(|error| format!("plant_file failed: {error}"))?;
    }
    let bytes = read(fixture, path, 100).await?;
    ensure(bytes == b"second", || {
        format!("a replaced file reads {bytes:?}")
    })
}

async fn a_missing_file_is_absent(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::File) {
        return Ok(());
    }
    let path = Path::new("nowhere/notes.txt");
    match fixture.driver.read_file(&fixture.decky, path, 100).await {
        Err(DriverError::Absent { .. }) => Ok(()),
        other => Err(format!("reading a missing file gives {other:?}")),
    }
}

async fn a_long_file_is_refused(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::File) {
        return Ok(());
    }
    let Fixture { driver, decky } = fixture;
    let path = Path::new("long.txt");
    driver
        .plant_file(decky, path, &[b'x'; 101], None, None)
        .await
        .map_err(|error| format!("plant_file failed: {error}"))?;
    match driver.read_file(decky, path, 100).await {
        Err(DriverError::TooLarge { limit: 100, .. }) => Ok(()),
        other => Err(format!(
            "reading 101 bytes with a limit of 100 gives {other:?}"
        )),
    }
}

async fn paths_do_not_leave_the_root(fixture: &Fixture) -> Check {
    if !fixture.can(ActionKind::File) {
        return Ok(());
    }
    let Fixture { driver, decky } = fixture;
    for path in ["../x", "a/../../x", "a/..", "/../x"] {
        let path = Path::new(path);
        match driver.plant_file(decky, path, b"x", None, None).await {
            Err(DriverError::OutsideRoot { .. }) => {}
            other => return Err(format!("planting {} gives {other:?}", path.display())),
        }
        match driver.read_file(decky, path, 100).await {
            Err(DriverError::OutsideRoot { .. }) => {}
            other => return Err(format!("reading {} gives {other:?}", path.display())),
        }
    }
    for path in ["", "a\0b"] {
        let planted = driver
            .plant_file(decky, Path::new(path), b"x", None, None)
            .await;
        refused("path", path, planted)?;
    }
    Ok(())
}

async fn read(fixture: &Fixture, path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    fixture
        .driver
        .read_file(&fixture.decky, path, limit)
        .await
        .map_err(|error| format!("read_file failed: {error}"))
}

/// Every folder that a message can be delivered to.
const FOLDERS: [Folder; 3] = [Folder::Inbox, Folder::Sent, Folder::Drafts];

fn location(folder: Folder, unique_name: &str) -> MailLocation {
    MailLocation {
        login: "ana".to_owned(),
        address: "ana@corp.example".to_owned(),
        folder,
        unique_name: unique_name.to_owned(),
    }
}

fn delivery(folder: Folder, unique_name: &str, attempt: u32) -> MailDelivery {
    MailDelivery {
        location: location(folder, unique_name),
        message: MESSAGE.to_vec(),
        delivered_at: 1_700_000_000,
        flags: MailFlags {
            draft: folder == Folder::Drafts,
            seen: folder != Folder::Inbox,
            answered: false,
        },
        attempt,
        history: None,
    }
}

fn history(uid_validity: u32, next_uid: u32) -> MailboxHistory {
    let folder = |uid_validity, byte| FolderHistory {
        uid_validity,
        next_uid,
        guid: [byte; 16],
    };
    MailboxHistory {
        inbox: folder(uid_validity, 1),
        sent: folder(uid_validity.saturating_add(1), 2),
        drafts: LaterFolderHistory {
            next_uid,
            guid: [3; 16],
        },
    }
}

fn deliver(folder: Folder, unique_name: &str, attempt: u32) -> Action {
    Action::DeliverMail(delivery(folder, unique_name, attempt))
}

fn flag(unique_name: &str, seen: bool, answered: bool) -> Action {
    Action::FlagMail(MailFlagging {
        location: location(Folder::Inbox, unique_name),
        add: MailFlags {
            answered,
            seen,
            ..MailFlags::default()
        },
    })
}

fn remove(folder: Folder, unique_name: &str) -> Action {
    Action::RemoveMail(location(folder, unique_name))
}

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(problem()) }
}

fn delivered(result: ActivityResult) -> Check {
    let right = matches!(result, ActivityResult::Delivered { .. });
    ensure(right, || {
        format!("a new message should be Delivered, not {result:?}")
    })
}

fn already(result: ActivityResult) -> Check {
    let right = matches!(result, ActivityResult::AlreadyDelivered { .. });
    ensure(right, || {
        format!("a repeated delivery should be AlreadyDelivered, not {result:?}")
    })
}

fn flagged(result: ActivityResult) -> Result<std::path::PathBuf, String> {
    match result {
        ActivityResult::Flagged { path } => Ok(path),
        other => Err(format!("a message should be Flagged, not {other:?}")),
    }
}

fn absent(result: ActivityResult) -> Check {
    ensure(result == ActivityResult::Absent, || {
        format!("a missing message should be Absent, not {result:?}")
    })
}

fn unsupported<T: std::fmt::Debug>(what: &str, result: Result<T, DriverError>) -> Check {
    match result {
        Err(DriverError::Unsupported { .. }) => Ok(()),
        other => Err(format!("{what} is no capability, but gives {other:?}")),
    }
}

fn refused<T: std::fmt::Debug>(what: &str, value: &str, result: Result<T, DriverError>) -> Check {
    match result {
        Err(DriverError::InvalidArgument { .. } | DriverError::OutsideRoot { .. }) => Ok(()),
        other => Err(format!(
            "{what} {value:?} should be refused, but gives {other:?}"
        )),
    }
}
