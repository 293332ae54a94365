//! `cargo xtask dovecot`: a mail server for looking at a world with a mail program.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::steps::run as execute;
use crate::workspace::{Workspace, cargo};

const PROGRAM: &str = "/usr/sbin/dovecot";
const PASSWORD: &str = "decoy";
const PORT: u16 = 11_143;

/// Serves the mailboxes of the world in a folder until it is interrupted.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (folder, port) = match arguments {
        [folder] => (folder, PORT),
        [folder, port] => {
            let port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
            (folder, port)
        }
        _ => return Err("name the folder that holds decnet.toml, such as a demo's".to_owned()),
    };
    if !Path::new(PROGRAM).exists() {
        return Err(format!(
            "{PROGRAM} is missing; `cargo xtask test` installs it"
        ));
    }
    let world = world(Path::new(folder))?;
    let users = users(&world)?;
    let place = std::env::temp_dir().join(format!("decnet-dovecot-{port}"));
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let write = |name: &str, content: &str| {
        let path = place.join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))
    };
    write("users", &users)?;
    let is_superuser = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let own = if is_superuser {
        None
    } else {
        Some((own_name("-un")?, own_name("-gn")?))
    };
    write("dovecot.conf", &configuration(&place, port, own))?;
    println!("IMAP on 127.0.0.1:{port} without TLS, password {PASSWORD:?}, user one of:");
    for line in users.lines() {
        println!("  {}", line.split(':').next().unwrap_or_default());
    }
    execute(
        Command::new(PROGRAM)
            .arg("-F")
            .arg("-c")
            .arg(place.join("dovecot.conf")),
    )
}

/// What `decnet world show` says.
fn world(folder: &Path) -> Result<Value, String> {
    let workspace = Workspace::load()?;
    let output = cargo()
        .args(["run", "--quiet", "--package", "decnet", "--manifest-path"])
        .arg(workspace.root.join("Cargo.toml"))
        .arg("--")
        .arg("--config")
        .arg(folder.join("decnet.toml"))
        .args(["world", "show", "--json"])
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// One line for each mailbox, served as whoever owns it.
fn users(world: &Value) -> Result<String, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut users = String::new();
    for persona in list(&world["lists"])
        .iter()
        .flat_map(|of| list(&of["personas"]))
    {
        let decky = list(&world["deckies"])
            .into_iter()
            .find(|decky| decky["name"] == persona["mailbox_on"]);
        let (Some(address), Some(login), Some(decky)) =
            (persona["email"].as_str(), persona["login"].as_str(), decky)
        else {
            continue;
        };
        let root = decky["transport"]["root"].as_str().unwrap_or_default();
        let home = Path::new(root).join("home").join(login);
        let maildir = home.join("Maildir");
        let owner =
            fs::metadata(&maildir).map_err(|error| format!("{}: {error}", maildir.display()))?;
        let (uid, gid) = (owner.uid(), owner.gid());
        if uid == 0 {
            return Err(format!(
                "{} belongs to root, whose mail no server serves; give the decoys to somebody \
                 else who can enter their folder: chown -R mail:mail DIR/decoys; chmod a+x DIR",
                maildir.display()
            ));
        }
        let home = home.display();
        let _ = writeln!(users, "{address}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{home}");
    }
    Ok(users)
}

/// `own` are user and group of a server that is not started by the superuser.
fn configuration(place: &Path, port: u16, own: Option<(String, String)>) -> String {
    let place = place.display();
    let chroot = if own.is_some() { "  chroot =\n" } else { "" };
    let own = own.map_or_else(String::new, |(user, group)| {
        format!(
            "default_internal_user = {user}\ndefault_internal_group = {group}\n\
             default_login_user = {user}\nservice anvil {{\n  chroot =\n}}\n"
        )
    });
    format!(
        "base_dir = {place}/run\n\
         state_dir = {place}/state\n\
         log_path = /dev/stderr\n\
         listen = 127.0.0.1\n\
         protocols = imap\n\
         ssl = no\n\
         disable_plaintext_auth = no\n\
         mail_location = maildir:~/Maildir\n\
         first_valid_uid = 1\n\
         first_valid_gid = 1\n\
         {own}\
         passdb {{\n  driver = passwd-file\n  args = username_format=%u {place}/users\n}}\n\
         userdb {{\n  driver = passwd-file\n  args = username_format=%u {place}/users\n}}\n\
         namespace inbox {{\n  inbox = yes\n  mailbox Sent {{\n    special_use = \\Sent\n  }}\n}}\n\
         service imap-login {{\n{chroot}\
         \x20 inet_listener imap {{\n    port = {port}\n  }}\n\
         \x20 inet_listener imaps {{\n    port = 0\n  }}\n}}\n"
    )
}

/// What `id` says with an option.
fn own_name(option: &str) -> Result<String, String> {
    let output = Command::new("id")
        .arg(option)
        .output()
        .map_err(|error| format!("id: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everybody_with_a_mailbox_is_a_user() {
        let root = tempfile::tempdir().unwrap();
        let maildir = root.path().join("home/ana/Maildir");
        fs::create_dir_all(&maildir).unwrap();
        let owner = fs::metadata(&maildir).unwrap();
        let world = json!({
            "deckies": [{ "name": "mx1", "transport": { "root": root.path() } }],
            "lists": [{ "personas": [
                { "email": "ana@a.example", "login": "ana", "mailbox_on": "mx1" },
                { "email": "ben@a.example" },
            ] }],
        });
        let users = users(&world);
        if owner.uid() == 0 {
            assert!(users.unwrap_err().contains("belongs to root"));
        } else {
            let (uid, gid) = (owner.uid(), owner.gid());
            let home = root.path().join("home/ana");
            let expected = format!(
                "ana@a.example:{{PLAIN}}decoy:{uid}:{gid}::{}\n",
                home.display()
            );
            assert_eq!(users, Ok(expected));
        }
    }
}
