//! `decnet emailgen list` and `decnet emailgen show`

use decnet_emailgen::ledger::{MailFilter, MailId, MailLedger, MailSummary};
use serde_json::Value;

use crate::arguments::ListArguments;
use crate::config::{Flags, Settings};
use crate::failure::{Failure, Kind};
use crate::output::{one_line, safe_text, say, say_json, shortened, table};
use crate::wiring::open_store;

/// Lists mails, newest first.
pub(crate) fn list(flags: &Flags, arguments: &ListArguments) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let mails = store.mails(&MailFilter {
        address: arguments.address.clone(),
        thread: arguments.thread.map(MailId),
        state: arguments.state.clone(),
        limit: arguments.limit,
    })?;
    if arguments.json {
        say_json(&mails);
    } else if mails.is_empty() {
        say("no mails");
    } else {
        say(&listing(&mails));
    }
    Ok(())
}

/// Shows one mail.
pub(crate) fn show(flags: &Flags, id: i64, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let Some(mail) = store.mail(MailId(id))? else {
        return Err(Failure::new(
            Kind::BadInput,
            format!("there is no mail {id}; `decnet emailgen list` has the numbers"),
        ));
    };
    if json {
        say_json(&mail);
        return Ok(());
    }
    let summary = &mail.summary;
    let mut lines = vec![
        format!(
            "mail      {} of thread {}, {}",
            id, summary.thread.0, summary.state
        ),
        format!(
            "from      {} <{}>",
            one_line(&mail.from_name),
            one_line(&summary.from)
        ),
        format!(
            "to        {} <{}>",
            one_line(&mail.to_name),
            one_line(&summary.to)
        ),
        format!("date      {}", summary.sent_at.to_rfc2822()),
        format!("subject   {}", one_line(&summary.subject)),
        format!("id        {}", one_line(&summary.message_id)),
    ];
    if !summary.copies.is_empty() {
        let copies = one_line(&summary.copies.join(", "));
        lines.insert(3, format!("and to    {copies}"));
    }
    if let Some(record) = &mail.record {
        lines.extend(authorship(&record["written_by"]));
    }
    if let Some(parent) = mail.parent {
        lines.push(format!("answers   mail {}", parent.0));
    }
    if let Some(due) = mail.answer_due_at {
        lines.push(format!(
            "answer    due {}",
            due.format("%a %Y-%m-%d %H:%M UTC")
        ));
    }
    if let Some(placements) = mail
        .record
        .as_ref()
        .and_then(|record| record["placements"].as_array())
    {
        for placement in placements {
            let field = |name: &str| one_line(placement[name].as_str().unwrap_or_default());
            lines.push(format!(
                "lies in   {} of {} on {}: {}",
                field("folder"),
                field("login"),
                field("decky"),
                field("path")
            ));
        }
    }
    for folder in &mail.vanished_from {
        lines.push(format!("gone      somebody else removed it from {folder:?}").to_lowercase());
    }
    if let Some(error) = &summary.error {
        lines.push(format!(
            "error     {} (try {})",
            one_line(error),
            summary.attempts
        ));
    }
    lines.push(String::new());
    lines.push(safe_text(&mail.text));
    say(&lines.join("\n"));
    Ok(())
}

/// Who wrote, at what cost, and who did not.
fn authorship(written_by: &Value) -> Vec<String> {
    let cost = |of: &Value| {
        let seconds = of["took_ms"]
            .as_f64()
            .map(|took| format!("{:.1} s", took / 1e3));
        let tokens = of["output_tokens"]
            .as_u64()
            .map(|tokens| format!("{tokens} tokens"));
        let told: Vec<String> = seconds.into_iter().chain(tokens).collect();
        if told.is_empty() {
            String::new()
        } else {
            format!(" ({})", told.join(", "))
        }
    };
    let name = |of: &Value| {
        let writer = one_line(of["writer"].as_str().unwrap_or_default());
        match of["model"].as_str() {
            Some(model) => format!("{writer}, model {}", one_line(model)),
            None => writer,
        }
    };
    if written_by.is_null() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "written   by {}{}",
        name(written_by),
        cost(written_by)
    )];
    for passed_over in written_by["passed_over"].as_array().into_iter().flatten() {
        let reason = one_line(passed_over["reason"].as_str().unwrap_or_default());
        lines.push(format!(
            "          not by {}{}: {reason}",
            name(passed_over),
            cost(passed_over)
        ));
    }
    let recalled = written_by["recalled"].as_array().into_iter().flatten();
    let recalled: Vec<String> = recalled
        .filter_map(Value::as_i64)
        .map(|memory| memory.to_string())
        .collect();
    if !recalled.is_empty() {
        lines.push(format!("recalled  memories {}", recalled.join(", ")));
    }
    lines
}

/// Mails as a table.
pub(crate) fn listing(mails: &[MailSummary]) -> String {
    let rows: Vec<Vec<String>> = mails
        .iter()
        .map(|mail| {
            vec![
                mail.id.0.to_string(),
                mail.sent_at.format("%a %Y-%m-%d %H:%M %z").to_string(),
                shortened(&mail.from, 30),
                shortened(&mail.to, 30),
                mail.state.clone(),
                shortened(&mail.subject, 60),
            ]
        })
        .collect();
    table(&["mail", "date", "from", "to", "state", "subject"], &rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_came_to_mind_is_told_with_who_wrote() {
        for (written_by, told) in [
            (json!(null), vec![]),
            (json!({ "writer": "offline" }), vec!["written   by offline"]),
            (
                json!({ "writer": "offline", "recalled": [134, 99] }),
                vec!["written   by offline", "recalled  memories 134, 99"],
            ),
            (
                json!({ "writer": "offline", "recalled": ["\u{1b}[2J", null] }),
                vec!["written   by offline"],
            ),
        ] {
            assert_eq!(authorship(&written_by), told, "{written_by}");
        }
    }
}
