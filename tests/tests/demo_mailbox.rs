//! What a user of a decoy mailbox sees: through a real mail server, and on disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use decnet_tests::dovecot::Dovecot;
use decnet_tests::imap::{Fetched, Imap};
use decnet_tests::mailbox::{Folder, Stored, arrived, headers, read_all, tree};
use decnet_tests::python;
use decnet_tests::structure::decoded;
use decnet_tests::world::{Mailbox, World};
use mail_parser::MessageParser;

const SEED: u64 = 7;
/// A Sunday at night.
const NOW: &str = "2026-03-08T03:00:00Z";
const TICKS: usize = 200;

type Mails = BTreeMap<(String, Folder), Vec<Stored>>;

/// The demo, and two hundred ticks of the week after.
fn lived_in() -> World {
    let world = World::demo(SEED, NOW);
    tick_through_work_hours(&world, TICKS);
    world
}

fn tick_through_work_hours(world: &World, ticks: usize) {
    let mut now: DateTime<Utc> = "2026-03-09T08:50:00Z".parse().expect("a time");
    for seed in 0..ticks {
        world.decnet.ok([
            "emailgen",
            "tick",
            "--quiet",
            "--seed",
            &seed.to_string(),
            "--now",
            &now.to_rfc3339(),
        ]);
        now += TimeDelta::minutes(13);
        if now.format("%H").to_string().as_str() >= "17" {
            now += TimeDelta::hours(16);
        }
    }
}

#[test]
fn a_mail_server_serves_the_demo_without_a_complaint() {
    let world = lived_in();
    world.hand_to_mail_server();
    let mailboxes = world.mailboxes();
    let stored = read_all(&mailboxes);
    let dovecot = Dovecot::serve(&world);
    for mailbox in &mailboxes {
        let who = &mailbox.address;
        let mut imap = dovecot.login(who);
        let folders = imap.list();
        let sent = folders.iter().find(|(_, name)| name == "Sent");
        assert!(
            sent.is_some_and(|(attributes, _)| attributes.contains("\\Sent")),
            "{who}: {folders:?}"
        );
        assert!(folders.iter().any(|(_, name)| name == "INBOX"), "{who}");
        let answered = served_sent(&mut imap, who, &stored);
        served_inbox(&mut imap, who, &stored, &answered);
    }
    assert_eq!(dovecot.errors(), "");
}

/// Checks the Sent folder and answers the ids that its mails answer.
fn served_sent(imap: &mut Imap, who: &str, stored: &Mails) -> BTreeSet<String> {
    let sent = &stored[&(who.to_owned(), Folder::Sent)];
    assert_eq!(imap.select("Sent"), sent.len() as u32, "{who}");
    let mails = imap.fetch_all();
    for mail in &mails {
        assert_eq!(mail.internal_date, date(mail), "{who}");
        assert!(mail.flags.contains("\\Seen"), "{who}: {:?}", mail.flags);
        assert!(mail.flags.len() == 1, "{who}: {:?}", mail.flags);
    }
    mails
        .iter()
        .filter(|mail| !is_forward(&header(mail, "Subject").concat()))
        .flat_map(|mail| header(mail, "In-Reply-To"))
        .collect()
}

/// Whether a subject has the prefix of a forward, in one of the languages of the demo.
fn is_forward(subject: &str) -> bool {
    let subject = decoded(subject).to_lowercase();
    ["fwd:", "fw:", "rv:"]
        .iter()
        .any(|prefix| subject.starts_with(prefix))
}

