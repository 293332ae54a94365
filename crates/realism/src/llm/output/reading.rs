//! One reading of an answer, step by step.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::characters::{self, Signs};
use super::ending::{self, Ending};
use super::envelope::{self, Unfenced};
use super::problem::Problem;
use super::repair::{Repair, Repairs};
use super::words::Words;
use super::{BODY_MAX, ExpectedMail, Split, add};
use super::{
    html, json, languages, layout, persons, placeholder, repetition, shape, subject, tail, wording,
};
use crate::style;
use crate::style::phrases::ThreeLists;
use crate::style::stock::{self, Edit};

/// A mail that one reading found nothing wrong with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) subject: String,
    pub(super) body: String,
}

/// What stands in an answer once everything around it is gone.
struct Unwrapped<'a> {
    text: Cow<'a, str>,
    signs: Signs,
    /// Subject that stood in JSON.
    subject: Option<String>,
    /// Whether JSON ends in the middle.
    is_cut: bool,
    is_program: bool,
}

fn unwrap_answer<'a>(text: &'a str, repairs: &mut Repairs) -> Unwrapped<'a> {
    let signs = Signs::of(text);
    let mut text = Cow::Borrowed(text);
    if let Some(cleaned) = characters::clean(&text, signs) {
        if characters::hid_something(&text) {
            repairs.note(Repair::InvisibleCharacters);
        }
        text = Cow::Owned(cleaned);
    }
    if signs.any(Signs::ANGLE) {
        let edited = envelope::without_thoughts(&text);
        repairs.apply(Repair::Thoughts, &mut text, edited);
    }
    if signs.any(Signs::ANGLE | Signs::BRACKET) {
        let edited = envelope::first_turn(&text).map(str::to_owned);
        repairs.apply(Repair::ChatMarks, &mut text, edited);
    }
    let mut is_program = false;
    if signs.any(Signs::FENCE) {
        let edited = envelope::unfence(&text).map(|unfenced| match unfenced {
            Unfenced::Inside(inside) => inside.to_owned(),
            Unfenced::Around(around) => around,
            Unfenced::Program => {
                is_program = true;
                text.replace("```", "").replace("~~~", "")
            }
        });
        repairs.apply(Repair::CodeFence, &mut text, edited);
    }
    let mut subject = None;
    let mut is_cut = false;
    if signs.any(Signs::BRACE)
        && !is_program
        && let Some(mail) = json::read(&text)
    {
        repairs.note(Repair::Json);
        (subject, is_cut) = (mail.subject, mail.is_cut);
        let cleaned = characters::clean(&mail.body, Signs::of(&mail.body));
        text = Cow::Owned(cleaned.unwrap_or(mail.body));
    }
    if signs.any(Signs::BACKSLASH) {
        let edited = unescaped(&text);
        repairs.apply(Repair::Escapes, &mut text, edited);
    }
    let signs = signs_of_edited(&text, signs);
    Unwrapped {
        text,
        signs,
        subject,
        is_cut,
        is_program,
    }
}

/// The signs of a text that was `signs` before it was edited, if it was.
#[expect(
    clippy::ptr_arg,
    reason = "whether the text is borrowed tells whether it was edited"
)]
fn signs_of_edited(text: &Cow<'_, str>, signs: Signs) -> Signs {
    match text {
        Cow::Borrowed(_) => signs,
        Cow::Owned(edited) => Signs::of(edited),
    }
}

/// `text` with `\n` as a line end where it stands as two characters and means one.
fn unescaped(text: &str) -> Option<String> {
    // In a path such as `C:\new` it is a part of a name.
    let means_line_end = text.contains("\\n\\n") || text.contains(".\\n") || text.contains(",\\n");
    means_line_end.then(|| {
        text.replace("\\r\\n", "\n")
            .replace("\\n", "\n")
            .replace("\\\"", "\"")
    })
}

