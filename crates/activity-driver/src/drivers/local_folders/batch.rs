//! Mail actions, many at a time.
//!
//! A delivery is made in two steps, with the wait for the disk in between shared by a whole batch:
//! [`delivery::write`] puts the message into `tmp/`, [`delivery::publish`] renames it.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::action::{Action, ActivityResult, Folder, MailLocation, MailboxHistory};
use crate::decky::Decky;
use crate::driver::DriverError;

use super::change;
use super::delivery::{self, Step, Written};
use super::mail_folder::{MailFolder, Part};
use super::names;
use super::site::Site;
use super::sync::sync_all;

/// Actions that share one wait for the disk. Each keeps at most four files open, which stays below
/// the usual limit of 1,024 for a process.
const BATCH: usize = 192;

type Outcome = Result<ActivityResult, DriverError>;

/// Carries out one action.
pub(super) fn run_one(durable: bool, decky: &Decky, action: &Action) -> Outcome {
    let mut outcomes = run_all(durable, &[(decky, action)]);
    match outcomes.pop() {
        Some(outcome) => outcome,
        None => unreachable!("there is one outcome for each action"),
    }
}

/// Carries out actions, in order where it matters, and answers in the same order.
pub(super) fn run_all(durable: bool, actions: &[(&Decky, &Action)]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(actions.len());
    for actions in actions.chunks(BATCH) {
        let mut batch = Batch::new(durable);
        for (decky, action) in actions {
            batch.run(decky, action);
        }
        outcomes.extend(batch.finish());
    }
    outcomes
}