fn served_inbox(imap: &mut Imap, who: &str, stored: &Mails, answered: &BTreeSet<String>) {
    let inbox = &stored[&(who.to_owned(), Folder::Inbox)];
    assert_eq!(imap.select("INBOX"), inbox.len() as u32, "{who}");
    let mails = imap.fetch_all();
    assert_eq!(mails.len(), inbox.len(), "{who}");
    let mut bodies: Vec<Vec<u8>> = mails.iter().map(|mail| mail.body.clone()).collect();
    let mut on_disk: Vec<Vec<u8>> = inbox.iter().map(|mail| with_crlf(&mail.bytes)).collect();
    bodies.sort();
    on_disk.sort();
    assert!(bodies == on_disk, "{who}: served as stored");
    let known = BTreeSet::from(["\\Seen".to_owned(), "\\Answered".to_owned()]);
    for mail in &mails {
        assert_eq!(mail.internal_date, arrived(&mail.body), "{who}");
        assert!(mail.flags.is_subset(&known), "{who}: {:?}", mail.flags);
        let is_answered = mail.flags.contains("\\Answered");
        let [id] = header(mail, "Message-ID").try_into().expect("one id");
        assert_eq!(is_answered, answered.contains(&id), "{who}: {id}");
        assert!(
            !is_answered || mail.flags.contains("\\Seen"),
            "{who}: what is answered was read: {:?}",
            mail.flags
        );
    }
    let by_references = threads(&mails, false);
    assert!(by_references.len() > 1, "{who}: {by_references:?}");
    assert_eq!(imap.threads("REFS"), by_references, "{who}");
    assert_eq!(imap.threads("REFERENCES"), threads(&mails, true), "{who}");
    let unseen = mails.iter().filter(|mail| !mail.flags.contains("\\Seen"));
    assert_eq!(imap.search("UNSEEN").len(), unseen.count(), "{who}");
}

fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut crlf = Vec::with_capacity(message.len() + message.len() / 32);
    for byte in message {
        if *byte == b'\n' {
            crlf.push(b'\r');
        }
        crlf.push(*byte);
    }
    crlf
}

fn header(mail: &Fetched, name: &str) -> Vec<String> {
    headers(&mail.body)
        .into_iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}

fn date(mail: &Fetched) -> DateTime<Utc> {
    let [date] = header(mail, "Date").try_into().expect("one Date");
    DateTime::parse_from_rfc2822(&date)
        .unwrap_or_else(|error| panic!("{date:?}: {error}"))
        .to_utc()
}

/// Threads as the headers tell them: mails that share an id belong together. RFC 5256 also joins
/// threads whose subjects are the same but for `Re:`.
fn threads(mails: &[Fetched], by_subject_too: bool) -> BTreeSet<BTreeSet<u32>> {
    let mut keys: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for mail in mails {
        let mut known = BTreeSet::new();
        for name in ["Message-ID", "In-Reply-To", "References"] {
            for value in header(mail, name) {
                known.extend(value.split_whitespace().map(str::to_owned));
            }
        }
        if by_subject_too {
            known.insert(base_subject(mail));
        }
        keys.insert(mail.number, known);
    }
    let mut threads: Vec<(BTreeSet<u32>, BTreeSet<String>)> = Vec::new();
    for (number, known) in keys {
        let (joined, apart): (Vec<_>, Vec<_>) = threads
            .into_iter()
            .partition(|(_, of_thread)| !of_thread.is_disjoint(&known));
        threads = apart;
        let mut thread = (BTreeSet::from([number]), known);
        for (numbers, known) in joined {
            thread.0.extend(numbers);
            thread.1.extend(known);
        }
        threads.push(thread);
    }
    threads.into_iter().map(|(numbers, _)| numbers).collect()
}

fn base_subject(mail: &Fetched) -> String {
    let message = MessageParser::default()
        .parse(&mail.body)
        .expect("a message");
    let subject = message.subject().expect("a subject").to_lowercase();
    let mut rest = subject.trim();
    // What RFC 5256 §2.1 takes for a prefix.
    while let Some(shorter) = ["re:", "fwd:", "fw:"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))
    {
        rest = shorter.trim_start();
    }
    format!(
        "subject {}",
        rest.split_whitespace().collect::<Vec<_>>().join(" ")
    )
}

#[test]
fn every_message_is_sound_and_every_conversation_makes_sense() {
    let world = lived_in();
    let mailboxes = world.mailboxes();
    let mails = read_all(&mailboxes);
    let count: usize = mails.values().map(Vec::len).sum();
    assert!(count >= 2 * (100 + TICKS), "{count} messages");
    for mail in mails.values().flatten() {
        sound(mail);
    }
    without_defects(mails.values().flatten());
    ids_are_unique(&mails);
    twins_lie_on_the_sender_s_decky(&mails, &mailboxes);
    conversations_make_sense(&mails);
    nobody_writes_outside_working_hours(&mails, &mailboxes);
}

