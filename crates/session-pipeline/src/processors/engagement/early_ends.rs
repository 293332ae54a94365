//! Ends of sessions whose logins have not been read yet.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::processors::engagement::dovecot_line::Counts;

/// Ends that are held back at a time in one log. The longest held makes room.
const HELD_MAX: usize = 256;
/// How far the log goes on before an end is one of a session that began before the log: a pipe
/// that waits for longer than this is none of a server that works.
const WAIT_MAX: TimeDelta = TimeDelta::seconds(10);

/// The end of a session whose login has not been read yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EarlyEnd {
    /// When it ended.
    pub(crate) until: DateTime<Utc>,
    /// What was read in it.
    pub(crate) counts: Counts,
    /// Whether its user is decnet's. The end of a session has no address.
    pub(crate) is_own_user: bool,
}

/// Ends by session, a bounded number of them, for a bounded time.
///
/// Two processes write the lines of one session, each through a pipe of its own, and a busy server
/// may read the second pipe first. Whose session it was is only in the login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EarlyEnds(VecDeque<(String, EarlyEnd)>);

impl EarlyEnds {
    /// Holds back an end. Returns the one that makes room for it.
    pub(crate) fn hold(&mut self, session: &str, end: EarlyEnd) -> Option<EarlyEnd> {
        let mut held = self.0.iter_mut();
        if let Some((_, first)) = held.find(|(held, _)| held == session) {
            // It was over with the first line, and only one of the two says what was read.
            first.counts = first.counts.and(end.counts);
            first.is_own_user |= end.is_own_user;
            return None;
        }
        self.0.push_back((session.to_owned(), end));
        if self.0.len() <= HELD_MAX {
            return None;
        }
        self.0.pop_front().map(|(_, end)| end)
    }

    /// The end of a session whose login is there now.
    pub(crate) fn take(&mut self, session: &str) -> Option<EarlyEnd> {
        let at = self.0.iter().position(|(held, _)| held == session)?;
        self.0.remove(at).map(|(_, end)| end)
    }

    /// Takes out an end whose login does not come any more.
    pub(crate) fn pop_overdue(&mut self, now: DateTime<Utc>) -> Option<EarlyEnd> {
        // Either way: the clock may have been set back.
        let is_overdue = |end: &EarlyEnd| (now - end.until).abs() > WAIT_MAX;
        let at = self.0.iter().position(|(_, end)| is_overdue(end))?;
        self.0.remove(at).map(|(_, end)| end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap()
    }

    fn end(second: i64, fetched: u64) -> EarlyEnd {
        EarlyEnd {
            until: at(second),
            counts: Counts { listed: 1, fetched },
            is_own_user: false,
        }
    }

    #[test]
    fn an_end_waits_for_its_login_and_no_other() {
        let mut ends = EarlyEnds::default();
        assert_eq!(ends.hold("a", end(0, 1)), None);
        assert_eq!(ends.hold("b", end(1, 2)), None);
        assert_eq!(ends.take("c"), None);
        assert_eq!(ends.take("a"), Some(end(0, 1)));
        assert_eq!(ends.take("a"), None);
        assert_eq!(ends.take("b"), Some(end(1, 2)));
        assert_eq!(ends, EarlyEnds::default());
    }

    #[test]
    fn a_session_ends_once() {
        let mut ends = EarlyEnds::default();
        let killed = EarlyEnd {
            counts: Counts::default(),
            ..end(0, 0)
        };
        let own = EarlyEnd {
            is_own_user: true,
            ..end(3, 2)
        };
        assert_eq!(ends.hold("a", killed), None);
        assert_eq!(ends.hold("a", own.clone()), None);
        let both = EarlyEnd {
            until: at(0),
            ..own
        };
        assert_eq!(ends.take("a"), Some(both));
        assert_eq!(ends.take("a"), None);
    }

    #[test]
    fn no_end_waits_for_ever() {
        let mut ends = EarlyEnds::default();
        for (session, second) in [("a", 0), ("b", 5), ("c", 1)] {
            assert_eq!(ends.hold(session, end(second, 0)), None);
        }
        assert_eq!(ends.pop_overdue(at(10)), None);
        assert_eq!(ends.pop_overdue(at(12)), Some(end(0, 0)));
        assert_eq!(ends.pop_overdue(at(12)), Some(end(1, 0)));
        assert_eq!(ends.pop_overdue(at(12)), None);
        assert_eq!(ends.pop_overdue(at(-5)), None);
        assert_eq!(ends.pop_overdue(at(-6)), Some(end(5, 0)));
        assert_eq!(ends, EarlyEnds::default());
    }

    #[test]
    fn the_longest_held_makes_room() {
        let mut ends = EarlyEnds::default();
        for number in 0..HELD_MAX as u64 {
            assert_eq!(ends.hold(&number.to_string(), end(0, number)), None);
        }
        assert_eq!(ends.hold("0", end(0, 5)), None, "that one is held already");
        assert_eq!(ends.hold("one more", end(0, 0)).unwrap().counts.fetched, 5);
        assert_eq!(ends.hold("another", end(0, 0)), Some(end(0, 1)));
        assert_eq!(ends.0.len(), HELD_MAX);
        assert_eq!(ends.take("1"), None);
        assert_eq!(ends.take("2"), Some(end(0, 2)));
    }

    #[test]
    fn ends_are_kept_between_calls() {
        let mut ends = EarlyEnds::default();
        ends.hold("a", end(0, 1));
        ends.hold("\"b\\", end(1, 2));
        let json = serde_json::to_string(&ends).unwrap();
        assert_eq!(serde_json::from_str::<EarlyEnds>(&json).unwrap(), ends);
    }
}
