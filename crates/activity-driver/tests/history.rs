//! The past of a mailbox that the driver makes.

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use decnet_activity_driver::action::{
    Action, Folder, FolderHistory, LaterFolderHistory, MailDelivery, MailboxHistory,
};
use decnet_activity_driver::decky::LocalFolders;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};
use decnet_activity_driver::drivers::local_folders::LocalFoldersDriver;

use support::{decky, decky_with, deliver, delivery, fast, location, names};

const PAST: MailboxHistory = MailboxHistory {
    inbox: FolderHistory {
        uid_validity: 1_600_000_000,
        next_uid: 501,
        guid: *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff",
    },
    sent: FolderHistory {
        uid_validity: 1_600_000_001,
        next_uid: 78,
        guid: [0xa0; 16],
    },
    drafts: LaterFolderHistory {
        next_uid: 31,
        guid: [0xb0; 16],
    },
};
/// Files of a past, below the Maildir, with what they hold.
const FILES: [(&str, &str); 5] = [
    (
        "dovecot-uidlist",
        "3 V1600000000 N501 G000102030405060708090a0b0c0d0eff\n",
    ),
    (
        ".Sent/dovecot-uidlist",
        "3 V1600000001 N78 Ga0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\n",
    ),
    ("dovecot-uidvalidity", "5f5e1001"),
    ("dovecot-uidvalidity.5f5e1001", ""),
    ("maildirfolder", ""),
];

fn with_past(folder: Folder, unique_name: &str, attempt: u32) -> Action {
    Action::DeliverMail(MailDelivery {
        location: location(folder, unique_name),
        history: Some(PAST),
        ..delivery(unique_name, attempt)
    })
}

fn assert_told(maildir: &Path) {
    for (name, content) in FILES {
        let read = std::fs::read_to_string(maildir.join(name));
        assert_eq!(read.ok().as_deref(), Some(content), "{name}");
    }
}

#[tokio::test]
async fn it_is_there_with_the_mailbox_whichever_folder_comes_first() {
    for folder in [Folder::Inbox, Folder::Sent] {
        for driver in [fast(), LocalFoldersDriver::default()] {
            let root = tempfile::tempdir().unwrap();
            let decky = decky(root.path());
            let _ = driver
                .run(&decky, &with_past(folder, "m1", 1))
                .await
                .unwrap();
            assert_told(&root.path().join("home/ana/Maildir"));
        }
    }
}

#[tokio::test]
async fn it_has_the_mode_and_owner_of_the_mailbox() {
    let root = tempfile::tempdir().unwrap();
    let owner = rustix::process::geteuid().is_root().then_some(8);
    let decky = decky_with(LocalFolders {
        uid: owner,
        gid: owner,
        file_mode: 0o640,
        ..LocalFolders::at(root.path())
    });
    let _ = fast()
        .run(&decky, &with_past(Folder::Inbox, "m1", 1))
        .await
        .unwrap();
    for (name, _) in FILES {
        let path = root.path().join("home/ana/Maildir").join(name);
        let metadata = path.metadata().unwrap();
        // As Dovecot makes it, whatever the mode of the others.
        let marker = name.contains("validity.");
        let mode = if marker { 0o444 } else { 0o640 };
        assert_eq!(metadata.mode() & 0o7777, mode, "{name}");
        if let Some(owner) = owner {
            assert_eq!((metadata.uid(), metadata.gid()), (owner, owner), "{name}");
        }
    }
}

#[tokio::test]
async fn what_the_server_made_of_it_stays() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let maildir = root.path().join("home/ana/Maildir");
    let _ = fast()
        .run(&decky, &with_past(Folder::Inbox, "m1", 1))
        .await
        .unwrap();
    let lived = "3 V1600000000 N501 G000102030405060708090a0b0c0d0eff\n501 :m1,S=19,W=22\n";
    std::fs::write(maildir.join("dovecot-uidlist"), lived).unwrap();
    std::fs::remove_file(maildir.join("dovecot-uidvalidity.5f5e1001")).unwrap();
    for action in [
        with_past(Folder::Inbox, "m1", 2),
        with_past(Folder::Inbox, "m2", 1),
        with_past(Folder::Sent, "m3", 1),
    ] {
        let _ = fast().run(&decky, &action).await.unwrap();
    }
    let uidlist = std::fs::read_to_string(maildir.join("dovecot-uidlist")).unwrap();
    assert_eq!(uidlist, lived);
    assert!(!maildir.join("dovecot-uidvalidity.5f5e1001").exists());
}

#[tokio::test]
async fn a_mailbox_that_was_there_keeps_its_own() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let maildir = root.path().join("home/ana/Maildir");
    std::fs::create_dir_all(maildir.join("cur")).unwrap();
    for (folder, name) in [(Folder::Inbox, "m1"), (Folder::Sent, "m2")] {
        let _ = fast()
            .run(&decky, &with_past(folder, name, 1))
            .await
            .unwrap();
    }
    assert_eq!(names(&maildir), [".Sent", "cur", "new", "tmp"]);
    assert_eq!(
        names(&maildir.join(".Sent")),
        ["cur", "maildirfolder", "new", "tmp"]
    );

    // Nor does one that was made without.
    let other = tempfile::tempdir().unwrap();
    let decky = support::decky(other.path());
    let _ = fast().run(&decky, &deliver("m1", 1)).await.unwrap();
    let before = support::tree(other.path());
    let _ = fast()
        .run(&decky, &with_past(Folder::Inbox, "m1", 2))
        .await
        .unwrap();
    assert_eq!(support::tree(other.path()), before);
}

