//! Room for what was read and waits to be committed, in bytes.
//!
//! Counting messages would not do: a message may hold a hundred bytes or ten megabytes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Who wants to put something in waits until there is room.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    /// What is in there; `None` once nobody takes anything out any more.
    used: Mutex<Option<usize>>,
    freed: Condvar,
}

/// Closes the room when it goes.
pub(super) struct Closes<'a>(&'a Room);

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            used: Mutex::new(Some(0)),
            freed: Condvar::new(),
        }
    }

    /// Waits for room, and takes it. Something larger than the room fits when nothing else is in
    /// there. False when the room is closed.
    pub(super) fn take(&self, size: usize) -> bool {
        let mut used = self.used();
        loop {
            match *used {
                None => return false,
                Some(now) if now == 0 || now.saturating_add(size) <= self.most => {
                    *used = Some(now.saturating_add(size));
                    return true;
                }
                Some(_) => {
                    used = self
                        .freed
                        .wait(used)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        }
    }

    /// Gives room back.
    pub(super) fn free(&self, size: usize) {
        let mut used = self.used();
        if let Some(now) = &mut *used {
            *now = now.saturating_sub(size);
        }
        self.freed.notify_all();
    }

    /// Closes the room when what it answers with is dropped: whoever waits goes away.
    pub(super) fn close_when_dropped(&self) -> Closes<'_> {
        Closes(self)
    }

    fn used(&self) -> MutexGuard<'_, Option<usize>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        *self.0.used() = None;
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_room_waits_until_there_is_some_or_nobody_is_left() {
        let room = Room::new(10);
        assert!(room.take(100), "alone, anything fits");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| room.take(5));
            room.free(100);
            assert!(waiting.join().unwrap());
            assert!(room.take(5));
            let waiting = scope.spawn(|| room.take(1));
            drop(room.close_when_dropped());
            assert!(!waiting.join().unwrap());
        });
    }
}
