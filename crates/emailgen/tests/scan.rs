//! The scanner: real mail of every client is clean, and each tell that is planted is found.

#[path = "scan/planted.rs"]
mod planted;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use decnet_emailgen::scan::{
    MESSAGES_MIN, MailboxReport, MailboxScan, Place, Tell, Verdict, Weight, give_aways,
    scan_message,
};
use proptest::prelude::*;

use self::planted::PLANTED;

/// What Dovecot would call the fixtures, delivered on 3 March 2026 at 09:15:35 +0100.
const NAME: &str = "1772525735.M577171P5919.mail";
const EXCHANGE_NAME: &str = "1772529335.M577171P5919.mail";
const DELIVERED: i64 = 1_772_525_735;

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/clean")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn inbox(file_name: &str) -> Place<'_> {
    Place {
        folder: "INBOX",
        file_name,
        modified_at: None,
    }
}

fn tells(mail: &[u8], place: &Place<'_>) -> BTreeSet<Tell> {
    scan_message(mail, place)
        .iter()
        .map(|finding| finding.tell)
        .collect()
}

#[test]
fn clean_mail_of_every_client_gives_nothing_away() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clean");
    let mut clients = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mail = fs::read(&path).unwrap();
        let lf = mail.iter().filter(|byte| **byte == b'\n').count();
        // Exchange dates in UTC, an hour off the others.
        let start = if mail.windows(9).any(|at| at == b"X-MS-TNEF") {
            EXCHANGE_NAME
        } else {
            NAME
        };
        let name = format!("{start},S={},W={}:2,S", mail.len(), mail.len() + lf);
        let place = inbox(&name);
        assert_eq!(give_aways(&mail, &place), [], "{}", path.display());
        let rest: Vec<_> = tells(&mail, &place)
            .into_iter()
            .filter(|tell| {
                !matches!(
                    tell,
                    Tell::DateUtc | Tell::HasGreetingLine | Tell::HasSignoffLine
                )
            })
            .collect();
        assert_eq!(rest, [], "{}", path.display());

        // The same on a server that keeps CRLF.
        let crlf = String::from_utf8(mail).unwrap().replace('\n', "\r\n");
        assert_eq!(
            give_aways(crlf.as_bytes(), &inbox(start)),
            [],
            "{}",
            path.display()
        );
        clients += 1;
    }
    assert!(clients >= 11, "{clients} clients");
}

#[test]
fn each_planted_tell_is_found() {
    for (tell, client, from, to) in PLANTED {
        let clean = fixture(&format!("{client}.eml"));
        let name = if client.starts_with("exchange") {
            EXCHANGE_NAME
        } else {
            NAME
        };
        assert!(clean.contains(from), "{tell:?}: {client} has no {from:?}");
        assert!(
            !tells(clean.as_bytes(), &inbox(name)).contains(tell),
            "{tell:?}: {client}"
        );
        let planted = clean.replace(from, to);
        let found = tells(planted.as_bytes(), &inbox(name));
        assert!(found.contains(tell), "{tell:?} in {client}: {found:?}");
    }
}

#[test]
fn what_the_place_or_the_form_tells_is_found() {
    let mail = fixture("mutt_reply.eml");
    let late = Place {
        modified_at: Some(DELIVERED + 4_000),
        ..inbox(NAME)
    };
    assert!(tells(mail.as_bytes(), &late).contains(&Tell::MtimeFarFromDelivery));
    for field in ["S=1", "W=1"] {
        let name = format!("{NAME},{field}:2,S");
        assert!(tells(mail.as_bytes(), &inbox(&name)).contains(&Tell::FileSizeWrong));
    }

    let sent: String = mail
        .split_inclusive('\n')
        .skip_while(|line| !line.starts_with("Date"))
        .collect();
    let in_sent = Place {
        folder: "Sent",
        ..inbox(NAME)
    };
    assert!(tells(sent.as_bytes(), &inbox(NAME)).contains(&Tell::ReceivedMissingOutsideSent));
    assert_eq!(give_aways(sent.as_bytes(), &in_sent), []);

    let long = mail.replace("No harm", &"no ".repeat(400));
    let found = tells(long.as_bytes(), &inbox(NAME));
    assert!(found.contains(&Tell::LineOver998) && found.contains(&Tell::SingleLineParagraph));
    let flowed = fixture("roundcube_new.eml").replace("photos", &"photos ".repeat(40));
    assert!(tells(flowed.as_bytes(), &inbox(NAME)).contains(&Tell::FlowedLongLine));

    let apple = fixture("apple_mac_new.eml");
    let swapped = apple
        .replace("text/plain", "text/x")
        .replace("text/html", "text/plain")
        .replace("text/x", "text/html");
    assert!(tells(swapped.as_bytes(), &inbox(NAME)).contains(&Tell::HtmlBeforeText));
}

