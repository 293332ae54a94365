//! What the reader of model output promises: for answers that small models really gave, and for
//! any text.
//!
//! `DECNET_LLM_OUTPUTS` names another folder of answers; those without an expectation only have to
//! keep the promises.

use std::collections::BTreeMap;
use std::path::PathBuf;

use decnet_realism::llm::output::{ExpectedMail, MailText, read_mail, split};
use decnet_realism::style::{guard, strip_invisible};
use proptest::prelude::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

/// What is expected of one answer.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    ok: bool,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    problems: Vec<String>,
    /// Why this is right, for a reader.
    why: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "which answers to read is the choice of whoever runs the test"
)]
fn other_folder() -> Option<PathBuf> {
    std::env::var_os("DECNET_LLM_OUTPUTS")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
}

#[test]
fn answers_of_small_models_are_read_as_expected() {
    let other = other_folder();
    let folder = other
        .clone()
        .unwrap_or_else(|| PathBuf::from(FIXTURES).join("llm-outputs"));
    let expectations =
        std::fs::read_to_string(PathBuf::from(FIXTURES).join("llm-outputs.expected.json"))
            .expect("the expectations can be read");
    let mut expectations: BTreeMap<String, Expectation> =
        serde_json::from_str(&expectations).expect("expectations");
    let mut count = 0;
    for entry in
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        count += 1;
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).into_owned();
        let read = read_mail(&text, &ExpectedMail::default());
        if let Ok(mail) = &read {
            keeps_promises(mail, &ExpectedMail::default());
        }
        let Some(expected) = expectations.remove(&name) else {
            assert!(other.is_some(), "{name} has no expectation");
            continue;
        };
        assert!(expected.why.len() > 10, "{name} says no why");
        match read {
            Ok(mail) => {
                assert!(expected.ok, "{name} should be refused: {}", expected.why);
                assert_eq!(
                    (mail.subject, mail.body),
                    (expected.subject, expected.body),
                    "{name}"
                );
            }
            Err(problems) => {
                let codes: Vec<&str> = problems.iter().map(|problem| problem.code()).collect();
                assert!(
                    !expected.ok,
                    "{name} is refused for {codes:?}: {}",
                    expected.why
                );
                assert_eq!(codes, expected.problems, "{name}");
            }
        }
    }
    assert!(count > 0, "{} has no answers", folder.display());
    if other.is_none() {
        assert!(
            expectations.is_empty(),
            "no such answers: {:?}",
            expectations.keys()
        );
    }
}

/// The promises to whoever sends the mail, by checks that share nothing with the reader.
fn keeps_promises(mail: &MailText, expected: &ExpectedMail<'_>) {
    let MailText { subject, body, .. } = mail;
    let all = format!("{subject}\n{body}");
    let is_fence = |line: &str| line.trim_start().starts_with("~~~");
    assert!(
        !all.contains("```") && !all.lines().any(is_fence),
        "fence in {all:?}"
    );
    assert!(!all.contains('\r'), "CR in {all:?}");
    assert_eq!(
        strip_invisible(&all),
        all,
        "invisible characters in {all:?}"
    );
    assert!(
        !subject.contains('\n') && subject.chars().count() <= 120,
        "{subject:?}"
    );
    assert!(!subject.is_empty() || expected.is_reply);
    assert!(body.chars().count() <= 8_000 && body.trim() == body && !body.is_empty());
    let lower = all.to_lowercase();
    for placeholder in [
        "[your",
        "[name]",
        "[date]",
        "[nombre]",
        "[insert",
        "{{",
        "{name}",
        "<name>",
        "$amount",
        "[recipient",
    ] {
        assert!(!lower.contains(placeholder), "{placeholder} in {all:?}");
    }
    assert!(
        !all.split(|c: char| !c.is_alphanumeric())
            .any(|word| word == "XXX" || word == "XXXX"),
        "{all:?}"
    );
    for line in body.lines() {
        let Some((label, _)) = line.split_once(':') else {
            continue;
        };
        let label = label.trim_end().to_lowercase();
        assert!(
            ![
                "subject",
                "from",
                "to",
                "cc",
                "bcc",
                "date",
                "sent",
                "reply-to",
                "message-id",
                "asunto",
                "betreff",
                "objet",
                "oggetto",
                "assunto",
                "onderwerp",
                "fecha",
                "gesendet"
            ]
            .contains(&label.as_str()),
            "header line {line:?} in {all:?}"
        );
    }
    for line in body.lines() {
        let lower = line.trim().to_lowercase();
        let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
        assert!(
            !["your name", "tu nombre"].contains(&bare),
            "{line:?} in {all:?}"
        );
        assert!(!lower.starts_with("as an ai "), "{line:?} in {all:?}");
        let is_heading = lower.starts_with("### ");
        assert!(
            expected.uses_llms_heavily || !is_heading,
            "{line:?} in {all:?}"
        );
        for inside in line.split('[').skip(1) {
            let (inside, after) = inside.split_once(']').unwrap_or((inside, ""));
            // `[jira-12]`, `[sic]`, and links.
            let inside = inside.trim();
            let is_reference = matches!(inside, "sic" | "x")
                || !inside.contains(' ') && inside.contains(|c: char| c.is_ascii_digit());
            let may_be_lower = is_reference || after.starts_with('(');
            assert!(
                !inside.contains('<') && (may_be_lower || !inside.contains(char::is_lowercase)),
                "[{inside}] in {all:?}"
            );
        }
    }
    for sign in ["{", "}", "<think", "<|", "\u{2014}", "**", "\"body\""] {
        assert!(
            expected.uses_llms_heavily || !all.contains(sign),
            "{sign} in {all:?}"
        );
    }
    let framed = format!("Subject: {subject}\n\n{body}");
    let again = read_mail(
        &framed,
        &ExpectedMail {
            is_cut: false,
            ..*expected
        },
    );
    let again = again.unwrap_or_else(|problems| panic!("{problems:?} in {framed:?}"));
    assert_eq!((&again.subject, &again.body), (subject, body), "read again");
}

