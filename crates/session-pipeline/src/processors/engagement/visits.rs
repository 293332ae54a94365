//! Who is where, and what has been counted.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::processors::cowrie::printable::printable;
use crate::processors::cowrie::sessions::Sessions;
use crate::processors::engagement::calendar::Latest;
use crate::processors::engagement::early_ends::EarlyEnds;
use crate::processors::engagement::records::{Ended, PRESENCE, Presence};
use crate::record::{Notice, Record, RecordId};
use crate::source::Log;

/// Sessions that are followed at a time in one log.
pub const OPEN_MAX: usize = 4000;
/// Longest user name or address that is kept, in bytes.
const NAME_MAX: usize = 128;

/// Somebody's session on a decky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) phase: Phase,
    user: String,
    address: Option<String>,
    protocol: String,
    pid: Option<u32>,
    since: DateTime<Utc>,
    /// When the log last spoke of it.
    seen: DateTime<Utc>,
}

/// How far a session got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Nobody has logged in; the connection is not counted yet, for it may turn out to be decnet's.
    Connected,
    /// Somebody has.
    Inside,
    /// The server is gone, and what the session did may still be logged.
    Cut,
    /// decnet's own: not counted.
    Own,
}

/// What is kept between calls.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    impressions: u64,
    engagements: u64,
    first_login_told: bool,
    latest: Latest,
    open: Vec<(String, Visit)>,
    /// States from before ends were held back have none.
    #[serde(default)]
    early_ends: EarlyEnds,
}

/// Everything that is known of a log while it is read.
#[derive(Debug)]
pub(crate) struct Visits<'a> {
    log: &'a Log,
    pub(crate) impressions: u64,
    pub(crate) engagements: u64,
    pub(crate) latest: Latest,
    first_login_told: bool,
    open: Sessions<Visit>,
    /// Not counted yet.
    pub(crate) early_ends: EarlyEnds,
    pub(crate) records: Vec<Record>,
    pub(crate) notices: Vec<Notice>,
}

impl Visit {
    pub(crate) fn new(phase: Phase, at: DateTime<Utc>, protocol: &str) -> Self {
        Self {
            phase,
            user: String::new(),
            address: None,
            protocol: printable(protocol, NAME_MAX),
            pid: None,
            since: at,
            seen: at,
        }
    }

    pub(crate) fn address(mut self, address: Option<&str>) -> Self {
        self.address = address.map(|address| printable(address, NAME_MAX));
        self
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.user = printable(user, NAME_MAX);
        self
    }

    pub(crate) fn pid(mut self, pid: Option<u32>) -> Self {
        self.pid = pid;
        self
    }
}

impl<'a> Visits<'a> {
    pub(crate) fn resume(log: &'a Log, state: Option<&[u8]>) -> Result<Self, serde_json::Error> {
        let state: State = state.map_or(Ok(State::default()), serde_json::from_slice)?;
        Ok(Self {
            log,
            impressions: state.impressions,
            engagements: state.engagements,
            latest: state.latest,
            first_login_told: state.first_login_told,
            open: Sessions::new(state.open),
            early_ends: state.early_ends,
            records: Vec::new(),
            notices: Vec::new(),
        })
    }

