//! A Dovecot of its own: private folders, free ports of the loopback interface, in the foreground.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::imap::Imap;
use crate::process::{is_superuser, own_ids, signal};
use crate::wait::until;
use crate::world::{MAIL_OWNER, Mailbox, World};

const PROGRAM: &str = "/usr/sbin/dovecot";
/// Everybody's password.
const PASSWORD: &str = "a-decoy's-password";
/// Ports may be taken between looking for them and starting.
const STARTS: usize = 5;

/// A running server.
#[derive(Debug)]
pub struct Dovecot {
    child: Child,
    port: u16,
    error_log: PathBuf,
    info_log: PathBuf,
}

impl Dovecot {
    /// Serves every mailbox that the world has given out.
    ///
    /// # Panics
    ///
    /// When Dovecot is not installed or does not start.
    pub fn serve(world: &World) -> Self {
        let folder = world.outside().join("dovecot");
        fs::create_dir_all(&folder).expect("the world's folder can be written");
        Self::start(&folder, &world.mailboxes())
    }

    /// Serves mailboxes, with everything of its own in `folder`, which mail servers can enter. The
    /// superuser's mailboxes belong to [`MAIL_OWNER`].
    ///
    /// # Panics
    ///
    /// When Dovecot is not installed or does not start.
    pub fn start(folder: &Path, mailboxes: &[Mailbox]) -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is not installed; `cargo xtask test` installs it, as does \
             `apt-get install dovecot-imapd dovecot-lmtpd dovecot-pop3d`"
        );
        assert!(!mailboxes.is_empty(), "a server needs mailboxes");
        fs::write(folder.join("users"), users(mailboxes)).expect("its folder can be written");
        for _ in 0..STARTS {
            let [imap, pop3] = free_ports();
            fs::write(
                folder.join("dovecot.conf"),
                configuration(folder, imap, pop3),
            )
            .expect("its folder can be written");
            let mut child = Command::new(PROGRAM)
                .arg("-F")
                .arg("-c")
                .arg(folder.join("dovecot.conf"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                .spawn()
                .expect("Dovecot can be run");
            let greeted = until("Dovecot's greeting", || {
                if child.try_wait().expect("it is our child").is_some() {
                    return Some(false);
                }
                greets(imap).then_some(true)
            });
            if greeted {
                return Self {
                    child,
                    port: imap,
                    error_log: folder.join("error.log"),
                    info_log: info_log(folder),
                };
            }
        }
        let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        panic!("Dovecot does not start: {log}");
    }

    /// A connection, logged in as the owner of an address.
    pub fn login(&self, address: &str) -> Imap {
        let mut imap = Imap::connect(self.port);
        imap.login(address, PASSWORD);
        imap
    }

    /// Tells the server to open its logs again, as is done after they were renamed.
    pub fn reopen_logs(&self) {
        signal(&self.child, "USR1");
        until("a new log", || self.info_log.exists().then_some(()));
    }

    /// Warnings and errors so far.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.error_log).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Its helpers end with it only if it ends in order.
            signal(&self.child, "TERM");
        }
        let _ = self.child.wait();
    }
}

/// Where a server with this folder logs who comes and goes.
pub fn info_log(folder: &Path) -> PathBuf {
    folder.join("info.log")
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let mut greeting = String::new();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .is_ok_and(|()| BufReader::new(stream).read_line(&mut greeting).is_ok())
        && greeting.starts_with("* OK")
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that they differ.
    let listeners: [TcpListener; N] = std::array::from_fn(|_| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port")
    });
    listeners.map(|listener| {
        listener
            .local_addr()
            .expect("a listener has an address")
            .port()
    })
}

fn users(mailboxes: &[Mailbox]) -> String {
    let (uid, gid) = if is_superuser() {
        MAIL_OWNER
    } else {
        own_ids()
    };
    let mut users = String::new();
    for mailbox in mailboxes {
        let home = mailbox.maildir.parent().expect("a Maildir has a parent");
        let _ = writeln!(
            users,
            "{}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{}",
            mailbox.address,
            home.display()
        );
    }
    users
}

fn configuration(folder: &Path, imap: u16, pop3: u16) -> String {
    let folder = folder.display();
    let unprivileged = if is_superuser() {
        String::new()
    } else {
        let (user, group) = (own_name("-un"), own_name("-gn"));
        format!(
            "default_internal_user = {user}\ndefault_login_user = {user}\n\
             default_internal_group = {group}\n\
             service anvil {{\n  chroot =\n}}\n\
             service imap-login {{\n  chroot =\n}}\n\
             service pop3-login {{\n  chroot =\n}}\n"
        )
    };
    format!(
        "base_dir = {folder}/run\n\
         state_dir = {folder}/state\n\
         instance_name = decnet-{imap}\n\
         log_path = {folder}/error.log\n\
         info_log_path = {folder}/info.log\n\
         listen = 127.0.0.1\n\
         protocols = imap pop3\n\
         ssl = no\n\
         disable_plaintext_auth = no\n\
         auth_mechanisms = plain login\n\
         mail_location = maildir:~/Maildir\n\
         first_valid_uid = 1\n\
         first_valid_gid = 1\n\
         mail_max_userip_connections = 100\n\
         passdb {{\n  driver = passwd-file\n  args = username_format=%u {folder}/users\n}}\n\
         userdb {{\n  driver = passwd-file\n  args = username_format=%u {folder}/users\n}}\n\
         namespace inbox {{\n  inbox = yes\n  separator = /\n\
         \x20 mailbox Sent {{\n    special_use = \\Sent\n    auto = subscribe\n  }}\n}}\n\
         service imap-login {{\n\
         \x20 inet_listener imap {{\n    address = 127.0.0.1\n    port = {imap}\n  }}\n\
         \x20 inet_listener imaps {{\n    port = 0\n  }}\n}}\n\
         service pop3-login {{\n\
         \x20 inet_listener pop3 {{\n    address = 127.0.0.1\n    port = {pop3}\n  }}\n\
         \x20 inet_listener pop3s {{\n    port = 0\n  }}\n}}\n\
         service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}\n\
         {unprivileged}"
    )
}

/// What `id` says with an option.
fn own_name(option: &str) -> String {
    let output = Command::new("id")
        .arg(option)
        .output()
        .expect("id can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
