//! Answers that no editor could save.

use super::super::{ExpectedMail, Problem};
use super::{BODY, NOTHING, REPLY, SUBJECT, is_refused};

#[test]
fn each_kind_has_its_reason() {
    use Problem::*;
    let long = "word ".repeat(2_000);
    let article = "The policy has two main functions. It raises the speed of the network, and it lowers the risk of an attack. Companies that work online protect their data with it, and the results show that the cost is low. The number of incidents went down in every region last year, and it goes on falling.";
    for (text, problem) in [
        ("", EmptyOutput),
        (" \n\t ", EmptyOutput),
        ("```\n```", EmptyOutput),
        ("<think>I should write a mail to Luis", EmptyOutput),
        ("<|im_end|>", EmptyOutput),
        ("Hi Luis,\n\nthe printer is broken again.\n\nAna", NoSubject),
        (
            "Subject:\n\nHi Luis, the printer is broken again.",
            NoSubject,
        ),
        (
            "Subject: ...\n\nHi Luis, the printer is broken again.",
            NoSubject,
        ),
        ("Subject: Printer", EmptyBody),
        ("{\"subject\": \"Printer\"}", EmptyBody),
        ("Subject: Printer\n\nOk.", TooShort),
        (&format!("Subject: Long\n\n{long}"), TooLong),
        (
            &format!(
                "Subject: {}\n\nHi Luis, the printer is broken.",
                "very ".repeat(40)
            ),
            LongSubject,
        ),
        (
            "Subject: Printer\n\nHi Luis, the printer of [Company] is broken.",
            Placeholder,
        ),
        (
            "Subject: Meeting on [Date]\n\nHi Luis, the meeting is on.",
            Placeholder,
        ),
        (
            "Subject: Plan\n\nHi {{name}}, the plan is on for Monday.",
            Placeholder,
        ),
        (
            "Subject: Plan\n\nDear <Name>, the plan is on for Monday.",
            Placeholder,
        ),
        (
            "Subject: Plan\n\nHola [Nombre], el plan sigue para el lunes.",
            Placeholder,
        ),
        (
            "Subject: Plan\n\nHi Luis, it costs $AMOUNT and starts on XX/XX.",
            Placeholder,
        ),
        ("As an AI language model, I cannot write mails.", Refusal),
        ("I'm sorry, but I can't assist with that request.", Refusal),
        ("Lo siento, pero no puedo ayudarte con eso.", Refusal),
        (
            "Es tut mir leid, aber ich kann diese E-Mail nicht schreiben.",
            Refusal,
        ),
        (
            "Je suis désolé, mais je ne peux pas vous aider à rédiger cela.",
            Refusal,
        ),
        (
            "Subject: Plan\n\nWe meet on Monday. We meet on Monday. We meet on Monday. We meet on Monday.",
            Repetition,
        ),
        (
            "Subject: Plan\n\nPlan, plan, plan, plan, plan, plan, plan.",
            Repetition,
        ),
        (
            "Subject: Plan\n\nDear Luis,\n\nWe have looked at the plan and the",
            Cut,
        ),
        ("{\"subject\": \"Plan\", \"body\": \"We have looked at", Cut),
        (
            "You are Ana Lopez, finance manager. Write a corporate e-mail to Luis.\nOutput ONLY the email.",
            InstructionsRepeated,
        ),
        (
            "Subject: Plan\n\nHi Luis, the plan is on. Answer with JSON alone.",
            InstructionsRepeated,
        ),
        (
            "```python\nimport json\n\ndef mail():\n    return json.dumps({})\n```",
            Code,
        ),
        (
            "Subject: Plan\n\nimport os\ndef main():\n    x = 1;\n    print(x);\nreturn (x)",
            Code,
        ),
        (
            "Subject: x\n\n<div class=\"a\"><span style=\"b\"></span><b></b></div>Hi Luis, all well here.",
            Markup,
        ),
        (
            "Subject: Plan\n\n| Day | Room |\n|---|---|\n| Mon | 5 |\n\nHi Luis, see above.",
            Table,
        ),
        (
            "Subject: Plan\n\n- one\n- two\n- three\n- four of them\n- five",
            List,
        ),
        (
            "Subject: Plan\n\nPremise: the plan\nCompany: Meridian\nLocation: Lisbon\nSpeaker: Luis Ortega",
            Form,
        ),
        (
            "Subject: Plan\n\nQ1: What is the plan about?\nA: It is about the budget.\nQ2: And when is it due?\nA: On Monday.",
            QuestionsAndAnswers,
        ),
        (&format!("Subject: Policy\n\n{article}"), Article),
        (
            "Subject: Plan\n\nLuis Ortega, Finance Manager, Meridian Logistics, Lisbon, Portugal, Plan 2024",
            NoSentences,
        ),
        (
            "Subject: Plan\n\nHi Luis, as I am an AI, the plan is on.",
            TalksAboutItself,
        ),
    ] {
        is_refused(text, &NOTHING, problem);
    }
    let spanish = ExpectedMail {
        language: Some("es"),
        ..NOTHING
    };
    is_refused(
        &format!(
            "Subject: {SUBJECT}\n\n{BODY}\n\nP.S. It is the one at the window that we have had for years."
        ),
        &spanish,
        WrongLanguage,
    );
    let answer = ExpectedMail {
        parent_text: Some("Could you send me the report for the board by Friday noon?"),
        ..REPLY
    };
    is_refused(
        "Hi Ana,\n\nCould you send me the report for the board by Friday noon?",
        &answer,
        RepeatsParent,
    );
}
