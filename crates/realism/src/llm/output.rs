//! Reading what a language model wrote when it was asked for a mail.
//!
//! Models seldom answer with a mail and nothing else. They introduce it, think aloud, wrap it into
//! fences or JSON, sign for the wrong person, leave `[Your Name]` to be filled in, run in circles,
//! or break off. [`read_mail`] puts right what an editor would put right without a thought, and
//! refuses the rest with reasons ([`Problem`]) that serve as objections for another try. What it
//! gives out is never raw: it holds no fence, no header line, no placeholder and nothing invisible,
//! and reading it again gives the same.
//!
//! [`split`] only finds subject and text.
//!
//! It judges form, not sense: fluent nonsense passes. Time is linear in the length of the answer.

mod characters;
mod ending;
mod envelope;
mod header;
mod html;
mod json;
mod languages;
mod layout;
mod letter;
mod letter_words;
mod persons;
mod placeholder;
mod problem;
mod reading;
mod repair;
mod repetition;
mod shape;
mod subject;
mod tail;
#[cfg(test)]
mod tests;
mod wording;
mod wording_lists;
mod words;

pub use self::problem::Problem;
pub use self::repair::Repair;

use self::repair::Repairs;

/// Most characters of a text; the longest mails that people write to colleagues have a third.
pub const BODY_MAX: usize = 8_000;

/// Subject and text as they stand in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The subject, one line; `None` if there is none or an empty one.
    pub subject: Option<String>,
    /// The text with `\n` line ends, without blank lines around it; may be empty.
    pub body: String,
}

/// What is known about the mail that was asked for. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectedMail<'a> {
    /// Whether it answers another one: then it needs no subject and may be short.
    pub is_reply: bool,
    /// Whether the server stopped at the token cap.
    pub is_cut: bool,
    /// Language it was asked for in, such as `en`.
    pub language: Option<&'a str>,
    /// Who writes. The first word is the name that stands at the end.
    pub sender_name: Option<&'a str>,
    /// Who reads. The first word is the name that stands in the greeting.
    pub recipient_name: Option<&'a str>,
    /// What the mail client adds below the text.
    pub sender_signature: Option<&'a str>,
    /// The text that is answered.
    pub parent_text: Option<&'a str>,
    /// Whether the writer is known to paste what a model wrote: its style stays then.
    pub uses_llms_heavily: bool,
}

/// A mail that can be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// The subject, one line of at most 120 characters; empty only for a reply.
    pub subject: String,
    /// The text with `\n` line ends.
    pub body: String,
    /// What was put right, each kind once.
    pub repairs: Vec<Repair>,
}

/// Finds subject and text in an answer, and takes what is wrapped around them off: thoughts, chat
/// marks, fences, JSON, an introduction, and header lines above the text.
///
/// The text itself stays as it is. An answer without a subject line is all text.
///
/// ```
/// use decnet_realism::llm::output::split;
///
/// let mail = split("Sure! Here is the email:\n\n**Subject:** Lunch\n\nAt one?\n");
/// assert_eq!(mail.subject.as_deref(), Some("Lunch"));
/// assert_eq!(mail.body, "At one?");
/// ```
pub fn split(text: &str) -> Split {
    reading::split(text, false, &mut Repairs::default())
}

/// Reads the answer to a request for a mail: the mail, clean, or why there is none.
///
/// # Errors
///
/// Everything that is wrong with the answer and that no editor could put right without asking.
///
/// ```
/// use decnet_realism::llm::output::{ExpectedMail, Problem, read_mail};
///
/// let expected = ExpectedMail { sender_name: Some("Ana Ruiz"), ..ExpectedMail::default() };
/// let mail = read_mail("Subject: Lunch\n\nHi Ben,\n\nlunch at one today?\n\nBest,\n[Your Name]", &expected);
/// assert_eq!(mail.unwrap().body, "Hi Ben,\n\nlunch at one today?\n\nBest,\nAna");
///
/// let problems = read_mail("Subject: Lunch\n\nDear [Name], shall we meet on [Date]?", &expected);
/// assert_eq!(problems, Err(vec![Problem::Placeholder]));
/// ```
pub fn read_mail(text: &str, expected: &ExpectedMail<'_>) -> Result<MailText, Vec<Problem>> {
    /// Each reading repairs what the one before it laid bare; four levels of that are garble.
    const READINGS_MAX: usize = 4;
    let mut repairs = Repairs::default();
    let mut read = reading::read_once(text, expected, &mut repairs)?;
    if repairs.0.is_empty() {
        return Ok(mail(read, repairs));
    }
    // The end has been looked at.
    let expected = &ExpectedMail {
        is_cut: false,
        ..*expected
    };
    for _ in 0..READINGS_MAX {
        let framed = format!("Subject: {}\n\n{}", read.subject, read.body);
        let again = reading::read_once(&framed, expected, &mut Repairs::default())?;
        if again == read {
            return Ok(mail(read, repairs));
        }
        read = again;
    }
    Err(vec![Problem::Garbled])
}

fn mail(read: reading::Read, repairs: Repairs) -> MailText {
    MailText {
        subject: read.subject,
        body: read.body,
        repairs: repairs.0,
    }
}

/// Adds a problem that is not there yet.
fn add(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}