/// Tells that are planted by other tests of this file.
const ELSEWHERE: &[Tell] = &[
    Tell::ReceivedMissingOutsideSent,
    Tell::MtimeFarFromDelivery,
    Tell::FileSizeWrong,
    Tell::LineOver998,
    Tell::SingleLineParagraph,
    Tell::FlowedLongLine,
    Tell::HtmlBeforeText,
    Tell::ReplyBeforeParent,
    Tell::ReplyUnder60s,
    Tell::IrtUnresolved,
    Tell::ReplySubjectMismatch,
    Tell::IdenticalBody,
    Tell::NearDuplicate09,
    Tell::NearDuplicate05,
];

#[test]
fn no_tell_is_without_a_test() {
    for tell in Tell::ALL {
        let planted = PLANTED.iter().any(|(planted, ..)| planted == tell);
        let is_of_all = tell.row().weight == Weight::Mailbox;
        assert!(planted || is_of_all || ELSEWHERE.contains(tell), "{tell:?}");
    }
}

/// A mail of a made-up mailbox.
struct Made<'a> {
    number: usize,
    sender: &'a str,
    answers: Option<usize>,
    seconds: i64,
    subject: &'a str,
    text: &'a str,
}

impl Made<'_> {
    fn bytes(&self) -> Vec<u8> {
        let date = chrono::DateTime::from_timestamp(DELIVERED + self.seconds, 0)
            .unwrap()
            .to_rfc2822();
        let mut mail = format!(
            "From: {0} <{0}@corp.example>\nTo: all@corp.example\nSubject: {1}\nDate: {date}\n\
             Message-ID: <{2}@corp.example>\n",
            self.sender, self.subject, self.number
        );
        if let Some(parent) = self.answers {
            let _ = write!(
                mail,
                "In-Reply-To: <{parent}@corp.example>\nReferences: <{parent}@corp.example>\n"
            );
        }
        mail.push('\n');
        mail.push_str(self.text);
        mail.into_bytes()
    }
}

fn scanned<'a>(mails: impl IntoIterator<Item = Made<'a>>) -> MailboxReport {
    let mut scan = MailboxScan::default();
    for mail in mails {
        scan.add(&mail.bytes(), &inbox(""));
    }
    scan.finish()
}

fn counted(report: &MailboxReport, tell: Tell) -> usize {
    report
        .tells
        .iter()
        .find(|count| count.tell == tell)
        .map_or(0, |count| count.count)
}

#[test]
fn messages_are_compared() {
    let text = "the quick brown fox jumps over the lazy dog and runs away into the dark wood";
    let mail = |number, sender, answers, seconds, subject, text| Made {
        number,
        sender,
        answers,
        seconds,
        subject,
        text,
    };
    let report = scanned([
        mail(1, "ana", None, 0, "Fox", text),
        mail(2, "ben", Some(1), 30, "Re: Fox", text),
        mail(3, "ana", Some(2), -60, "Re: Dog", "short"),
        mail(
            4,
            "ana",
            Some(99),
            60,
            "Re: Dog",
            "the quick brown fox jumps over the lazy dog and runs away into a house",
        ),
        mail(4, "ana", Some(99), 60, "Re: Dog", "counted once"),
    ]);
    assert_eq!(report.messages, 4);
    for (tell, count) in [
        (Tell::ReplyUnder60s, 1),
        (Tell::ReplyBeforeParent, 1),
        (Tell::ReplySubjectMismatch, 1),
        (Tell::IrtUnresolved, 1),
        (Tell::IdenticalBody, 2),
        (Tell::NearDuplicate09, 2),
        (Tell::NearDuplicate05, 3),
        (Tell::ReplyWithoutAnyQuote, 3),
    ] {
        assert_eq!(counted(&report, tell), count, "{tell:?}");
    }
    assert_eq!(report.mailbox, [], "four messages say nothing of the whole");
}

