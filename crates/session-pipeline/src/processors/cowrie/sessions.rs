//! Sessions that have not ended, a bounded number of them.

use std::collections::{BTreeMap, HashMap};

/// Sessions by id. The one that nobody asked about for longest can be taken out first.
///
/// Decoys face the Internet: there are thousands of sessions a day, and the line that ends one may
/// never come.
#[derive(Debug)]
pub(crate) struct Sessions<T> {
    by_id: HashMap<String, (u64, T)>,
    /// Ids by when they were asked for last.
    order: BTreeMap<u64, String>,
    turn: u64,
}

impl<T> Sessions<T> {
    /// `sessions` in the order of [`ordered`](Self::ordered).
    pub(crate) fn new(sessions: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut all = Self {
            by_id: HashMap::new(),
            order: BTreeMap::new(),
            turn: 0,
        };
        for (id, session) in sessions {
            all.insert(id, session);
        }
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The session of that id, which is the last one to go from now on.
    pub(crate) fn touch(&mut self, id: &str) -> Option<&mut T> {
        let (turn, session) = self.by_id.get_mut(id)?;
        if let Some(id) = self.order.remove(turn) {
            self.turn += 1;
            *turn = self.turn;
            self.order.insert(self.turn, id);
        }
        Some(session)
    }

    pub(crate) fn insert(&mut self, id: String, session: T) {
        self.turn += 1;
        if let Some((turn, _)) = self.by_id.insert(id.clone(), (self.turn, session)) {
            self.order.remove(&turn);
        }
        self.order.insert(self.turn, id);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        let (turn, session) = self.by_id.remove(id)?;
        self.order.remove(&turn);
        Some(session)
    }

    /// The session that was not asked for for longest.
    pub(crate) fn longest_idle(&self) -> Option<(&str, &T)> {
        let id = self.order.values().next()?;
        Some((id, &self.by_id.get(id)?.1))
    }

    /// Takes out the session that was not asked for for longest.
    pub(crate) fn pop_longest_idle(&mut self) -> Option<(String, T)> {
        let (_, id) = self.order.pop_first()?;
        let (_, session) = self.by_id.remove(&id)?;
        Some((id, session))
    }

    /// All of them, the one idle longest first.
    pub(crate) fn ordered(&self) -> impl Iterator<Item = (&str, &T)> {
        self.order.values().filter_map(|id| {
            let (_, session) = self.by_id.get(id)?;
            Some((id.as_str(), session))
        })
    }

    /// As [`ordered`](Self::ordered); nobody counts as asked for.
    pub(crate) fn for_each_mut(&mut self, mut visit: impl FnMut(&str, &mut T)) {
        for id in self.order.values() {
            if let Some((_, session)) = self.by_id.get_mut(id) {
                visit(id, session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_idle_longest_goes_first() {
        let mut sessions = Sessions::new([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        sessions.insert("c".to_owned(), 3);
        assert_eq!(sessions.touch("a"), Some(&mut 1));
        assert_eq!(sessions.longest_idle(), Some(("b", &2)));
        sessions.insert("b".to_owned(), 4);
        assert_eq!(sessions.len(), 3);
        let order: Vec<_> = sessions.ordered().map(|(id, _)| id.to_owned()).collect();
        assert_eq!(order, ["c", "a", "b"]);
        assert_eq!(sessions.pop_longest_idle(), Some(("c".to_owned(), 3)));
        assert_eq!(sessions.remove("a"), Some(1));
        assert_eq!(sessions.remove("a"), None);
        assert_eq!(sessions.pop_longest_idle(), Some(("b".to_owned(), 4)));
        assert_eq!(sessions.pop_longest_idle(), None);
    }
}
