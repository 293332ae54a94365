//! Whole messages by Thunderbird, byte for byte, in the shapes it has had.

mod support;

use support::story::Story;
use support::{answers, assert_share};

/// Somebody who composes HTML and answers below the quote.
fn composes_html(mail: &str) -> bool {
    mail.contains("<html>") && mail.find("wrote:") < mail.find("Answer.")
}

/// Somebody who composes plain text.
fn composes_text(mail: &str) -> bool {
    !mail.contains("<html>") && mail.contains("wrote:\r\n> Parent.")
}

#[test]
fn release_38() {
    Story {
        client: "thunderbird",
        fixtures: "thunderbird_38",
        day: "2015-11-10",
        ana: |mail| mail.contains("Thunderbird/38") && composes_html(mail),
        john: |mail| mail.contains("Thunderbird/38") && composes_text(mail),
    }
    .check_all();
}

#[test]
fn release_60() {
    Story {
        client: "thunderbird",
        fixtures: "thunderbird_60",
        day: "2019-05-07",
        ana: |mail| mail.contains("Thunderbird/60") && composes_html(mail),
        john: |mail| mail.contains("Thunderbird/60") && composes_text(mail),
    }
    .check_all();
}

#[test]
fn release_78() {
    Story {
        client: "thunderbird",
        fixtures: "thunderbird_78",
        day: "2021-03-02",
        ana: |mail| mail.contains("Thunderbird/78") && composes_text(mail),
        john: |mail| {
            mail.contains("Thunderbird/78")
                && mail.contains("<html>")
                && mail.find("Answer.") < mail.find("wrote:")
        },
    }
    .check_all();
}

#[test]
fn release_91() {
    Story {
        client: "thunderbird",
        fixtures: "thunderbird_91",
        day: "2022-03-01",
        ana: |mail| mail.contains("Thunderbird/91") && composes_html(mail),
        john: |mail| mail.contains("Macintosh") && composes_text(mail),
    }
    .check_all();
}

#[test]
fn later_releases() {
    Story {
        client: "thunderbird",
        fixtures: "thunderbird",
        day: "2025-03-04",
        ana: |mail| mail.contains("User-Agent: Mozilla Thunderbird") && composes_html(mail),
        john: |mail| mail.contains("User-Agent: Mozilla Thunderbird") && composes_text(mail),
    }
    .check_all();
}

/// Shares counted on a list of 2019 to 2026 (2,777 mails).
#[test]
fn habits_have_their_shares() {
    let mails = answers("thunderbird", "2025-03-04T09:15:30-05:00");
    assert_share(&mails, 45.0, |mail| !mail.contains("text/html"));
    assert_share(&mails, 98.0, |mail| mail.contains("\r\n> Parent."));
    assert_share(&mails, 19.0, |mail| {
        mail.contains("wrote:") && mail.find("Answer.") < mail.find("wrote:")
    });
    // Of those who quote, 94 % have the dates of their region.
    assert_share(&mails, 92.0, |mail| {
        mail.contains("On 3/4/25 9:15 AM, Kim Lee wrote:")
    });
    // 6 % hide it, and of the others 4 % stay behind.
    assert_share(&mails, 90.0, |mail| {
        mail.contains("User-Agent: Mozilla Thunderbird\r\n")
    });
}
