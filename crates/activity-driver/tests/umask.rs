//! Modes. The umask belongs to the whole process, hence a test crate of its own.

mod support;

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use decnet_activity_driver::decky::LocalFolders;
use decnet_activity_driver::driver::ActivityDriver;
use rustix::fs::Mode;

use support::{decky_with, deliver, fast};

const NAME: &str = "1780000000.M1P2.mx1";

#[tokio::test]
async fn modes_are_exact_under_any_umask() {
    // One that takes even the owner's rights away can only be borne by root.
    let harshest = match rustix::process::geteuid().is_root() {
        true => 0o777,
        false => 0o077,
    };
    for umask in [0o000, 0o077, harshest, 0o022] {
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let root = tempfile::tempdir().unwrap();
        let decky = decky_with(LocalFolders {
            file_mode: 0o640,
            dir_mode: 0o2770,
            ..LocalFolders::at(root.path())
        });
        rustix::process::umask(Mode::from_raw_mode(umask));
        let delivered = fast().run(&decky, &deliver(NAME, 2)).await;
        let planted = fast()
            .plant_file(
                &decky,
                Path::new("srv/www/index.html"),
                b"",
                Some(0o644),
                Some(7),
            )
            .await;
        let plain = fast()
            .plant_file(&decky, Path::new("plain"), b"", None, None)
            .await;
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let _ = delivered.unwrap();
        planted.unwrap();
        plain.unwrap();
        for (path, mode) in [
            ("home", 0o755),
            ("home/ana/Maildir", 0o2770),
            ("home/ana/Maildir/.Sent/new", 0o2770),
            ("home/ana/Maildir/subscriptions", 0o640),
            ("home/ana/Maildir/new/1780000000.M1P2.mx1,S=19,W=22", 0o640),
            ("home/ana/Maildir/tmp/1780000000.M1P2.mx1.0", 0o640),
            ("srv/www", 0o755),
            ("srv/www/index.html", 0o644),
            ("plain", 0o600),
        ] {
            let metadata = root.path().join(path).metadata().unwrap();
            assert_eq!(metadata.mode() & 0o7777, mode, "{path} under {umask:03o}");
        }
        let planted = root.path().join("srv/www/index.html").metadata().unwrap();
        assert_eq!((planted.mtime(), planted.atime()), (7, 7));
    }
}
