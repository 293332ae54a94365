//! decnet, the command.
//!
//! This crate owns arguments, configuration, wiring, output and exit codes, and nothing that a
//! library could own. It alone reads the command line, the environment, the clock and
//! configuration files, and installs signals and logging.

mod alerting;
mod arguments;
mod backing_up;
mod commands;
mod config;
mod environment;
mod event_file;
mod fact_extractor;
mod failure;
mod heal;
mod health;
mod jobs;
mod logging;
mod memory_scorer;
mod model;
mod output;
mod own_store;
mod processors;
mod remembering;
mod service_manager;
mod sessions;
mod suggestion;
mod ticking;
mod wiring;
mod world_file;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::arguments::{
    AlertsCommand, Arguments, CanonCommand, Command, DbCommand, EmailgenCommand, HealCommand,
    JobsCommand, LlmCommand, MemoryCommand, MetricsCommand, PersonasCommand, QuarantineCommand,
    SessionsCommand, WorkerCommand, WorldCommand,
};
use crate::config::Flags;
use crate::failure::{Failure, Kind};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Closed output is not worth another message.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => Kind::Usage.into(),
            };
        }
    };
    logging::install(arguments.verbose, arguments.log_json);
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::warn(&failure.to_string());
            failure.kind.into()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let model = arguments.command.model();
    let flags = Flags {
        config: arguments.config,
        state_dir: arguments.state_dir,
        interval: match &arguments.command {
            Command::Emailgen(EmailgenCommand::Run { interval, .. }) => *interval,
            _ => None,
        },
        heal_interval: match &arguments.command {
            Command::Heal(HealCommand::Run { interval, .. }) => *interval,
            _ => None,
        },
        without: match &arguments.command {
            Command::Run(run) => run.without.clone(),
            _ => Vec::new(),
        },
        llm: model.llm,
        cassette: model.cassette,
    };
    match arguments.command {
        Command::Demo(demo) => commands::demo::run(&demo),
        Command::Init(init) => commands::init::run(&init, &flags),
        Command::World(command) => match command {
            WorldCommand::Apply {
                file,
                dry_run,
                json,
            } => commands::world::apply(&flags, &file, dry_run, json),
            WorldCommand::Show { json } => commands::world::show(&flags, json),
            WorldCommand::Remove {
                decky,
                topology,
                domain,
                json,
            } => commands::world::remove(&flags, &decky, &topology, &domain, json),
        },
        Command::Personas(command) => match command {
            PersonasCommand::Import(import) => commands::personas::import(&flags, &import),
            PersonasCommand::Validate { file, json } => commands::personas::validate(&file, json),
            PersonasCommand::List { json } => commands::personas::list(&flags, json),
        },
        Command::Run(_) => commands::run::run(&flags),
        Command::Emailgen(command) => match command {
            EmailgenCommand::Tick(tick) => commands::emailgen_tick::run(&flags, &tick),
            EmailgenCommand::Run { .. } => commands::emailgen_run::run(&flags),
            EmailgenCommand::List(list) => commands::emailgen_mails::list(&flags, &list),
            EmailgenCommand::Show { id, json } => commands::emailgen_mails::show(&flags, id, json),
            EmailgenCommand::Scan(scan) => commands::emailgen_scan::run(&scan),
            EmailgenCommand::ImportPersonas(import) => commands::personas::import(&flags, &import),
        },
        Command::Llm(command) => match command {
            LlmCommand::Doctor { json, .. } => commands::llm_doctor::run(&flags, json),
            LlmCommand::Try(arguments) => commands::llm_try::run(&flags, &arguments),
            LlmCommand::Parse { files, reply, json } => {
                commands::llm_parse::run(&files, reply, json)
            }
        },
        Command::Sessions(command) => match command {
            SessionsCommand::Tick(tick) => commands::sessions_tick::run(&flags, &tick),
            SessionsCommand::Run => commands::sessions_run::run(&flags),
            SessionsCommand::Status { json } => commands::sessions_show::status(&flags, json),
            SessionsCommand::Processors { json } => {
                commands::sessions_show::processors(&flags, json)
            }
            SessionsCommand::Usage(usage) => commands::sessions_show::usage(&flags, &usage),
            SessionsCommand::Facts { json } => commands::sessions_facts::run(&flags, json),
            SessionsCommand::Records(records) => commands::sessions_show::records(&flags, &records),
            SessionsCommand::Quarantine(QuarantineCommand::List { json }) => {
                commands::sessions_show::quarantine(&flags, json)
            }
            SessionsCommand::Quarantine(QuarantineCommand::Replay {
                key,
                processor,
                json,
            }) => commands::sessions_show::replay(&flags, &key, processor.as_deref(), json),
        },
        Command::Heal(command) => match command {
            HealCommand::Tick(tick) => commands::heal_tick::run(&flags, &tick),
            HealCommand::Run { .. } => commands::heal_run::run(&flags),
            HealCommand::Explain { target, now, json } => {
                commands::heal_show::explain(&flags, &target, now, json)
            }
            HealCommand::History(history) => commands::heal_show::history(&flags, &history),
            HealCommand::Pause { target, json } => {
                commands::heal_pause::pause(&flags, target.as_deref(), json)
            }
            HealCommand::Resume { target, json } => {
                commands::heal_pause::resume(&flags, target.as_deref(), json)
            }
            HealCommand::Metrics(MetricsCommand::Import { file, json }) => {
                commands::heal_import::run(&flags, &file, json)
            }
        },
        Command::Memory(command) => match command {
            MemoryCommand::List(list) => commands::memory::list(&flags, &list),
            MemoryCommand::Show { id, json } => commands::memory::show(&flags, id, json),
            MemoryCommand::Pin { id, json } => commands::memory_pin::pin(&flags, id, json),
            MemoryCommand::Unpin { id, json } => commands::memory_pin::unpin(&flags, id, json),
            MemoryCommand::Rebuild { json } => commands::memory_log::rebuild(&flags, json),
        },
        Command::Canon(command) => match command {
            CanonCommand::List(list) => commands::canon::list(&flags, &list),
            CanonCommand::Set(set) => commands::canon::set(&flags, &set),
            CanonCommand::Rename { id, name, json } => {
                commands::canon::rename(&flags, id, &name, json)
            }
            CanonCommand::Describe { id, text, json } => {
                commands::canon::describe(&flags, id, &text, json)
            }
        },
        Command::Worker(WorkerCommand::Run) => commands::worker_run::run(&flags),
        Command::Worker(WorkerCommand::Tick { quiet, json }) => {
            commands::worker_tick::run(&flags, quiet, json)
        }
        Command::Jobs(command) => match command {
            JobsCommand::List(list) => commands::jobs::list(&flags, &list),
            JobsCommand::Show { id, json } => commands::jobs::show(&flags, id, json),
            JobsCommand::Retry { id, json } => commands::jobs::retry(&flags, id, json),
            JobsCommand::Discard { id, json } => commands::jobs::discard(&flags, id, json),
        },
        Command::Db(command) => match command {
            DbCommand::Backup { file, json } => commands::db::backup(&flags, file.as_deref(), json),
            DbCommand::Restore { file, json } => commands::db::restore(&flags, &file, json),
            DbCommand::Check { file, json } => commands::db::check(&flags, file.as_deref(), json),
            DbCommand::Migrate { json } => commands::db::migrate(&flags, json),
            DbCommand::Snapshot { json } => commands::memory_log::snapshot(&flags, json),
        },
        Command::Alerts(command) => match command {
            AlertsCommand::List(list) => commands::alerts::list(&flags, &list),
            AlertsCommand::Test { json } => commands::alerts::test(&flags, json),
        },
        Command::Doctor { json } => commands::doctor::run(&flags, json),
        Command::Completions { shell } => {
            commands::completions::run(shell);
            Ok(())
        }
    }
}
