//! What a real Dovecot makes of a mailbox that the driver has made with a past.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use decnet_activity_driver::action::{
    Action, ActivityResult, Folder, FolderHistory, LaterFolderHistory, MailDelivery, MailFlags,
    MailboxHistory,
};
use decnet_activity_driver::decky::{Decky, LocalFolders};
use decnet_activity_driver::driver::ActivityDriver;
use decnet_tests::dovecot::Dovecot;
use decnet_tests::process::is_superuser;
use decnet_tests::world::{MAIL_OWNER, Mailbox, folder};

use support::{NO_FLAGS, SEEN, decky_with, delivery, fast, location};

const ADDRESS: &str = "ana@corp.example";
const PAST: MailboxHistory = MailboxHistory {
    inbox: FolderHistory {
        uid_validity: 1_600_000_000,
        next_uid: 501,
        guid: [1; 16],
    },
    sent: FolderHistory {
        uid_validity: 1_600_000_001,
        next_uid: 78,
        guid: [2; 16],
    },
    drafts: LaterFolderHistory {
        next_uid: 31,
        guid: [3; 16],
    },
};

/// A decky whose mail the server may read.
fn mail_decky(root: &Path) -> Decky {
    let owner = is_superuser().then_some(MAIL_OWNER);
    decky_with(LocalFolders {
        uid: owner.map(|(uid, _)| uid),
        gid: owner.map(|(_, gid)| gid),
        ..LocalFolders::at(root)
    })
}

/// Delivers a message of that second, with its time as its subject.
async fn deliver(root: &Path, folder: Folder, at: i64) {
    let decky = mail_decky(root);
    let name = format!("{at}.M1P2.mail01");
    let action = Action::DeliverMail(MailDelivery {
        location: location(folder, &name),
        message: format!("Subject: {at}\n\nHello\n").into_bytes(),
        delivered_at: at,
        flags: match folder {
            Folder::Inbox => NO_FLAGS,
            Folder::Sent => SEEN,
            Folder::Drafts => MailFlags {
                draft: true,
                ..SEEN
            },
        },
        history: Some(PAST),
        ..delivery(&name, 1)
    });
    let _ = fast().run(&decky, &action).await.unwrap();
}

fn status(validity: u32, next: u32) -> BTreeMap<String, u32> {
    BTreeMap::from([
        ("UIDVALIDITY".to_owned(), validity),
        ("UIDNEXT".to_owned(), next),
    ])
}

fn mailbox(root: &Path) -> Mailbox {
    Mailbox {
        address: ADDRESS.to_owned(),
        decky: "mail01".to_owned(),
        maildir: root.join("home/ana/Maildir"),
        active_hours: String::new(),
        timezone: String::new(),
        workdays: "mon-fri".to_owned(),
    }
}

#[tokio::test]
async fn dovecot_tells_the_past_and_keeps_to_it() {
    let outside = folder();
    let root = outside.path().join("mail01");
    std::fs::create_dir(&root).unwrap();
    // Not in the order of their names.
    for at in [1_780_000_300, 1_780_000_100, 1_780_000_200] {
        deliver(&root, Folder::Inbox, at).await;
    }
    deliver(&root, Folder::Sent, 1_780_000_150).await;

    let mailboxes = [mailbox(&root)];
    let items = "UIDVALIDITY UIDNEXT";
    for (restart, messages) in [(0, 3), (1, 4)] {
        let own = outside.path().join(format!("dovecot{restart}"));
        std::fs::create_dir(&own).unwrap();
        let dovecot = Dovecot::start(&own, &mailboxes);
        let mut imap = dovecot.login(ADDRESS);
        assert_eq!(
            imap.status("INBOX", items),
            status(1_600_000_000, 501 + messages)
        );
        assert_eq!(imap.status("Sent", items), status(1_600_000_001, 79));
        assert_eq!(imap.select("Sent"), 1);
        assert_eq!(imap.uids(), [78]);
        assert_eq!(imap.select("INBOX"), messages);
        let uids: Vec<u32> = (501..501 + messages).collect();
        assert_eq!(imap.uids(), uids);
        let order: Vec<i64> = imap
            .fetch_all()
            .iter()
            .map(|mail| mail.internal_date.timestamp())
            .collect();
        assert!(order.is_sorted(), "{order:?}");
        if restart == 0 {
            // Delivered while the server looks on, and numbered when it looks again.
            deliver(&root, Folder::Inbox, 1_780_000_400).await;
            assert_eq!(imap.select("INBOX"), 4);
            assert_eq!(imap.uids(), [501, 502, 503, 504]);
            // A new folder is dated after those before it, not by today.
            imap.create("Projects");
            assert_eq!(imap.status("Projects", items), status(1_600_000_002, 1));
        }
        assert_eq!(dovecot.errors(), "");
    }
}

/// A mail program that saves a draft appends the new text and expunges the old one.
#[tokio::test]
async fn dovecot_shows_one_draft_however_often_it_was_saved() {
    let outside = folder();
    let root = outside.path().join("mail01");
    std::fs::create_dir(&root).unwrap();
    deliver(&root, Folder::Inbox, 1_780_000_100).await;
    deliver(&root, Folder::Sent, 1_780_000_150).await;
    let own = outside.path().join("dovecot");
    std::fs::create_dir(&own).unwrap();
    let mailboxes = [mailbox(&root)];
    let dovecot = Dovecot::start(&own, &mailboxes);
    let mut imap = dovecot.login(ADDRESS);
    let items = "UIDVALIDITY UIDNEXT";
    assert_eq!(imap.status("INBOX", items), status(1_600_000_000, 502));
    let saved = [1_780_000_200, 1_780_000_300, 1_780_000_400];
    for (number, at) in (0_u32..).zip(saved) {
        deliver(&root, Folder::Drafts, at).await;
        if let Some(before) = number.checked_sub(1).map(|before| saved[before as usize]) {
            let name = format!("{before}.M1P2.mail01");
            let removed = fast()
                .run(
                    &mail_decky(&root),
                    &Action::RemoveMail(location(Folder::Drafts, &name)),
                )
                .await
                .unwrap();
            assert_eq!(removed, ActivityResult::Removed);
        }
        assert_eq!(imap.select("Drafts"), 1);
        assert_eq!(imap.uids(), [31 + number]);
        let shown = imap.fetch_all();
        let flags: Vec<&str> = shown[0].flags.iter().map(String::as_str).collect();
        assert_eq!(flags, ["\\Draft", "\\Seen"]);
        assert_eq!(shown[0].internal_date.timestamp(), at);
    }
    assert_eq!(imap.status("Drafts", items), status(1_600_000_002, 34));
    // The next folder comes after it, the others are as they were.
    imap.create("Projects");
    assert_eq!(imap.status("Projects", items), status(1_600_000_003, 1));
    assert_eq!(imap.status("INBOX", items), status(1_600_000_000, 502));
    assert_eq!(imap.status("Sent", items), status(1_600_000_001, 79));
    assert_eq!(dovecot.errors(), "");
}
