//! What a delivery looks like on the disk.

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use decnet_activity_driver::action::{
    Action, ActivityResult, Folder, MailDelivery, MailFlags, MailboxState,
};
use decnet_activity_driver::decky::LocalFolders;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};
use decnet_activity_driver::drivers::local_folders::LocalFoldersDriver;

use support::{
    NO_FLAGS, SEEN, decky, decky_with, deliver, delivery, fast, flag, location, names, remove, tree,
};

const NAME: &str = "1780000000.M1P2.mx1";

#[tokio::test]
async fn names_sizes_and_times_are_exact() {
    const BOTH: MailFlags = MailFlags {
        draft: false,
        answered: true,
        seen: true,
    };
    for (message, flags, path, on_disk) in [
        (
            &b"A: b\r\n\r\nx\r\n"[..],
            NO_FLAGS,
            "new/N,S=8,W=11",
            &b"A: b\n\nx\n"[..],
        ),
        (b"A: b\n\nx\n", SEEN, "cur/N,S=8,W=11:2,S", b"A: b\n\nx\n"),
        (b"A: b\n\nx", BOTH, "cur/N,S=7,W=9:2,RS", b"A: b\n\nx"),
        (b"", NO_FLAGS, "new/N,S=0,W=0", b""),
    ] {
        let root = tempfile::tempdir().unwrap();
        let action = Action::DeliverMail(MailDelivery {
            message: message.to_vec(),
            flags,
            delivered_at: 1_234_567_890,
            ..delivery(NAME, 1)
        });
        let result = fast().run(&decky(root.path()), &action).await.unwrap();
        let path = Path::new("home/ana/Maildir").join(path.replace('N', NAME));
        let size = on_disk.len() as u64;
        let wanted = ActivityResult::Delivered {
            path: path.clone(),
            size,
        };
        assert_eq!(result, wanted);
        let file = root.path().join(path);
        assert_eq!(std::fs::read(&file).unwrap(), on_disk);
        let metadata = file.metadata().unwrap();
        assert_eq!(
            (metadata.mtime(), metadata.mtime_nsec()),
            (1_234_567_890, 0)
        );
        assert_eq!(metadata.mode() & 0o7777, 0o600);
        assert_eq!(names(&root.path().join("home/ana/Maildir/tmp")), [""; 0]);
    }
}

#[tokio::test]
async fn a_new_mailbox_is_complete() {
    let root = tempfile::tempdir().unwrap();
    let driver = LocalFoldersDriver::default();
    let _ = driver
        .run(&decky(root.path()), &deliver(NAME, 1))
        .await
        .unwrap();
    let wanted = [
        "home",
        "home/ana",
        "home/ana/Maildir",
        "home/ana/Maildir/.Sent",
        "home/ana/Maildir/.Sent/cur",
        "home/ana/Maildir/.Sent/maildirfolder",
        "home/ana/Maildir/.Sent/new",
        "home/ana/Maildir/.Sent/tmp",
        "home/ana/Maildir/cur",
        "home/ana/Maildir/new",
        "home/ana/Maildir/new/1780000000.M1P2.mx1,S=19,W=22",
        "home/ana/Maildir/subscriptions",
        "home/ana/Maildir/tmp",
    ];
    assert_eq!(tree(root.path()), wanted);
    let read = |path: &str| std::fs::read(root.path().join(path)).unwrap();
    assert_eq!(read("home/ana/Maildir/subscriptions"), b"V\t2\n\nSent\n");
    assert_eq!(read("home/ana/Maildir/.Sent/maildirfolder"), b"");
    for (path, mode) in [
        ("home", 0o755),
        ("home/ana", 0o755),
        ("home/ana/Maildir", 0o700),
        ("home/ana/Maildir/.Sent/tmp", 0o700),
        ("home/ana/Maildir/subscriptions", 0o600),
    ] {
        let metadata = root.path().join(path).metadata().unwrap();
        assert_eq!(metadata.mode() & 0o7777, mode, "{path}");
    }
}

#[tokio::test]
async fn what_was_there_keeps_its_mode_and_the_rest_is_added() {
    let root = tempfile::tempdir().unwrap();
    let maildir = root.path().join("home/ana/Maildir");
    std::fs::create_dir_all(maildir.join("cur")).unwrap();
    std::fs::set_permissions(&maildir, std::fs::Permissions::from_mode(0o750)).unwrap();
    let sent = Action::DeliverMail(MailDelivery {
        location: location(Folder::Sent, NAME),
        flags: SEEN,
        ..delivery(NAME, 1)
    });
    for action in [deliver(NAME, 1), sent] {
        let _ = fast().run(&decky(root.path()), &action).await.unwrap();
    }
    assert_eq!(names(&maildir), [".Sent", "cur", "new", "tmp"]);
    assert_eq!(
        names(&maildir.join(".Sent")),
        ["cur", "maildirfolder", "new", "tmp"]
    );
    assert_eq!(maildir.metadata().unwrap().mode() & 0o7777, 0o750);
    assert_eq!(
        maildir.join("new").metadata().unwrap().mode() & 0o7777,
        0o700
    );
}

#[tokio::test]
async fn leftovers_of_a_killed_creation_are_taken_over() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join(".home/luis/Mail")).unwrap();
    std::fs::write(root.path().join(".home/luis/file"), "x").unwrap();
    let _ = fast()
        .run(&decky(root.path()), &deliver(NAME, 1))
        .await
        .unwrap();
    assert_eq!(names(root.path()), ["home"]);
    assert_eq!(names(&root.path().join("home")), ["ana"]);
}

