//! `decnet emailgen scan`

mod source;

use decnet_emailgen::scan::{MailboxReport, MailboxScan, Place, RealShare, TellCount, Verdict};
use serde_json::{Value, json};

use self::source::{Message, each_message};
use crate::arguments::ScanArguments;
use crate::failure::{Failure, Kind};
use crate::output::{bold, one_line, say, say_json, shortened, table, warn};

/// How many messages that give themselves away are told of.
const SHOWN: usize = 20;

/// More of them than this are only counted, whatever is asked for.
const KEPT: usize = 100_000;

/// A tell of one message that real mail never has.
struct GiveAway {
    path: String,
    id: &'static str,
    detail: String,
}

/// Scans mail, and fails if anything tells that it is synthetic.
pub(crate) fn run(arguments: &ScanArguments) -> Result<(), Failure> {
    let mut scan = MailboxScan::default();
    let mut give_aways = Vec::new();
    let (mut read, mut giving_away) = (0_usize, 0_usize);
    for path in &arguments.paths {
        let unreadable = each_message(path, |message: &Message<'_>| {
            read += 1;
            let place = Place {
                folder: message.folder,
                file_name: message.file_name,
                modified_at: message.modified_at,
            };
            let found = scan.add(message.bytes, &place);
            let mut gives = found
                .into_iter()
                .filter(|finding| finding.tell.is_giveaway())
                .peekable();
            giving_away += usize::from(gives.peek().is_some());
            for finding in gives {
                if give_aways.len() < KEPT {
                    give_aways.push(GiveAway {
                        path: message.path.to_owned(),
                        id: finding.tell.id(),
                        detail: finding.detail,
                    });
                }
            }
        })?;
        for failure in unreadable {
            warn(&failure.to_string());
        }
    }
    if read == 0 {
        return Err(Failure::new(
            Kind::NoInput,
            "there is no mail in what was given",
        ));
    }
    let report = scan.finish();
    if arguments.json {
        say_json(&as_json(&report, &give_aways));
    } else {
        print(&report, &give_aways, giving_away, arguments.all);
    }
    if give_aways.is_empty() && !report.gives_itself_away() {
        return Ok(());
    }
    Err(Failure::new(Kind::BadInput, summary(&report, giving_away)))
}

fn summary(report: &MailboxReport, giving_away: usize) -> String {
    let too_often = report
        .tells
        .iter()
        .filter(|count| count.verdict == Verdict::TooOften)
        .count();
    format!(
        "the mail gives itself away: {giving_away} messages by themselves, {too_often} tells by how \
         often they occur, {} by the whole",
        report.mailbox.len()
    )
}

fn print(report: &MailboxReport, give_aways: &[GiveAway], giving_away: usize, all: bool) {
    say(&format!("{} messages", report.messages));
    let rows: Vec<Vec<String>> = shown_tells(report, all).map(row).collect();
    if rows.is_empty() {
        say("no tells");
    } else {
        say(&table(
            &["tell", "count", "per 1000", "in real mail", "verdict"],
            &rows,
        ));
    }
    if !report.mailbox.is_empty() {
        say(&format!("\n{}", bold("The mailbox as a whole")));
        for finding in &report.mailbox {
            let row = finding.tell.row();
            say(&format!(
                "{}: {} ({})",
                row.id,
                row.meaning,
                one_line(&finding.detail)
            ));
        }
    }
    if give_aways.is_empty() {
        return;
    }
    say(&format!("\n{}", bold("Messages that give themselves away")));
    let limit = if all { give_aways.len() } else { SHOWN };
    for found in give_aways.iter().take(limit) {
        let detail = shortened(&found.detail, 60);
        let separator = if detail.is_empty() { "" } else { ": " };
        say(&format!(
            "{}: {}{separator}{detail}",
            one_line(&found.path),
            found.id
        ));
    }
    if give_aways.len() > limit {
        say(&format!(
            "and {} more in {giving_away} messages; --all shows them",
            give_aways.len() - limit
        ));
    }
}

/// What was found, worst first; what was not, only when all is asked for.
fn shown_tells(report: &MailboxReport, all: bool) -> impl Iterator<Item = &TellCount> {
    let mut shown: Vec<&TellCount> = report
        .tells
        .iter()
        .filter(|count| all || count.count > 0)
        .collect();
    shown.sort_by_key(|count| (rank(count.verdict), std::cmp::Reverse(count.count)));
    shown.into_iter()
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Giveaway => 0,
        Verdict::TooOften => 1,
        Verdict::Plausible => 2,
    }
}

fn row(count: &TellCount) -> Vec<String> {
    vec![
        count.tell.id().to_owned(),
        count.count.to_string(),
        format!("{:.1}", count.per_1000),
        real(count.tell.row().real),
        match count.verdict {
            Verdict::Giveaway => "gives away",
            Verdict::TooOften => "too often",
            Verdict::Plausible => "",
        }
        .to_owned(),
    ]
}

fn real(share: RealShare) -> String {
    match (share.usrp, share.hyperv) {
        (Some(one), Some(other)) => format!("{:.1} to {:.1}", one.min(other), one.max(other)),
        (Some(one), None) | (None, Some(one)) => format!("{one:.1}"),
        (None, None) => "-".to_owned(),
    }
}

fn as_json(report: &MailboxReport, give_aways: &[GiveAway]) -> Value {
    json!({
        "messages": report.messages,
        "tells": report.tells.iter().map(|count| {
            let row = count.tell.row();
            json!({
                "id": row.id,
                "meaning": row.meaning,
                "count": count.count,
                "per_1000": (count.per_1000 * 10.0).round() / 10.0,
                "real_per_1000": {"usrp": row.real.usrp, "hyperv": row.real.hyperv},
                "verdict": match count.verdict {
                    Verdict::Giveaway => "giveaway",
                    Verdict::TooOften => "too_often",
                    Verdict::Plausible => "plausible",
                },
            })
        }).collect::<Vec<_>>(),
        "give_aways": give_aways.iter().map(|found| {
            json!({"path": found.path, "id": found.id, "detail": found.detail})
        }).collect::<Vec<_>>(),
        "mailbox": report.mailbox.iter().map(|finding| {
            json!({
                "id": finding.tell.id(),
                "meaning": finding.tell.row().meaning,
                "detail": finding.detail,
            })
        }).collect::<Vec<_>>(),
    })
}
