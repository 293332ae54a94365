//! `decnet emailgen tick`

use decnet_emailgen::ledger::Standstill;
use decnet_emailgen::tick::{Preview, TickReport};
use serde_json::json;

use crate::arguments::TickArguments;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind, cause_kind};
use crate::heal::frozen;
use crate::output::{one_line, safe_text, say, say_json, shortened, warn};
use crate::ticking::Told;
use crate::wiring::{Session, run_with_sockets, runtime};

/// Writes up to `count` mails.
pub(crate) fn run(flags: &Flags, arguments: &TickArguments) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    session.sync_pool()?;
    let now = arguments.now.unwrap_or_else(environment::now);
    let seed = arguments.seed.unwrap_or_else(environment::random);
    let mut settings = session.tick_settings(now, seed, arguments.count as usize);
    settings.group = settings.group.min(arguments.group as usize);
    settings.frozen = frozen(&mut session.store, &session.settings, now)?;
    if arguments.dry_run {
        let (previews, standstill) = wait(&mut session, async |session| {
            session
                .tick(async |tick| tick.preview(&settings).await)
                .await
        })???;
        show_previews(&previews, standstill.as_ref(), arguments.json);
        return Ok(());
    }
    let report = wait(&mut session, async |session| {
        session.tick(async |tick| tick.run(&settings).await).await
    })???;
    if arguments.json {
        say_json(&json!({
            "delivered": report.delivered,
            "failed": report.failed.iter().map(|failure| &failure.record).collect::<Vec<_>>(),
            "overtaken": report.overtaken,
            "expired": report.expired,
            "standstill": report.standstill,
        }));
    } else if !arguments.quiet {
        say(&outcome(&report));
    }
    failure_of(&report)
}

/// Waits for `work`. Nothing has to be waited for that a signal could cut short, unless a model
/// writes.
fn wait<T>(session: &mut Session, work: impl AsyncFnOnce(&mut Session) -> T) -> Result<T, Failure> {
    if session.settings.llm.is_on() {
        return wait_interruptibly(session, work);
    }
    Ok(runtime()?.block_on(work(session)))
}

/// Waits for `work`, which ends in order on SIGTERM and SIGINT: a model's answer is given up, and
/// the mail stays in the outbox.
pub(crate) fn wait_interruptibly<T>(
    session: &mut Session,
    work: impl AsyncFnOnce(&mut Session) -> T,
) -> Result<T, Failure> {
    run_with_sockets(async {
        let mut told = Told::listen()?;
        tokio::select! {
            done = work(session) => Ok(done),
            () = told.wait() => Err(interrupted()),
        }
    })
}

fn interrupted() -> Failure {
    Failure::new(
        Kind::Temporary,
        "stopped; what was planned is finished by the next tick",
    )
}

/// One line for what a tick did.
pub(crate) fn outcome(report: &TickReport) -> String {
    let mut line = match report.delivered.as_slice() {
        [] if report.failed.is_empty() => "nothing sent".to_owned(),
        [] => "nothing delivered".to_owned(),
        [mail] => format!(
            "sent {} {} to {}: {}",
            mail.message_id,
            mail.from,
            mail.to,
            shortened(&mail.subject, 60)
        ),
        mails => {
            let replies = mails.iter().filter(|mail| mail.parent.is_some()).count();
            format!("sent {} mails, {replies} of them replies", mails.len())
        }
    };
    if !report.failed.is_empty() {
        line.push_str(&format!("; {} kept for another try", report.failed.len()));
    }
    if report.expired > 0 {
        line.push_str(&format!(
            "; {} old mail{} removed",
            report.expired,
            if report.expired == 1 { "" } else { "s" }
        ));
    }
    if let Some(told) = passed_over(report) {
        line.push_str(&told);
    }
    if let Some(standstill) = &report.standstill {
        line.push_str(&format!("; {}", reason(standstill)));
    }
    one_line(&line)
}

/// How often the model was passed over, and why the last time.
fn passed_over(report: &TickReport) -> Option<String> {
    let passed_over: Vec<_> = report
        .delivered
        .iter()
        .filter_map(|mail| mail.written_by.as_ref()?.authorship.passed_over.last())
        .collect();
    let last = passed_over.last()?;
    Some(match passed_over.len() {
        1 if report.delivered.len() == 1 => {
            format!(
                "; written offline, {} passed over: {}",
                last.writer, last.reason
            )
        }
        count => format!(
            "; {count} written offline, {} passed over, the last time: {}",
            last.writer, last.reason
        ),
    })
}

/// Why nobody starts a thread, for people to read.
pub(crate) fn reason(standstill: &Standstill) -> String {
    match standstill {
        Standstill::NoDeckies => {
            "the world has no deckies; apply a world file with `decnet world apply`".to_owned()
        }
        Standstill::NoRunningMailDecky => "no decky with imap or pop3 is running".to_owned(),
        Standstill::TooFewPersonas => {
            "no list of personas with a running mail decky has two usable ones; see `decnet doctor`"
                .to_owned()
        }
        Standstill::NoUsableMailbox => {
            "no two personas of a list have a mailbox that can be written to; see `decnet doctor`"
                .to_owned()
        }
        Standstill::NothingDue => "no reply is due".to_owned(),
        Standstill::OutsideHours { next_opening } => match next_opening {
            Some(time) => format!(
                "no two colleagues are at work; the next one starts {}",
                time.format("%a %Y-%m-%d %H:%M UTC")
            ),
            None => "no two colleagues are at work".to_owned(),
        },
    }
}

/// The failure that a report amounts to, if a mail could not be delivered.
pub(crate) fn failure_of(report: &TickReport) -> Result<(), Failure> {
    let Some(worst) = report
        .failed
        .iter()
        .max_by_key(|failed| cause_kind(&failed.cause))
    else {
        return Ok(());
    };
    for failed in &report.failed {
        if !std::ptr::eq(failed, worst) {
            warn(&format!("mail {}: {}", failed.record.mail.0, failed.cause));
        }
    }
    let kept = match &worst.record.next_attempt_at {
        Some(time) => format!("kept, tried again from {}", time.format("%H:%M:%S UTC")),
        None => "given up".to_owned(),
    };
    Err(Failure::new(
        cause_kind(&worst.cause),
        format!("mail {}: {} ({kept})", worst.record.mail.0, worst.cause),
    ))
}

fn show_previews(previews: &[Preview], standstill: Option<&Standstill>, json: bool) {
    if json {
        let mails: Vec<_> = previews
            .iter()
            .map(|preview| {
                json!({
                    "from": preview.from,
                    "to": preview.to,
                    "subject": preview.subject,
                    "sent_at": preview.sent_at,
                    "is_reply": preview.is_reply,
                    "decky": preview.inbox.0,
                    "login": preview.inbox.1,
                    "text": preview.text,
                })
            })
            .collect();
        say_json(&json!({ "dry_run": true, "mails": mails, "standstill": standstill }));
        return;
    }
    for preview in previews {
        say(&format!(
            "would send, dated {}\n  from     {}\n  to       {} (login {} on {})\n  subject  {}\n\n{}\n",
            preview.sent_at,
            one_line(&preview.from),
            one_line(&preview.to),
            one_line(&preview.inbox.1),
            one_line(&preview.inbox.0),
            one_line(&preview.subject),
            safe_text(&preview.text)
        ));
    }
    if let Some(standstill) = standstill {
        say(&format!("nothing to send: {}", reason(standstill)));
    }
}
