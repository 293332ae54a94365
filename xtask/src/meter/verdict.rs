//! What the meter's figures say against the bars that decnet is held to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// What a tell gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The message as a mail program builds it: headers, MIME, quoting style.
    Structure,
    /// The way of a message through servers into a mailbox.
    Transport,
    /// Replies and what they answer.
    Threads,
    /// Words, and hours and days of writing: people, not programs.
    Content,
}

/// Tells whose name begins so are of a kind; the first line that fits counts.
const KINDS: &[(&str, Kind)] = &[
    ("received_", Kind::Transport),
    ("mtime_", Kind::Transport),
    ("date_after_delivery", Kind::Transport),
    ("reply_", Kind::Threads),
    ("irt_", Kind::Threads),
    ("em_dash", Kind::Content),
    ("smart_quotes", Kind::Content),
    ("markdown_", Kind::Content),
    ("placeholder", Kind::Content),
    ("ai_", Kind::Content),
    ("subject_", Kind::Content),
    ("phrase_", Kind::Content),
    ("has_", Kind::Content),
    ("identical_", Kind::Content),
    ("near_duplicate_", Kind::Content),
    ("weekend", Kind::Content),
    ("night_", Kind::Content),
];

/// A tell that is not listed counts as structure: a new one is held to the bars until somebody
/// decides otherwise.
fn kind(tell: &str) -> Kind {
    KINDS
        .iter()
        .find(|(start, _)| tell.starts_with(start))
        .map_or(Kind::Structure, |(_, kind)| *kind)
}

/// A figure with its bar.
#[derive(Debug, PartialEq)]
struct Line {
    name: &'static str,
    measured: String,
    bar: String,
    is_met: bool,
}

/// The bars against one run of the meter.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    lines: Vec<Line>,
    /// Flagged tells of words and hours, which have no bar.
    apart: Vec<String>,
}

/// Most that the classifiers may tell a mailer's own work from real mail of the same mailer.
const MOST_A3: f64 = 0.90;
const LEAST_MID: f64 = 0.977;
const LEAST_MONOTONE: f64 = 0.998;

/// Reads the JSON of a report whose only reference is `reference`.
///
/// # Errors
///
/// When it is not such a report.
pub(super) fn read(report: &Value, reference: &str) -> Result<Verdict, String> {
    let names = |key: &str| -> Result<Vec<&str>, String> {
        let list = report[key].as_array();
        let list = list.ok_or_else(|| format!("the meter's report has no {key:?}"))?;
        Ok(list.iter().filter_map(Value::as_str).collect())
    };
    let comparison = report["comparisons"].get(reference);
    let comparison = comparison
        .ok_or_else(|| format!("the meter's report does not compare with {reference}"))?;
    let flagged = names("flagged_tells")?;
    let missing = names("missing_irregularities")?;
    let rates = meter_rates(report);
    let of_kind = |tells: &[&str], wanted: Kind| -> Vec<String> {
        let tells = tells.iter().filter(|tell| kind(tell) == wanted);
        tells
            .map(|tell| match rates.get(*tell) {
                Some(rate) => format!("{tell} {rate:.0}"),
                None => (*tell).to_owned(),
            })
            .collect()
    };
    let mut lines = Vec::new();
    for (marked, tells) in [("!!", &flagged), ("??", &missing)] {
        for (of, name) in [
            (Kind::Structure, ["structure, !!", "structure, ??"]),
            (Kind::Transport, ["transport, !!", "transport, ??"]),
            (Kind::Threads, ["threads, !!", "threads, ??"]),
        ] {
            let found = of_kind(tells, of);
            lines.push(Line {
                name: name[usize::from(marked == "??")],
                is_met: found.is_empty(),
                measured: match found.as_slice() {
                    [] => "none".to_owned(),
                    found => found.join(", "),
                },
                bar: "none".to_owned(),
            });
        }
    }
    let structure = &report["candidate"]["structure"];
    lines.push(at_most(
        "a3_mailer_conformance",
        comparison["discriminator"]["a3_mailer_conformance"]["worst"].as_f64(),
        MOST_A3,
    ));
    for (name, least) in [
        ("mid_vs_mua_consistent", LEAST_MID),
        ("received_monotone", LEAST_MONOTONE),
    ] {
        lines.push(at_least(name, structure[name].as_f64(), least));
    }
    let mut apart = of_kind(&flagged, Kind::Content);
    apart.extend(
        of_kind(&missing, Kind::Content)
            .iter()
            .map(|tell| format!("{tell} (missing)")),
    );
    Ok(Verdict { lines, apart })
}

fn at_most(name: &'static str, measured: Option<f64>, most: f64) -> Line {
    Line {
        name,
        measured: shown(measured),
        bar: format!("<= {most:.2}"),
        is_met: measured.is_some_and(|measured| measured <= most),
    }
}

fn at_least(name: &'static str, measured: Option<f64>, least: f64) -> Line {
    Line {
        name,
        measured: shown(measured),
        bar: format!(">= {least:.3}"),
        is_met: measured.is_some_and(|measured| measured >= least),
    }
}

/// What cannot be measured, as when no message names a server, has not met its bar.
fn shown(measured: Option<f64>) -> String {
    measured.map_or_else(|| "nothing to measure".to_owned(), |of| format!("{of:.3}"))
}

