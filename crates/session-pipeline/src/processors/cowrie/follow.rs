//! How a session grows, line by line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::processors::cowrie::captured::{Captured, REDACTED};
use crate::processors::cowrie::printable::printable;
use crate::processors::cowrie::redaction::{TEXT_MAX, redact};
use crate::processors::cowrie::row::{Row, SessionRow, Text, text};
use crate::processors::cowrie::session::{
    AttackerSession, Destination, Endpoint, Input, Login, Transfer, Transfers,
};

/// Longest line that is kept of what was typed, in bytes.
const INPUT_MAX: usize = 1024;
/// Longest name, address or version that is kept, in bytes.
const NAME_MAX: usize = 128;
/// Longest URL or file name that is kept, in bytes.
const URL_MAX: usize = 512;
/// Lines typed that are kept.
const INPUTS_KEPT: usize = 200;
/// Logins, names, files, and destinations of tunnels that are kept, of each.
const OTHERS_KEPT: usize = 50;
/// What a session weighs before anything is in its lists: bytes of its state, roughly.
const WEIGHT: usize = 1024;
/// What an entry of a list weighs beside its text.
const ENTRY_WEIGHT: usize = 128;

/// A session that has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Followed {
    pub(crate) session: AttackerSession,
    captured: Captured,
    /// Time of the last line.
    last: DateTime<Utc>,
    /// Roughly how many bytes it takes in the state.
    pub(crate) weight: usize,
    /// Whether there is something that the record does not say yet.
    #[serde(skip)]
    pub(crate) is_news: bool,
}

impl Followed {
    /// A session whose first line is `row`.
    pub(crate) fn new(row: &SessionRow<'_>, decky: &str) -> Self {
        Self {
            session: AttackerSession {
                session: printable(row.row.session(), NAME_MAX),
                decky: printable(decky, NAME_MAX),
                started: row.at,
                continued: row.row.eventid() != "cowrie.session.connect",
                ..AttackerSession::default()
            },
            captured: Captured::default(),
            last: row.at,
            weight: WEIGHT,
            is_news: true,
        }
    }

    /// Takes in a line of the session.
    pub(crate) fn take(&mut self, SessionRow { row, at }: &SessionRow<'_>, keep_passwords: bool) {
        let is_particular = self.take_particulars(row);
        let is_event = match row.eventid() {
            "cowrie.session.connect" => {
                self.session.port = row.dst_port;
                true
            }
            "cowrie.login.failed" => self.take_login(row, false, keep_passwords),
            "cowrie.login.success" => self.take_login(row, true, keep_passwords),
            "cowrie.command.input" | "cowrie.session.input" | "cowrie.command.success" => {
                self.take_input(row, *at, keep_passwords)
            }
            "cowrie.command.failed" => {
                self.session.commands.failed += 1;
                true
            }
            "cowrie.session.file_download" => {
                let file = self.transfer(row, *at, false, keep_passwords);
                self.weight += add(&mut self.session.downloads, file);
                true
            }
            "cowrie.session.file_download.failed" => {
                let file = self.transfer(row, *at, true, keep_passwords);
                self.weight += add(&mut self.session.downloads, file);
                true
            }
            "cowrie.session.file_upload" => {
                let file = self.transfer(row, *at, false, keep_passwords);
                self.weight += add(&mut self.session.uploads, file);
                true
            }
            "cowrie.direct-tcpip.request" => self.take_tunnel(row),
            "cowrie.session.closed" => {
                self.session.ended = Some(*at);
                true
            }
            _ => false,
        };
        // Whether a line is news must not depend on other lines: they may be read in another call.
        if is_particular || is_event {
            self.is_news = true;
            self.last = self.last.max(*at);
            let lasted = self.last - self.session.started;
            let by_cowrie = self.session.ended.and_then(|_| row.duration());
            let by_lines = || lasted.num_milliseconds().max(0) as f64 / 1000.0;
            self.session.duration_seconds = Some(by_cowrie.unwrap_or_else(by_lines));
        }
    }

    /// What any line may say of the session as a whole; the first to say it is believed.
    fn take_particulars(&mut self, row: &Row<'_>) -> bool {
        let session = &mut self.session;
        let mut is_news = false;
        let mut learn = |place: &mut Option<String>, found: Option<&str>| {
            if let (None, Some(found)) = (&place, found.filter(|found| !found.is_empty())) {
                *place = Some(printable(found, NAME_MAX));
                is_news = true;
            }
        };
        fn of<'r>(field: &'r Option<Text<'_>>) -> Option<&'r str> {
            field.as_ref().map(|text| &*text.0)
        }
        let Endpoint { address, port } = &mut session.source;
        learn(address, row.address());
        learn(&mut session.sensor, of(&row.sensor));
        learn(&mut session.protocol, of(&row.protocol));
        learn(&mut session.hassh, of(&row.hassh));
        if row.eventid() == "cowrie.client.version" {
            learn(&mut session.client_version, of(&row.version));
        }
        // As with the address, a tunnel's line says what the client likes.
        if port.is_none() && row.address().is_some() && row.src_port.is_some() {
            *port = row.src_port;
            is_news = true;
        }
        is_news
    }

