//! An intruder who owns everything below the root.

mod support;

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use decnet_activity_driver::action::{Action, ActivityResult, Folder, MailDelivery, MailboxState};
use decnet_activity_driver::driver::{ActivityDriver, DriverError};
use proptest::prelude::*;

use support::{SEEN, decky, deliver, delivery, fast, flag, location, names, remove, tree};

const NAME: &str = "1780000000.M1P2.mx1";

struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root/home/ana", "outside/new", "outside/cur", "outside/tmp"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("outside/secret"), "secret").unwrap();
        Self { folder }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn outside(&self) -> std::path::PathBuf {
        self.folder.path().join("outside")
    }

    fn check_outside(&self) {
        assert_eq!(tree(&self.outside()), ["cur", "new", "secret", "tmp"]);
        let secret = std::fs::read(self.outside().join("secret")).unwrap();
        assert_eq!(secret, b"secret");
    }
}

#[tokio::test]
async fn folders_that_lead_outside_are_not_followed() {
    for link in [
        "home/ana/Maildir",
        "home/ana/Maildir/new",
        "home/ana/Maildir/cur",
        "home/ana/Maildir/tmp",
        "home/ana/Maildir/.Sent",
        "home/ana/Maildir/.Sent/cur",
        "home",
    ] {
        for relative in [false, true] {
            let host = Host::new();
            let decky = decky(&host.root());
            let _ = fast().run(&decky, &deliver("first", 1)).await.unwrap();
            let path = host.root().join(link);
            std::fs::rename(&path, host.root().join("moved")).unwrap();
            let up = "../".repeat(link.matches('/').count() + 1);
            match relative {
                true => symlink(format!("{up}outside"), &path).unwrap(),
                false => symlink(host.outside(), &path).unwrap(),
            }
            let sent = Action::DeliverMail(MailDelivery {
                location: location(Folder::Sent, NAME),
                flags: SEEN,
                ..delivery(NAME, 2)
            });
            for action in [
                deliver(NAME, 1),
                deliver(NAME, 2),
                sent,
                flag("first", SEEN),
                remove("first"),
            ] {
                // Some are refused and some find another way; none gets out.
                let _ = fast().run(&decky, &action).await;
                host.check_outside();
            }
            let mailbox = location(Folder::Inbox, "");
            let _ = fast().mailbox_state(&decky, &mailbox).await;
            let planted = Path::new(link).join("secret");
            let _ = fast().plant_file(&decky, &planted, b"x", None, None).await;
            let _ = fast().read_file(&decky, &planted, 100).await;
            host.check_outside();
        }
    }
}

#[tokio::test]
async fn links_inside_the_root_are_followed() {
    let host = Host::new();
    std::fs::create_dir_all(host.root().join("var/vmail/ana")).unwrap();
    symlink("/var/vmail/ana", host.root().join("home/ana/Maildir")).unwrap();
    symlink("/etc/motd", host.root().join("home/ana/motd")).unwrap();
    let decky = decky(&host.root());
    let _ = fast().run(&decky, &deliver(NAME, 1)).await.unwrap();
    assert_eq!(names(&host.root().join("var/vmail/ana/new")).len(), 1);
    let motd = Path::new("/etc/motd");
    fast()
        .plant_file(&decky, motd, b"hi", None, None)
        .await
        .unwrap();
    let link = Path::new("home/ana/motd");
    assert_eq!(fast().read_file(&decky, link, 2).await.unwrap(), b"hi");
    // Planting replaces the link, not what it leads to.
    fast()
        .plant_file(&decky, link, b"mine", None, None)
        .await
        .unwrap();
    assert_eq!(fast().read_file(&decky, link, 9).await.unwrap(), b"mine");
    assert_eq!(fast().read_file(&decky, motd, 9).await.unwrap(), b"hi");
}

