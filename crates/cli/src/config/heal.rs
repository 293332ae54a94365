//! Settings of self-heal.

use std::time::Duration;

use chrono::TimeDelta;
use decnet_self_heal::fleet::{Budget, CircuitRule};
use decnet_self_heal::freeze::FreezeRule;
use decnet_self_heal::limits::{Cooldowns, Limits};
use decnet_self_heal::policies::age::Age;
use decnet_self_heal::policies::stagnation::{EpochRule, Stagnation};
use decnet_self_heal::policy::Policy;
use decnet_self_heal::retry::RetryPolicy;
use serde::Deserialize;

use super::{Flags, Origin, Setting, Source};
use crate::failure::Failure;

/// When decoys are nudged, and how.
#[derive(Clone, Debug)]
pub(crate) struct HealConfiguration {
    /// Names of the policies, in the order in which they are asked. Default stagnation, then age.
    pub(crate) policies: Setting<Vec<String>>,
    pub(crate) stagnation: Stagnation,
    pub(crate) age: Age,
    pub(crate) freeze: FreezeRule,
    pub(crate) circuit: CircuitRule,
    pub(crate) budget: Budget,
    pub(crate) retries: RetryPolicy,
    /// Silence after which another tick takes an attempt up. Default 10 minutes.
    pub(crate) lease: Setting<Duration>,
    /// Pause between ticks of `heal run`. Default 5 minutes.
    pub(crate) interval: Setting<Duration>,
    /// Every setting, for people to read.
    lines: Vec<(&'static str, String, String)>,
}

/// `[heal]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HealTable {
    policies: Option<Vec<String>>,
    interval: Option<String>,
    window: Option<String>,
    samples: Option<usize>,
    rate_factor: Option<f64>,
    tier_2_from: Option<f64>,
    tier_3_from: Option<f64>,
    epoch: Option<String>,
    longest_episode: Option<String>,
    actions_per_window: Option<usize>,
    cooldown_comment: Option<String>,
    cooldown_edit: Option<String>,
    cooldown_thread: Option<String>,
    age: Option<String>,
    actions_per_hour: Option<usize>,
    circuit_share: Option<f64>,
    circuit_at_least: Option<usize>,
    hold_off: Option<String>,
    longest_freeze: Option<String>,
    tries: Option<u32>,
    retry_first: Option<String>,
    retry_longest: Option<String>,
    lease: Option<String>,
}

const POLICIES: [&str; 2] = [Stagnation::NAME, Age::NAME];

impl HealConfiguration {
    pub(super) fn load(
        flags: &Flags,
        table: HealTable,
        from_file: &Source<'_>,
    ) -> Result<Self, Failure> {
        let mut reader = Reader {
            from_file,
            lines: Vec::new(),
        };
        let policies = policies(table.policies, from_file)?;
        reader.tell("heal.policies", policies.value.join(", "), &policies.origin);
        let interval = match flags.heal_interval {
            Some(value) => Setting {
                value,
                origin: Origin::Flag("--interval"),
            },
            None => from_file.duration("heal.interval", table.interval, minutes(5))?,
        };
        let shown = humantime::format_duration(interval.value).to_string();
        reader.tell("heal.interval", shown, &interval.origin);
        let defaults = Stagnation::default();
        let window = reader.span("heal.window", table.window, defaults.window)?;
        let samples = reader.number("heal.samples", table.samples, defaults.samples);
        let rate_factor = reader.number("heal.rate_factor", table.rate_factor, 20.0);
        let tier_2_from = reader.number("heal.tier_2_from", table.tier_2_from, 0.55);
        let tier_3_from = reader.number("heal.tier_3_from", table.tier_3_from, 0.8);
        if !(rate_factor.is_finite() && rate_factor > 0.0) {
            return Err(from_file.wrong("heal.rate_factor", "it has to be above 0"));
        }
        if !(0.0 < tier_2_from && tier_2_from < tier_3_from && tier_3_from <= 1.0) {
            let what = "0 < tier_2_from < tier_3_from <= 1 has to hold";
            return Err(from_file.wrong("heal.tier_2_from", what));
        }
        let longest = reader.span(
            "heal.longest_episode",
            table.longest_episode,
            TimeDelta::days(7),
        )?;
        let epoch = reader.text("heal.epoch", table.epoch, "episode");
        let epochs = match epoch.as_str() {
            "episode" => EpochRule::Episode { longest },
            "forever" => EpochRule::Forever,
            other => {
                let what = format!("{other:?} is neither \"episode\" nor \"forever\"");
                return Err(from_file.wrong("heal.epoch", &what));
            }
        };
        let most = Limits::default().most_in_window;
        let usual = Cooldowns::default();
        let limits = Limits {
            window,
            most_in_window: reader.number(
                "heal.actions_per_window",
                table.actions_per_window,
                most,
            ),
            cooldowns: Cooldowns {
                comment: reader.span(
                    "heal.cooldown_comment",
                    table.cooldown_comment,
                    usual.comment,
                )?,
                edit: reader.span("heal.cooldown_edit", table.cooldown_edit, usual.edit)?,
                thread: reader.span("heal.cooldown_thread", table.cooldown_thread, usual.thread)?,
            },
            ..Limits::default()
        };
        let age = Age {
            after: reader.span("heal.age", table.age, Age::default().after)?,
            limits: limits.clone(),
        };
        let budget = Budget {
            actions_per_hour: reader.number(
                "heal.actions_per_hour",
                table.actions_per_hour,
                Budget::default().actions_per_hour,
            ),
        };
        let usual = CircuitRule::default();
        let circuit = CircuitRule {
            share: reader.number("heal.circuit_share", table.circuit_share, usual.share),
            at_least: reader.number(
                "heal.circuit_at_least",
                table.circuit_at_least,
                usual.at_least,
            ),
        };
        if !(0.0..=1.0).contains(&circuit.share) {
            return Err(from_file.wrong("heal.circuit_share", "it is not between 0 and 1"));
        }
        let usual = FreezeRule::default();
        let freeze = FreezeRule {
            hold_off: reader.span("heal.hold_off", table.hold_off, usual.hold_off)?,
            longest: reader.span("heal.longest_freeze", table.longest_freeze, usual.longest)?,
        };
        let usual = RetryPolicy::default();
        let retries = RetryPolicy {
            first: reader.span("heal.retry_first", table.retry_first, usual.first)?,
            longest: reader.span("heal.retry_longest", table.retry_longest, usual.longest)?,
            most_tries: reader.number("heal.tries", table.tries, usual.most_tries),
        };
        if retries.most_tries == 0 {
            return Err(from_file.wrong("heal.tries", "0 tries are none; at least 1"));
        }
        let lease = from_file.duration("heal.lease", table.lease, minutes(10))?;
        let shown = humantime::format_duration(lease.value).to_string();
        reader.tell("heal.lease", shown, &lease.origin);
        Ok(Self {
            policies,
            stagnation: Stagnation {
                window,
                samples,
                rate_factor,
                tier_2_from,
                tier_3_from,
                epochs,
                limits,
            },
            age,
            freeze,
            circuit,
            budget,
            retries,
            lease,
            interval,
            lines: reader.lines,
        })
    }

