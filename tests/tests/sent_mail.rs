//! What a mail server and a scanner make of the mail, and that no two installations have the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_tests::dovecot::Dovecot;
use decnet_tests::imap::Described;
use decnet_tests::mailbox::{Folder, Stored, file_name, read_all, tree};
use decnet_tests::office::{MAIL_CLIENTS, every_mail_client, tick_arguments};
use decnet_tests::structure::{Envelope, Part};
use decnet_tests::world::{World, text};
use mail_parser::MessageParser;

const SEEDS: [u64; 3] = [1, 2, 7];
/// A Sunday at night.
const NOW: &str = "2026-03-08T03:00:00Z";
/// A Friday.
const MORNING: &str = "2026-03-06T09:00:00Z";
const MAILS_A_TICK: u32 = 40;

/// So many hours of mail between people with a mail client each.
fn work(world: &World, hours: u8) {
    let morning: DateTime<Utc> = MORNING.parse().expect("a time");
    for hour in 0..hours {
        let now = morning + TimeDelta::hours(hour.into());
        world.decnet.ok(tick_arguments(
            hour.into(),
            &now.to_rfc3339(),
            MAILS_A_TICK,
            128,
        ));
    }
}

/// Of what the mail of a world is made up.
#[derive(Debug, Default)]
struct Variety {
    messages: usize,
    authors: BTreeSet<String>,
    media_types: BTreeSet<String>,
    encodings: BTreeSet<String>,
    charsets: BTreeSet<String>,
    file_names: BTreeSet<String>,
}

/// Checks what the server says of every message.
fn served_as_written(world: &World) -> Variety {
    world.hand_to_mail_server();
    let subjects: BTreeMap<String, String> = world
        .mails()
        .iter()
        .map(|mail| {
            let id = text(&mail["message_id"]).trim_matches(['<', '>']);
            (id.to_owned(), text(&mail["subject"]).to_owned())
        })
        .collect();
    let mut variety = Variety::default();
    let dovecot = Dovecot::serve(world);
    for mailbox in world.mailboxes() {
        let mut imap = dovecot.login(&mailbox.address);
        for folder in ["INBOX", "Sent"] {
            let count = imap.select(folder);
            let described = imap.describe_all();
            assert_eq!(described.len(), count as usize, "{}", mailbox.address);
            for message in &described {
                let id = one_served_as_written(message, &subjects, &mut variety);
                let is_theirs = variety.authors.contains(&mailbox.address);
                assert!(folder == "INBOX" || is_theirs, "{id}");
            }
        }
    }
    assert_eq!(dovecot.errors(), "");
    variety
}

fn one_served_as_written(
    served: &Described,
    subjects: &BTreeMap<String, String>,
    variety: &mut Variety,
) -> String {
    let message = MessageParser::default()
        .parse(&served.body)
        .expect("a message");
    let envelope = Envelope::served(&served.envelope);
    let id = envelope.message_id.clone();
    assert_eq!(envelope, Envelope::of(&message), "{id}");
    assert_eq!(subjects.get(&id), Some(&envelope.subject), "{id}");
    assert_eq!(served.size, served.body.len(), "{id}");
    let structure = Part::served(&served.structure);
    assert_eq!(structure, Part::of(&message), "{id}");
    variety.messages += 1;
    let authors = envelope.from.into_iter().map(|(_, address)| address);
    variety.authors.extend(authors);
    for part in structure.walk() {
        variety.media_types.insert(part.media_type.clone());
        if part.parts.is_empty() {
            variety.encodings.insert(part.encoding.clone());
        }
        let charset = part.parameters.get("charset");
        let charset = charset.map(|charset| charset.to_lowercase());
        variety.charsets.extend(charset);
        variety
            .file_names
            .extend(part.file_name().map(str::to_owned));
    }
    id
}

#[test]
fn a_mail_server_describes_the_mail_of_every_client_as_it_was_written() {
    let world = World::new(&every_mail_client(), "");
    work(&world, 6);
    let variety = served_as_written(&world);
    assert!(variety.messages >= 480, "{}", variety.messages);
    for (client, _) in MAIL_CLIENTS {
        let address = format!("{client}@office.example");
        assert!(variety.authors.contains(&address), "{client} wrote nothing");
    }
    let has = |set: &BTreeSet<String>, wanted: &[&str]| {
        for name in wanted {
            assert!(set.contains(*name), "no {name}: {set:?}");
        }
    };
    has(
        &variety.media_types,
        &[
            "text/plain",
            "text/html",
            "multipart/alternative",
            "multipart/mixed",
            "application/pdf",
            "image/png",
        ],
    );
    has(
        &variety.encodings,
        &["7bit", "8bit", "quoted-printable", "base64"],
    );
    has(&variety.charsets, &["us-ascii", "utf-8", "iso-8859-1"]);
    let is_foreign = |name: &&String| !name.is_ascii();
    assert!(
        variety.file_names.iter().any(|name| is_foreign(&name)),
        "{:?}",
        variety.file_names
    );
}