#[tokio::test]
async fn files_that_lead_outside_are_not_read() {
    let host = Host::new();
    let decky = decky(&host.root());
    let secret = host.outside().join("secret");
    symlink(&secret, host.root().join("absolute")).unwrap();
    symlink("../outside/secret", host.root().join("relative")).unwrap();
    symlink(
        "../../../../../../../../etc/passwd",
        host.root().join("far"),
    )
    .unwrap();
    symlink("/proc/self/root/etc/passwd", host.root().join("magic")).unwrap();
    for link in ["absolute", "relative", "far", "magic"] {
        let read = fast().read_file(&decky, Path::new(link), 100_000).await;
        assert!(
            matches!(read, Err(DriverError::Absent { .. })),
            "{link} gives {read:?}"
        );
        fast()
            .plant_file(&decky, Path::new(link), b"x", None, None)
            .await
            .unwrap();
    }
    host.check_outside();
}

#[tokio::test]
async fn only_regular_files_are_read() {
    let host = Host::new();
    let decky = decky(&host.root());
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, host.root().join("fifo"), fifo, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(host.root().join("socket")).unwrap();
    for path in ["fifo", "socket", "home"] {
        let read = fast().read_file(&decky, Path::new(path), 100).await;
        assert!(
            matches!(read, Err(DriverError::InvalidArgument { what: "path", .. })),
            "{path} gives {read:?}"
        );
    }
    let sparse = std::fs::File::create(host.root().join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let read = fast().read_file(&decky, Path::new("sparse"), 1 << 20).await;
    assert!(
        matches!(read, Err(DriverError::TooLarge { .. })),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_temporary_name_that_is_taken_is_passed_over() {
    let host = Host::new();
    let decky = decky(&host.root());
    let path = Path::new("notes.txt");
    fast()
        .plant_file(&decky, path, b"1", None, None)
        .await
        .unwrap();
    assert_eq!(names(&host.root()), ["home", "notes.txt"]);
    // A folder in the way of the file makes the rename fail: nothing is left behind.
    let blocked = fast()
        .plant_file(&decky, Path::new("home"), b"1", None, None)
        .await;
    assert!(
        matches!(blocked, Err(DriverError::Io { .. })),
        "{blocked:?}"
    );
    assert_eq!(names(&host.root()), ["home", "notes.txt"]);
}

#[tokio::test]
async fn long_names_are_refused() {
    let host = Host::new();
    let decky = decky(&host.root());
    let long = "x".repeat(256);
    let path = format!("{}x", "y/".repeat(2_100));
    for path in [long.as_str(), path.as_str()] {
        let planted = fast()
            .plant_file(&decky, Path::new(path), b"", None, None)
            .await;
        let Err(DriverError::InvalidArgument { value, .. }) = planted else {
            panic!("a long path gives {planted:?}");
        };
        assert!(value.len() <= 200);
    }
    let deepest = format!("{}z", "y/".repeat(50)) + &"z".repeat(254);
    fast()
        .plant_file(&decky, Path::new(&deepest), b"1", None, None)
        .await
        .unwrap();
    assert_eq!(
        fast()
            .read_file(&decky, Path::new(&deepest), 9)
            .await
            .unwrap(),
        b"1"
    );
    let mut delivery = delivery(NAME, 1);
    delivery.location.login = "x".repeat(255);
    let delivered = fast()
        .run(&decky, &Action::DeliverMail(delivery.clone()))
        .await;
    assert!(
        matches!(delivered, Ok(ActivityResult::Delivered { .. })),
        "{delivered:?}"
    );
    delivery.location.login.push('x');
    let refused = fast().run(&decky, &Action::DeliverMail(delivery)).await;
    assert!(
        matches!(refused, Err(DriverError::InvalidArgument { .. })),
        "{refused:?}"
    );
    let refused = fast().run(&decky, &deliver(&"x".repeat(181), 1)).await;
    assert!(
        matches!(refused, Err(DriverError::InvalidArgument { .. })),
        "{refused:?}"
    );
}

/// One thread swaps a folder for a link to the outside and back while others work in it.
#[test]
fn folders_swapped_for_links_meanwhile_lead_nowhere() {
    let host = Host::new();
    let decky = decky(&host.root());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let _ = runtime()
        .block_on(fast().run(&decky, &deliver("first", 1)))
        .unwrap();
    let stop = AtomicBool::new(false);
    let swapped =
        ["home/ana/Maildir", "home/ana/Maildir/tmp", "home"].map(|name| host.root().join(name));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (spare, link) = (host.root().join("spare"), host.root().join("link"));
            while !stop.load(Ordering::Relaxed) {
                for path in &swapped {
                    let _ = std::fs::remove_file(&link);
                    symlink(host.outside(), &link).unwrap();
                    // The driver may have made another meanwhile.
                    let _ = std::fs::remove_dir_all(&spare);
                    if std::fs::rename(path, &spare).is_ok() {
                        let _ = std::fs::rename(&link, path);
                        std::thread::yield_now();
                        let _ = std::fs::remove_file(path);
                        let _ = std::fs::rename(&spare, path);
                    }
                }
            }
        });
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let decky = &decky;
                scope.spawn(move || {
                    runtime().block_on(async {
                        for index in 0..2_000 {
                            let name = format!("{worker}-{index}");
                            let _ = fast().run(decky, &deliver(&name, 1)).await;
                            let path = Path::new("home/ana/Maildir/tmp/file");
                            let _ = fast().plant_file(decky, path, b"x", None, None).await;
                            let secret = Path::new("home/secret");
                            let read = fast().read_file(decky, secret, 100).await;
                            assert!(read.is_err(), "{read:?}");
                        }
                    });
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    host.check_outside();
}

#[tokio::test]
async fn a_linked_folder_does_not_count() {
    let host = Host::new();
    std::fs::write(host.outside().join("new/1"), "").unwrap();
    let maildir = host.root().join("home/ana/Maildir");
    std::fs::create_dir_all(&maildir).unwrap();
    symlink(host.outside(), maildir.join(".Other")).unwrap();
    symlink(host.outside().join("new"), maildir.join("new")).unwrap();
    let mailbox = location(Folder::Inbox, "");
    let state = fast()
        .mailbox_state(&decky(&host.root()), &mailbox)
        .await
        .unwrap();
    assert_eq!(state, MailboxState::Empty);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the path, nothing appears outside the root, and what is planted is read back.
    #[test]
    fn any_path_stays_inside(
        parts in prop::collection::vec(
            prop_oneof!["[a-c.]{1,3}", Just("..".to_owned()), Just(String::new()), "\\PC{0,4}"],
            0..5,
        ),
    ) {
        let host = Host::new();
        symlink(host.outside(), host.root().join("a")).unwrap();
        symlink("../outside", host.root().join("b")).unwrap();
        let decky = decky(&host.root());
        let path = parts.join("/");
        let path = Path::new(&path);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let planted = runtime.block_on(fast().plant_file(&decky, path, b"x", None, None));
        if planted.is_ok() {
            let read = runtime.block_on(fast().read_file(&decky, path, 1)).unwrap();
            prop_assert_eq!(read, b"x");
        }
        host.check_outside();
        prop_assert_eq!(names(host.folder.path()), ["outside", "root"]);
        prop_assert_eq!(host.root().metadata().unwrap().nlink() >= 2, true);
    }

    /// Whatever the login and the name, a delivery stays inside and is found again.
    #[test]
    fn any_name_stays_inside(
        login in prop_oneof!["\\PC{0,8}", "[./a]{0,4}", Just("a".to_owned())],
        name in prop_oneof!["\\PC{0,8}", "[./:,a]{0,4}"],
    ) {
        let host = Host::new();
        let decky = decky(&host.root());
        let mut delivery = delivery(&name, 1);
        delivery.location.login = login;
        let again = Action::DeliverMail(MailDelivery { attempt: 2, ..delivery.clone() });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let action = Action::DeliverMail(delivery);
        match runtime.block_on(fast().run(&decky, &action)) {
            Ok(_) => {
                let again = runtime.block_on(fast().run(&decky, &again)).unwrap();
                let found = matches!(again, ActivityResult::AlreadyDelivered { .. });
                prop_assert!(found, "{:?}", again);
            }
            Err(DriverError::InvalidArgument { .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
        host.check_outside();
        prop_assert_eq!(names(host.folder.path()), ["outside", "root"]);
    }
}