    /// The policies, in the order in which they are asked.
    pub(crate) fn policies(&self) -> Vec<&dyn Policy> {
        let named = |name: &String| -> Option<&dyn Policy> {
            match name.as_str() {
                Stagnation::NAME => Some(&self.stagnation),
                Age::NAME => Some(&self.age),
                _ => None,
            }
        };
        self.policies.value.iter().filter_map(named).collect()
    }

    /// Name, value and origin of each setting, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        self.lines.clone()
    }
}

/// Reads settings, and notes each for people to read.
struct Reader<'a> {
    from_file: &'a Source<'a>,
    lines: Vec<(&'static str, String, String)>,
}

impl Reader<'_> {
    fn tell(&mut self, name: &'static str, value: String, origin: &Origin) {
        self.lines.push((name, value, origin.to_string()));
    }

    fn span(
        &mut self,
        name: &'static str,
        text: Option<String>,
        default: TimeDelta,
    ) -> Result<TimeDelta, Failure> {
        let usual = default.to_std().unwrap_or_default();
        let setting = self.from_file.duration(name, text, usual)?;
        let shown = humantime::format_duration(setting.value).to_string();
        self.tell(name, shown, &setting.origin);
        Ok(TimeDelta::from_std(setting.value).unwrap_or(TimeDelta::MAX))
    }

    fn number<T: ToString>(&mut self, name: &'static str, given: Option<T>, default: T) -> T {
        let setting = self.from_file.or(given, default);
        self.tell(name, setting.value.to_string(), &setting.origin);
        setting.value
    }

    fn text(&mut self, name: &'static str, given: Option<String>, default: &str) -> String {
        self.number(name, given, default.to_owned())
    }
}

fn policies(
    given: Option<Vec<String>>,
    from_file: &Source<'_>,
) -> Result<Setting<Vec<String>>, Failure> {
    let wrong = |what: String| from_file.wrong("heal.policies", &what);
    let all = POLICIES.map(str::to_owned).to_vec();
    let setting = from_file.or(given, all);
    if setting.value.is_empty() {
        return Err(wrong(
            "no policy is left; to do nothing, `decnet heal pause`".to_owned(),
        ));
    }
    for (index, name) in setting.value.iter().enumerate() {
        if !POLICIES.contains(&name.as_str()) {
            let known = POLICIES.join(", ");
            return Err(wrong(format!(
                "there is no policy {name:?}; there are {known}"
            )));
        }
        if setting.value.iter().take(index).any(|other| other == name) {
            return Err(wrong(format!("{name} is there twice")));
        }
    }
    Ok(setting)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}
