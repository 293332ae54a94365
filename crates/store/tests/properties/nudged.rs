//! Steps that nudges take.

use decnet_emailgen::ledger::{DraftBefore, DraftPlan};

use super::*;

impl Pair {
    pub(super) fn draft(&mut self, lot: u64, text: bool, deliver: bool) {
        let decky = DeckyId(1 + (lot % 4).cast_signed());
        let open = self.both(|ledger| ledger.open_drafts(decky));
        let people: &mut dyn Ledger = &mut self.memory;
        let going_on = match pick(&open, lot).cloned() {
            Some(draft) => {
                let author = people.correspondent(draft.author).unwrap();
                let recipient = people.correspondent(draft.recipient).unwrap();
                author.zip(recipient).map(|people| (people, Some(draft)))
            }
            None => self.draw(lot).map(|people| (people, None)),
        };
        let Some(((author, recipient), before)) = going_on else {
            return;
        };
        let mut plan = self.plan(author, recipient, lot | 1, false);
        plan.copies = Vec::new();
        plan.recipient_home = plan.sender_home.clone();
        plan.inbox_name = String::new();
        plan.cause = (!lot.is_multiple_of(4)).then(|| format!("cause {}", lot % 40));
        plan.draft = Some(DraftPlan {
            iteration: before.as_ref().map_or(1, |before| before.iteration + 1),
            last: before.as_ref().map_or(3, |before| before.last),
            seed: before.as_ref().map_or(lot, |before| before.seed),
            before: before.map(|before| DraftBefore {
                mail: before.mail,
                name: before.name,
                subject: before.subject,
                body: before.body,
                written_by: before.written_by,
            }),
        });
        // Of a draft that was not written nothing is delivered.
        if text || deliver {
            plan.composed = Some(composed(&format!("draft {}", self.plans)));
        }
        self.send(plan, None, deliver);
    }

    pub(super) fn comment(&mut self, lot: u64, deliver: bool) {
        let decky = DeckyId(1 + (lot % 4).cast_signed());
        let (since, until) = (Desk::at(self.minute - 30), Desk::at(self.minute - 1));
        let look_at = usize::try_from(lot % 7).unwrap() + 1;
        let mails = self.both(|ledger| ledger.unanswered_on(decky, since, until, look_at));
        let Some(mail) = pick(&mails, lot).copied() else {
            return;
        };
        let parent = self.both(|ledger| ledger.parent(mail, PersonaId(0)));
        let Some(parent) = parent else { return };
        let people: &mut dyn Ledger = &mut self.memory;
        let answerer = people.correspondent(parent.recipients[0].0.id).unwrap();
        let author = people.correspondent(parent.author.id).unwrap();
        let Some((answerer, author)) = answerer.zip(author) else {
            return;
        };
        self.both(|ledger| ledger.parent(mail, answerer.id));
        let mut plan = self.plan(answerer, author, lot, false);
        plan.reply_to = Some(ReplyTo {
            parent: mail,
            thread: parent.thread,
            thread_length: parent.thread_length + 1,
        });
        plan.cause = Some(format!("cause {}", lot % 40));
        self.send(plan, Some(30), deliver);
    }

    pub(super) fn take_over_caused(&mut self, lot: u64, minutes: i64, outcome: u8) {
        let cause = format!("cause {}", lot % 40);
        let Some(caused) = self.both(|ledger| ledger.caused(&cause)) else {
            return;
        };
        let now = Desk::at(self.minute + minutes);
        let lease = Desk::at(self.minute + minutes + 60);
        let claimed = self.both(|ledger| ledger.claim_mail(caused.id, now, lease));
        let Some(mail) = claimed else { return };
        if outcome == 0 {
            self.deliver(mail.id, mail.attempt, &mail.plan, None);
            return;
        }
        let failed = FailedMail {
            id: mail.id,
            attempt: mail.attempt,
            error: "failure".to_owned(),
            next_attempt_at: (outcome == 1).then_some(lease),
            refused_by: None,
            record: json!({"failed": mail.id.0}).to_string(),
        };
        self.both(|ledger| ledger.record_failed(std::slice::from_ref(&failed)));
    }
}
