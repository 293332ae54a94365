//! `decnet emailgen scan` over real files.

use std::fs;
use std::path::{Path, PathBuf};

use decnet_tests::binary::Decnet;
use decnet_tests::world::folder;
use serde_json::Value;

/// Clean mail of one client each.
fn clean() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/emailgen/tests/fixtures/clean")
}

/// A Maildir with the clean mail in it, one Sent copy, and what servers keep beside it.
fn maildir(root: &Path) -> PathBuf {
    let maildir = root.join("Maildir");
    for part in ["cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    for (number, entry) in fs::read_dir(clean()).unwrap().enumerate() {
        let mail = fs::read(entry.unwrap().path()).unwrap();
        let name = format!("1772529335.M{number}P1.mail,S={}:2,S", mail.len());
        fs::write(maildir.join("cur").join(name), mail).unwrap();
    }
    let reply = fs::read_to_string(clean().join("mutt_reply.eml")).unwrap();
    let start = reply.find("Date:").unwrap();
    fs::write(
        maildir.join(".Sent/cur/1772529331.M1P1.mail:2,S"),
        &reply[start..],
    )
    .unwrap();
    fs::write(
        maildir.join("tmp/1772529331.M2P1.mail"),
        "From: half a mail",
    )
    .unwrap();
    fs::write(maildir.join("dovecot-uidlist"), "3 V1 N2").unwrap();
    maildir
}

fn count(report: &Value, id: &str) -> u64 {
    let tells = report["tells"].as_array().unwrap();
    let tell = tells.iter().find(|tell| tell["id"] == id).unwrap();
    tell["count"].as_u64().unwrap()
}

#[test]
fn clean_mail_passes() {
    let home = folder();
    let maildir = maildir(home.path()).display().to_string();
    let decnet = Decnet::bare(home.path());
    let report = decnet.json(["emailgen", "scan", "--json", &maildir]);
    assert_eq!(report["messages"], 11, "the Sent copy counts once");
    assert_eq!(report["give_aways"], Value::Array(Vec::new()));
    assert_eq!(report["mailbox"], Value::Array(Vec::new()));
    assert_eq!(count(&report, "received_missing_outside_sent"), 0);
    let tell = &report["tells"][1];
    assert!(tell["per_1000"].is_number() && tell["verdict"].is_string());
    assert!(tell["real_per_1000"]["usrp"].is_number());
    let table = decnet.ok(["emailgen", "scan", &maildir]).stdout;
    assert!(table.starts_with("11 messages\n"), "{table}");
    assert!(table.contains("in real mail"), "{table}");
}

#[test]
fn mail_that_gives_itself_away_fails() {
    let home = folder();
    let maildir = maildir(home.path());
    let decnet = Decnet::bare(home.path());
    for number in 0..30 {
        let mail = format!(
            "From: Smith, John <john@corp.example>\nDate: Tue, 3 Mar 2026 09:15:31 +0100\n\
             Subject: \u{1b}[2JHi\nMessage-ID: <{number}@corp.example>\n\nHi [Your name]\u{1b}[2J\n"
        );
        fs::write(maildir.join("new").join(format!("{number}.a.mail")), mail).unwrap();
    }
    let path = maildir.display().to_string();
    let outcome = decnet.run(["emailgen", "scan", &path]);
    let line = outcome.fails(65);
    assert!(line.contains("gives itself away: 30 messages"), "{line}");
    assert!(
        outcome.stdout.contains("display_name_unescaped"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("--all shows them"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains('\u{1b}'), "{:?}", outcome.stdout);
    let told = |text: &str| {
        text.lines()
            .filter(|line| line.contains(".a.mail: "))
            .count()
    };
    assert_eq!(told(&outcome.stdout), 20);
    let all = decnet.run(["emailgen", "scan", "--all", &path]);
    assert_eq!(told(&all.stdout), 90);

    let report = decnet.run(["emailgen", "scan", "--json", &path]).json();
    assert_eq!(report["give_aways"].as_array().unwrap().len(), 90);
    assert_eq!(count(&report, "placeholder_left"), 30);
}

#[test]
fn an_mbox_and_single_files_are_read() {
    let home = folder();
    let decnet = Decnet::bare(home.path());
    let mutt = fs::read_to_string(clean().join("mutt_reply.eml")).unwrap();
    let k9 = fs::read_to_string(clean().join("k9_reply.eml")).unwrap();
    let mbox = home.path().join("saved.mbox");
    let text = format!(
        "From a@b Tue Mar  3 09:15:35 2026\n{mutt}>From here on\n\nFrom c@d Tue Mar  3 09:15:35 2026\n{k9}\n"
    );
    fs::write(&mbox, text).unwrap();
    let mbox = mbox.display().to_string();
    assert_eq!(
        decnet.json(["emailgen", "scan", "--json", &mbox])["messages"],
        2
    );
    let one = clean().join("mutt_reply.eml").display().to_string();
    let both = decnet.json(["emailgen", "scan", "--json", &one, &mbox]);
    assert_eq!(both["messages"], 2, "given together they are one world");
}

#[test]
fn what_is_missing_or_no_mail_is_told() {
    let home = folder();
    let decnet = Decnet::bare(home.path());
    let missing = home.path().join("nowhere").display().to_string();
    decnet.run(["emailgen", "scan", &missing]).fails(66);
    let empty = home.path().display().to_string();
    let outcome = decnet.run(["emailgen", "scan", &empty]);
    assert!(outcome.fails(66).contains("no mail"));
    assert_eq!(decnet.run(["emailgen", "scan"]).code, Some(64));
}