#[test]
fn a_mail_server_describes_the_demo_as_it_was_written() {
    for seed in SEEDS {
        let variety = served_as_written(&World::demo(seed, NOW));
        assert!(variety.messages >= 200, "{}", variety.messages);
    }
}

#[test]
fn every_mailbox_of_the_demo_has_a_past_and_the_server_goes_on_from_it() {
    let mut every_validity = BTreeSet::new();
    for seed in SEEDS {
        let world = World::demo(seed, NOW);
        world.hand_to_mail_server();
        let mailboxes = world.mailboxes();
        let mails = read_all(&mailboxes);
        let dovecot = Dovecot::serve(&world);
        for mailbox in &mailboxes {
            let who = &mailbox.address;
            let mut imap = dovecot.login(who);
            let pasts = Folder::ALL.map(|folder| Past::of(&folder.path(&mailbox.maildir)));
            for (folder, past) in Folder::ALL.into_iter().zip(&pasts) {
                let name = match folder {
                    Folder::Inbox => "INBOX",
                    Folder::Sent => "Sent",
                    Folder::Drafts => "Drafts",
                };
                let mails = &mails[&(who.clone(), folder)];
                let count = u32::try_from(mails.len()).expect("few mails");
                assert_eq!(imap.guid(name), past.guid, "{who}");
                assert_eq!(imap.select(name), count, "{who}");
                let status = imap.status(name, "UIDVALIDITY UIDNEXT");
                assert_eq!(status["UIDVALIDITY"], past.validity, "{who}");
                assert_eq!(status["UIDNEXT"], past.next + count, "{who}");
                let expected: Vec<u32> = (past.next..past.next + count).collect();
                assert_eq!(imap.uids(), expected, "{who}");
                let arrivals: Vec<DateTime<Utc>> = imap
                    .fetch_all()
                    .iter()
                    .map(|mail| mail.internal_date)
                    .collect();
                assert!(arrivals.is_sorted(), "{who}: UIDs in the order of arrival");
                // As the server left it.
                let kept = Past::of(&folder.path(&mailbox.maildir));
                assert_eq!((kept.validity, &kept.guid), (past.validity, &past.guid));
                let first = mails.iter().map(Stored::arrived).min();
                let made = DateTime::from_timestamp(past.validity.into(), 0).expect("a time");
                assert!(
                    first.is_none_or(|first| first - made > TimeDelta::days(90)),
                    "{who}: made {made}, first mail {first:?}"
                );
                assert!(past.next > 1, "{who}: nothing came before the first mail");
                assert!(every_validity.insert(past.validity), "{who}: {past:?}");
            }
            let [inbox, sent] = &pasts;
            assert_ne!(inbox.guid, sent.guid, "{who}");
        }
        assert_eq!(dovecot.errors(), "");
    }
}

/// The first line of `dovecot-uidlist`.
#[derive(Debug)]
struct Past {
    validity: u32,
    next: u32,
    guid: String,
}

impl Past {
    #[track_caller]
    fn of(folder: &Path) -> Self {
        let list = fs::read_to_string(folder.join("dovecot-uidlist")).expect("Dovecot's list");
        let line = list.lines().next().unwrap_or_default();
        let fields = line.strip_prefix("3 ").expect("version 3");
        let field = |letter: char| {
            fields
                .split(' ')
                .find_map(|field| field.strip_prefix(letter))
                .unwrap_or_else(|| panic!("no {letter} in {line}"))
        };
        let number = |letter| field(letter).parse().expect("a number");
        Self {
            validity: number('V'),
            next: number('N'),
            guid: field('G').to_owned(),
        }
    }
}

/// What nobody else's mail has.
#[derive(Debug, Default)]
struct Marks {
    /// Drawn from so many that two are never the same, by kind.
    unique: BTreeSet<(&'static str, String)>,
    /// Servers of the company in `Received`, but for the deckies, whose names the world file gives.
    hosts: BTreeSet<String>,
    /// Addresses in its networks in `Received`.
    addresses: BTreeSet<IpAddr>,
}

impl Marks {
    fn of(world: &World) -> Self {
        let mut marks = Self::default();
        let mailboxes = world.mailboxes();
        for mailbox in &mailboxes {
            for folder in Folder::ALL {
                let past = Past::of(&folder.path(&mailbox.maildir));
                let mut mark = |kind, value| marks.unique.insert((kind, value));
                assert!(mark("UIDVALIDITY", past.validity.to_string()));
                assert!(mark("GUID", past.guid));
            }
        }
        let deckies: BTreeSet<&str> = mailboxes.iter().map(|of| of.decky.as_str()).collect();
        for mail in read_all(&mailboxes).values().flatten() {
            marks.add(mail, &deckies);
        }
        marks
    }

