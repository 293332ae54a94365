//! A model as a writer of mail: prompt, answer, reading, and one more try with the reason.

use std::time::Duration;

use super::backend::{FinishReason, Generation, GenerationRequest, LlmBackend, LlmError};
use super::output::{ExpectedMail, MailText, Problem, read_mail};
use super::prompt::{MailFormat, MailPromptSettings, mail_request};
use super::stopwatch::Stopwatch;
use crate::persona::Persona;
use crate::writer::{
    Authorship, Brief, Draft, Effort, Occasion, Unavailability, Writer, WriterError, Written,
};

/// How a model is asked for mail.
#[derive(Clone, Debug, PartialEq)]
pub struct LlmWriterSettings {
    /// The request.
    pub prompt: MailPromptSettings,
    /// Most time for one mail, the second try included. Default 60 s.
    pub within: Duration,
}

impl Default for LlmWriterSettings {
    fn default() -> Self {
        Self {
            prompt: MailPromptSettings::default(),
            within: Duration::from_secs(60),
        }
    }
}

/// Has a model write, and reads what it wrote.
///
/// What cannot be sent is asked for once more, with what was wrong, when there is time. What comes
/// out is a clean mail or an error; put a writer that always succeeds behind it with
/// [`WriterChain`](crate::writer_chain::WriterChain).
#[derive(Clone, Debug)]
pub struct LlmWriter<B> {
    backend: B,
    settings: LlmWriterSettings,
}

/// One try of a model, whole: for people who want to see what happened.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What was asked.
    pub request: GenerationRequest,
    /// What was answered.
    pub answer: Result<Generation, LlmError>,
    /// How the answer reads, when there was one.
    pub reading: Option<Result<MailText, Vec<Problem>>>,
}

impl<B: LlmBackend> LlmWriter<B> {
    /// A writer on `backend`.
    pub fn new(backend: B, settings: LlmWriterSettings) -> Self {
        Self { backend, settings }
    }

    /// Everything that [`write`](Writer::write) does, try by try: one, or two when the first came
    /// to nothing that another try could mend.
    pub async fn attempts(&self, brief: &Brief<'_>, seed: u64) -> Vec<Attempt> {
        let started = Stopwatch::start();
        let settings = &self.settings;
        let request = mail_request(brief, seed, 0, &[], &settings.prompt, settings.within);
        let first = self.attempt(brief, request).await;
        let left = settings.within.saturating_sub(started.elapsed());
        let second = self
            .second_request(brief, seed, &first, left)
            .filter(|_| !left.is_zero());
        let mut attempts = vec![first];
        if let Some(request) = second {
            attempts.push(self.attempt(brief, request).await);
        }
        attempts
    }

    async fn attempt(&self, brief: &Brief<'_>, request: GenerationRequest) -> Attempt {
        let answer = self.backend.generate(&request).await;
        let reading = answer
            .as_ref()
            .ok()
            .map(|generation| read(brief, generation));
        Attempt {
            request,
            answer,
            reading,
        }
    }

    /// What to ask after a first try, if anything.
    fn second_request(
        &self,
        brief: &Brief<'_>,
        seed: u64,
        first: &Attempt,
        left: Duration,
    ) -> Option<GenerationRequest> {
        let mut prompt = self.settings.prompt.clone();
        match (&first.answer, &first.reading) {
            (Ok(_), Some(Err(problems))) => {
                let objections: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Some(mail_request(brief, seed, 1, &objections, &prompt, left))
            }
            // Not every server knows schemas and grammars.
            (Err(LlmError::Refused { status, .. }), _)
                if matches!(status, 400 | 422 | 501) && prompt.format != MailFormat::Text =>
            {
                prompt.format = MailFormat::Text;
                Some(mail_request(brief, seed, 1, &[], &prompt, left))
            }
            (Err(LlmError::Empty), _) => Some(mail_request(brief, seed, 1, &[], &prompt, left)),
            _ => None,
        }
    }

    fn effort(&self, attempts: &[Attempt], started: Stopwatch) -> Effort {
        let answers = || {
            attempts
                .iter()
                .filter_map(|attempt| attempt.answer.as_ref().ok())
        };
        let mut effort = Effort {
            model: Some(self.backend.model().to_owned()),
            answers: u32::try_from(answers().count()).ok(),
            prompt_tokens: answers()
                .filter_map(|answer| answer.prompt_tokens)
                .reduce(u32::saturating_add),
            output_tokens: answers()
                .filter_map(|answer| answer.output_tokens)
                .reduce(u32::saturating_add),
            ..Effort::default()
        };
        effort.set_took(started.elapsed());
        effort
    }
}

#[async_trait::async_trait]
impl<B: LlmBackend> Writer for LlmWriter<B> {
    /// The name of the backend.
    fn name(&self) -> &str {
        self.backend.name()
    }

    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Written, WriterError> {
        let started = Stopwatch::start();
        let mut attempts = self.attempts(brief, seed).await;
        let effort = self.effort(&attempts, started);
        let writer = self.name().to_owned();
        let last = attempts.pop();
        if let Some(Attempt {
            reading: Some(Ok(mail)),
            ..
        }) = last
        {
            let draft = Draft {
                subject: mail.subject,
                body: mail.body,
            };
            let authorship = Authorship {
                writer,
                effort,
                passed_over: Vec::new(),
            };
            return Ok(Written { draft, authorship });
        }
        let reasons: Vec<String> = attempts.iter().chain(&last).filter_map(reason).collect();
        let reason = reasons.join("; then: ");
        let cause = last.as_ref().map(cause).unwrap_or_default();
        let answered = effort.answers.is_some_and(|answers| answers > 0);
        Err(if answered {
            WriterError::Unusable {
                writer,
                reason,
                effort,
            }
        } else {
            WriterError::Unavailable {
                writer,
                reason,
                cause,
                effort,
            }
        })
    }
}

/// What kind of thing kept a try from an answer.
fn cause(attempt: &Attempt) -> Unavailability {
    match &attempt.answer {
        Err(LlmError::Timeout { .. }) => Unavailability::Timeout,
        // 529 is what some servers answer when they are overloaded.
        Err(LlmError::Refused {
            status: 429 | 529, ..
        }) => Unavailability::RateLimit,
        _ => Unavailability::Other,
    }
}

/// Why a try came to nothing.
fn reason(attempt: &Attempt) -> Option<String> {
    match (&attempt.answer, &attempt.reading) {
        (Err(error), _) => Some(error.to_string()),
        (Ok(_), Some(Err(problems))) => Some(
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        _ => None,
    }
}

fn read(brief: &Brief<'_>, generation: &Generation) -> Result<MailText, Vec<Problem>> {
    let (is_reply, parent_text) = match &brief.occasion {
        Occasion::NewThread { .. } => (false, None),
        Occasion::Reply { parent } | Occasion::Forward { parent } => (true, Some(parent.text)),
    };
    let sender: &Persona = brief.sender;
    let expected = ExpectedMail {
        is_reply,
        is_cut: generation.finish == FinishReason::Length,
        language: Some(brief.language),
        sender_name: Some(&sender.name),
        recipient_name: Some(&brief.recipient.name),
        sender_signature: sender.signature.as_deref(),
        parent_text,
        uses_llms_heavily: sender.uses_llms_heavily,
    };
    read_mail(&generation.text, &expected)
}
