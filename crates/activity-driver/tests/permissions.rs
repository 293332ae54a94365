//! Owners and permissions, full and read-only disks.

mod support;

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use decnet_activity_driver::action::{Action, MailDelivery};
use decnet_activity_driver::decky::LocalFolders;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};

use support::{SEEN, decky, decky_with, deliver, delivery, fast, names};

const NAME: &str = "1780000000.M1P2.mx1";

#[tokio::test]
async fn everything_new_has_its_owner() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root may give files away");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("home")).unwrap();
    let decky = decky_with(LocalFolders {
        uid: Some(8),
        gid: Some(8),
        ..LocalFolders::at(root.path())
    });
    let seen = Action::DeliverMail(MailDelivery {
        flags: SEEN,
        ..delivery("seen", 2)
    });
    for action in [deliver(NAME, 1), seen] {
        let _ = fast().run(&decky, &action).await.unwrap();
    }
    let file = Path::new("srv/data/file");
    fast()
        .plant_file(&decky, file, b"", None, None)
        .await
        .unwrap();
    for path in support::tree(root.path()) {
        let metadata = root.path().join(&path).metadata().unwrap();
        let owner = if path == "home" { 0 } else { 8 };
        assert_eq!((metadata.uid(), metadata.gid()), (owner, owner), "{path}");
    }
}

#[tokio::test]
async fn a_folder_without_permission_is_told_apart() {
    if rustix::process::geteuid().is_root() {
        println!("skipped: root may write anywhere");
        return;
    }
    let refused = fast()
        .run(&decky(Path::new("/proc/1/root")), &deliver(NAME, 1))
        .await;
    let Err(DriverError::Io { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(source.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn full_and_read_only_disks_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path()) else {
        return;
    };
    let decky = decky(disk.0);
    let _ = fast().run(&decky, &deliver("first", 1)).await.unwrap();

    let long = Action::DeliverMail(MailDelivery {
        message: vec![b'x'; 2 << 20],
        ..delivery(NAME, 1)
    });
    for attempt in 1..3 {
        let full = fast().run(&decky, &long).await;
        let Err(error @ DriverError::Io { .. }) = full else {
            panic!("try {attempt} on a full disk gives {full:?}");
        };
        assert!(error.is_transient());
        let DriverError::Io { source, .. } = error else {
            unreachable!()
        };
        assert_eq!(source.kind(), ErrorKind::StorageFull);
    }
    let path = Path::new("home/ana/big");
    let full = fast()
        .plant_file(&decky, path, &vec![0; 2 << 20], None, None)
        .await;
    assert!(
        matches!(&full, Err(DriverError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull),
        "{full:?}"
    );
    let maildir = disk.0.join("home/ana/Maildir");
    assert_eq!(names(&maildir.join("tmp")), [""; 0]);
    assert_eq!(names(&maildir.join("new")).len(), 1);
    assert_eq!(names(&disk.0.join("home/ana")), ["Maildir"]);

    // Out of inodes while the folders of a mailbox are made.
    for index in 0.. {
        if std::fs::write(disk.0.join(format!("filler{index}")), "").is_err() {
            break;
        }
    }
    std::fs::remove_file(disk.0.join("filler0")).unwrap();
    std::fs::remove_file(disk.0.join("filler1")).unwrap();
    let mut other = delivery(NAME, 1);
    other.location.login = "luis".to_owned();
    let full = fast().run(&decky, &Action::DeliverMail(other)).await;
    assert!(
        matches!(&full, Err(DriverError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull),
        "{full:?}"
    );
    assert_eq!(names(&disk.0.join("home")), ["ana"]);

    fast().probe(&decky).await.unwrap();
    disk.make_read_only();
    let probed = fast().probe(&decky).await;
    assert!(
        matches!(&probed, Err(DriverError::Io { source, .. })
            if source.kind() == ErrorKind::ReadOnlyFilesystem),
        "{probed:?}"
    );
    let refused = fast().run(&decky, &deliver(NAME, 1)).await;
    assert!(
        matches!(&refused, Err(DriverError::Io { source, .. })
            if source.kind() == ErrorKind::ReadOnlyFilesystem),
        "{refused:?}"
    );
}

/// A disk of 1 MB and 64 files.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let options = Some(c"size=1m,nr_inodes=64");
        let flags = rustix::mount::MountFlags::empty();
        match rustix::mount::mount("tmpfs", at, "tmpfs", flags, options) {
            Ok(()) => Some(Self(at)),
            Err(error) => {
                println!("skipped: cannot mount a tmpfs: {error}");
                None
            }
        }
    }

    fn make_read_only(&self) {
        let flags = rustix::mount::MountFlags::RDONLY;
        rustix::mount::mount_remount(self.0, flags, c"").unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0, rustix::mount::UnmountFlags::DETACH);
    }
}