    fn add(&mut self, mail: &Stored, deckies: &BTreeSet<&str>) {
        let mut mark = |kind, value| self.unique.insert((kind, value));
        mark("Message-ID", mail.message_id());
        let (name, _) = file_name(&mail.path).split_once(',').expect("has a size");
        mark("file name", name.to_owned());
        let message = MessageParser::default()
            .parse(&mail.bytes)
            .expect("a message");
        for part in Part::of(&message).walk() {
            if let Some(boundary) = part.parameters.get("boundary") {
                mark("boundary", boundary.clone());
            }
            if let Some(id) = &part.id {
                mark("Content-ID", id.clone());
            }
        }
        for index in mail.all("Thread-Index") {
            mark("Thread-Index", index);
        }
        for received in mail.all("Received") {
            for word in received.split(|c: char| c.is_whitespace() || "()[]<>;%,".contains(c)) {
                if let Ok(address) = word.parse::<IpAddr>() {
                    self.addresses.extend(is_inside(address).then_some(address));
                } else if let Some((host, domain)) = word.split_once('.')
                    && domain.ends_with(".example")
                    && !word.contains('@')
                    && !deckies.contains(host)
                {
                    self.hosts.insert(word.to_owned());
                }
            }
        }
    }
}

/// Whether an address is one of a company's own rather than of a great provider.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_documentation(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unique_local(),
    }
}

#[track_caller]
fn disjoint<T: Ord + std::fmt::Debug>(one: &BTreeSet<T>, other: &BTreeSet<T>) {
    assert!(!one.is_empty() && !other.is_empty());
    let shared: Vec<&T> = one.intersection(other).collect();
    assert!(shared.is_empty(), "{shared:?}");
}

/// Every pair.
fn pairs<T>(of: &[T]) -> impl Iterator<Item = (&T, &T)> {
    of.iter()
        .enumerate()
        .flat_map(|(number, one)| of[..number].iter().map(move |other| (one, other)))
}

#[test]
fn demos_with_other_seeds_have_nothing_in_common() {
    let marks = SEEDS.map(|seed| Marks::of(&World::demo(seed, NOW)));
    for (one, other) in pairs(&marks) {
        disjoint(&one.unique, &other.unique);
        // There are only so many names of servers.
        assert_ne!(one.hosts, other.hosts);
        disjoint(&one.addresses, &other.addresses);
    }
}

#[test]
fn installations_that_draw_their_own_secret_have_nothing_in_common() {
    let marks = [(); 4].map(|()| {
        let world = World::initialised(&every_mail_client());
        work(&world, 2);
        Marks::of(&world)
    });
    for (one, other) in pairs(&marks) {
        disjoint(&one.unique, &other.unique);
        // Nor so many private networks, of which nobody gets the same hosts.
        assert_ne!(one.addresses, other.addresses);
        assert_ne!(
            (&one.addresses, &one.hosts),
            (&other.addresses, &other.hosts)
        );
    }
}

#[test]
fn the_same_secret_seed_and_moment_give_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| {
        let world = World::new(&every_mail_client(), "");
        work(&world, 3);
        tree(&world.path("decoys"))
    });
    assert!(first.len() > 240, "{} files", first.len());
    assert!(first.keys().eq(second.keys()), "the same names");
    for (path, (bytes, _, mode)) in &first {
        let (other_bytes, _, other_mode) = &second[path];
        let same = (bytes, mode) == (other_bytes, other_mode);
        assert!(same, "{}", path.display());
    }
}

#[test]
fn no_message_of_the_demo_gives_itself_away_to_a_scan() {
    for seed in SEEDS {
        let world = World::demo(seed, NOW);
        let maildirs = world.mailboxes().into_iter().map(|mailbox| mailbox.maildir);
        let mut arguments = vec!["emailgen".to_owned(), "scan".to_owned()];
        arguments.push("--json".to_owned());
        arguments.extend(maildirs.map(|maildir| maildir.display().to_string()));
        let report = world.decnet.run(arguments).json();
        assert_eq!(report["give_aways"], serde_json::json!([]), "seed {seed}");
        assert_eq!(report["mailbox"], serde_json::json!([]), "seed {seed}");
        assert!(report["messages"].as_u64() >= Some(90), "seed {seed}");
    }
}
