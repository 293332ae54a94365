//! An office on disk: a ledger in memory, deckies in a temporary folder, and ticks over them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use decnet_activity_driver::decky::{LocalFolders, Transport, TransportKind};
use decnet_activity_driver::driver::ActivityDriver;
use decnet_activity_driver::drivers::local_folders::{LocalFoldersDriver, LocalFoldersOptions};
use decnet_activity_driver::registry::DriverRegistry;
use decnet_emailgen::conformance::{decky, topology};
use decnet_emailgen::ledger::{MailFilter, MailLedger, MailSummary};
use decnet_emailgen::memory_ledger::MemoryLedger;
use decnet_emailgen::random::DeploymentSecret;
use decnet_emailgen::record::MailRecord;
use decnet_emailgen::tick::{Tick, TickError, TickReport, TickSettings};
use decnet_emailgen::world::{WorldChange, WorldLedger};
use decnet_realism::offline::OfflineWriter;
use decnet_realism::persona::Persona;
use decnet_realism::writer::Writer;
use mail_parser::MessageParser;

/// Everything random hangs on it.
pub(super) const SECRET: DeploymentSecret = DeploymentSecret::new([42; 32]);

/// Monday the 2nd of March 2026, 10:00 UTC.
pub(crate) fn monday() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).unwrap()
}

pub(crate) fn quick_driver() -> LocalFoldersDriver {
    LocalFoldersDriver::new(LocalFoldersOptions { durable: false })
}

pub(crate) fn registry(driver: impl ActivityDriver + 'static) -> DriverRegistry {
    let mut registry = DriverRegistry::new();
    registry
        .register(TransportKind::Local, Arc::new(driver))
        .unwrap();
    registry
}

/// A world with its disk.
pub(crate) struct Office {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) ledger: MemoryLedger,
}

impl Office {
    /// These people in one topology with these mail deckies.
    pub(crate) fn new(personas: Vec<Persona>, deckies: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut office = Self {
            folder,
            ledger: MemoryLedger::new(),
        };
        let change = WorldChange {
            topologies: vec![topology("office", personas)],
            deckies: deckies.iter().map(|name| office.decky(name)).collect(),
            ..WorldChange::default()
        };
        office.apply(&change);
        office
    }

    /// People of these names who work always.
    pub(crate) fn always(names: &[&str], deckies: &[&str]) -> Self {
        Self::new(people(names), deckies)
    }

    /// A decky with its root in the folder.
    pub(crate) fn decky(&self, name: &str) -> decnet_emailgen::world::DeckySpec {
        let mut spec = decky(name, "office");
        let root = self.root(name);
        fs::create_dir_all(&root).unwrap();
        spec.decky.transport = Transport::Local(LocalFolders::at(root));
        spec
    }

    pub(crate) fn root(&self, decky: &str) -> PathBuf {
        self.folder.path().join(decky)
    }

    pub(crate) fn apply(&mut self, change: &WorldChange) {
        self.ledger.apply(change, false, &mut |_| ()).unwrap();
    }

    /// A tick with the offline writer, the real driver, and a wall clock that shows `now`.
    pub(crate) fn tick(&mut self, settings: &TickSettings) -> TickReport {
        let drivers = registry(quick_driver());
        run(
            &mut self.ledger,
            &drivers,
            &OfflineWriter,
            settings.now,
            settings,
        )
        .unwrap()
    }

    pub(crate) fn mails(&mut self) -> Vec<MailSummary> {
        self.ledger.mails(&MailFilter::default()).unwrap()
    }

    pub(crate) fn messages(&self) -> Vec<OnDisk> {
        messages(self.folder.path())
    }
}

/// People of these names who work always.
pub(crate) fn people(names: &[&str]) -> Vec<Persona> {
    names
        .iter()
        .map(|name| person(name, &serde_json::json!({})))
        .collect()
}

/// `name@corp.example`.
pub(crate) fn person(name: &str, extra: &serde_json::Value) -> Persona {
    let address = format!("{}@corp.example", name.to_lowercase());
    decnet_emailgen::conformance::persona(name, &address, extra)
}

