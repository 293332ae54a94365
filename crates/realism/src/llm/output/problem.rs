//! Why the answer of a model cannot be used.

/// Why the answer of a model cannot be used, in words that an operator understands and that can be
/// given to the model as the reason for another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Problem {
    /// Nothing but blanks, thoughts or marks.
    #[error("the answer holds no text")]
    EmptyOutput,
    /// A new mail without a subject.
    #[error("the mail has no subject")]
    NoSubject,
    /// A subject that no mail client shows in full.
    #[error("the subject is longer than 120 characters")]
    LongSubject,
    /// A subject and nothing behind it.
    #[error("the mail has no text")]
    EmptyBody,
    /// Too few words.
    #[error("the mail is too short")]
    TooShort,
    /// Too many characters.
    #[error("the mail is longer than 8000 characters")]
    TooLong,
    /// Something is left to be filled in.
    #[error("the mail holds a placeholder such as [Name] instead of a detail")]
    Placeholder,
    /// The model declines.
    #[error("the answer declines to write the mail")]
    Refusal,
    /// Words, sentences or lines come again and again.
    #[error("the text repeats itself")]
    Repetition,
    /// The text breaks off.
    #[error("the text breaks off before its end")]
    Cut,
    /// The prompt is part of the text.
    #[error("the answer repeats its instructions")]
    InstructionsRepeated,
    /// The text is in another language than the one asked for.
    #[error("the mail is in the wrong language")]
    WrongLanguage,
    /// The text is a program.
    #[error("the answer is program code")]
    Code,
    /// More tags than words.
    #[error("the answer is mostly markup")]
    Markup,
    /// A table, which plain text has none of.
    #[error("the mail holds a table")]
    Table,
    /// A list and nothing else.
    #[error("the text is a list and no mail")]
    List,
    /// Fields with values, like a form or the head of a record.
    #[error("the text is a form with fields and no mail")]
    Form,
    /// Questions with answers, or a dialogue.
    #[error("the text is a dialogue of questions and answers and no mail")]
    QuestionsAndAnswers,
    /// Nobody is written to, and nobody writes.
    #[error("the text is an article and is addressed to nobody")]
    Article,
    /// Figures or names and no sentences.
    #[error("the text consists of names or numbers and no sentences")]
    NoSentences,
    /// The model speaks as a model, or about the text it writes.
    #[error("the answer talks about itself or about being a language model")]
    TalksAboutItself,
    /// Sender and recipient are mixed up, or somebody else is named.
    #[error("the greeting or the name at the end is that of the wrong person")]
    WrongPerson,
    /// The mail that is answered comes back.
    #[error("the reply only repeats the mail it answers")]
    RepeatsParent,
    /// Every reading of the text still holds something to repair.
    #[error("the text is too garbled to be put in order")]
    Garbled,
}

impl Problem {
    /// A name for JSON and for counting, which stays the same in later versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyOutput => "empty_output",
            Self::NoSubject => "no_subject",
            Self::LongSubject => "long_subject",
            Self::EmptyBody => "empty_body",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Placeholder => "placeholder",
            Self::Refusal => "refusal",
            Self::Repetition => "repetition",
            Self::Cut => "cut",
            Self::InstructionsRepeated => "instructions_repeated",
            Self::WrongLanguage => "wrong_language",
            Self::Code => "code",
            Self::Markup => "markup",
            Self::Table => "table",
            Self::List => "list",
            Self::Form => "form",
            Self::QuestionsAndAnswers => "questions_and_answers",
            Self::Article => "article",
            Self::NoSentences => "no_sentences",
            Self::TalksAboutItself => "talks_about_itself",
            Self::WrongPerson => "wrong_person",
            Self::RepeatsParent => "repeats_parent",
            Self::Garbled => "garbled",
        }
    }
}