/// Pieces that are hard to read alone and harder together.
fn nasty_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(str::to_owned),
        2 => prop::sample::select(SENTENCES).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => r#"[\[\]<>{}()#*_|"a-z0-9 ]{1,8}"#,
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

const PIECES: &[&str] = &[
    "[<#216589>] ",
    "{\"body\": \"",
    "\"}",
    "[jira-12] ",
    "[sic] ",
    "[1] ",
    "Your name\n",
    "Tu nombre\n",
    "(Tu nombre)\n",
    "### ",
    "a language model ",
    "As an AI, ",
    "As an AI language model, ",
    "\n",
    "\n\n",
    " ",
    "Subject: ",
    "Subject: Plan\n\n",
    "**Subject:** Plan\n\n",
    "Asunto: ",
    "Subject:\n",
    "From: Ana\n",
    "To: Luis\n",
    "Date: Monday\n",
    "Reply-To: x\n",
    "\r\n",
    "\r",
    "\u{b}",
    "\u{2028}",
    "```",
    "```json\n",
    "\n```\n",
    "~~~\n",
    "`",
    "{\"subject\": \"S\", \"body\": \"",
    "\"}",
    "\\n",
    "\\",
    "<think>",
    "</think>",
    "<|im_end|>",
    "[INST]",
    "</s>",
    "<br>",
    "<p>",
    "</p>",
    "<b>",
    "&lt;b&gt;",
    "&amp;amp;",
    "&nbsp;",
    "&#8203;",
    "&lt;",
    "[Your Name]",
    "{name}",
    "{{",
    "<Name>",
    "&lt;Name&gt;",
    "[",
    "]",
    "XXX",
    "$AMOUNT",
    "____",
    "---\n",
    "***",
    "### END\n",
    "> quote\n",
    "On Monday 3 Ana wrote:\n",
    "-----Original Message-----\n",
    "*",
    "**",
    "_",
    "# ",
    "- ",
    "* ",
    "\\*",
    "Hi Luis,\n\n",
    "Hola Ana:\n\n",
    "Best regards,\n",
    "Ana\n",
    "Luis Ortega\n",
    "Thanks,\n",
    "P.S. ",
    "\u{200b}",
    "\u{feff}",
    "\u{202e}",
    "…",
    "—",
    "“",
    "’",
    "\u{a0}",
    "Note: ",
    "Here is the email:\n\n",
    "Sure! ",
    "I hope this email finds you well. ",
    "delve into ",
    "in conclusion, ",
    "Re: ",
    "Subject - x\n",
    "\u{ad}",
    "😀",
    "👩\u{200d}💻",
    "\t",
    "| a | b |\n",
    "Email 2:\n",
    "\"",
    "'",
    ":",
    ",",
    ".",
];

const SENTENCES: &[&str] = &[
    "The printer on the second floor is broken again. ",
    "Please use ours until Friday, thanks. ",
    "I will be there at ten. ",
    "Can you send me the numbers for the board? ",
    "¿Puedes mirar el pedido de ayer? ",
    "We have looked at the plan and ",
    "Hi Luis,\n\nthe plan is on for Monday, see you there.\n\nBest,\nAna\n",
];

const EXPECTED: [ExpectedMail<'static>; 3] = {
    let nothing = ExpectedMail {
        is_reply: false,
        is_cut: false,
        language: None,
        sender_name: None,
        recipient_name: None,
        sender_signature: None,
        parent_text: None,
        uses_llms_heavily: false,
    };
    [
        nothing,
        ExpectedMail {
            is_reply: true,
            is_cut: true,
            uses_llms_heavily: true,
            ..nothing
        },
        ExpectedMail {
            language: Some("en"),
            sender_name: Some("Ana López"),
            recipient_name: Some("Luis Ortega"),
            sender_signature: Some("Ana López\nFinance"),
            is_reply: true,
            ..nothing
        },
    ]
};

fn check(text: &str) {
    for expected in &EXPECTED {
        if let Ok(mail) = read_mail(text, expected) {
            keeps_promises(&mail, expected);
        }
    }
    let parts = split(text);
    assert!(
        parts
            .subject
            .is_none_or(|subject| !subject.contains('\n') && !subject.is_empty())
    );
    let _ = guard(text, false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn nasty_text_is_read_or_refused(text in nasty_text()) {
        check(&text);
        check(&format!("Subject: Plan\n\nHi Luis, the plan is on for Monday. {text}"));
    }

    #[test]
    fn a_nasty_end_does_not_hide_in_a_reply(text in nasty_text()) {
        check(&format!("Yes, ten works for me.\n{text}"));
    }
}