/// Actions on their way to the disk.
struct Batch<'a> {
    durable: bool,
    /// Open folders, and what the folder of a mailbox is called.
    folders: HashMap<(&'a Path, PathBuf, Folder), Rc<MailFolder>>,
    /// Messages that wait for their rename.
    written: Vec<(usize, Written<'a>)>,
    waiting: HashSet<&'a str>,
    /// Folders that changed, and the action that must not succeed unless they are synced.
    changed: Vec<(usize, Changed<'a>)>,
    /// `None` while an action is under way.
    outcomes: Vec<Option<Outcome>>,
}

struct Changed<'a> {
    site: Site<'a>,
    folder: Rc<MailFolder>,
    part: Part,
}

/// What was done, and the parts of its folder that have to be synced before it is true.
pub(super) struct Done {
    pub(super) result: ActivityResult,
    pub(super) changed: &'static [Part],
}

impl<'a> Batch<'a> {
    fn new(durable: bool) -> Self {
        Self {
            durable,
            folders: HashMap::new(),
            written: Vec::new(),
            waiting: HashSet::new(),
            changed: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    fn run(&mut self, decky: &'a Decky, action: &'a Action) {
        let about = action.mail_location();
        let unique_name = about.map_or("", |location| &location.unique_name);
        // An action on a message has to find what an earlier one of this batch did to it.
        if self.waiting.contains(unique_name) {
            self.publish_all();
        }
        let slot = self.outcomes.len();
        self.outcomes.push(None);
        if let Err(error) = self.start(slot, decky, action) {
            self.outcomes[slot] = Some(Err(error));
        }
    }

    fn start(
        &mut self,
        slot: usize,
        decky: &'a Decky,
        action: &'a Action,
    ) -> Result<(), DriverError> {
        let site = Site::of(decky)?;
        let (location, create) = match action {
            Action::DeliverMail(delivery) => (&delivery.location, Some(delivery.history)),
            Action::FlagMail(flagging) => (&flagging.location, None),
            Action::RemoveMail(location) => (location, None),
        };
        let unique_name = names::unique_name(&site, location)?;
        let Some(folder) = self.folder(&site, location, create)? else {
            self.outcomes[slot] = Some(Ok(ActivityResult::Absent));
            return Ok(());
        };
        let step = match action {
            Action::DeliverMail(delivery) => {
                delivery::write(&site, &folder, unique_name, delivery)?
            }
            Action::FlagMail(flagging) => {
                Step::Done(change::flag(&site, &folder, unique_name, flagging)?)
            }
            Action::RemoveMail(_) => Step::Done(change::remove(&site, &folder, unique_name)?),
        };
        match step {
            Step::Written(written) => {
                self.written.push((slot, written));
                self.waiting.insert(unique_name);
            }
            Step::Done(done) => self.done(slot, site, &folder, done),
        }
        Ok(())
    }

    /// `None` if the folder does not exist and is not to be made. `create` says whether it is, and
    /// with which history.
    fn folder(
        &mut self,
        site: &Site<'a>,
        location: &MailLocation,
        create: Option<Option<MailboxHistory>>,
    ) -> Result<Option<Rc<MailFolder>>, DriverError> {
        let maildir = names::maildir(site, location)?;
        let key = (site.folders.root.as_path(), maildir, location.folder);
        if let Some(folder) = self.folders.get(&key)
            && (folder.creates() || create.is_none())
        {
            return Ok(Some(Rc::clone(folder)));
        }
        let opened = if let Some(history) = create {
            MailFolder::open_or_create(site, self.durable, &key.1, location.folder, history)?
        } else {
            match MailFolder::open(site, &key.1, location.folder)? {
                Some(opened) => opened,
                None => return Ok(None),
            }
        };
        let opened = Rc::new(opened);
        self.folders.insert(key, Rc::clone(&opened));
        Ok(Some(opened))
    }

    fn done(&mut self, slot: usize, site: Site<'a>, folder: &Rc<MailFolder>, done: Done) {
        self.outcomes[slot] = Some(Ok(done.result));
        if self.durable {
            self.changed.extend(done.changed.iter().map(|&part| {
                let folder = Rc::clone(folder);
                (slot, Changed { site, folder, part })
            }));
        }
    }

    fn publish_all(&mut self) {
        self.waiting.clear();
        let written = std::mem::take(&mut self.written);
        let synced = if self.durable {
            let files: Vec<_> = written.iter().map(|(_, one)| one.as_fd()).collect();
            sync_all(&files)
        } else {
            vec![Ok(()); written.len()]
        };
        for ((slot, written), synced) in written.into_iter().zip(synced) {
            let folder = Rc::clone(written.folder());
            let site = *written.site();
            let published = synced
                .map_err(|error| site.io("sync the message in", folder.path())(error))
                .and_then(|()| delivery::publish(written));
            match published {
                Ok(done) => self.done(slot, site, &folder, done),
                Err(error) => self.outcomes[slot] = Some(Err(error)),
            }
        }
    }

    fn finish(mut self) -> impl Iterator<Item = Outcome> {
        self.publish_all();
        self.sync_changed();
        self.outcomes.into_iter().flatten()
    }

    /// Syncs each folder once.
    fn sync_changed(&mut self) {
        let mut places = HashMap::new();
        let mut folders: Vec<BorrowedFd<'_>> = Vec::new();
        let mut place_of = Vec::with_capacity(self.changed.len());
        for (slot, Changed { site, folder, part }) in &self.changed {
            match folder.part(site, *part) {
                Ok(opened) => {
                    let place = *places
                        .entry((Rc::as_ptr(folder), *part))
                        .or_insert_with(|| {
                            folders.push(opened);
                            folders.len() - 1
                        });
                    place_of.push(Some(place));
                }
                Err(error) => {
                    self.outcomes[*slot] = Some(Err(error));
                    place_of.push(None);
                }
            }
        }
        let synced = sync_all(&folders);
        for ((slot, Changed { site, folder, part }), place) in self.changed.iter().zip(place_of) {
            if let Some(Err(error)) = place.map(|place| synced[place]) {
                let path = folder.path().join(part.name());
                self.outcomes[*slot] = Some(Err(site.io("sync", &path)(error)));
            }
        }
    }
}
