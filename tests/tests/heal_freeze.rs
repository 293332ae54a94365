//! While somebody is inside a decoy, it is left alone, and mail arrives all the same. A real Dovecot
//! says who comes and goes, and shows what is written in Drafts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_tests::dovecot::{Dovecot, info_log};
use decnet_tests::heal::{
    ALWAYS_DUE, FOR_EDIT, Healed, caused, heal, history, import, later, mail_of, office_on, points,
    real_now, show,
};
use decnet_tests::imap::Fetched;
use decnet_tests::logs::bodies;
use decnet_tests::mailbox::{Folder, Tree, tree};
use decnet_tests::office::{friday, settle};
use decnet_tests::wait::until;
use decnet_tests::world::{Mailbox, World, text};

const LOGIN: &str = "Login: user=";
const LOGOUT: &str = "Logged out";

/// Retention keeps few messages on a decky, so that ticks remove some.
const SETTINGS: &str = "messages_per_decky = 40\n";

/// The log of the server is that of the first decky.
const SOURCE: &str = "[sessions]\nsample_every = \"1s\"\n[[sessions.source]]\n\
    kind = \"dovecot\"\npath = \"dovecot-mx1/info.log\"\ndecky = \"mx1\"\n";

/// Two deckies with mail of today and a draft each, whose people work at any time, since a server
/// logs by the real clock. Something is due on both at every moment.
struct Office {
    world: World,
    started: String,
}

impl Office {
    fn new() -> Self {
        let daily = office_on(2).replace("role = ", "workdays = \"daily\"\nrole = ");
        let settings = format!(
            "durable = false\n{}{SOURCE}",
            ALWAYS_DUE.replace("[emailgen]\n", &format!("[emailgen]\n{SETTINGS}"))
        );
        let world = World::new(&daily, &settings);
        until("everybody has a mailbox", || {
            world.decnet.ok(["emailgen", "tick", "--count", "2"]);
            (world.mailboxes().len() == 4).then_some(())
        });
        world.decnet.ok(["emailgen", "tick", "--count", "8"]);
        let started = real_now();
        let lines = ["mx1", "mx2"].map(|decky| points(decky, &started, FOR_EDIT));
        import(&world, &lines.concat());
        let this = Self { world, started };
        let drafted = this.heal(TimeDelta::minutes(1)).succeeds();
        assert_eq!(drafted.executed().len(), 2, "{drafted:#?}");
        this
    }

    /// A tick so long after the start.
    fn heal(&self, span: TimeDelta) -> Healed {
        heal(&self.world, &later(&self.started, span))
    }

    fn write_mail(&self, span: TimeDelta, seed: u32) {
        self.write_mail_at(&later(&self.started, span), seed);
    }

    fn write_mail_at(&self, now: &str, seed: u32) {
        let seed = seed.to_string();
        let tick = [
            "emailgen", "tick", "--count", "6", "--now", now, "--seed", &seed,
        ];
        self.world.decnet.ok(tick);
    }

    fn folder(&self) -> PathBuf {
        let folder = self.world.outside().join("dovecot-mx1");
        fs::create_dir_all(&folder).expect("the world's folder can be written");
        folder
    }

    fn log(&self) -> PathBuf {
        info_log(&self.folder())
    }

    fn serve(&self) -> Dovecot {
        Dovecot::start(&self.folder(), &self.mailboxes("mx1"))
    }

    fn mailboxes(&self, decky: &str) -> Vec<Mailbox> {
        let mut mailboxes = self.world.mailboxes();
        mailboxes.retain(|mailbox| mailbox.decky == decky);
        mailboxes
    }

    /// Everything on a decky but what the mail server keeps for itself.
    fn lies_on(&self, decky: &str) -> Tree {
        let mut found = tree(&self.world.path("decoys").join(decky));
        let is_servers = |path: &Path| {
            let name = path.file_name().expect("files have names");
            name.to_string_lossy().starts_with("dovecot")
        };
        found.retain(|path, _| !is_servers(path));
        found
    }

    /// When somebody came, and left if they did.
    fn presence(&self) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
        self.world.decnet.ok(["sessions", "tick"]);
        let presences = bodies(&self.world.decnet, "engagement", "presence");
        let [presence] = presences.as_slice() else {
            panic!("one was inside: {presences:#?}");
        };
        let at = |name: &str| -> Option<DateTime<Utc>> {
            let at = presence[name].as_str()?;
            Some(at.parse().expect("a time"))
        };
        (at("since").expect("it began"), at("until"))
    }
}

/// What has become of files that were there.
fn gone_or_changed(before: &Tree, after: &Tree) -> Vec<PathBuf> {
    before
        .iter()
        .filter(|(path, kept)| after.get(*path) != Some(*kept))
        .map(|(path, _)| path.clone())
        .collect()
}

