//! The processors of session logs, as the settings ask for them.

use std::sync::Arc;
use std::time::Duration;

use decnet_session_pipeline::processor::{Cadence, Processor};
use decnet_session_pipeline::processors::cowrie::Cowrie;
use decnet_session_pipeline::processors::engagement::{Calendar, Engagement, OwnAccess};
use decnet_session_pipeline::processors::usage::Usage;
use decnet_session_pipeline::processors::verification::Verification;
use decnet_session_pipeline::registry::{Build, ProcessorRegistry};

use crate::config::Settings;
use crate::environment;
use crate::fact_extractor;
use crate::failure::Failure;
use crate::wiring::open_store;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// Name and default cadence of each processor.
pub(crate) const CADENCES: [(&str, Duration); 4] = [
    ("usage", minutes(10)),
    ("verification", minutes(60)),
    ("cowrie", minutes(1)),
    ("engagement", minutes(5)),
];

/// Every processor. What one needs is looked for when it is first asked for.
pub(crate) fn registry(settings: &Settings) -> Result<ProcessorRegistry, Failure> {
    let sessions = &settings.sessions;
    let mut registry = ProcessorRegistry::default();
    let mut add = |name: &str, about: &str, build: Build| {
        let every = sessions
            .cadences
            .get(name)
            .map_or(minutes(10), |setting| setting.value);
        registry.register(name, Cadence::new(every), about, build)
    };
    let plugins = sessions.plugins.clone();
    add(
        "usage",
        "tools, skills, commands and tokens of agents",
        Box::new(move || {
            let usage: Arc<dyn Processor> = Arc::new(Usage::new(plugins.clone()));
            Ok(usage)
        }),
    )?;
    let of_extractor = settings.clone();
    add(
        "verification",
        "facts that users confirmed or corrected; needs a language model",
        Box::new(move || {
            let extractor = open_store(&of_extractor, false)
                .and_then(|mut store| fact_extractor::from_settings(&of_extractor, &mut store))
                .map_err(|failure| failure.message)?;
            let verification: Arc<dyn Processor> = Arc::new(Verification::new(extractor));
            Ok(verification)
        }),
    )?;
    let keep_passwords = sessions.keep_passwords.value;
    add(
        "cowrie",
        "what intruders did on SSH and Telnet decoys",
        Box::new(move || {
            let cowrie: Arc<dyn Processor> = Arc::new(Cowrie { keep_passwords });
            Ok(cowrie)
        }),
    )?;
    let own = OwnAccess {
        addresses: sessions.own_addresses.value.clone(),
        users: sessions.own_users.value.clone(),
    };
    let sample_every = sessions.sample_every.value;
    add(
        "engagement",
        "how much strangers look at each decoy, and who is inside now",
        Box::new(move || {
            let now = environment::now()
                .with_timezone(&chrono::Local)
                .fixed_offset();
            let engagement: Arc<dyn Processor> = Arc::new(Engagement {
                own: own.clone(),
                sample_every,
                ..Engagement::new(Calendar::not_after(now))
            });
            Ok(engagement)
        }),
    )?;
    Ok(registry)
}
