//! What became of mails in work.

use super::{Answer, MemoryLedger, State, at_mut, kept};
use crate::ledger::{DeckyId, DeliveredMail, FailedMail, MailId, Recorded};

impl MemoryLedger {
    pub(super) fn settle_delivered(&mut self, delivered: &DeliveredMail) -> Recorded {
        let Some(mail) = self.held(delivered.id, delivered.attempt) else {
            return Recorded::Overtaken;
        };
        mail.state = State::Delivered;
        mail.claimable_at = None;
        mail.error = None;
        mail.record = Some(delivered.record.clone());
        mail.drop_message();
        let reader = mail.plan.sender;
        let sent_at = mail.plan.sent_at.to_utc();
        let homes: Vec<DeckyId> = mail.plan.people().map(|(_, home)| home.decky).collect();
        let before = mail
            .plan
            .draft
            .as_ref()
            .and_then(|draft| draft.before.as_ref())
            .map(|before| before.mail);
        let answer = delivered.answer.map(|answer| Answer {
            answerer: answer.answerer,
            author: mail.plan.sender,
            due_at: kept(answer.due_at),
        });
        if let Some(answer) = answer {
            self.answers.insert(delivered.id, answer);
        }
        self.unrefuse(delivered.id);
        for decky in homes {
            if let Some(entry) = at_mut(&mut self.deckies, decky.0) {
                entry.last_change = entry.last_change.max(Some(sent_at));
            }
        }
        if let Some(replaced) = before.and_then(|before| self.mails.get_mut(&before)) {
            replaced.is_replaced = true;
        }
        for id in delivered.read.iter().chain(&delivered.vanished) {
            if let Some(mail) = self.mails.get_mut(id) {
                mail.read_by.insert(reader);
                mail.inbox_vanished |=
                    mail.plan.recipient == reader && delivered.vanished.contains(id);
            }
        }
        for follow_up in &delivered.follow_ups {
            let known = |held: &crate::ledger::FollowUp| {
                held.kind == follow_up.kind && held.cause == follow_up.cause
            };
            if !self.follow_ups.iter().any(known) {
                self.follow_ups.push(follow_up.clone());
            }
        }
        Recorded::Yes
    }

    pub(super) fn settle_failed(&mut self, failed: &FailedMail) -> Recorded {
        let Some(mail) = self.held(failed.id, failed.attempt) else {
            return Recorded::Overtaken;
        };
        mail.error = Some(failed.error.clone());
        mail.record = Some(failed.record.clone());
        mail.claimable_at = failed.next_attempt_at.map(kept);
        mail.failed_attempt = Some(failed.attempt);
        if failed.next_attempt_at.is_none() {
            mail.state = State::Abandoned;
            mail.drop_message();
            self.unrefuse(failed.id);
        } else {
            mail.state = State::Failed;
            if let Some(decky) = failed.refused_by
                && let Some(entry) = at_mut(&mut self.deckies, decky.0)
            {
                entry.refused = Some(failed.id);
            }
        }
        Recorded::Yes
    }

    /// Lets deckies take new mail again that refused this one.
    fn unrefuse(&mut self, mail: MailId) {
        for entry in &mut self.deckies {
            if entry.refused == Some(mail) {
                entry.refused = None;
            }
        }
    }
}
