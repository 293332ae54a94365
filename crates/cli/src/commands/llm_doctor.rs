//! `decnet llm doctor`

mod advice;
mod sample;

use std::time::Duration;

use decnet_realism::llm::backend::{
    ChatMessage, GenerationRequest, LlmBackend, LlmError, OutputFormat, Role,
};
use decnet_realism::llm::backends::HttpBackend;
use decnet_realism::llm::circuit_breaker::CircuitState;
use decnet_realism::llm::layers::Deadline;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::commands::findings::Findings;
use crate::commands::world::spinner;
use crate::config::{Flags, LlmKind, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::model;
use crate::output::{say, say_json};
use crate::wiring::{open_store, run_with_sockets};

/// Tokens that the speed is measured with.
const SPEED_TOKENS: u32 = 48;
/// How long a server may take to notice that its caller left.
const NOTICE: Duration = Duration::from_secs(5);
/// A generation that would take minutes, to be given up.
const LONG_TOKENS: u32 = 4_000;
/// How long to wait between two looks at the slots.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was measured.
#[derive(Debug, Default, Serialize)]
struct Measured {
    /// Tokens written in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<f64>,
    /// Seconds from the question to the answer of a few dozen tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    short_answer_seconds: Option<f64>,
    /// Tokens of the longest prompt that the server read.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u32>,
    /// Whether cancelling frees the slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_frees_slot: Option<bool>,
}

/// Looks at the model and says what is wrong, with advice.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    if settings.llm.kind.value == LlmKind::Off {
        return Err(model::switched_off());
    }
    let mut findings = Findings::default();
    let mut measured = Measured::default();
    breaker(&settings, &mut findings);
    run_with_sockets(async {
        if let Some(server) = model::http_backend(&settings)? {
            let signs = spinner("asking which models there are");
            let server_is_there = reachable(&settings, &server, &mut findings).await;
            signs.set_message("measuring the speed");
            if server_is_there && speed(&settings, &server, &mut findings, &mut measured).await {
                signs.set_message("filling the window, which takes a slow machine minutes");
                context(&settings, &server, &mut findings, &mut measured).await;
                signs.set_message("giving a generation up");
                cancelling(&settings, &server, &mut findings, &mut measured).await;
                signs.set_message("having a mail written");
                sample::mail(&settings, Box::new(server), &mut findings).await;
            }
            signs.finish_and_clear();
        } else if let Some(fake) = model::unguarded_backend(&settings)? {
            sample::mail(&settings, fake, &mut findings).await;
        }
        Ok::<_, Failure>(())
    })?;
    if json {
        say_json(&json!({
            "findings": findings,
            "measured": measured,
            "problems": findings.problems(),
        }));
    } else {
        for (name, value, origin) in settings.lines() {
            if name.starts_with("llm.") {
                say(&format!("{name} = {value}  ({origin})"));
            }
        }
        say("");
        findings.show();
    }
    findings.failure()
}

/// What ticks know of the server.
fn breaker(settings: &Settings, findings: &mut Findings) {
    let Ok(mut store) = open_store(settings, false) else {
        findings.warning(
            "circuit breaker",
            "there is no database to keep it in",
            "run `decnet init`, or name the right --state-dir",
        );
        return;
    };
    let state = match store.model_state(&model::server_name(settings)) {
        Ok(state) => state,
        Err(error) => {
            findings.problem("circuit breaker", error.to_string(), "see `decnet doctor`");
            return;
        }
    };
    let last = state
        .last_failure
        .as_ref()
        .map_or_else(String::new, |last| {
            format!(
                "; last failure at {}: {}",
                last.at.format("%Y-%m-%d %H:%M:%S UTC"),
                last.reason
            )
        });
    let now = environment::now();
    let wait = state
        .breaker
        .blocked_for(now, &settings.llm.guard_policy().circuit);
    match state.breaker.state() {
        CircuitState::Closed => findings.good("circuit breaker", format!("closed{last}")),
        open => findings.warning(
            "circuit breaker",
            format!("{open} for another {:.0} s{last}", wait.as_secs_f64()),
            "ticks write offline until then; it closes by itself when the model answers again",
        ),
    }
    let (taken, abandoned) = state.taken(now);
    if taken > 0 {
        findings.warning(
            "slots",
            format!("{taken} taken, {abandoned} of them by abandoned generations"),
            "they become free by themselves",
        );
    }
}