#[test]
fn a_mailbox_of_one_mould_shows_in_every_way() {
    let senders: Vec<String> = (0..40).map(|number| format!("person{number}")).collect();
    let mut mails = Vec::new();
    for pair in 0..20 {
        for step in 0..12 {
            mails.push(Made {
                number: pair * 12 + step,
                sender: &senders[pair * 2 + step % 2],
                answers: (step > 0).then(|| pair * 12 + step - 1),
                seconds: 3_600 * step as i64 - DELIVERED % 60,
                subject: if step > 0 { "Re: Plan" } else { "Plan" },
                text: "Yes",
            });
        }
    }
    let report = scanned(mails);
    let found: BTreeSet<Tell> = report.mailbox.iter().map(|finding| finding.tell).collect();
    for tell in Tell::ALL
        .iter()
        .filter(|tell| tell.row().weight == Weight::Mailbox)
    {
        assert!(found.contains(tell), "{tell:?}");
    }
    let verdict = |tell| {
        report
            .tells
            .iter()
            .find(|count| count.tell == tell)
            .unwrap()
            .verdict
    };
    assert_eq!(verdict(Tell::ReceivedMissingOutsideSent), Verdict::Giveaway);
    assert_eq!(verdict(Tell::NoMuaTraceAtAll), Verdict::TooOften);
    assert_eq!(verdict(Tell::EmDash), Verdict::Plausible);
    assert!(report.gives_itself_away());
}

#[test]
fn a_received_copy_wins_over_the_sent_one() {
    let mail = fixture("mutt_reply.eml");
    let sent: String = mail
        .split_inclusive('\n')
        .skip_while(|line| !line.starts_with("Date"))
        .collect();
    let in_sent = Place {
        folder: "Sent",
        ..inbox(NAME)
    };
    for order in [[0, 1], [1, 0]] {
        let mut scan = MailboxScan::default();
        for which in order {
            if which == 0 {
                scan.add(sent.as_bytes(), &in_sent);
            } else {
                scan.add(mail.as_bytes(), &inbox(NAME));
            }
        }
        assert_eq!(scan.len(), 1);
        let report = scan.finish();
        assert_eq!(counted(&report, Tell::ReceivedMissingOutsideSent), 0);
    }
}

#[test]
fn few_messages_are_not_judged_by_shares() {
    let mail = fixture("mutt_reply.eml").replace("No harm", "As discussed, no harm");
    for count in [MESSAGES_MIN - 1, MESSAGES_MIN] {
        let mut scan = MailboxScan::default();
        for number in 0..count {
            let mail = mail.replace("aaVB4xk2Qv9Z", &format!("aaVB4xk2Q{number:03}"));
            scan.add(mail.as_bytes(), &inbox(NAME));
        }
        let report = scan.finish();
        let found = report
            .tells
            .iter()
            .find(|found| found.tell == Tell::PhraseAsDiscussed)
            .unwrap();
        assert_eq!(found.count, count);
        assert_eq!(found.verdict == Verdict::TooOften, count >= MESSAGES_MIN);
    }
}

