//! `decnet init`

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::arguments::InitArguments;
use crate::config::{Flags, Settings, default_file, default_state_dir};
use crate::failure::{Failure, Kind};
use crate::output::say;
use crate::wiring::{Session, make_passable_dir};

const CONFIGURATION: &str = include_str!("../templates/decnet.toml");
const WORLD: &str = include_str!("../templates/world.toml");

/// Makes a configuration, an example world file and an empty database. What exists stays.
pub(crate) fn run(arguments: &InitArguments, flags: &Flags) -> Result<(), Failure> {
    let place = Place::of(arguments, flags)?;
    make_passable_dir(place.folder())?;
    let config = place.config.clone();
    let new_config = write_new(&config, &place.configuration())?;
    let new_world = write_new(&place.world, &WORLD.replace("{decoys}", &place.decoys))?;
    fs::create_dir_all(place.folder().join(&place.decoys).join("mail1"))
        .map_err(|error| Failure::writing(place.folder(), &error))?;
    let settings = Settings::load(&Flags {
        config: Some(config.clone()),
        state_dir: flags.state_dir.clone(),
        ..Flags::default()
    })?;
    let database = settings.database();
    let new_database = !database.exists();
    Session::open(settings, true)?;
    let line = |new: bool, path: &Path| {
        format!(
            "  {}  {}",
            if new { "made  " } else { "exists" },
            path.display()
        )
    };
    say(&[
        line(new_config, &config),
        line(new_world, &place.world),
        line(new_database, &database),
    ]
    .join("\n"));
    let option = match place.named {
        true => format!(" --config {}", shell_word(&config)),
        false => String::new(),
    };
    say(&format!(
        "\nNext, after a look at the world file:\n  decnet{option} world apply {}\n  decnet{option} emailgen tick\n  decnet{option} doctor",
        shell_word(&place.world)
    ));
    Ok(())
}

/// Where everything goes.
struct Place {
    config: PathBuf,
    world: PathBuf,
    /// As the configuration file says it.
    state_dir: PathBuf,
    /// Pool file as the configuration file says it; `None` leaves the usual places.
    personas: Option<&'static str>,
    /// As the world file says it.
    decoys: String,
    /// Whether later commands must name the configuration file.
    named: bool,
}

impl Place {
    fn of(arguments: &InitArguments, flags: &Flags) -> Result<Self, Failure> {
        if let Some(dir) = &arguments.dir {
            if flags.config.is_some() {
                return Err(Failure::new(
                    Kind::Usage,
                    "--dir and --config exclude each other: --dir puts the configuration into its folder",
                ));
            }
            return Ok(Self {
                config: dir.join("decnet.toml"),
                world: dir.join("world.toml"),
                state_dir: PathBuf::from("state"),
                personas: Some("personas.json"),
                decoys: "decoys".to_owned(),
                named: true,
            });
        }
        let config = flags.config.clone().unwrap_or_else(default_file);
        let folder = config.parent().unwrap_or(Path::new("")).to_owned();
        let state_dir = flags.state_dir.clone().unwrap_or_else(default_state_dir);
        let decoys = state_dir
            .parent()
            .unwrap_or(Path::new("/srv"))
            .join("decnet-decoys")
            .display()
            .to_string();
        Ok(Self {
            world: folder.join("world.toml"),
            named: flags.config.is_some(),
            config,
            state_dir,
            personas: None,
            decoys,
        })
    }

    fn folder(&self) -> &Path {
        match self.config.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn configuration(&self) -> String {
        let personas = match self.personas {
            Some(path) => format!("personas = \"{path}\"            # the pool"),
            None => "# personas = \"/etc/decnet/email_personas.json\"  # the pool".to_owned(),
        };
        let state_dir = self.state_dir.display().to_string();
        let state_dir = state_dir.replace('\\', "\\\\").replace('"', "\\\"");
        CONFIGURATION
            .replace("{state_dir}", &state_dir)
            .replace("{personas}", &personas)
    }
}

/// Writes a file unless it exists, and answers whether it did.
fn write_new(path: &Path, content: &str) -> Result<bool, Failure> {
    let mut file = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(Failure::writing(path, &error)),
    };
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::writing(path, &error))?;
    Ok(true)
}

/// A path as a shell takes it.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%=:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
