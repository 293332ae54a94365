//! Somebody else touches the mail: decnet notices, and repeats nothing.

use std::fs;

use decnet_tests::dovecot::Dovecot;
use decnet_tests::mailbox::{Folder, Stored, read_folder, tree};
use decnet_tests::office::{friday, office, settle, tick};
use decnet_tests::wait::until;
use decnet_tests::world::{Mailbox, World, text};
use serde_json::Value;

fn world() -> World {
    let world = World::new(&office(&[("Ana Ruiz", "mx1"), ("Ben Cole", "mx2")]), "");
    settle(&world, 2);
    world
}

fn mailbox(world: &World, local: &str) -> Mailbox {
    world
        .mailboxes()
        .into_iter()
        .find(|mailbox| mailbox.address.starts_with(local))
        .expect("everybody has a mailbox")
}

/// The newest mail in somebody's INBOX, with what decnet knows of it.
fn newest(world: &World, of: &Mailbox) -> (Stored, Value) {
    let mail = world
        .mails()
        .into_iter()
        .find(|mail| text(&mail["to"]) == of.address)
        .expect("there is mail");
    let id = text(&mail["message_id"]);
    let stored = read_folder(&of.maildir)
        .into_iter()
        .find(|stored| stored.message_id() == id)
        .expect("it lies in the INBOX");
    (stored, mail)
}

fn show(world: &World, mail: &Value) -> Value {
    let id = mail["id"].to_string();
    world.decnet.json(["emailgen", "show", &id, "--json"])
}

/// Ticks until decnet has noticed that a mail is gone from the INBOX.
fn is_noticed(world: &World, mail: &Value) {
    let mut minute = 60;
    until("decnet notices", || {
        minute += 7;
        tick(world, minute, &friday(minute), 2).succeeds();
        let gone = show(world, mail)["vanished_from"].clone();
        (gone == serde_json::json!(["inbox"])).then_some(())
    });
    for more in 0..20 {
        tick(world, more, &friday(minute + more), 3).succeeds();
    }
}

/// How often a message lies in the INBOXes and in Sent.
fn copies(world: &World, message_id: &str) -> (usize, usize) {
    let count = |folder: Folder| {
        world
            .mailboxes()
            .iter()
            .flat_map(|mailbox| read_folder(&folder.path(&mailbox.maildir)))
            .filter(|mail| mail.message_id() == message_id)
            .count()
    };
    (count(Folder::Inbox), count(Folder::Sent))
}

#[test]
fn a_deleted_mail_is_noted_and_never_comes_back() {
    let world = world();
    let ana = mailbox(&world, "ana");
    let (stored, mail) = newest(&world, &ana);
    fs::remove_file(&stored.path).expect("it can be removed");
    is_noticed(&world, &mail);
    assert_eq!(copies(&world, text(&mail["message_id"])), (0, 1));
    let shown = world
        .decnet
        .ok(["emailgen", "show", &mail["id"].to_string()]);
    assert!(
        shown.stdout.contains("somebody else removed it"),
        "{shown:#?}"
    );
}

#[test]
fn a_mail_moved_through_imap_is_noted_and_never_comes_back() {
    let world = world();
    let ana = mailbox(&world, "ana");
    let (stored, mail) = newest(&world, &ana);
    let id = stored.message_id();
    let dovecot = Dovecot::serve(&world);
    let mut imap = dovecot.login(&ana.address);
    imap.create("Archive");
    imap.select("INBOX");
    let found = imap.search(&format!("HEADER Message-ID {id}"));
    assert_eq!(found.len(), 1, "{id}");
    imap.move_to(&found[0].to_string(), "Archive");
    is_noticed(&world, &mail);
    assert_eq!(copies(&world, &id), (0, 1));
    assert_eq!(imap.select("Archive"), 1);
    assert_eq!(dovecot.errors(), "");
}

#[test]
fn flags_that_others_set_stay() {
    let world = world();
    let ana = mailbox(&world, "ana");
    let dovecot = Dovecot::serve(&world);
    let mut imap = dovecot.login(&ana.address);
    let count = imap.select("INBOX");
    imap.store("1:*", "+FLAGS (\\Flagged $Suspicious)");
    let flagged: Vec<String> = read_folder(&ana.maildir)
        .iter()
        .map(Stored::message_id)
        .collect();
    assert_eq!(flagged.len(), count as usize);
    for minute in 0..30 {
        tick(&world, minute, &friday(minute * 11), 3).succeeds();
    }
    imap.select("INBOX");
    let mut answered = 0;
    for mail in imap.fetch_all() {
        let id = decnet_tests::mailbox::headers(&mail.body)
            .into_iter()
            .find_map(|(name, value)| (name == "Message-ID").then_some(value))
            .expect("mails have ids");
        let was_flagged = flagged.contains(&id);
        assert_eq!(
            mail.flags.contains("\\Flagged"),
            was_flagged,
            "{:?}",
            mail.flags
        );
        assert_eq!(
            mail.flags.contains("$Suspicious"),
            was_flagged,
            "{:?}",
            mail.flags
        );
        answered += usize::from(was_flagged && mail.flags.contains("\\Answered"));
    }
    assert!(answered > 0, "decnet flagged some of them too");
    assert_eq!(dovecot.errors(), "");
}

#[test]
fn an_expunged_mail_is_noted() {
    let world = world();
    let ben = mailbox(&world, "ben");
    let (_, mail) = newest(&world, &ben);
    let dovecot = Dovecot::serve(&world);
    let mut imap = dovecot.login(&ben.address);
    imap.select("INBOX");
    imap.store("1:*", "+FLAGS (\\Deleted)");
    imap.expunge();
    is_noticed(&world, &mail);
    assert_eq!(copies(&world, text(&mail["message_id"])), (0, 1));
}

#[test]
fn links_planted_in_a_mailbox_lead_nowhere() {
    let world = world();
    let ana = mailbox(&world, "ana");
    let elsewhere = world.path("elsewhere");
    fs::create_dir_all(elsewhere.join("new")).expect("the world's folder can be written");
    fs::write(elsewhere.join("secret"), "untouched").expect("the folder is ours");
    let before = tree(&elsewhere);
    let new = ana.maildir.join("new");
    fs::remove_dir_all(&new).expect("the folder is ours");
    std::os::unix::fs::symlink(elsewhere.join("new"), &new).expect("a link can be made");
    for minute in 0..5 {
        let ended = tick(&world, minute, &friday(300 + minute), 2);
        assert!(
            matches!(ended.code, Some(0 | 69 | 73 | 75 | 78)),
            "{ended:#?}"
        );
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    }
    assert_eq!(tree(&elsewhere), before);
}