#[test]
fn hostile_mail_is_read_in_bounded_time() {
    let much = 3_000_000;
    let parts = "--x\nContent-Type: text/plain\n\nHi\n".repeat(100_000);
    let mut nested = String::new();
    for depth in 0..5_000 {
        let _ = write!(
            nested,
            "Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n"
        );
    }
    let cases: Vec<(&str, String)> = vec![
        ("one line", "a".repeat(much)),
        ("one header", format!("Subject: {}", "=?".repeat(much / 2))),
        (
            "encoded words",
            format!("Subject: {}\n\n", "=?utf-8?b?YQ==?= ".repeat(much / 17)),
        ),
        ("headers", "Received: x;\n".repeat(much / 13)),
        (
            "continuations",
            format!("Subject: x{}", "\n x".repeat(much / 3)),
        ),
        (
            "references",
            format!("References: {}\n\n", "<a@b> ".repeat(much / 6)),
        ),
        (
            "open brackets",
            format!("References: {}\n\n", "<".repeat(much)),
        ),
        (
            "parts",
            format!("Content-Type: multipart/mixed; boundary=x\n\n{parts}"),
        ),
        ("nested", nested),
        (
            "messages",
            format!(
                "Content-Type: message/rfc822\n\n{}",
                "Content-Type: message/rfc822\n\n".repeat(100_000)
            ),
        ),
        (
            "parameters",
            format!(
                "Content-Type: multipart/mixed{}\n\n",
                ";a=\"".repeat(much / 4)
            ),
        ),
        (
            "tags",
            format!("Content-Type: text/html\n\n{}", "<style>".repeat(much / 7)),
        ),
        (
            "open tags",
            format!("Content-Type: text/html\n\n{}", "<".repeat(much)),
        ),
        (
            "entities",
            format!("Content-Type: text/html\n\n{}", "&#".repeat(much / 2)),
        ),
        ("bold", format!("\n\n{}", "**a".repeat(much / 3))),
        ("brackets", format!("\n\n{}", "[your ".repeat(much / 6))),
        (
            "attributions",
            format!("\n\n{}", "On Monday\n".repeat(much / 10)),
        ),
        (
            "wrote",
            format!("\n\n{}", "On Monday Ana wrote:\n\n".repeat(much / 22)),
        ),
        (
            "blank after wrote",
            format!("\n\n{}{}", "x wrote:\n".repeat(1_000), "\n".repeat(much)),
        ),
        (
            "brackets wrote",
            format!("\n\n{}) wrote:", "(".repeat(900)).repeat(1_000),
        ),
        (
            "rules",
            format!("\n\n{}", "____________________\n".repeat(much / 21)),
        ),
        (
            "signatures",
            format!("\n\n{}", "-- \n> x\n".repeat(much / 8)),
        ),
        (
            "quoted-printable",
            format!(
                "Content-Transfer-Encoding: quoted-printable\n\n{}",
                "=".repeat(much)
            ),
        ),
        ("long date", format!("Date: {}\n\n", "1 ".repeat(much / 2))),
        (
            "message id",
            format!("Message-ID: <{}\n\n", "0.".repeat(much / 2)),
        ),
        ("assignments", format!("\n\n{}", "a.c ".repeat(much / 4))),
    ];
    for (what, mail) in cases {
        let start = std::time::Instant::now();
        let mut scan = MailboxScan::default();
        scan.add(mail.as_bytes(), &inbox("x"));
        scan.finish();
        let crlf = mail.replace('\n', "\r\n");
        scan_message(crlf.as_bytes(), &inbox("x"));
        // Without optimisation, on a busy machine.
        assert!(
            start.elapsed().as_secs() < 10,
            "{what}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn threads_in_a_circle_come_to_an_end() {
    let report = scanned((0..2_000).map(|number| Made {
        number,
        sender: "ana",
        answers: Some((number + 1) % 2_000),
        seconds: 0,
        subject: "Re: x",
        text: "x",
    }));
    assert_eq!(report.messages, 2_000);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400), name in ".{0,40}") {
        scan_message(&bytes, &inbox(&name));
    }

    #[test]
    fn mail_that_was_cut_or_changed_is_read(
        which in 0_usize..4,
        cut in 0_usize..3_000,
        at in 0_usize..3_000,
        byte in any::<u8>(),
    ) {
        let names = ["gmail_reply.eml", "exchange_owa_reply.eml", "iphone_reply.eml", "thunderbird_reply.eml"];
        let mut bytes = fixture(names[which]).into_bytes();
        if let Some(changed) = bytes.get_mut(at) {
            *changed = byte;
        }
        bytes.truncate(cut);
        let mut scan = MailboxScan::default();
        scan.add(&bytes, &inbox(NAME));
        scan.finish();
    }
}
