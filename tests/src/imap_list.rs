//! Parenthesised lists of IMAP (RFC 3501 §4.4), as `FETCH` answers with them.

use std::iter::Peekable;
use std::slice::Iter;

/// A value in a list, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `NIL`
    Nil,
    /// A string, a number or an atom.
    Text(Vec<u8>),
    /// `(…)`
    List(Vec<Item>),
}

impl Item {
    /// Reads the first value of a line, in which `{…}` stands for the next of the literals.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[track_caller]
    pub fn read(line: &str, literals: &[Vec<u8>]) -> Self {
        let mut reader = Reader {
            bytes: line.as_bytes().iter().peekable(),
            literals: literals.iter(),
        };
        reader
            .item()
            .unwrap_or_else(|| panic!("this is no list: {line}"))
    }

    /// The values of a list; none of `NIL`.
    #[track_caller]
    pub fn list(&self) -> &[Self] {
        match self {
            Self::Nil => &[],
            Self::List(items) => items,
            Self::Text(_) => panic!("{self:?} is no list"),
        }
    }

    /// A text, unless it is `NIL`.
    #[track_caller]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Nil => None,
            Self::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::List(_) => panic!("{self:?} is a list"),
        }
    }

    /// A number.
    #[track_caller]
    pub fn number(&self) -> usize {
        self.text()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("{self:?} is no number"))
    }

    /// What follows a name in a list of names and values.
    #[track_caller]
    pub fn value(&self, name: &str) -> &Self {
        self.list()
            .chunks_exact(2)
            .find(|pair| matches!(&pair[0], Self::Text(key) if key == name.as_bytes()))
            .map(|pair| &pair[1])
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }
}

struct Reader<'a> {
    bytes: Peekable<Iter<'a, u8>>,
    literals: Iter<'a, Vec<u8>>,
}

impl Reader<'_> {
    fn item(&mut self) -> Option<Item> {
        while self.bytes.next_if_eq(&&b' ').is_some() {}
        match self.bytes.peek()? {
            b'(' => self.list(),
            b'"' => self.quoted(),
            b'{' => {
                self.bytes.find(|byte| **byte == b'}')?;
                Some(Item::Text(self.literals.next()?.clone()))
            }
            b')' => None,
            _ => {
                let mut atom = Vec::new();
                while let Some(byte) = self.bytes.next_if(|byte| !b" ()".contains(byte)) {
                    atom.push(*byte);
                }
                let is_nil = atom.eq_ignore_ascii_case(b"NIL");
                Some(if is_nil { Item::Nil } else { Item::Text(atom) })
            }
        }
    }

    fn list(&mut self) -> Option<Item> {
        self.bytes.next();
        let mut items = Vec::new();
        while let Some(item) = self.item() {
            items.push(item);
        }
        self.bytes.next_if_eq(&&b')')?;
        Some(Item::List(items))
    }

    fn quoted(&mut self) -> Option<Item> {
        self.bytes.next();
        let mut text = Vec::new();
        loop {
            match self.bytes.next()? {
                b'"' => return Some(Item::Text(text)),
                b'\\' => text.push(*self.bytes.next()?),
                byte => text.push(*byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_strings_literals_and_lists_are_told_apart() {
        let line = r#"(A NIL "NIL" "a \"b\" \\" {3} (1 (2)) ())"#;
        let list = Item::read(line, &[b"(x\n".to_vec()]);
        let text = |text: &str| Item::Text(text.as_bytes().to_vec());
        assert_eq!(
            list,
            Item::List(vec![
                text("A"),
                Item::Nil,
                text("NIL"),
                text(r#"a "b" \"#),
                text("(x\n"),
                Item::List(vec![text("1"), Item::List(vec![text("2")])]),
                Item::List(Vec::new()),
            ])
        );
        assert_eq!(list.value("A"), &Item::Nil);
    }
}