impl Verdict {
    /// The table for people.
    pub(super) fn table(&self) -> String {
        let mut table = format!("{:<8} {:<24} {:<9} measured\n", "", "bar", "limit");
        for line in &self.lines {
            let verdict = if line.is_met { "met" } else { "MISSED" };
            let Line {
                name,
                measured,
                bar,
                ..
            } = line;
            let _ = writeln!(table, "{verdict:<8} {name:<24} {bar:<9} {measured}");
        }
        let apart = match self.apart.as_slice() {
            [] => "none".to_owned(),
            tells => tells.join(", "),
        };
        let met = self.lines.iter().filter(|line| line.is_met).count();
        let _ = writeln!(table, "\ntells of words and hours, without a bar: {apart}");
        let _ = writeln!(table, "{met} of {} bars met", self.lines.len());
        table
    }
}

/// Tells of the meter, with how many of 1000 mails have them.
pub(super) fn meter_rates(report: &Value) -> BTreeMap<String, f64> {
    let mut rates = BTreeMap::new();
    collect_rates(&report["candidate"]["tells"], &mut rates);
    rates
}

/// Tells that decnet's own scanner prints, wherever in its JSON they stand: an object with
/// `per_1000`, named by its key or by its `name`, or `tell`.
pub(super) fn scan_rates(scan: &Value) -> BTreeMap<String, f64> {
    let mut rates = BTreeMap::new();
    collect_rates(scan, &mut rates);
    rates
}

fn collect_rates(value: &Value, rates: &mut BTreeMap<String, f64>) {
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                if let Some(rate) = entry["per_1000"].as_f64() {
                    rates.insert(key.clone(), rate);
                } else {
                    collect_rates(entry, rates);
                }
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                let name = entry["id"].as_str();
                match (name, entry["per_1000"].as_f64()) {
                    (Some(name), Some(rate)) => {
                        rates.insert(name.to_owned(), rate);
                    }
                    _ => collect_rates(entry, rates),
                }
            }
        }
        _ => {}
    }
}

/// Rates below this apart are rounding.
const SAME: f64 = 0.15;

/// Where scanner and meter disagree about a tell that both know.
pub(super) fn differences(
    scanner: &BTreeMap<String, f64>,
    meter: &BTreeMap<String, f64>,
) -> String {
    let both: Vec<(&String, f64, f64)> = scanner
        .iter()
        .filter_map(|(tell, rate)| Some((tell, *rate, *meter.get(tell)?)))
        .collect();
    let mut told = format!("{} tells are known to both\n", both.len());
    for (tell, ours, theirs) in both {
        if (ours - theirs).abs() > SAME {
            let _ = writeln!(told, "{tell:<40} scan {ours:>7.1}   meter {theirs:>7.1}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Value {
        json!({
            "candidate": {
                "tells": {
                    "received_missing_outside_sent": { "per_1000": 1000.0, "count": 5 },
                    "em_dash": { "per_1000": 30.2, "count": 2 },
                },
                "structure": { "mid_vs_mua_consistent": 1.0, "received_monotone": null },
            },
            "comparisons": { "usrp": { "discriminator": {
                "a3_mailer_conformance": { "worst": 0.931 },
            } } },
            "flagged_tells": ["received_missing_outside_sent", "em_dash"],
            "missing_irregularities": ["irt_unresolved", "weekend", "never_seen_before"],
        })
    }

    fn missed(report: &Value) -> Vec<(&'static str, String)> {
        let lines = read(report, "usrp").unwrap().lines.into_iter();
        lines
            .filter(|line| !line.is_met)
            .map(|line| (line.name, line.measured))
            .collect()
    }

    #[test]
    fn each_bar_that_is_missed_says_why() {
        let expected = [
            ("transport, !!", "received_missing_outside_sent 1000"),
            ("structure, ??", "never_seen_before"),
            ("threads, ??", "irt_unresolved"),
            ("a3_mailer_conformance", "0.931"),
            ("received_monotone", "nothing to measure"),
        ];
        let expected = expected.map(|(name, measured)| (name, measured.to_owned()));
        assert_eq!(missed(&report()), expected);
        let table = read(&report(), "usrp").unwrap().table();
        assert!(table.contains("em_dash 30, weekend (missing)"), "{table}");
        assert!(table.contains("4 of 9 bars met"), "{table}");
    }

    #[test]
    fn a_figure_at_its_bar_meets_it() {
        let mut report = report();
        report["flagged_tells"] = json!([]);
        report["missing_irregularities"] = json!([]);
        report["candidate"]["structure"] =
            json!({ "mid_vs_mua_consistent": 0.977, "received_monotone": 0.998 });
        report["comparisons"]["usrp"]["discriminator"]["a3_mailer_conformance"]["worst"] =
            json!(0.9);
        assert_eq!(missed(&report), []);
    }

    #[test]
    fn a_report_of_something_else_is_refused() {
        let error = read(&json!({}), "usrp").unwrap_err();
        assert!(error.contains("does not compare with usrp"), "{error}");
        let mut report = report();
        report["flagged_tells"] = Value::Null;
        assert!(read(&report, "usrp").is_err());
    }

    #[test]
    fn scanner_and_meter_are_compared_by_name() {
        let meter = meter_rates(&report());
        for scan in [
            json!({ "tells": { "em_dash": { "per_1000": 28.0 }, "own": { "per_1000": 1.0 } } }),
            json!([{ "id": "em_dash", "per_1000": 28.0 }, { "id": "own", "per_1000": 1.0 }]),
        ] {
            let told = differences(&scan_rates(&scan), &meter);
            assert!(told.starts_with("1 tells"), "{told}");
            assert!(told.contains("scan    28.0   meter    30.2"), "{told}");
        }
    }
}