/// Waits until a log holds a text.
fn logged(log: &Path, what: &str) {
    until(what, || {
        let log = fs::read_to_string(log).unwrap_or_default();
        log.contains(what).then_some(())
    });
}

#[test]
fn while_somebody_is_inside_mail_arrives_and_nothing_that_was_there_changes() {
    let office = Office::new();
    let dovecot = office.serve();
    let who = office.mailboxes("mx1")[0].address.clone();
    let mut imap = dovecot.login(&who);
    imap.select("INBOX");
    assert!(imap.list_headers() > 0);
    imap.open(1);
    let seen = imap.select("INBOX");
    logged(&office.log(), LOGIN);
    let (since, left) = office.presence();
    assert_eq!(left, None);
    let before = office.lies_on("mx1");
    let elsewhere = office.lies_on("mx2");
    let drafts = before
        .keys()
        .filter(|path| path.to_string_lossy().contains(".Drafts/cur/"));
    assert_eq!(drafts.count(), 1, "{:#?}", before.keys());
    let attempts_before = attempts_on(&office.world, "mx1");

    for round in 0..8 {
        let span = TimeDelta::minutes(2 + i64::from(round));
        let healed = office.heal(span).succeeds();
        let object = healed.of("mx1");
        assert_eq!(healed.reason("mx1"), "intruder_present", "{object:#}");
        assert!(object["facts"]["left_at"].is_null(), "{object:#}");
        assert_eq!(
            text(&object["facts"]["since"])
                .parse::<DateTime<Utc>>()
                .ok(),
            Some(since),
            "{object:#}"
        );
        assert_eq!(object["action"], "edit", "{object:#}");
        assert_eq!(healed.reason("mx2"), "act", "{:#}", healed.of("mx2"));
        office.write_mail(span, round);
        let changed = gone_or_changed(&before, &office.lies_on("mx1"));
        assert_eq!(changed, [] as [PathBuf; 0], "round {round}");
    }
    assert_eq!(attempts_on(&office.world, "mx1"), attempts_before);
    let told = office.world.decnet.ok(["heal", "explain", "mx1"]).stdout;
    assert!(told.contains("somebody is inside since"), "{told}");

    // Mail arrived where it can be seen, in the connection that was open all the time.
    assert!(imap.select("INBOX") > seen, "nothing arrived");
    let arrived = office.lies_on("mx1").len() - before.len();
    assert!(arrived >= 10, "{arrived} messages arrived");
    // The same ticks changed what nobody looked at: mail was read, drafts went on, the oldest went.
    let changed = gone_or_changed(&elsewhere, &office.lies_on("mx2"));
    assert!(changed.len() >= 3, "{changed:#?}");

    // After they left it is left alone a while longer, and then all of it is made up for.
    imap.logout();
    logged(&office.log(), LOGOUT);
    let (_, left) = office.presence();
    let left = left.expect("they left");
    let after_leaving = |span: TimeDelta| (left + span).to_rfc3339();
    let before = office.lies_on("mx1");
    let soon = after_leaving(TimeDelta::seconds(15 * 60 - 1));
    let healed = heal(&office.world, &soon).succeeds();
    assert_eq!(healed.reason("mx1"), "intruder_present");
    let said = text(&healed.of("mx1")["facts"]["left_at"]);
    assert_eq!(said.parse::<DateTime<Utc>>().ok(), Some(left));
    // What they did counts, beside what was imported.
    let trend = &healed.of("mx1")["facts"]["trend"];
    let added = |name: &str, imported: u64| trend[name].as_u64().map(|all| all - imported);
    assert_eq!(added("impressions", 1_000), Some(1), "{trend:#}");
    assert_eq!(added("engagements", 15), Some(1), "{trend:#}");
    office.write_mail_at(&soon, 1);
    let changed = gone_or_changed(&before, &office.lies_on("mx1"));
    assert_eq!(changed, [] as [PathBuf; 0], "before the time is over");

    let free = after_leaving(TimeDelta::minutes(16));
    let healed = heal(&office.world, &free).succeeds();
    let mail = show(&office.world, healed.mail("mx1"));
    assert_eq!(mail["draft"], 2, "{mail:#}");
    let mut round = 0;
    until("what they read is flagged", || {
        round += 1;
        office.write_mail(TimeDelta::minutes(40 + i64::from(round)), round);
        (gone_or_changed(&before, &office.lies_on("mx1")).len() >= 4).then_some(())
    });
    assert_eq!(dovecot.errors(), "");
}

/// How many attempts on a decky there are.
fn attempts_on(world: &World, decky: &str) -> usize {
    let attempts = history(world).into_iter();
    attempts
        .filter(|attempt| attempt["plan"]["target"] == decky)
        .count()
}

