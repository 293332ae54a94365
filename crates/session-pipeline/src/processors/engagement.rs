//! How much strangers look at each decky, how much they do there, and who is inside now.
//!
//! Read from Dovecot's log and from Cowrie's.
//!
//! | | impression | engagement |
//! |---|---|---|
//! | Dovecot | each connection, whether it logs in or not; each session that listed headers (IMAP `hdr_count`, POP3 `TOP`) | each message whose body was fetched (IMAP `body_count`, POP3 `RETR`) |
//! | Cowrie | each connection | each line typed, each file downloaded or uploaded |
//!
//! Dovecot says what a session read when the session ends; it counts then. Envelopes that come out
//! of Dovecot's cache are in no log. Deliveries and `doveadm` count as nothing. A connection to
//! Cowrie counts when somebody logs in, or when it ends: until then it may turn out to be decnet's.
//!
//! Two kinds of records come from it. A [`Presence`] is somebody's session inside a decky, from the
//! login on, recorded again when it ends. A [`Point`] is what was counted up to a moment; it is
//! taken by [`sample`](Processor::sample), once for each stretch of [`sample_every`], the later of
//! two in one stretch replacing the earlier. The first login ever on a decky is a
//! [`Notice::FirstLogin`](crate::record::Notice::FirstLogin).
//!
//! Dovecot may log the end of a session before its login: two processes say so, each through a pipe
//! of its own. An end whose login was not read yet is held back, and counts with the login that has
//! its session id. Should none come in the next 10 seconds, by the times of the lines, or before
//! 256 further ends are held back, the session began before the log did: it counts with the line
//! that shows that, unless its user is decnet's. What is held back is in no point, so points never
//! fall; behind the last line of a log that does not go on, it stays so.
//!
//! When the server ends or starts again, everybody who was inside is out. Should a session's own
//! last line come after that, as it does when Dovecot ends in order, it is believed.
//!
//! [`sample_every`]: Engagement::sample_every

mod calendar;
mod cowrie_rows;
mod dovecot;
mod dovecot_line;
mod early_ends;
mod line_start;
mod records;
mod visits;

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::calendar::Calendar;
pub use self::records::{Ended, EngagementRecord, POINT, PRESENCE, Point, Presence};
pub use self::visits::OPEN_MAX;

use self::visits::Visits;
use crate::lines::Lines;
use crate::processor::{Outcome, Processor, ProcessorError};
use crate::record::{Record, RecordId};
use crate::source::{Log, SourceKind};

/// Silence after which nobody is taken to be inside any more, when a point is taken: the line that
/// would say so may never come. Mail programs stay connected for a day and longer.
const IDLE_MAX: TimeDelta = TimeDelta::hours(48);

/// Counts impressions and engagements, and follows who is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement {
    /// The year and zone of logs that leave them out.
    pub calendar: Calendar,
    /// Whose access is not a stranger's.
    pub own: OwnAccess,
    /// How far apart points are, at least. Default 5 minutes. Zero: one for each second in which
    /// the processor runs.
    pub sample_every: Duration,
}

/// decnet's own access to its decoys, which is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAccess {
    /// Addresses that only decnet connects from.
    pub addresses: Vec<IpAddr>,
    /// Users that only decnet logs in as, whatever the case of their letters. An attempt that fails
    /// is a stranger's all the same: decnet knows its passwords.
    pub users: Vec<String>,
}

impl OwnAccess {
    fn is_address(&self, address: Option<&str>) -> bool {
        if self.addresses.is_empty() {
            return false;
        }
        let address = address.and_then(|address| address.parse::<IpAddr>().ok());
        address.is_some_and(|address| {
            let mut own = self.addresses.iter();
            own.any(|own| own.to_canonical() == address.to_canonical())
        })
    }

    fn is_user(&self, user: &str) -> bool {
        let mut own = self.users.iter();
        own.any(|own| own.to_lowercase() == user.to_lowercase())
    }
}

impl Engagement {
    /// Counts everybody's access, and takes a point every 5 minutes.
    pub fn new(calendar: Calendar) -> Self {
        Self {
            calendar,
            own: OwnAccess::default(),
            sample_every: Duration::from_secs(5 * 60),
        }
    }
}

impl Processor for Engagement {
    fn name(&self) -> &str {
        "engagement"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &[SourceKind] {
        &[SourceKind::Dovecot, SourceKind::Cowrie]
    }

    fn process(
        &self,
        log: &Log,
        lines: &mut Lines<'_>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, ProcessorError> {
        let mut visits = resume(log, state)?;
        while let Some(line) = lines.next() {
            let taken = match log.kind {
                SourceKind::Cowrie => cowrie_rows::take(&mut visits, &self.own, line.text),
                _ => dovecot::take(&mut visits, &self.calendar, &self.own, line.text),
            };
            if let Err(why) = taken {
                lines.refuse(why);
            }
        }
        Ok(Outcome {
            state: visits.state().map_err(|error| unwritten("state", &error))?,
            records: visits.records,
            notices: visits.notices,
        })
    }

    fn sample(
        &self,
        log: &Log,
        now: DateTime<Utc>,
        state: &[u8],
    ) -> Result<Option<Outcome>, ProcessorError> {
        let mut visits = resume(log, Some(state))?;
        visits.give_up_idle(now, IDLE_MAX);
        let every = i64::try_from(self.sample_every.as_secs()).unwrap_or(i64::MAX);
        let stretch = now.timestamp().div_euclid(every.max(1)).to_string();
        let point = Point {
            decky: visits.decky().to_owned(),
            at: now,
            impressions: visits.impressions,
            engagements: visits.engagements,
        };
        let mut records = std::mem::take(&mut visits.records);
        records.push(Record {
            kind: POINT,
            id: RecordId::of(&[POINT, &log.source, &log.key, &every.to_string(), &stretch]),
            occurred_at: Some(now),
            body: serde_json::to_string(&point).map_err(|error| unwritten("point", &error))?,
        });
        Ok(Some(Outcome {
            records,
            state: visits.state().map_err(|error| unwritten("state", &error))?,
            notices: visits.notices,
        }))
    }

    fn samples(&self) -> bool {
        true
    }
}

fn resume<'a>(log: &'a Log, state: Option<&[u8]>) -> Result<Visits<'a>, ProcessorError> {
    Visits::resume(log, state).map_err(|error| ProcessorError::State {
        detail: error.to_string(),
        bytes: state.map_or(0, <[u8]>::len),
    })
}

fn unwritten(what: &str, error: &serde_json::Error) -> ProcessorError {
    ProcessorError::Failed {
        detail: format!("cannot write the {what} as JSON: {error}"),
        line: None,
    }
}