/// Whether the server answers and has the model.
async fn reachable(settings: &Settings, server: &HttpBackend, findings: &mut Findings) -> bool {
    let url = &settings.llm.base_url.value;
    let models = match timeout(settings.llm.timeout.value, server.models()).await {
        Ok(Ok(models)) => models,
        Ok(Err(error)) => {
            findings.problem(
                "server",
                format!("{url}: {error}"),
                advice::for_error(&error, settings.llm.kind.value),
            );
            return false;
        }
        Err(_) => {
            findings.problem(
                "server",
                format!("{url}: it does not say which models it has"),
                "look at the server's log; restart it",
            );
            return false;
        }
    };
    findings.good("server", format!("{url} answers"));
    let wanted = &settings.llm.model.value;
    let is_there = models
        .iter()
        .any(|model| model == wanted || model.strip_suffix(":latest") == Some(wanted));
    let some: Vec<&str> = models.iter().take(8).map(String::as_str).collect();
    match (is_there, models.as_slice()) {
        (true, _) => findings.good("model", format!("{wanted} is there")),
        // llama.cpp serves the one it has under any name.
        (false, [only]) if settings.llm.kind.value == LlmKind::OpenAi => findings.good(
            "model",
            format!("the server has {only}, and may serve it as {wanted}"),
        ),
        (false, []) => findings.problem(
            "model",
            "the server has none",
            advice::missing_model(settings.llm.kind.value),
        ),
        (false, _) => {
            findings.problem(
                "model",
                format!("{wanted} is not there; the server has {}", some.join(", ")),
                advice::missing_model(settings.llm.kind.value),
            );
            return false;
        }
    }
    !models.is_empty()
}

/// Whether it answers, and how quickly.
async fn speed(
    settings: &Settings,
    server: &HttpBackend,
    findings: &mut Findings,
    measured: &mut Measured,
) -> bool {
    // The first answer may have to wait for the model to be loaded.
    let first = Instant::now();
    let question = "Tell in three sentences what you see on a busy street.";
    let within = settings.llm.timeout.value;
    if let Err(error) = ask(server, question, 1, within).await {
        findings.problem(
            "answer",
            error.to_string(),
            advice::for_error(&error, settings.llm.kind.value),
        );
        return false;
    }
    let loading = first.elapsed();
    let started = Instant::now();
    let answer = match ask(server, question, SPEED_TOKENS, within).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.problem(
                "answer",
                error.to_string(),
                advice::for_error(&error, settings.llm.kind.value),
            );
            return false;
        }
    };
    let took = started.elapsed().as_secs_f64().max(0.001);
    measured.short_answer_seconds = Some(took);
    let tokens = answer
        .output_tokens
        .unwrap_or_else(|| u32::try_from(answer.text.split_whitespace().count()).unwrap_or(1));
    let rate = f64::from(tokens.max(1)) / took;
    measured.tokens_per_second = Some(rate);
    // A long mail has some 150 tokens; the prompt is read once more for it.
    let mail = 150.0 / rate;
    let what = format!(
        "{rate:.0} tokens a second: a mail takes about {mail:.0} s; the first answer took {:.1} s",
        loading.as_secs_f64()
    );
    if mail > within.as_secs_f64() * 0.8 {
        findings.problem(
            "speed",
            what,
            "too slow for llm.timeout: choose a smaller model, raise llm.timeout, or give the server fewer threads than cores",
        );
    } else if mail > within.as_secs_f64() * 0.4 {
        findings.warning(
            "speed",
            what,
            "raise llm.timeout, or choose a smaller model",
        );
    } else {
        findings.good("speed", what);
    }
    true
}