/// A mailbox is built under another name and renamed: half of one is taken over, whatever half.
#[tokio::test]
async fn a_builder_that_was_killed_leaves_no_half() {
    for killed_after in 0..FILES.len() {
        let root = tempfile::tempdir().unwrap();
        let decky = decky(root.path());
        let half = root.path().join(".home/ana/Maildir");
        std::fs::create_dir_all(half.join(".Sent")).unwrap();
        for (name, content) in &FILES[..killed_after] {
            std::fs::write(half.join(name), &content[..content.len() / 2]).unwrap();
        }
        std::fs::set_permissions(&half, std::fs::Permissions::from_mode(0o700)).unwrap();
        let _ = fast()
            .run(&decky, &with_past(Folder::Inbox, "m1", 2))
            .await
            .unwrap();
        assert_told(&root.path().join("home/ana/Maildir"));
        assert_eq!(names(root.path()), ["home"]);
    }
}

#[tokio::test]
async fn numbers_below_one_are_refused_before_anything_is_made() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    for (uid_validity, next_uid) in [(0, 1), (1, 0)] {
        let mut past = PAST;
        past.sent.uid_validity = uid_validity;
        past.sent.next_uid = next_uid;
        let action = Action::DeliverMail(MailDelivery {
            history: Some(past),
            ..delivery("m1", 1)
        });
        let refused = fast().run(&decky, &action).await;
        assert!(
            matches!(refused, Err(DriverError::InvalidArgument { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(names(root.path()), [""; 0]);
}

const DRAFTS: &str = ".Drafts/dovecot-uidlist";

async fn draft(decky: &decnet_activity_driver::decky::Decky, name: &str) {
    let _ = fast()
        .run(decky, &with_past(Folder::Drafts, name, 1))
        .await
        .unwrap();
}

#[tokio::test]
async fn drafts_come_later_and_are_dated_after_the_others() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let maildir = root.path().join("home/ana/Maildir");
    let read = |name: &str| std::fs::read_to_string(maildir.join(name)).unwrap();
    let _ = fast()
        .run(&decky, &with_past(Folder::Inbox, "m1", 1))
        .await
        .unwrap();
    assert_told(&maildir);
    assert!(!maildir.join(".Drafts").exists());
    assert_eq!(read("subscriptions"), "V\t2\n\nSent\n");

    // The server has given out two more meanwhile.
    let marker = |number: u32| maildir.join(format!("dovecot-uidvalidity.{number:08x}"));
    std::fs::rename(marker(0x5f5e_1001), marker(0x5f5e_1003)).unwrap();
    std::fs::write(maildir.join("dovecot-uidvalidity"), "5f5e1003").unwrap();
    draft(&decky, "m2").await;
    let guid = "b0".repeat(16);
    assert_eq!(read(DRAFTS), format!("3 V{} N31 G{guid}\n", 0x5f5e_1004));
    assert_eq!(read("dovecot-uidvalidity"), "5f5e1004");
    assert!(marker(0x5f5e_1004).exists() && !marker(0x5f5e_1003).exists());
    assert_eq!(read("subscriptions"), "V\t2\n\nSent\nDrafts\n");

    // Told once.
    let before = support::tree(&maildir);
    draft(&decky, "m3").await;
    let _ = fast()
        .run(&decky, &Action::RemoveMail(location(Folder::Drafts, "m3")))
        .await
        .unwrap();
    assert_eq!(support::tree(&maildir), before);
}

#[tokio::test]
async fn a_mailbox_that_begins_with_a_draft_has_everything() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    draft(&decky, "m1").await;
    let maildir = root.path().join("home/ana/Maildir");
    for (name, content) in FILES {
        let read = std::fs::read_to_string(maildir.join(name));
        // The number that the drafts have taken.
        let expected = content.replace("5f5e1001", "5f5e1002");
        let name = name.replace("validity.5f5e1001", "validity.5f5e1002");
        assert_eq!(
            std::fs::read_to_string(maildir.join(&name))
                .ok()
                .or(read.ok()),
            Some(expected),
            "{name}"
        );
    }
    let drafts = std::fs::read_to_string(maildir.join(DRAFTS)).unwrap();
    assert!(drafts.starts_with("3 V1600000002 N31 "), "{drafts}");
}

#[tokio::test]
async fn a_mailbox_without_a_past_gets_drafts_without_one() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let maildir = root.path().join("home/ana/Maildir");
    std::fs::create_dir_all(maildir.join("cur")).unwrap();
    // Nor does what somebody put in place of the subscriptions hold it up.
    std::os::unix::fs::symlink("/etc/passwd", maildir.join("subscriptions")).unwrap();
    draft(&decky, "m1").await;
    assert_eq!(
        names(&maildir.join(".Drafts")),
        ["cur", "maildirfolder", "new", "tmp"]
    );
}