/// [`super::split`], noting what it took off. With `is_reply` a text before a late subject stays.
pub(super) fn split(text: &str, is_reply: bool, repairs: &mut Repairs) -> Split {
    let unwrapped = unwrap_answer(text, repairs);
    let layout = layout::find(unwrapped.text.trim_start_matches('\n'), is_reply, repairs);
    let subject = unwrapped.subject.or(layout.subject.map(Cow::into_owned));
    let subject = subject.map(|subject| subject.split_whitespace().collect::<Vec<_>>().join(" "));
    Split {
        subject: subject.filter(|subject| !subject.is_empty()),
        body: layout.body.to_owned(),
    }
}

/// Reads `text` once. Without a repair the result is what stood there.
pub(super) fn read_once(
    text: &str,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
) -> Result<Read, Vec<Problem>> {
    let mut problems = Vec::new();
    let Unwrapped {
        mut text,
        mut signs,
        subject: json_subject,
        is_cut,
        is_program,
    } = unwrap_answer(text, repairs);
    let is_cut = is_cut || expected.is_cut;
    if is_program {
        add(&mut problems, Problem::Code);
    }
    if signs.any(Signs::ANGLE | Signs::AMPERSAND)
        && let Some(stripped) = html::strip(&text)
    {
        if stripped.is_mostly_markup {
            add(&mut problems, Problem::Markup);
        }
        // An entity may stand for something that is not seen.
        let cleaned = characters::clean(&stripped.text, Signs::of(&stripped.text));
        repairs.apply(
            Repair::Html,
            &mut text,
            Some(cleaned.unwrap_or(stripped.text)),
        );
        signs = Signs::of(&text);
    }
    if !text.contains(char::is_alphanumeric) && json_subject.is_none() {
        return Err(vec![Problem::EmptyOutput]);
    }
    let layout = layout::find(&text, expected.is_reply, repairs);
    let raw_subject = json_subject.map(Cow::Owned).or(layout.subject);
    let subject = read_subject(raw_subject.as_deref(), expected, repairs, &mut problems);
    if layout.body.len() > 4 * BODY_MAX {
        // What is so long is judged by its start: it is refused in any case.
        add(&mut problems, Problem::TooLong);
    }
    let body = &layout.body[..layout.body.floor_char_boundary(4 * BODY_MAX)];
    let body = read_body(body, signs, is_cut, expected, repairs, &mut problems);
    if problems.is_empty() {
        Ok(Read { subject, body })
    } else {
        Err(problems)
    }
}

fn read_subject(
    raw: Option<&str>,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
    problems: &mut Vec<Problem>,
) -> String {
    let raw = raw.unwrap_or_default();
    let cleaned = subject::clean(raw, expected.is_reply, expected.uses_llms_heavily);
    if cleaned != raw {
        repairs.note(Repair::Subject);
    }
    let is_usable = if cleaned.is_empty() {
        Err(Problem::NoSubject)
    } else if cleaned.chars().count() > subject::SUBJECT_MAX {
        Err(Problem::LongSubject)
    } else if placeholder::is_in(&cleaned, Signs::of(&cleaned)) {
        Err(Problem::Placeholder)
    } else {
        Ok(())
    };
    match is_usable {
        Ok(()) => cleaned,
        // The subject of a reply follows from its parent, so nothing is lost.
        Err(_) if expected.is_reply => String::new(),
        Err(problem) => {
            add(problems, problem);
            cleaned
        }
    }
}

