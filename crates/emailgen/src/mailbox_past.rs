//! The past of a mailbox: one that is made now looks as if it had been there for long.

use chrono::{DateTime, Utc};
use decnet_activity_driver::action::{FolderHistory, LaterFolderHistory, MailboxHistory};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ledger::Home;
use crate::random::{DeploymentSecret, Kind};
use crate::trace::host_digest;

/// How many days before its first mail a mailbox was made.
const AGE: std::ops::Range<i64> = 120..1_500;
/// Messages that it got in each of these days, in a hundredth of a message.
const MAILS_A_DAY: std::ops::Range<i64> = 300..2_500;
/// Saved drafts for a hundred mails sent: a judgement.
const DRAFTS_PER_HUNDRED: i64 = 70;
const SECONDS_OF_A_DAY: i64 = 86_400;

/// The past of a mailbox that is made for a mail of `now`.
pub(crate) fn past(home: &Home, now: DateTime<Utc>, secret: &DeploymentSecret) -> MailboxHistory {
    let name = format!("{}/{}", home.decky.uuid, home.login);
    let mut rng = ChaCha8Rng::seed_from_u64(secret.number(Kind::Mailbox, &name));
    let days = rng.random_range(AGE);
    let received = days * rng.random_range(MAILS_A_DAY) / 100;
    // People send a part of what they get.
    let sent = received * rng.random_range(15..60) / 100;
    let second_of_day = rng.random_range(0..SECONDS_OF_A_DAY);
    let made_at = (now.timestamp() / SECONDS_OF_A_DAY - days) * SECONDS_OF_A_DAY + second_of_day;
    let inbox_validity = u32::try_from(made_at).unwrap_or(1).max(1);
    let host = host_digest(home.decky.name.split('.').next().unwrap_or_default());
    let mut folder = |uid_validity: u32, messages: i64| {
        let mut guid = [0; 16];
        let nanoseconds = rng.random_range(0..1_000_000_000_u32);
        // Linux hands out process ids up to 32,768 (kernel.pid_max) on small machines.
        let process = rng.random_range(300..32_768_u32);
        let made = inbox_validity;
        for (at, part) in [nanoseconds, made, process].iter().enumerate() {
            guid[4 * at..4 * at + 4].copy_from_slice(&part.to_le_bytes());
        }
        guid[12..].copy_from_slice(&host);
        FolderHistory {
            uid_validity,
            next_uid: u32::try_from(messages + 1).unwrap_or(1),
            guid,
        }
    };
    let inbox = folder(inbox_validity, received);
    let sent_folder = folder(inbox_validity.saturating_add(1), sent);
    // Drawn last, so that it leaves the others as they are without it. Who keeps drafts saves more
    // of them than they send: each time it is saved, a draft gets a new UID.
    let drafts = folder(1, sent * DRAFTS_PER_HUNDRED / 100);
    MailboxHistory {
        inbox,
        sent: sent_folder,
        drafts: LaterFolderHistory {
            next_uid: drafts.next_uid,
            guid: drafts.guid,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeZone;
    use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};

    use super::*;
    use crate::ledger::DeckyId;

    #[test]
    fn a_mailbox_is_older_than_its_mail_and_unlike_others() {
        let home = |login: &str| Home {
            decky_id: DeckyId(1),
            decky: Arc::new(Decky {
                uuid: "8d0c".to_owned(),
                name: "mail01".to_owned(),
                source: DeckySource::Fleet,
                services: Vec::new(),
                transport: Transport::Local(LocalFolders::at("/srv/mail01")),
            }),
            login: login.to_owned(),
        };
        let now = Utc.with_ymd_and_hms(2026, 3, 6, 10, 0, 0).unwrap();
        let secret = DeploymentSecret::new([1; 32]);
        let ana = past(&home("ana"), now, &secret);
        assert_eq!(ana, past(&home("ana"), now, &secret));
        assert_ne!(ana, past(&home("ben"), now, &secret));
        assert_ne!(
            ana,
            past(&home("ana"), now, &DeploymentSecret::new([2; 32]))
        );
        assert!(i64::from(ana.inbox.uid_validity) < now.timestamp() - 100 * SECONDS_OF_A_DAY);
        assert!(ana.inbox.next_uid > ana.sent.next_uid && ana.sent.next_uid > 1);
        assert_eq!(ana.sent.uid_validity, ana.inbox.uid_validity + 1);
        assert_eq!(ana.inbox.guid[12..], ana.sent.guid[12..], "one host");
        assert_ne!(ana.inbox.guid, ana.sent.guid);
    }
}
