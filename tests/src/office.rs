//! A small office, and ticks in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::binary::Outcome;
use crate::mailbox::{Folder, Stored, file_name, files, read_folder};
use crate::wait::until;
use crate::world::{World, text};
use serde_json::Value;

/// A Friday morning.
const FRIDAY: &str = "2026-03-06T09:00:00Z";
/// A Sunday before it: nobody is at work and no answer is due, so a tick only finishes what is
/// left.
pub const SUNDAY_BEFORE: &str = "2026-03-01T12:00:00Z";

/// A world file: people who are at work day and night from Monday to Friday, each with the decky
/// of their mailbox.
pub fn office(people: &[(&str, &str)]) -> String {
    let mut world = String::from("[[topology]]\nname = \"office\"\n");
    let mut deckies = BTreeSet::new();
    for (name, decky) in people {
        deckies.insert(*decky);
        let local = name.to_lowercase().replace(' ', ".");
        let _ = write!(
            world,
            "[[topology.personas]]\nname = \"{name}\"\nemail = \"{local}@office.example\"\n\
             role = \"Clerk\"\nactive_hours = \"00:00-00:00\"\nreply_latency = \"fast\"\n\
             home = \"{decky}\"\n"
        );
    }
    for decky in deckies {
        let _ = write!(
            world,
            "[[decky]]\nname = \"{decky}\"\ntopology = \"office\"\nservices = [\"imap\"]\n\
             [decky.transport]\nkind = \"local\"\nroot = \"decoys/{decky}\"\n{{owner}}\n"
        );
    }
    world
}

/// Every mail client, and a name for who has it.
pub const MAIL_CLIENTS: [(&str, &str); 12] = [
    ("gmail", "Ana Ruiz"),
    ("outlook-exchange", "Ben Cole"),
    ("thunderbird", "Zoë Brandt"),
    ("outlook", "Jürgen Groß"),
    ("outlook-mobile", "Łucja Żak"),
    ("iphone", "Seán O'Dea"),
    ("iphone-exchange", "Inés Peña"),
    ("apple-mail", "José Núñez"),
    ("roundcube", "Åsa Öberg"),
    ("evolution", "Chloé Lefèvre"),
    ("mutt", "Tom Reed"),
    ("k9", "Mia Novák"),
];

/// People who are at work day and night, each with a mail client of their own, whose name is what
/// stands before the `@`. Every other one writes Spanish.
pub fn every_mail_client() -> String {
    let mut world = String::from("[[topology]]\nname = \"office\"\n");
    for (number, (client, name)) in MAIL_CLIENTS.iter().enumerate() {
        let language = if number % 2 == 0 { "en" } else { "es" };
        let _ = write!(
            world,
            "[[topology.personas]]\nname = \"{name}\"\nemail = \"{client}@office.example\"\n\
             role = \"Clerk\"\nlanguage = \"{language}\"\nactive_hours = \"00:00-00:00\"\n\
             reply_latency = \"fast\"\nmail_client = \"{client}\"\nhome = \"mail1\"\n"
        );
    }
    world.push_str(
        "[[decky]]\nname = \"mail1\"\ntopology = \"office\"\nservices = [\"imap\"]\n\
         [decky.transport]\nkind = \"local\"\nroot = \"decoys/mail1\"\n{owner}\n",
    );
    world
}

/// Two people on one decky.
pub fn two_people() -> String {
    office(&[("Ana Ruiz", "mx1"), ("Ben Cole", "mx1")])
}

/// So many minutes into the Friday, from its start again after its end.
pub fn friday(minutes: u64) -> String {
    let start: DateTime<Utc> = FRIDAY.parse().expect("a time");
    let minutes = i64::try_from(minutes % 840).expect("below a day");
    (start + TimeDelta::minutes(minutes)).to_rfc3339()
}

