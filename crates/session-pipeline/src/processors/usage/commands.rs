//! Slash commands in what a user wrote: `<command-name>/name</command-name>`.

const OPENING: &str = "<command-name>/";
const CLOSING: &str = "</command-name>";

/// The names of the commands in `text`, in order: a letter, then word characters, `:` and `-`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once(OPENING)?;
            rest = after;
            let end = after
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '-')))
                .unwrap_or(after.len());
            let (name, behind) = after.split_at(end);
            let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
            if starts_well && behind.starts_with(CLOSING) {
                rest = behind;
                return Some(name);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(names(text).collect::<Vec<_>>(), expected, "{text:?}");
        };
        check("", &[]);
        check("/clear", &[]);
        check("<command-name>/clear</command-name>", &["clear"]);
        check(
            "<command-message>x</command-message>\n<command-name>/a:b-c_1</command-name>",
            &["a:b-c_1"],
        );
        check("<command-name>/caféx</command-name>", &["caféx"]);
        check("<command-name>/1x</command-name>", &[]);
        check("<command-name>/</command-name>", &[]);
        check("<command-name>/a b</command-name>", &[]);
        check("<command-name>clear</command-name>", &[]);
        check(
            "<command-name>/<command-name>/a</command-name><command-name>/b</command-name>",
            &["a", "b"],
        );
    }
}
