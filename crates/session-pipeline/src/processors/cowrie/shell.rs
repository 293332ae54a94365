//! Just enough of a shell's grammar to know which words belong to which command.

/// A part of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word, with its quotes, from byte to byte.
    Word(usize, usize),
    /// `|`: the next command reads what this one writes.
    Pipe,
    /// `<<<`: the next word is what the command reads.
    HereString,
    /// The end of a command that is no pipe.
    End,
}

/// The tokens of a command line. Whatever is unclear is a word.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (token, length) = match byte {
            b' ' | b'\t' | b'\r' => (None, 1),
            b'|' if rest.starts_with(b"||") => (Some(Token::End), 2),
            b'|' if rest.starts_with(b"|&") => (Some(Token::Pipe), 2),
            b'|' => (Some(Token::Pipe), 1),
            b';' | b'&' | b'\n' | b'(' | b')' | b'`' => (Some(Token::End), 1),
            b'<' if rest.starts_with(b"<<<") => (Some(Token::HereString), 3),
            b'<' | b'>' => (None, 1),
            _ => {
                let end = end_of_word(bytes, at);
                (Some(Token::Word(at, end)), end - at)
            }
        };
        tokens.extend(token);
        at += length;
    }
    tokens
}

fn end_of_word(bytes: &[u8], mut at: usize) -> usize {
    let mut quote = None;
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => at += 1,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (
                None,
                b' ' | b'\t' | b'\r' | b'\n' | b'|' | b';' | b'&' | b'<' | b'>' | b'(' | b')'
                | b'`',
            ) => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_quotes() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = tokens(text)
                .into_iter()
                .map(|token| match token {
                    Token::Word(start, end) => &text[start..end],
                    Token::Pipe => "|",
                    Token::HereString => "<<<",
                    Token::End => ";",
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("echo \"a b\"|passwd", &["echo", "\"a b\"", "|", "passwd"]);
        check("a 'b;c' && d", &["a", "'b;c'", ";", ";", "d"]);
        check("passwd <<< x", &["passwd", "<<<", "x"]);
        check("a \"b \\\" c\" d\\ e", &["a", "\"b \\\" c\"", "d\\ e"]);
        check("a 'never closed | x", &["a", "'never closed | x"]);
        check("x\\", &["x\\"]);
        check("", &[]);
    }
}