/// Arguments of a tick. Mails in a group share a commit.
pub fn tick_arguments(seed: u64, now: &str, count: u32, group: u32) -> Vec<String> {
    let (seed, count, group) = (seed.to_string(), count.to_string(), group.to_string());
    [
        "emailgen", "tick", "--seed", &seed, "--now", now, "--count", &count, "--group", &group,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// One tick, to its end.
pub fn tick(world: &World, seed: u64, now: &str, count: u32) -> Outcome {
    world.decnet.run(tick_arguments(seed, now, count, 128))
}

/// Ticks until so many people have a mailbox.
pub fn settle(world: &World, people: usize) {
    let mut round = 0_u64;
    until("everybody has a mailbox", || {
        round += 1;
        tick(world, round, &friday(round), 4).succeeds();
        (world.mailboxes().len() == people).then_some(())
    });
}

/// Ticks until nothing is left to finish.
pub fn finish(world: &World) {
    until("every mail is delivered", || {
        let ended = tick(world, 1, SUNDAY_BEFORE, 128);
        // What is still in its way is said, and tried again.
        assert!(matches!(ended.code, Some(0 | 69 | 73 | 75)), "{ended:#?}");
        world.unfinished().is_empty().then_some(())
    });
}

/// Everybody that a mail is to.
pub fn recipients(mail: &Value) -> impl Iterator<Item = &str> {
    let copies = mail["copies"].as_array();
    [&mail["to"]]
        .into_iter()
        .chain(copies.into_iter().flatten())
        .map(text)
}

/// Every delivered mail lies once in each of its mailboxes, of every draft what was saved last, and
/// nothing else does.
pub fn disk_and_ledger_agree(world: &World) {
    let mails = world.mails();
    let delivered = |mail: &&Value| text(&mail["state"]) == "delivered";
    let saved_last = drafts_saved_last(world, &mails);
    let is_last = |mail: &Value| saved_last.contains(text(&mail["message_id"]));
    for mailbox in &world.mailboxes() {
        for folder in [Folder::Inbox, Folder::Sent, Folder::Drafts] {
            let is_sent = |mail: &Value| mail["draft"].is_null();
            let is_theirs = |mail: &Value| match folder {
                Folder::Inbox => {
                    is_sent(mail) && recipients(mail).any(|who| who == mailbox.address)
                }
                Folder::Sent => is_sent(mail) && text(&mail["from"]) == mailbox.address,
                Folder::Drafts => {
                    !is_sent(mail) && is_last(mail) && text(&mail["from"]) == mailbox.address
                }
            };
            let expected: BTreeSet<&str> = mails
                .iter()
                .filter(delivered)
                .filter(|mail| is_theirs(mail))
                .map(|mail| text(&mail["message_id"]))
                .collect();
            let path = folder.path(&mailbox.maildir);
            let stored = read_folder(&path);
            let mut ids: BTreeMap<String, Vec<&Stored>> = BTreeMap::new();
            for mail in &stored {
                ids.entry(mail.message_id()).or_default().push(mail);
            }
            for (id, copies) in &ids {
                let paths: Vec<_> = copies.iter().map(|mail| &mail.path).collect();
                assert_eq!(copies.len(), 1, "{id} lies twice: {paths:?}");
            }
            let found: BTreeSet<&str> = ids.keys().map(String::as_str).collect();
            assert_eq!(found, expected, "{}", path.display());
        }
    }
}

/// Drafts that were not saved again, by their ids.
fn drafts_saved_last(world: &World, mails: &[Value]) -> BTreeSet<String> {
    if mails.iter().all(|mail| mail["draft"].is_null()) {
        return BTreeSet::new();
    }
    let ids = crate::python::run(
        "import sqlite3,sys\n\
         db=sqlite3.connect(sys.stdin.read())\n\
         for row in db.execute('select message_id from mail where draft_iteration is not null \
         and not exists (select 1 from mail next where next.draft_previous = mail.id \
         and next.state = \"delivered\")'):\n\
         \x20 print(*row)",
        &world.path("state/decnet.db").display().to_string(),
    );
    ids.lines().map(str::to_owned).collect()
}

/// Every mail is delivered, and there is nothing but messages and what may stay beside them.
pub fn nothing_is_left(world: &World) {
    for mail in &world.mails() {
        assert_eq!(text(&mail["state"]), "delivered", "{mail:#}");
    }
    for mailbox in &world.mailboxes() {
        for folder in [Folder::Inbox, Folder::Sent, Folder::Drafts] {
            let path = folder.path(&mailbox.maildir);
            only_fences_are_left(&path, folder, &read_folder(&path));
        }
    }
}

/// Nothing stays in `tmp/` but empty fences of messages that arrived. A draft that was saved again
/// leaves its fence alone.
fn only_fences_are_left(folder: &Path, kind: Folder, stored: &[Stored]) {
    for path in files(&folder.join("tmp")) {
        let name = file_name(&path);
        let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let of_message = name.strip_suffix(".0").is_some_and(|unique| {
            let mut stored = stored.iter();
            kind == Folder::Drafts || stored.any(|mail| file_name(&mail.path).starts_with(unique))
        });
        assert!(length == 0 && of_message, "{} was left", path.display());
    }
}