    fn take_login(&mut self, row: &Row<'_>, succeeded: bool, keep_passwords: bool) -> bool {
        let password = row.password.as_ref().map(|password| {
            if keep_passwords {
                return printable(&password.0, NAME_MAX);
            }
            self.captured.add(row.session(), &password.0);
            REDACTED.to_owned()
        });
        let user = printable(text(&row.username), NAME_MAX);
        let logins = &mut self.session.logins;
        logins.attempts += 1;
        if succeeded {
            logins.succeeded += 1;
            logins.logged_in_as = Some(user.clone());
        } else {
            logins.failed += 1;
        }
        if logins.user_names.len() < OTHERS_KEPT && !logins.user_names.contains(&user) {
            self.weight += ENTRY_WEIGHT + user.len();
            logins.user_names.push(user.clone());
        }
        if logins.tried.len() < OTHERS_KEPT {
            self.weight += ENTRY_WEIGHT + user.len() + password.as_ref().map_or(0, String::len);
            logins.tried.push(Login {
                user,
                password,
                succeeded,
            });
        } else {
            logins.left_out += 1;
        }
        true
    }

    fn take_input(&mut self, row: &Row<'_>, at: DateTime<Utc>, keep_passwords: bool) -> bool {
        let (typed, realm) = (text(&row.input), text(&row.realm));
        let asks_for_password = matches!(realm, "passwd" | "chpasswd" | "su" | "sudo" | "login");
        let commands = &mut self.session.commands;
        commands.count += 1;
        if asks_for_password && !keep_passwords {
            // `chpasswd` reads lines of `user:password`.
            let password = match realm {
                "chpasswd" => typed
                    .split_once(':')
                    .map_or(typed, |(_, password)| password),
                _ => typed,
            };
            self.captured.add(row.session(), password);
        }
        if commands.inputs.len() == INPUTS_KEPT {
            commands.left_out += 1;
            return true;
        }
        let input = if asks_for_password && !keep_passwords {
            REDACTED.to_owned()
        } else {
            self.clean(row.session(), typed, INPUT_MAX, keep_passwords)
        };
        self.weight += ENTRY_WEIGHT + input.len();
        self.session.commands.inputs.push(Input {
            at,
            input,
            realm: (!realm.is_empty()).then(|| printable(realm, NAME_MAX)),
        });
        true
    }

    fn take_tunnel(&mut self, row: &Row<'_>) -> bool {
        let (host, port) = (
            printable(text(&row.dst_ip), NAME_MAX),
            row.dst_port.unwrap_or_default(),
        );
        let tunnels = &mut self.session.tunnels;
        tunnels.count += 1;
        let known = tunnels
            .destinations
            .iter_mut()
            .find(|known| known.port == port && known.host == host);
        if let Some(known) = known {
            known.count += 1;
        } else if tunnels.destinations.len() < OTHERS_KEPT {
            self.weight += ENTRY_WEIGHT + host.len();
            tunnels.destinations.push(Destination {
                host,
                port,
                count: 1,
            });
        } else {
            tunnels.left_out += 1;
        }
        true
    }

    fn transfer(
        &self,
        row: &Row<'_>,
        at: DateTime<Utc>,
        failed: bool,
        keep_passwords: bool,
    ) -> Transfer {
        let clean = |field: &Option<Text<'_>>, max: usize| {
            let found = text(field);
            (!found.is_empty()).then(|| self.clean(row.session(), found, max, keep_passwords))
        };
        Transfer {
            at,
            url: clean(&row.url, URL_MAX),
            file: clean(&row.destfile, URL_MAX).or_else(|| clean(&row.filename, URL_MAX)),
            sha256: clean(&row.shasum, NAME_MAX),
            failed,
        }
    }

    /// Text as it may be shown.
    fn clean(&self, session: &str, dirty: &str, max: usize, keep_passwords: bool) -> String {
        if keep_passwords {
            return printable(dirty, max);
        }
        let mut clean = printable(&redact(session, &self.captured, dirty), max);
        if dirty.len() > TEXT_MAX && !clean.ends_with('…') {
            clean.push('…');
        }
        clean
    }
}

/// Adds a file, and says what it weighs.
fn add(transfers: &mut Transfers, file: Transfer) -> usize {
    if file.failed {
        transfers.failed += 1;
    } else {
        transfers.count += 1;
    }
    if transfers.files.len() == OTHERS_KEPT {
        transfers.left_out += 1;
        return 0;
    }
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let weight = length(&file.url) + length(&file.file) + length(&file.sha256);
    transfers.files.push(file);
    ENTRY_WEIGHT + weight
}
