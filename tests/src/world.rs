//! Worlds of their own, in temporary folders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::Decnet;
use crate::process::is_superuser;

/// Whom mail belongs to when the tests run as the superuser; a mail server serves no mail of his.
pub const MAIL_OWNER: (u32, u32) = (8, 8);

/// A folder with a configuration, a world file and decoys, removed at the end.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    root: PathBuf,
    /// The program, configured for this world.
    pub decnet: Decnet,
}

/// The mailbox of a persona.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mailbox {
    /// Address of its owner.
    pub address: String,
    /// Name of the decky that serves it.
    pub decky: String,
    /// Its folder.
    pub maildir: PathBuf,
    /// Working hours, such as `09:00-17:30`.
    pub active_hours: String,
    /// Time zone.
    pub timezone: String,
    /// Working days, such as `mon-sat`.
    pub workdays: String,
}

/// A folder that mail servers can enter and that is gone after the test.
pub fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("decnet-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary folder can be made")
}

impl World {
    /// The demo, as a user makes it.
    pub fn demo(seed: u64, now: &str) -> Self {
        let folder = folder();
        let root = folder.path().join("demo");
        Decnet::bare(folder.path()).ok([
            "demo",
            &root.display().to_string(),
            "--seed",
            &seed.to_string(),
            "--now",
            now,
        ]);
        Self::at(folder, root)
    }

    /// From a world file, with further lines for the configuration. `{owner}` in the world file
    /// becomes the keys that make the mail a mail server's.
    pub fn new(world: &str, settings: &str) -> Self {
        let this = Self::unapplied(world, settings);
        this.apply();
        this
    }

    /// Like [`new`](Self::new), before the world file is applied.
    pub fn unapplied(world: &str, settings: &str) -> Self {
        let folder = folder();
        let root = folder.path().to_owned();
        let this = Self::at(folder, root);
        this.write(
            "decnet.toml",
            &format!(
                "state_dir = \"state\"\npersonas = \"personas.json\"\n\
                 secret_file = \"secret\"\n{settings}"
            ),
        );
        // Every world of the tests has the same mail.
        this.write("secret", &"2a".repeat(32));
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(this.path("secret"), private).expect("it is ours");
        this.write_world(world);
        this
    }

    /// From a world file, in what `init` makes: with a secret that nobody else has.
    pub fn initialised(world: &str) -> Self {
        let folder = folder();
        let root = folder.path().join("decnet");
        Decnet::bare(folder.path()).ok(["init", "--dir", &root.display().to_string()]);
        let this = Self::at(folder, root);
        this.write_world(world);
        this.apply();
        this
    }

    fn at(folder: TempDir, root: PathBuf) -> Self {
        let decnet = Decnet::with_config(folder.path(), &root.join("decnet.toml"));
        Self {
            folder,
            root,
            decnet,
        }
    }

    /// Replaces the world file.
    pub fn write_world(&self, world: &str) {
        let (uid, gid) = MAIL_OWNER;
        let owner = if is_superuser() {
            format!("uid = {uid}\ngid = {gid}")
        } else {
            String::new()
        };
        self.write("world.toml", &world.replace("{owner}", &owner));
    }

    /// Applies the world file, with the roots of its deckies made.
    pub fn apply(&self) {
        let world = self.path("world.toml");
        let text = fs::read_to_string(&world).expect("the world file is there");
        for line in text.lines() {
            if let Some(root) = line.strip_prefix("root = \"decoys/") {
                let root = self.path("decoys").join(root.trim_end_matches('"'));
                fs::create_dir_all(root).expect("roots can be made");
            }
        }
        self.decnet
            .ok(["world", "apply", &world.display().to_string()]);
    }

    /// A path in the world's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder of this world for other things, such as a server's.
    pub fn outside(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the world's folder.
    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("the world's folder can be written");
    }

    /// Adds lines to the configuration, which has none of these tables yet.
    pub fn configure(&self, settings: &str) {
        let path = self.path("decnet.toml");
        let before = fs::read_to_string(&path).expect("the configuration is there");
        fs::write(path, format!("{before}{settings}")).expect("it is ours");
    }

    /// Every mailbox that has been given out.
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        let world = self.decnet.json(["world", "show", "--json"]);
        let roots: BTreeMap<&str, &str> = list(&world["deckies"])
            .map(|decky| (text(&decky["name"]), text(&decky["transport"]["root"])))
            .collect();
        let mut mailboxes = Vec::new();
        for persona in list(&world["lists"]).flat_map(|of| list(&of["personas"])) {
            let (Some(decky), Some(login)) =
                (persona["mailbox_on"].as_str(), persona["login"].as_str())
            else {
                continue;
            };
            mailboxes.push(Mailbox {
                address: text(&persona["email"]).to_owned(),
                decky: decky.to_owned(),
                maildir: Path::new(roots[decky])
                    .join("home")
                    .join(login)
                    .join("Maildir"),
                active_hours: text(&persona["active_hours"]).to_owned(),
                timezone: persona["timezone"].as_str().unwrap_or("UTC").to_owned(),
                workdays: persona["workdays"].as_str().unwrap_or("mon-fri").to_owned(),
            });
        }
        mailboxes.sort();
        mailboxes
    }

    /// Every mail that decnet knows of.
    pub fn mails(&self) -> Vec<Value> {
        let mails = self
            .decnet
            .json(["emailgen", "list", "--limit", "0", "--json"]);
        list(&mails).cloned().collect()
    }

    /// Mails that are neither delivered nor abandoned.
    pub fn unfinished(&self) -> Vec<Value> {
        let mut mails = self.mails();
        mails.retain(|mail| !matches!(text(&mail["state"]), "delivered" | "abandoned"));
        mails
    }

    /// The database has no fault that anybody can see.
    #[track_caller]
    pub fn the_database_is_whole(&self) {
        let script = "import sqlite3,sys\n\
                      db=sqlite3.connect(sys.stdin.read())\n\
                      print(db.execute('pragma integrity_check').fetchall(), \
                      db.execute('pragma foreign_key_check').fetchall())";
        let database = self.path("state/decnet.db").display().to_string();
        assert_eq!(crate::python::run(script, &database), "[('ok',)] []\n");
    }

    /// Opens the decoys to a mail server that runs as somebody else.
    pub fn hand_to_mail_server(&self) {
        fs::set_permissions(&self.root, fs::Permissions::from_mode(0o755))
            .expect("the folder is ours");
        if is_superuser() {
            let (uid, gid) = MAIL_OWNER;
            let changed = Command::new("chown")
                .args(["-R", &format!("{uid}:{gid}")])
                .arg(self.path("decoys"))
                .status()
                .expect("chown can be run");
            assert!(changed.success());
        }
    }
}

/// The entries of a JSON list.
#[track_caller]
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} is no list"))
        .iter()
}

/// A JSON text.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}