#[tokio::test]
async fn a_message_is_found_under_any_flags_and_suffix() {
    for suffix in [
        "",
        ",S=19",
        ",S=19,W=22:2,",
        ",S=19,W=22:2,FRSTab",
        ":2,S",
        ",S=1,W=1:1,x",
    ] {
        for part in ["new", "cur"] {
            let root = tempfile::tempdir().unwrap();
            let decky = decky(root.path());
            let maildir = root.path().join("home/ana/Maildir");
            let _ = fast().run(&decky, &deliver("other", 1)).await.unwrap();
            let path = Path::new("home/ana/Maildir")
                .join(part)
                .join(format!("{NAME}{suffix}"));
            std::fs::write(root.path().join(&path), "x").unwrap();
            let result = fast().run(&decky, &deliver(NAME, 2)).await.unwrap();
            assert_eq!(result, ActivityResult::AlreadyDelivered { path });
            let count = names(&maildir.join("new")).len() + names(&maildir.join("cur")).len();
            assert_eq!(count, 2);
            let removed = fast().run(&decky, &remove(NAME)).await.unwrap();
            assert_eq!(removed, ActivityResult::Removed);
        }
    }
}

#[tokio::test]
async fn flags_of_others_stay() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let cur = root.path().join("home/ana/Maildir/cur");
    let _ = fast().run(&decky, &deliver("other", 1)).await.unwrap();
    std::fs::write(cur.join(format!("{NAME},S=1,W=1:2,FTa")), "x").unwrap();
    let add = MailFlags {
        draft: false,
        answered: true,
        seen: true,
    };
    for _ in 0..2 {
        let _ = fast().run(&decky, &flag(NAME, add)).await.unwrap();
        assert_eq!(names(&cur), [format!("{NAME},S=1,W=1:2,FRSTa")]);
    }
}

#[tokio::test]
async fn mailboxes_are_counted() {
    let root = tempfile::tempdir().unwrap();
    let decky = decky(root.path());
    let maildir = root.path().join("home/ana/Maildir");
    let state = async || {
        let mailbox = location(Folder::Inbox, "");
        fast().mailbox_state(&decky, &mailbox).await.unwrap()
    };
    assert_eq!(state().await, MailboxState::Absent);
    std::fs::create_dir_all(&maildir).unwrap();
    assert_eq!(state().await, MailboxState::Empty);
    for folder in [
        "new",
        "cur",
        "tmp",
        ".Archive.2024/cur",
        ".Archive.2024/tmp",
    ] {
        std::fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    std::fs::write(maildir.join("tmp/1"), "").unwrap();
    std::fs::write(maildir.join("cur/.hidden"), "").unwrap();
    std::fs::write(maildir.join("dovecot-uidlist"), "").unwrap();
    std::fs::write(maildir.join(".customflags"), "").unwrap();
    assert_eq!(state().await, MailboxState::Empty);
    std::fs::write(maildir.join(".Archive.2024/cur/1:2,S"), "").unwrap();
    assert_eq!(state().await, MailboxState::Occupied { messages: 1 });
    for index in 0..1_200 {
        std::fs::write(maildir.join("new").join(index.to_string()), "").unwrap();
    }
    assert_eq!(state().await, MailboxState::Occupied { messages: 1_000 });
}

#[tokio::test]
async fn templates_place_mailboxes() {
    for (template, maildir) in [
        ("var/mail/{domain}/{local}", "var/mail/corp.example/ana"),
        (
            "/var/vmail/{address}/Maildir",
            "var/vmail/ana@corp.example/Maildir",
        ),
        ("m-{login}", "m-ana"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let decky = decky_with(LocalFolders {
            maildir: template.to_owned(),
            ..LocalFolders::at(root.path())
        });
        let _ = fast().run(&decky, &deliver(NAME, 1)).await.unwrap();
        assert_eq!(names(&root.path().join(maildir).join("new")).len(), 1);
    }
    for template in [
        "",
        "/",
        "home/{name}",
        "home/{login",
        "home/login}",
        "home/{}",
        "{ {login}",
    ] {
        let root = tempfile::tempdir().unwrap();
        let decky = decky_with(LocalFolders {
            maildir: template.to_owned(),
            ..LocalFolders::at(root.path())
        });
        let refused = fast().run(&decky, &deliver(NAME, 1)).await;
        assert!(
            matches!(
                refused,
                Err(DriverError::InvalidArgument {
                    what: "maildir",
                    ..
                })
            ),
            "{template:?} gives {refused:?}"
        );
        assert_eq!(names(root.path()), [""; 0]);
    }
}

#[tokio::test]
async fn one_failing_action_leaves_the_others_alone() {
    let good = tempfile::tempdir().unwrap();
    let good = (decky(good.path()), good);
    let gone = decky(Path::new("/nonexistent/root"));
    let relative = decky(Path::new("relative"));
    let names: Vec<String> = (0..150).map(|index| format!("m{index}")).collect();
    let actions: Vec<Action> = names.iter().map(|name| deliver(name, 1)).collect();
    let pairs: Vec<_> = actions
        .iter()
        .enumerate()
        .map(|(index, action)| {
            let decky = match index % 5 {
                3 => &gone,
                4 => &relative,
                _ => &good.0,
            };
            (decky, action)
        })
        .collect();
    let results = LocalFoldersDriver::default().run_all(&pairs).await;
    assert_eq!(results.len(), actions.len());
    for (index, result) in results.into_iter().enumerate() {
        match (index % 5, result) {
            (3, Err(DriverError::Io { source, .. })) => {
                assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
            }
            (4, Err(DriverError::InvalidArgument { what: "root", .. })) => {}
            (0..3, Ok(ActivityResult::Delivered { path, .. })) => {
                let name = format!("{},S=", names[index]);
                assert!(path.to_string_lossy().contains(&name));
            }
            (_, other) => panic!("action {index} gives {other:?}"),
        }
    }
}
