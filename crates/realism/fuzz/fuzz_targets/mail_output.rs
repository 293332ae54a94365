//! Any bytes as the answer of a model: nothing panics, and what comes out can be read again.
#![no_main]

use decnet_realism::llm::output::{ExpectedMail, read_mail, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte says what is known, so that every kind of reading is tried.
    let (known, bytes) = bytes.split_first().unwrap_or((&0, bytes));
    let text = String::from_utf8_lossy(bytes);
    let is = |bit: u8| known >> bit & 1 != 0;
    let expected = ExpectedMail {
        is_reply: is(0),
        is_cut: is(1),
        language: is(2).then_some("en"),
        sender_name: is(3).then_some("Ana López"),
        recipient_name: is(4).then_some("Luis Ortega"),
        sender_signature: is(5).then_some("Ana López\nFinance"),
        parent_text: is(6).then_some("Could you send me the report for the board by Friday noon?"),
        uses_llms_heavily: is(7),
    };
    split(&text);
    let Ok(mail) = read_mail(&text, &expected) else {
        return;
    };
    let framed = format!("Subject: {}\n\n{}", mail.subject, mail.body);
    let again = read_mail(
        &framed,
        &ExpectedMail {
            is_cut: false,
            ..expected
        },
    )
    .expect("a clean mail is read again");
    assert_eq!((again.subject, again.body), (mail.subject, mail.body));
});
