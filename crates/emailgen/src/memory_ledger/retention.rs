//! What may go, and where it lies.

use decnet_activity_driver::action::{Folder, MailLocation};

use super::{MailEntry, MemoryLedger, at, unknown};
use crate::ledger::{ExpiredMail, LedgerError, MailId, Retention};

impl MemoryLedger {
    /// Whether a mail lies on a decky that loses nothing.
    pub(super) fn is_spared(&self, mail: &MailEntry, retention: &Retention) -> bool {
        !retention.spared.is_empty()
            && mail.plan.people().any(|(_, home)| {
                at(&self.deckies, home.decky.0)
                    .is_some_and(|entry| retention.spared.contains(&entry.decky.name))
            })
    }

    /// Whether a reply in work answers this mail.
    pub(super) fn is_needed(&self, id: MailId) -> bool {
        self.mails.values().any(|mail| {
            mail.claimable_at.is_some()
                && mail.plan.reply_to.is_some_and(|reply| reply.parent == id)
        })
    }

    pub(super) fn expired_mail(&self, id: MailId) -> Result<ExpiredMail, LedgerError> {
        let plan = &self
            .mails
            .get(&id)
            .ok_or_else(|| unknown("mail", id.0))?
            .plan;
        if plan.draft.is_some() {
            let is_replaced = self.mails.get(&id).is_some_and(|mail| mail.is_replaced);
            let location = MailLocation {
                login: plan.sender_home.login.clone(),
                address: self.address(plan.sender)?,
                folder: Folder::Drafts,
                unique_name: plan.sent_name.clone(),
            };
            let place = (self.decky(plan.sender_home.decky)?, location);
            return Ok(ExpiredMail {
                id,
                placements: if is_replaced { vec![] } else { vec![place] },
            });
        }
        let mut ends = vec![
            (
                plan.recipient,
                &plan.recipient_home,
                Folder::Inbox,
                &plan.inbox_name,
            ),
            (
                plan.sender,
                &plan.sender_home,
                Folder::Sent,
                &plan.sent_name,
            ),
        ];
        for copy in &plan.copies {
            ends.push((copy.recipient, &copy.home, Folder::Inbox, &copy.inbox_name));
        }
        let placements = ends
            .into_iter()
            .map(|(persona, home, folder, unique_name)| {
                let location = MailLocation {
                    login: home.login.clone(),
                    address: self.address(persona)?,
                    folder,
                    unique_name: unique_name.clone(),
                };
                Ok((self.decky(home.decky)?, location))
            })
            .collect::<Result<_, LedgerError>>()?;
        Ok(ExpiredMail { id, placements })
    }
}