#[test]
fn a_connection_that_stays_open_disables_no_decoy() {
    let office = Office::new();
    let dovecot = office.serve();
    let who = office.mailboxes("mx1")[0].address.clone();
    let mut imap = dovecot.login(&who);
    logged(&office.log(), LOGIN);
    let (since, left) = office.presence();
    assert_eq!(left, None);
    let inside = |span: TimeDelta| (since + span).to_rfc3339();
    let healed = heal(&office.world, &inside(TimeDelta::minutes(239))).succeeds();
    assert_eq!(healed.reason("mx1"), "intruder_present");
    let healed = heal(&office.world, &inside(TimeDelta::minutes(241))).succeeds();
    let mail = show(&office.world, healed.mail("mx1"));
    assert_eq!(mail["draft"], 2, "{mail:#}");
    // They are still there, and see it.
    assert!(imap.select("INBOX") > 0);
    let (_, left) = office.presence();
    assert_eq!(left, None);
    assert_eq!(dovecot.errors(), "");
}

#[test]
fn ticks_that_only_write_mail_are_told_who_is_inside() {
    let office = Office::new();
    let dovecot = office.serve();
    let who = office.mailboxes("mx1")[0].address.clone();
    // Without a look at the log nobody is known to be inside.
    let mut imap = dovecot.login(&who);
    imap.select("INBOX");
    logged(&office.log(), LOGIN);
    let healed = office.heal(TimeDelta::minutes(2)).succeeds();
    assert_eq!(healed.reason("mx1"), "act");
    // A tick of the sessions tells those that come after it, `emailgen tick` too.
    let (_, left) = office.presence();
    assert_eq!(left, None);
    let before = office.lies_on("mx1");
    for round in 0..6 {
        office.write_mail(TimeDelta::minutes(3 + i64::from(round)), round);
    }
    let after = office.lies_on("mx1");
    assert_eq!(gone_or_changed(&before, &after), [] as [PathBuf; 0]);
    assert!(after.len() > before.len(), "mail arrived");
}

/// The body of a message, in words.
fn words(message: &Fetched) -> usize {
    let text = String::from_utf8_lossy(&message.body).into_owned();
    let (_, body) = text.split_once("\r\n\r\n").expect("headers end");
    body.split_whitespace().count()
}

#[test]
fn a_mail_program_sees_one_draft_that_grows() {
    let daily = office_on(1);
    let world = World::new(&daily, &format!("durable = false\n{ALWAYS_DUE}"));
    settle(&world, 2);
    let now = friday(60);
    import(&world, &points("mx1", &now, FOR_EDIT));
    let mut drafts: BTreeMap<u64, usize> = BTreeMap::new();
    let dovecot = Dovecot::serve(&world);
    let mut author = None;
    for save in 1..=3 {
        let healed = heal(&world, &later(&now, TimeDelta::minutes(20 * save))).succeeds();
        let mail = show(&world, healed.mail("mx1"));
        assert_eq!(mail["draft"], save, "{mail:#}");
        let from = text(&mail["from"]).to_owned();
        assert_eq!(*author.get_or_insert_with(|| from.clone()), from);
        let mut imap = dovecot.login(&from);
        assert!(imap.list().iter().any(|(_, name)| name == "Drafts"));
        assert_eq!(imap.select("Drafts"), 1);
        let shown = imap.fetch_all();
        let [message] = shown.as_slice() else {
            panic!("one message: {shown:#?}");
        };
        let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
        assert_eq!(flags, ["\\Draft", "\\Seen"]);
        drafts.insert(u64::try_from(save).expect("above 0"), words(message));
        // None of it is sent.
        let id = text(&mail["message_id"]);
        for folder in ["INBOX", "Sent"] {
            imap.select(folder);
            let found = imap.search(&format!("HEADER Message-ID {id}"));
            assert_eq!(found, [] as [u32; 0], "{folder}");
        }
        imap.logout();
    }
    let lengths: Vec<usize> = drafts.values().copied().collect();
    assert!(lengths.is_sorted_by(|a, b| a < b), "{lengths:?}");
    // A draft that is finished stays, and another one begins.
    for save in 4..=8 {
        let _ = heal(&world, &later(&now, TimeDelta::minutes(20 * save))).succeeds();
    }
    let attempts = history(&world);
    let begun = attempts
        .iter()
        .filter(|attempt| show(&world, mail_of(attempt))["draft"] == 1)
        .count();
    assert!(begun >= 2, "{begun} drafts were begun");
    let mut left = 0;
    for mailbox in world.mailboxes() {
        if Folder::Drafts.path(&mailbox.maildir).is_dir() {
            left += dovecot.login(&mailbox.address).select("Drafts");
        }
    }
    assert_eq!(left as usize, begun);
    assert_eq!(caused(&world).len(), 8);
    assert_eq!(dovecot.errors(), "");
}
