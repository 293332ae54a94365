//! One file a command.

pub(crate) mod alerts;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emailgen_mails;
pub(crate) mod emailgen_run;
pub(crate) mod emailgen_scan;
pub(crate) mod emailgen_tick;
pub(crate) mod findings;
pub(crate) mod init;
pub(crate) mod llm_doctor;
pub(crate) mod llm_parse;
pub(crate) mod llm_try;
pub(crate) mod personas;
pub(crate) mod sessions_facts;
pub(crate) mod sessions_run;
pub(crate) mod sessions_show;
pub(crate) mod sessions_tick;
pub(crate) mod world;