    pub(crate) fn state(&self) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        struct StateRef<'s> {
            impressions: u64,
            engagements: u64,
            first_login_told: bool,
            latest: Latest,
            open: Vec<(&'s str, &'s Visit)>,
            early_ends: &'s EarlyEnds,
        }
        serde_json::to_vec(&StateRef {
            impressions: self.impressions,
            engagements: self.engagements,
            first_login_told: self.first_login_told,
            latest: self.latest,
            open: self.open.ordered().collect(),
            early_ends: &self.early_ends,
        })
    }

    pub(crate) fn decky(&self) -> &str {
        self.log.decky.as_deref().unwrap_or(&self.log.key)
    }

    /// The session, which was heard of now.
    pub(crate) fn seen(&mut self, id: &str, at: DateTime<Utc>) -> Option<&mut Visit> {
        let visit = self.open.touch(id)?;
        visit.seen = visit.seen.max(at);
        Some(visit)
    }

    /// Follows a session. The one idle longest makes room.
    pub(crate) fn begin(&mut self, id: &str, visit: Visit) {
        let at = visit.seen;
        self.open.insert(id.to_owned(), visit);
        while self.open.len() > OPEN_MAX {
            let Some((id, visit)) = self.open.pop_longest_idle() else {
                break;
            };
            self.give_up(&id, visit, at);
        }
    }

    /// Gives up sessions of which nothing was heard for longer than `idle`.
    pub(crate) fn give_up_idle(&mut self, now: DateTime<Utc>, idle: TimeDelta) {
        while let Some((_, visit)) = self.open.longest_idle() {
            if now - visit.seen <= idle {
                break;
            }
            if let Some((id, visit)) = self.open.pop_longest_idle() {
                let until = visit.seen;
                self.give_up(&id, visit, until);
            }
        }
    }

    fn give_up(&mut self, id: &str, visit: Visit, at: DateTime<Utc>) {
        match visit.phase {
            Phase::Connected => self.impressions += 1,
            Phase::Inside => self.tell(id, &visit, Some((at, Ended::GivenUp))),
            Phase::Cut | Phase::Own => {}
        }
    }

    /// Somebody is inside from now on.
    pub(crate) fn enter(&mut self, id: &str, at: DateTime<Utc>, user: &str) {
        let Some(visit) = self.open.touch(id) else {
            return;
        };
        visit.phase = Phase::Inside;
        visit.since = at;
        visit.seen = visit.seen.max(at);
        visit.user = printable(user, NAME_MAX);
        let visit = visit.clone();
        self.arrived(id, visit, None);
    }

    /// Somebody was inside, and has left.
    pub(crate) fn came_and_left(&mut self, id: &str, visit: Visit, until: DateTime<Utc>) {
        self.arrived(id, visit, Some((until, Ended::Left)));
    }

    fn arrived(&mut self, id: &str, visit: Visit, end: Option<(DateTime<Utc>, Ended)>) {
        self.impressions += 1;
        self.tell(id, &visit, end);
        if !self.first_login_told {
            self.first_login_told = true;
            self.notices.push(Notice::FirstLogin {
                decky: self.decky().to_owned(),
                user: visit.user,
                address: visit.address.unwrap_or_default(),
                at: Some(visit.since),
            });
        }
    }

    /// A session is over. Says what phase it was in.
    pub(crate) fn end(&mut self, id: &str, at: DateTime<Utc>) -> Option<Phase> {
        let visit = self.open.remove(id)?;
        match visit.phase {
            Phase::Connected => self.impressions += 1,
            Phase::Inside | Phase::Cut => self.tell(id, &visit, Some((at, Ended::Left))),
            Phase::Own => {}
        }
        Some(visit.phase)
    }

    /// The server is gone, and everybody with it. What the sessions did may be logged a moment
    /// later, so they are not forgotten.
    pub(crate) fn cut_all(&mut self, at: DateTime<Utc>) {
        let mut cut = Vec::new();
        self.open.for_each_mut(|id, visit| {
            if visit.phase == Phase::Inside {
                visit.phase = Phase::Cut;
                cut.push((id.to_owned(), visit.clone()));
            }
        });
        for (id, visit) in cut {
            self.tell(&id, &visit, Some((at, Ended::Restarted)));
        }
    }

    /// The session of a process.
    pub(crate) fn of_process(&self, pid: u32) -> Option<String> {
        let mut open = self.open.ordered();
        let found = open.find(|(_, visit)| visit.pid == Some(pid) && visit.phase != Phase::Cut);
        found.map(|(id, _)| id.to_owned())
    }

    /// The oldest session of a user.
    pub(crate) fn of_user(&self, protocol: &str, user: &str) -> Option<String> {
        let user = printable(user, NAME_MAX);
        let mut open = self.open.ordered();
        let found = open.find(|(_, visit)| visit.protocol == protocol && visit.user == user);
        found.map(|(id, _)| id.to_owned())
    }

    fn tell(&mut self, id: &str, visit: &Visit, end: Option<(DateTime<Utc>, Ended)>) {
        let presence = Presence {
            decky: self.decky().to_owned(),
            user: visit.user.clone(),
            address: visit.address.clone(),
            protocol: visit.protocol.clone(),
            since: visit.since,
            until: end.map(|(until, _)| until.max(visit.since)),
            ended: end.map(|(_, ended)| ended),
        };
        // Plain text and times are always JSON.
        let Ok(body) = serde_json::to_string(&presence) else {
            return;
        };
        let since = visit.since.timestamp_micros().to_string();
        let id = RecordId::of(&[PRESENCE, &self.log.source, &self.log.key, id, &since]);
        self.records.push(Record {
            kind: PRESENCE,
            id,
            occurred_at: Some(visit.since),
            body,
        });
    }
}
