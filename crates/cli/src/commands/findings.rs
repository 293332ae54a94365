//! What a doctor finds, and how it is shown.

use serde::Serialize;

use crate::failure::{Failure, Kind};
use crate::output::{one_line, say};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Good,
    /// Works, but not as well as it could.
    Warning,
    /// Keeps decnet from working.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    subject: String,
    severity: Severity,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// Everything found so far.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn good(&mut self, subject: impl Into<String>, what: impl Into<String>) {
        self.add(subject, Severity::Good, what, None);
    }

    pub(crate) fn warning(
        &mut self,
        subject: impl Into<String>,
        what: impl Into<String>,
        advice: &str,
    ) {
        self.add(subject, Severity::Warning, what, Some(advice));
    }

    pub(crate) fn problem(
        &mut self,
        subject: impl Into<String>,
        what: impl Into<String>,
        advice: &str,
    ) {
        self.add(subject, Severity::Problem, what, Some(advice));
    }

    fn add(
        &mut self,
        subject: impl Into<String>,
        severity: Severity,
        what: impl Into<String>,
        advice: Option<&str>,
    ) {
        let subject = subject.into();
        let what = one_line(&what.into());
        // Errors name their decky or persona themselves.
        let what = what
            .strip_prefix(&format!("{subject}: "))
            .unwrap_or(&what)
            .to_owned();
        self.0.push(Finding {
            subject,
            severity,
            what,
            advice: advice.map(str::to_owned),
        });
    }

    /// How many keep decnet from working.
    pub(crate) fn problems(&self) -> usize {
        self.0
            .iter()
            .filter(|finding| finding.severity == Severity::Problem)
            .count()
    }

    /// The failure that problems end a command with.
    pub(crate) fn failure(&self) -> Result<(), Failure> {
        match self.problems() {
            0 => Ok(()),
            1 => Err(Failure::new(Kind::Unavailable, "1 problem found")),
            problems => Err(Failure::new(
                Kind::Unavailable,
                format!("{problems} problems found"),
            )),
        }
    }

    /// Prints them, the worst first.
    pub(crate) fn show(&self) {
        let mut sorted: Vec<&Finding> = self.0.iter().collect();
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let good = sorted
            .iter()
            .filter(|finding| finding.severity == Severity::Good)
            .count();
        for (shown, finding) in sorted.iter().enumerate() {
            let mark = match finding.severity {
                Severity::Good => "ok      ",
                Severity::Warning => "warning ",
                Severity::Problem => "PROBLEM ",
            };
            // A large world's good news is a number.
            if finding.severity == Severity::Good && shown + 1 > sorted.len() - good + 50 {
                say(&format!("ok       and {} more", sorted.len() - shown));
                break;
            }
            say(&format!("{mark} {}: {}", finding.subject, finding.what));
            if let Some(advice) = &finding.advice {
                say(&format!("         → {advice}"));
            }
        }
    }
}
