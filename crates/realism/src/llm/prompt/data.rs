//! Text that is not ours, fenced.

use crate::offline::dice::Dice;
use crate::style::{is_invisible, strip_invisible};

/// Most characters of a value on one line.
const LINE_MAX: usize = 512;

/// Lines of data between two markers.
///
/// The marker follows from the seed of the mail, which no author of the data knows. Should a value
/// hold it all the same, it is taken out.
pub(super) struct DataBlock {
    marker: String,
    lines: String,
}

impl DataBlock {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let letters = b"bcdfghjkmnpqrstvwxz";
        let marker = (0..10)
            .filter_map(|_| letters.get(dice.below(letters.len())))
            .map(|letter| char::from(letter.to_ascii_uppercase()))
            .collect();
        Self {
            marker,
            lines: String::new(),
        }
    }

    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    /// One line: `name: value`.
    pub(super) fn line(&mut self, name: &str, value: &str) {
        let flat: String = strip_invisible(value)
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .take(LINE_MAX)
            .collect();
        self.push(name, " ", &flat);
    }

    /// Lines of text, each indented, so that none looks like a line of ours.
    pub(super) fn text(&mut self, name: &str, value: &str, most: usize) {
        let stripped = strip_invisible(value);
        let cut: String = stripped.chars().take(most).collect();
        let mut indented = String::with_capacity(cut.len() + 64);
        for line in cut.lines() {
            indented.push_str("\n  ");
            indented.push_str(line);
        }
        if cut.len() < stripped.len() {
            indented.push_str("\n  (it goes on)");
        }
        self.push(name, "", &indented);
    }

    /// The block.
    pub(super) fn finish(self) -> String {
        format!(
            "<<<{marker}\n{}{marker}>>>\n",
            self.lines,
            marker = self.marker
        )
    }

    fn push(&mut self, name: &str, gap: &str, value: &str) {
        self.lines.push_str(name);
        self.lines.push(':');
        self.lines.push_str(gap);
        self.lines.push_str(&defused(value, &self.marker));
        self.lines.push('\n');
    }
}

/// Takes apart what a server's template could take for the end of a message.
fn defused(value: &str, marker: &str) -> String {
    debug_assert!(!value.contains(|c| is_invisible(c)
        && c != '\n'
        && c != '\t'
        && c != '\u{200c}'
        && c != '\u{200d}'));
    let mut out = value.to_owned();
    for (token, apart) in [
        ("<|", "< |"),
        ("|>", "| >"),
        ("<<", "< <"),
        (">>", "> >"),
        ("[INST", "(INST"),
        ("[/INST", "(/INST"),
        ("<s>", "< s>"),
        ("</s>", "< /s>"),
        ("<start_of_turn", "< start_of_turn"),
        ("<end_of_turn", "< end_of_turn"),
        ("<think", "< think"),
        ("</think", "< /think"),
    ] {
        // Until nothing is left: `<<|` holds two.
        while out.contains(token) {
            out = out.replace(token, apart);
        }
    }
    out.replace(marker, "")
}