/// One message, on its own.
fn sound(mail: &Stored) {
    let path = mail.path.display();
    for name in [
        "From",
        "To",
        "Date",
        "Subject",
        "Message-ID",
        "MIME-Version",
    ] {
        assert!(!mail.one(name).is_empty(), "{path}: {name}");
    }
    assert!(
        !mail.bytes.contains(&b'\r') && !mail.bytes.contains(&0),
        "{path}"
    );
    let parsed = MessageParser::default()
        .parse(&mail.bytes)
        .unwrap_or_else(|| panic!("{path} is no message"));
    let subject = parsed.subject().unwrap_or_default();
    let bare = subject.rsplit(": ").next().unwrap_or_default().trim();
    assert!(!bare.is_empty(), "{path}: subject {subject:?}");
    assert!(!bare.contains(char::REPLACEMENT_CHARACTER), "{path}");
    assert!(parsed.date().is_some_and(|date| date.is_valid()), "{path}");
    let plain = parsed.body_text(0).unwrap_or_default();
    assert!(!plain.trim().is_empty(), "{path}: no text");
    assert_eq!(
        mail.mtime,
        mail.arrived().timestamp(),
        "{path}: time of the file"
    );
    let late = mail.arrived() - mail.date().to_utc();
    assert!(
        (-TimeDelta::minutes(20)..TimeDelta::hours(2)).contains(&late),
        "{path}: {late} on the way"
    );
}

/// Python's email package finds nothing to complain about.
fn without_defects<'a>(mails: impl Iterator<Item = &'a Stored>) {
    let mut input = String::new();
    let mut count = 0;
    for mail in mails {
        input.push_str(&mail.path.display().to_string());
        input.push('\n');
        count += 1;
    }
    let report = python::run(include_str!("../src/defects.py"), &input);
    assert_eq!(report, format!("parsed {count}\n"));
}

fn ids_are_unique(mails: &Mails) {
    for ((who, folder), mails) in mails {
        let ids: BTreeSet<String> = mails.iter().map(Stored::message_id).collect();
        assert_eq!(ids.len(), mails.len(), "{who}, {folder:?}");
    }
}

/// Whether `received` is `sent` with lines that servers have put above and between its headers.
fn is_what_was_sent(received: &[u8], sent: &[u8]) -> bool {
    let parts = |message: &[u8]| {
        let text = String::from_utf8_lossy(message).into_owned();
        let (header, body) = text.split_once("\n\n").expect("a message has a header");
        (header.to_owned(), body.to_owned())
    };
    let ((theirs, body), (ours, same)) = (parts(received), parts(sent));
    let mut lines = theirs.lines();
    body == same && ours.lines().all(|line| lines.any(|other| other == line))
}

fn twins_lie_on_the_sender_s_decky(mails: &Mails, mailboxes: &[Mailbox]) {
    let sent: HashMap<String, (&str, &Stored)> = in_folders(mails, Folder::Sent)
        .map(|(who, mail)| (mail.message_id(), (who, mail)))
        .collect();
    let mut received: HashMap<String, BTreeSet<&str>> = HashMap::new();
    for (recipient, mail) in in_folders(mails, Folder::Inbox) {
        let id = mail.message_id();
        let (_, twin) = sent.get(&id).unwrap_or_else(|| panic!("{id} has no twin"));
        assert!(is_what_was_sent(&mail.bytes, &twin.bytes), "{id}");
        assert!(mail.bytes.starts_with(b"Return-Path: <"), "{id}");
        assert!(received.entry(id).or_default().insert(recipient));
    }
    assert_eq!(received.len(), sent.len());
    let mut to_several = 0;
    for (id, (sender, twin)) in &sent {
        assert_eq!(twin.author(), *sender, "{id}");
        assert!(twin.all("Received").is_empty(), "{id}");
        let named = twin.recipients();
        let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
        assert_eq!(received[id], named, "{id}");
        to_several += usize::from(named.len() > 1);
        let decky = |path: &Path| {
            let of = |mailbox: &&Mailbox| path.starts_with(&mailbox.maildir);
            mailboxes
                .iter()
                .find(of)
                .map(|mailbox| mailbox.decky.clone())
        };
        let home = mailboxes.iter().find(|mailbox| mailbox.address == *sender);
        assert_eq!(
            decky(&twin.path),
            home.map(|home| home.decky.clone()),
            "{id}"
        );
    }
    assert!(to_several > sent.len() / 10, "{to_several} to several");
}

