use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use crate::llm::backend::{ChatMessage, FinishReason, OutputFormat, Role, WaitPhase};

/// Counts its calls, and fails every third one.
struct Counting(AtomicU32);

#[async_trait::async_trait]
impl LlmBackend for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn model(&self) -> &str {
        "none"
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        let call = self.0.fetch_add(1, Ordering::Relaxed);
        if call % 3 == 2 {
            return Err(LlmError::Timeout {
                phase: WaitPhase::Idle,
                after: request.within,
            });
        }
        Ok(Generation {
            text: format!("call {call}"),
            finish: FinishReason::Stop,
            prompt_tokens: Some(5),
            output_tokens: None,
        })
    }
}

fn request(content: &str, within: u64) -> GenerationRequest {
    GenerationRequest {
        messages: vec![ChatMessage {
            role: Role::User,
            content: content.to_owned(),
        }],
        most_tokens: 10,
        temperature: 0.8,
        repeat_penalty: 1.1,
        seed: 1,
        stop: Vec::new(),
        format: OutputFormat::Text,
        within: Duration::from_secs(within),
    }
}

fn generate<B: LlmBackend>(
    recorded: &Recorded<B>,
    request: &GenerationRequest,
) -> Result<Generation, LlmError> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(recorded.generate(request))
}

#[test]
fn what_was_recorded_is_played_in_order_without_a_backend() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape");
    let open = || Cassette::open(&path).expect("a cassette");
    let asked = [("a", 1), ("b", 2), ("a", 3), ("a", 4), ("b", 5), ("c", 6)];
    let ask = |recorded: &Recorded<Counting>| -> Vec<_> {
        asked
            .iter()
            .map(|(content, within)| generate(recorded, &request(content, *within)))
            .collect()
    };
    let first = ask(&Recorded::new(open(), Some(Counting(AtomicU32::new(0)))));
    assert_eq!(first.iter().filter(|result| result.is_err()).count(), 2);
    let length = std::fs::metadata(&path).expect("it is there").len();
    let player = Recorded::<Counting>::new(open(), None);
    // Time does not decide what is played.
    let again: Vec<_> = asked
        .iter()
        .map(|(content, _)| generate(&player, &request(content, 99)))
        .collect();
    assert_eq!(first, again);
    assert!(matches!(
        generate(&player, &request("a", 1)),
        Err(LlmError::Unavailable { .. })
    ));
    drop(player);
    assert_eq!(std::fs::metadata(&path).expect("it is there").len(), length);
}

#[test]
fn a_torn_line_is_dropped_and_another_file_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape");
    let recorded = Recorded::new(
        Cassette::open(&path).expect("a cassette"),
        Some(Counting(AtomicU32::new(0))),
    );
    generate(&recorded, &request("a", 1)).expect("the first call succeeds");
    drop(recorded);
    let whole = std::fs::read(&path).expect("it is there");
    std::fs::write(&path, [&whole[..], b"{\"version\":1,"].concat()).expect("it can be written");
    assert_eq!(Cassette::open(&path).expect("a cassette").left(), 1);
    assert_eq!(std::fs::read(&path).expect("it is there"), whole);
    for other in ["dear diary", "dear diary\n", "{}\n", "{\"version\":99}\n"] {
        std::fs::write(&path, other).expect("it can be written");
        assert!(Cassette::open(&path).is_err(), "{other:?}");
        assert_eq!(std::fs::read(&path).expect("it is there"), other.as_bytes());
    }
}