fn read_body(
    body: &str,
    signs: Signs,
    is_cut: bool,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
    problems: &mut Vec<Problem>,
) -> String {
    let had_text = !body.trim().is_empty();
    let mut text = Cow::Borrowed(body);
    let edited = tail::trim(&text, repairs);
    if let Some(edited) = edited {
        // An answer that repeats its instructions behind the mail has hardly written the mail.
        if wording::repeats_instructions(&text) {
            add(problems, Problem::InstructionsRepeated);
        }
        text = Cow::Owned(edited);
    }
    let edited = persons::put_right(&text, expected, repairs, problems);
    if let Some(edited) = edited {
        text = Cow::Owned(edited);
    }
    let mut phrasing = Phrasing::of(&text);
    if let Cow::Owned(guarded) =
        style::guarded_with(&text, expected.uses_llms_heavily, phrasing.has_stock)
    {
        repairs.note(Repair::Style);
        text = Cow::Owned(guarded);
        phrasing = Phrasing::UNKNOWN;
    }
    let signs = signs_of_edited(&text, signs);
    let tidied = tidy(&text);
    if tidied != text {
        // Blanks alone are no repair, unless another reading could see something else behind them.
        repairs.note(Repair::Style);
        phrasing = Phrasing::UNKNOWN;
    }
    let mut text = tidied;
    if text.chars().count() > BODY_MAX {
        add(problems, Problem::TooLong);
    }
    check(&text, signs, phrasing, had_text, expected, problems);
    match ending::look(&text, is_cut, expected.is_reply) {
        Ending::Whole => {}
        Ending::Shortened(shorter) => {
            repairs.note(Repair::CutEnd);
            text = shorter;
        }
        Ending::Cut => add(problems, Problem::Cut),
    }
    text
}

/// Of which lists of phrases a text holds some; each is looked for more closely where it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phrasing {
    has_stock: bool,
    has_giveaways: bool,
    has_blanks: bool,
}

impl Phrasing {
    /// What is said of a text that was not looked at.
    const UNKNOWN: Self = Self {
        has_stock: true,
        has_giveaways: true,
        has_blanks: true,
    };

    fn of(text: &str) -> Self {
        static LISTS: LazyLock<ThreeLists<Edit, Problem, ()>> = LazyLock::new(|| {
            ThreeLists::new(&stock::PHRASES, &wording::PHRASES, &placeholder::PHRASES)
        });
        let [has_stock, has_giveaways, has_blanks] = LISTS.in_text(text);
        Self {
            has_stock,
            has_giveaways,
            has_blanks,
        }
    }
}

fn check(
    text: &str,
    signs: Signs,
    phrasing: Phrasing,
    had_text: bool,
    expected: &ExpectedMail<'_>,
    problems: &mut Vec<Problem>,
) {
    let words = text
        .split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(5)
        .count();
    // "Done, thanks." is an answer.
    let wanted = if expected.is_reply { 2 } else { 5 };
    if words == 0 {
        add(problems, Problem::EmptyBody);
        if !had_text {
            return;
        }
    } else if words < wanted {
        add(problems, Problem::TooShort);
    }
    if placeholder::is_in_with(text, signs, phrasing.has_blanks) {
        add(problems, Problem::Placeholder);
    }
    wording::problems(text, phrasing.has_giveaways, problems);
    let hashed = Words::of(text);
    if repetition::is_in(text, &hashed) {
        add(problems, Problem::Repetition);
    }
    shape::problems(text, expected.is_reply, problems);
    if expected
        .language
        .is_some_and(|language| languages::is_other_than(&hashed, language))
    {
        add(problems, Problem::WrongLanguage);
    }
    if expected
        .parent_text
        .is_some_and(|parent| repeats(text, parent))
    {
        add(problems, Problem::RepeatsParent);
    }
}

/// Whether most of what `text` says stands in `parent` in the same words.
fn repeats(text: &str, parent: &str) -> bool {
    const PARENT_LOOK_MAX: usize = 4 * BODY_MAX;
    const WORDS_MIN: usize = 5;
    let parent = &parent[..parent.floor_char_boundary(PARENT_LOOK_MAX)];
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (text, parent) = (words(text), words(parent));
    if text.len() < WORDS_MIN {
        return false;
    }
    let known: std::collections::HashSet<&[String]> = parent.windows(3).collect();
    let repeated = text
        .windows(3)
        .filter(|phrase| known.contains(phrase))
        .count();
    repeated * 10 >= (text.len() - 2) * 7
}

/// `text` without blanks around its lines, with one blank line between paragraphs. Two blanks behind
/// a period stay: they are a habit of people.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank_lines = 0;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank_lines > 0 { "\n\n" } else { "\n" });
        }
        blank_lines = 0;
        out.push_str(line);
    }
    out
}