fn in_folders(mails: &Mails, wanted: Folder) -> impl Iterator<Item = (&str, &Stored)> {
    mails
        .iter()
        .filter(move |((_, folder), _)| *folder == wanted)
        .flat_map(|((who, _), mails)| mails.iter().map(move |mail| (who.as_str(), mail)))
}

fn conversations_make_sense(mails: &Mails) {
    let sent: HashMap<String, &Stored> = in_folders(mails, Folder::Sent)
        .map(|(_, mail)| (mail.message_id(), mail))
        .collect();
    let mut answered = BTreeSet::new();
    let (mut forwarded, mut unseen) = (0, 0);
    for (id, mail) in &sent {
        let (from, to) = (mail.author(), mail.recipients());
        assert!(!to.contains(&from), "{id} is written to its author");
        let is_forward = is_forward(&mail.one("Subject"));
        forwarded += usize::from(is_forward);
        let references = mail.references();
        // Not every mail client ties a forward to its thread.
        let Some(parent_id) = references.last().cloned() else {
            assert!(mail.in_reply_to().is_none(), "{id}");
            let subject = decoded(&mail.one("Subject")).to_lowercase();
            assert!(is_forward || !subject.starts_with("re:"), "{id}: {subject}");
            continue;
        };
        assert!(
            mail.in_reply_to()
                .is_none_or(|answers| answers == parent_id)
                || is_forward,
            "{id}"
        );
        let Some(parent) = sent.get(&parent_id) else {
            assert_eq!(references.len(), 1, "{id} answers what no mailbox holds");
            unseen += 1;
            continue;
        };
        let mut expected = parent.references();
        expected.push(parent_id.clone());
        assert_eq!(references, expected, "{id}");
        assert!(parent.recipients().contains(&from), "{id}");
        assert_eq!(to.contains(&parent.author()), !is_forward, "{id}");
        assert!(
            mail.date() > parent.date(),
            "{id} is older than {parent_id}"
        );
        assert!(
            answered.insert(parent_id),
            "answered twice: {:?}",
            mail.in_reply_to()
        );
    }
    assert!(
        answered.len() > sent.len() / 10,
        "{} answers",
        answered.len()
    );
    assert!(
        forwarded > 0 && unseen > 0,
        "{forwarded} forwards, {unseen} of the unseen"
    );
}

fn nobody_writes_outside_working_hours(mails: &Mails, mailboxes: &[Mailbox]) {
    for mailbox in mailboxes {
        let zone: Tz = mailbox.timezone.parse().expect("a time zone");
        let (from, to) = mailbox.active_hours.split_once('-').expect("hours");
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").expect("a time");
        let hours = time(from)..time(to);
        for mail in &mails[&(mailbox.address.clone(), Folder::Sent)] {
            let date = mail.date();
            let local = date.with_timezone(&zone);
            // Exchange dates everything in UTC.
            let in_utc =
                date.offset().local_minus_utc() == 0 && !mail.all("Thread-Index").is_empty();
            assert!(
                date.naive_local() == local.naive_local() || in_utc,
                "{}",
                mail.path.display()
            );
            let is_off = match local.weekday() {
                Weekday::Sat => mailbox.workdays != "mon-sat",
                Weekday::Sun => true,
                _ => false,
            };
            assert!(
                hours.contains(&local.time()) && !is_off,
                "{} writes at {local}, outside {}",
                mailbox.address,
                mailbox.active_hours
            );
        }
    }
}

#[test]
fn the_same_seed_and_moment_give_the_same_bytes() {
    let trees = [(); 2].map(|()| {
        let world = World::demo(SEED, NOW);
        tick_through_work_hours(&world, 20);
        tree(&world.path("decoys"))
    });
    let [first, second] = &trees;
    assert!(first.len() > 200, "{} files", first.len());
    assert!(first.keys().eq(second.keys()), "the same names");
    for (path, (bytes, mtime, mode)) in first {
        let (other_bytes, other_mtime, other_mode) = &second[path];
        let path = path.display().to_string();
        assert_eq!((bytes, mode), (other_bytes, other_mode), "{path}");
        // What is no message belongs to the mailbox, which is made when it is made.
        if path.contains("/cur/") || path.contains("/new/") {
            assert_eq!(mtime, other_mtime, "{path}");
        }
    }
}