/// Whether the whole window is read: a marker stands at its far end.
async fn context(
    settings: &Settings,
    server: &HttpBackend,
    findings: &mut Findings,
    measured: &mut Measured,
) {
    let window = settings.llm.context.value;
    let marker = "HERON-7294";
    let wanted = window.saturating_sub(settings.llm.most_tokens.value.min(window / 2) + 100);
    let question = advice::long_question(marker, wanted);
    // Reading a whole window takes a slow machine a while.
    let within = settings.llm.timeout.value.max(Duration::from_secs(180));
    let answer = match ask(server, &question, 24, within).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.problem(
                "context",
                format!("a prompt of about {wanted} tokens: {error}"),
                "give the server a larger window (Ollama: OLLAMA_CONTEXT_LENGTH, llama.cpp: -c), or set a smaller llm.context",
            );
            return;
        }
    };
    measured.context_tokens = answer.prompt_tokens;
    let found = answer.text.contains(marker) || answer.text.contains("7294");
    match answer.prompt_tokens {
        // Filler has about one token a word.
        Some(read) if read < wanted / 10 * 7 => findings.problem(
            "context",
            format!("the server read {read} of about {wanted} tokens and dropped the rest"),
            "it ignores num_ctx: use its native protocol (llm.backend = \"ollama\"), or give it a larger window",
        ),
        Some(read) => findings.good(
            "context",
            format!(
                "{read} tokens were read{}",
                if found { ", the far end too" } else { "; the model did not find the word at the far end, which small ones often do not" }
            ),
        ),
        None if found => findings.good("context", format!("about {wanted} tokens were read")),
        None => findings.warning(
            "context",
            format!("the word at the far end of about {wanted} tokens was not found"),
            "the server may cut the window, or the model is too small to find it",
        ),
    }
}

/// Whether the server stops when its caller leaves.
async fn cancelling(
    settings: &Settings,
    server: &HttpBackend,
    findings: &mut Findings,
    measured: &mut Measured,
) {
    let short = measured.short_answer_seconds.unwrap_or(1.0);
    let long = "Count from one to two thousand in words, one number a line.";
    let patience = Duration::from_secs_f64((short * 0.7).clamp(0.3, 20.0));
    if timeout(patience, ask(server, long, LONG_TOKENS, NOTICE * 60))
        .await
        .is_ok()
    {
        findings.warning(
            "cancelling",
            "the model was done before it could be cancelled",
            "nothing to do: it is quick",
        );
        return;
    }
    let left = Instant::now();
    let mut frees = None;
    while let Ok(Some(busy)) = server.busy_slots().await {
        frees = Some(busy == 0);
        if busy == 0 || left.elapsed() > NOTICE {
            break;
        }
        sleep(LOOK_AGAIN).await;
    }
    if frees.is_none() {
        // It does not tell: a short answer that has to queue behind the long one is late.
        let started = Instant::now();
        let limit = Duration::from_secs_f64(short * 3.0) + NOTICE;
        let answer = ask(server, "Say hello.", 8, limit).await;
        frees = Some(answer.is_ok() && started.elapsed() < limit);
    }
    measured.cancel_frees_slot = frees;
    if frees == Some(true) {
        findings.good(
            "cancelling",
            format!(
                "a generation that is given up ends within {:.1} s; llm.orphan_hold can be \"0s\"",
                left.elapsed().as_secs_f64()
            ),
        );
    } else {
        findings.warning(
            "cancelling",
            "the server goes on generating when its caller leaves",
            &format!(
                "keep llm.orphan_hold ({}) above the time that {} tokens take, or update the server",
                humantime::format_duration(settings.llm.orphan_hold.value),
                settings.llm.most_tokens.value
            ),
        );
    }
}

async fn ask(
    server: &HttpBackend,
    question: &str,
    most_tokens: u32,
    within: Duration,
) -> Result<decnet_realism::llm::backend::Generation, LlmError> {
    let request = GenerationRequest {
        messages: vec![ChatMessage {
            role: Role::User,
            content: question.to_owned(),
        }],
        most_tokens,
        temperature: 0.0,
        repeat_penalty: 1.1,
        seed: 7,
        stop: Vec::new(),
        format: OutputFormat::Text,
        within,
    };
    Deadline::new(server, within).generate(&request).await
}