/// Runs one tick to its end.
pub(crate) fn run(
    ledger: &mut dyn MailLedger,
    drivers: &DriverRegistry,
    writer: &dyn Writer,
    wall_clock: DateTime<Utc>,
    settings: &TickSettings,
) -> Result<TickReport, TickError> {
    let mut told = 0;
    let mut tick = Tick {
        ledger,
        drivers,
        writer,
        wall_clock: &move || wall_clock,
        follow_ups: &|_| Vec::new(),
        on_record: &mut |_| told += 1,
    };
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(tick.run(settings))
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub(crate) struct OnDisk {
    pub(crate) decky: String,
    pub(crate) login: String,
    pub(crate) is_sent: bool,
    pub(crate) is_new: bool,
    pub(crate) file_name: String,
    pub(crate) bytes: Vec<u8>,
}

impl OnDisk {
    pub(crate) fn unique_name(&self) -> &str {
        self.file_name.split([',', ':']).next().unwrap()
    }

    pub(crate) fn flags(&self) -> &str {
        self.file_name
            .split_once(":2,")
            .map_or("", |(_, flags)| flags)
    }

    /// Addresses in `To` and `Cc`.
    pub(crate) fn recipients(&self) -> BTreeSet<String> {
        let parsed = MessageParser::default().parse(&self.bytes).unwrap();
        [parsed.to(), parsed.cc()]
            .into_iter()
            .flatten()
            .flat_map(mail_parser::Address::iter)
            .filter_map(|who| who.address())
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn message_id(&self) -> String {
        let parsed = MessageParser::default().parse(&self.bytes).unwrap();
        format!("<{}>", parsed.message_id().unwrap())
    }
}

/// Every message below a folder, in `new` and `cur` of INBOX and Sent of every mailbox.
pub(crate) fn messages(folder: &Path) -> Vec<OnDisk> {
    let mut found = Vec::new();
    for file in files(folder) {
        let path = file.strip_prefix(folder).unwrap().to_owned();
        let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let [decky, "home", login, "Maildir", rest @ ..] = &parts[..] else {
            continue;
        };
        let (is_sent, part, name) = match rest {
            [part @ ("new" | "cur"), name] => (false, *part, *name),
            [".Sent", part @ ("new" | "cur"), name] => (true, *part, *name),
            _ => continue,
        };
        found.push(OnDisk {
            decky: (*decky).to_owned(),
            login: (*login).to_owned(),
            is_sent,
            is_new: part == "new",
            file_name: name.to_owned(),
            bytes: fs::read(&file).unwrap(),
        });
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Everything on disk by path below `folder`, with its bytes.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder)
        .into_iter()
        .map(|file| {
            let bytes = fs::read(&file).unwrap();
            (file.strip_prefix(folder).unwrap().to_owned(), bytes)
        })
        .collect()
}

/// Asserts that each delivered mail lies once in the INBOX of everybody that its headers name and
/// once among the sent, that every other mail lies nowhere, and that there is nothing else.
#[track_caller]
pub(crate) fn assert_exactly_once(mails: &[MailSummary], on_disk: &[OnDisk]) {
    let mut lying: BTreeMap<String, (BTreeSet<&str>, usize, usize)> = BTreeMap::new();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in on_disk {
        let (mailboxes, inboxes, sent) = lying.entry(message.message_id()).or_default();
        if message.is_sent {
            *sent += 1;
            named.insert(message.message_id(), message.recipients());
        } else {
            *inboxes += 1;
            mailboxes.insert(&message.login);
        }
    }
    for mail in mails {
        let what = format!("mail {} is {} ({:?})", mail.id.0, mail.state, mail.error);
        let Some((mailboxes, inboxes, sent)) = lying.remove(&mail.message_id) else {
            assert_ne!(mail.state, "delivered", "{what}");
            continue;
        };
        assert_eq!(mail.state, "delivered", "{what}");
        assert_eq!(sent, 1, "{what}");
        let named = &named[&mail.message_id];
        assert_eq!(
            (mailboxes.len(), inboxes),
            (named.len(), named.len()),
            "{what}"
        );
    }
    assert!(lying.is_empty(), "nobody knows of {lying:?}");
}

/// Settings for `count` mails in an hour of its own.
pub(crate) fn settings(hour: i64, count: usize) -> TickSettings {
    TickSettings {
        count,
        ..TickSettings::new(monday() + TimeDelta::hours(hour), 7, SECRET)
    }
}

/// Records by Message-ID.
pub(crate) fn by_message_id(records: &[MailRecord]) -> BTreeMap<&str, &MailRecord> {
    let map: BTreeMap<_, _> = records
        .iter()
        .map(|record| (record.message_id.as_str(), record))
        .collect();
    assert_eq!(map.len(), records.len(), "a Message-ID was used twice");
    map
}

/// Whether `received` is `sent` with lines that servers have put above and between its headers.
pub(crate) fn is_what_was_sent(received: &[u8], sent: &[u8]) -> bool {
    let parts = |message: &[u8]| {
        let text = String::from_utf8_lossy(message).into_owned();
        let (header, body) = text.split_once("\n\n").expect("a message has a header");
        (header.to_owned(), body.to_owned())
    };
    let ((theirs, body), (ours, same)) = (parts(received), parts(sent));
    let mut lines = theirs.lines();
    body == same
        && theirs.len() > ours.len()
        && ours.lines().all(|line| lines.any(|other| other == line))
}
