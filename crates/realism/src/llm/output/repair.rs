//! What was put right in the answer of a model.

/// What was put right in the answer of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// Invisible or control characters went.
    InvisibleCharacters,
    /// Thoughts between `<think>` and `</think>` went.
    Thoughts,
    /// Marks of a chat template went, and what followed the first turn.
    ChatMarks,
    /// The mail was taken out of a code fence, or the marks of one went.
    CodeFence,
    /// Subject and text were taken out of JSON.
    Json,
    /// `\n` written as two characters became a line end.
    Escapes,
    /// HTML became text.
    Html,
    /// Words before the mail went, such as "Here is the email:".
    Preamble,
    /// Header lines went.
    HeaderLines,
    /// The subject lost marks, quotes, a period or a prefix.
    Subject,
    /// What followed the mail went: a note, a second mail, a line of dashes.
    Trailer,
    /// A quoted mail went.
    Quote,
    /// One of several greetings was kept.
    Greeting,
    /// The name at the end became the sender's first name.
    SenderName,
    /// A signature went; the mail client adds it.
    Signature,
    /// An unfinished last sentence went.
    CutEnd,
    /// Header-like details in the text became items of a list.
    Details,
    /// Dashes, Markdown, signs and stock phrases that give a model away went.
    Style,
}

impl Repair {
    /// A name for JSON and for counting, which stays the same in later versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvisibleCharacters => "invisible_characters",
            Self::Thoughts => "thoughts",
            Self::ChatMarks => "chat_marks",
            Self::CodeFence => "code_fence",
            Self::Json => "json",
            Self::Escapes => "escapes",
            Self::Html => "html",
            Self::Preamble => "preamble",
            Self::HeaderLines => "header_lines",
            Self::Subject => "subject",
            Self::Trailer => "trailer",
            Self::Quote => "quote",
            Self::Greeting => "greeting",
            Self::SenderName => "sender_name",
            Self::Signature => "signature",
            Self::CutEnd => "cut_end",
            Self::Details => "details",
            Self::Style => "style",
        }
    }
}

/// The repairs so far, each once, in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Repairs(pub(super) Vec<Repair>);

impl Repairs {
    pub(super) fn note(&mut self, repair: Repair) {
        if !self.0.contains(&repair) {
            self.0.push(repair);
        }
    }

    /// Puts `edited` in the place of `text`, if there is one.
    pub(super) fn apply(
        &mut self,
        repair: Repair,
        text: &mut std::borrow::Cow<'_, str>,
        edited: Option<String>,
    ) {
        if let Some(edited) = edited {
            self.note(repair);
            *text = std::borrow::Cow::Owned(edited);
        }
    }
}
