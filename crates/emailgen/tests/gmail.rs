//! Whole messages by Gmail, byte for byte.

mod support;

use support::story::Story;
use support::{answers, assert_share};

#[test]
fn before_2023() {
    Story {
        client: "gmail",
        fixtures: "gmail_2021",
        day: "2021-03-02",
        ana: |mail| mail.contains("text/html"),
        john: |mail| mail.contains("text/html") && mail.contains("wrote:"),
    }
    .check_all();
}

#[test]
fn since_2025() {
    Story {
        client: "gmail",
        fixtures: "gmail",
        day: "2025-03-04",
        ana: |mail| mail.contains("text/html") && mail.contains("gmail_signature"),
        john: |mail| !mail.contains("text/html") && mail.contains("wrote:"),
    }
    .check_all();
}

/// Shares counted on a list of 2019 to 2026 (4,350 mails).
#[test]
fn habits_have_their_shares() {
    let mails = answers("gmail", "2025-03-04T09:15:30-05:00");
    assert_share(&mails, 3.0, |mail| !mail.contains("text/html"));
    assert_share(&mails, 98.0, |mail| mail.contains("\r\n> Parent."));
    assert_share(&mails, 13.0, |mail| mail.contains("gmail_signature"));
    assert_share(&mails, 7.0, |mail| {
        mail.contains("\r\n-- \r\n") || mail.contains("--=20\r\n")
    });
    // All who quote, since the space before AM is no ASCII.
    assert_share(&mails, 98.0, |mail| mail.contains("=E2=80=AFAM"));
    let before = answers("gmail", "2022-03-04T09:15:30-05:00");
    assert_share(&before, 0.0, |mail| {
        mail.contains("quoted-printable\r\n\r\nAnswer")
    });
}
