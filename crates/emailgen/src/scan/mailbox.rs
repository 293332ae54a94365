//! All messages of a world beside each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

use super::catalogue::{RealShare, Tell, Weight};
use super::date::MailDate;
use super::duplicates;
use super::mailer::Mailer;
use super::message::{self, Facts};
use super::{Finding, Place};

/// A share says nothing of fewer messages than this.
pub const MESSAGES_MIN: usize = 50;

/// A property of all messages says nothing of fewer than this.
const ALL_MIN: usize = 100;

/// Properties that a real mailbox of this size would have by chance in less than one case of
/// fifty: threads of three, writers of five mails, replies whose delay is known.
const THREADS_MIN: usize = 20;
const WRITERS_MIN: usize = 30;
const DELAYS_MIN: usize = 20;

/// Weekend mail is 45 of 1000 in the office with the fewest.
const WEEKEND_MIN: usize = 150;

/// Spread of the decimal logarithm of reply times; 0.8 to 1.05 in real mail.
const DELAY_SPREAD_MIN: f64 = 0.3;

/// Longest thread that is followed to its start.
const THREAD_MAX: usize = 500;

/// What is known about how many messages real mail was measured on.
const USRP_MESSAGES: f64 = 10_229.0;
const HYPERV_MESSAGES: f64 = 9_224.0;

/// What the share of a tell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Real mail never has it.
    Giveaway,
    /// Far more often than in any real mail, of all messages and of those of an average writer.
    TooOften,
    /// As in real mail, or too few messages to say.
    Plausible,
}

/// How often a tell was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TellCount {
    /// Which one.
    pub tell: Tell,
    /// Messages with it.
    pub count: usize,
    /// The same of 1000 messages.
    pub per_1000: f64,
    /// What that says.
    pub verdict: Verdict,
}

/// What a mailbox shows.
#[derive(Clone, Debug, PartialEq)]
pub struct MailboxReport {
    /// Messages with a date, each Message-ID once.
    pub messages: usize,
    /// Every tell that single messages may have, found or not.
    pub tells: Vec<TellCount>,
    /// What the mailbox as a whole gives away.
    pub mailbox: Vec<Finding>,
}

impl MailboxReport {
    /// Whether anything tells that the mail is synthetic.
    pub fn gives_itself_away(&self) -> bool {
        !self.mailbox.is_empty()
            || self
                .tells
                .iter()
                .any(|count| count.verdict != Verdict::Plausible)
    }
}

type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// Takes messages one after the other; keeps hashes, dates and flags of each, and no text.
///
/// The same Message-ID in several folders counts once, and a received copy wins over one in Sent.
/// A message without a date that can be read is scanned, but not counted.
#[derive(Debug, Default)]
pub struct MailboxScan {
    messages: Vec<Facts>,
    by_key: Map<u64, usize>,
}

impl MailboxScan {
    /// Adds a message, and names its tells as [`scan_message`](super::scan_message) does.
    pub fn add(&mut self, bytes: &[u8], place: &Place<'_>) -> Vec<Finding> {
        let (findings, facts) = message::read(bytes, place, true);
        let Some(date) = facts.date else {
            return findings;
        };
        let key = facts
            .id
            .unwrap_or_else(|| message::hash(&(facts.sender, date.seconds, facts.subject)));
        match self.by_key.get(&key).copied() {
            None => {
                self.by_key.insert(key, self.messages.len());
                self.messages.push(facts);
            }
            Some(index) => {
                if let Some(known) = self.messages.get_mut(index)
                    && known.is_in_sent
                    && !facts.is_in_sent
                {
                    *known = facts;
                }
            }
        }
        findings
    }

    /// How many messages count so far.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether no message counts so far.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Compares all messages.
    pub fn finish(self) -> MailboxReport {
        let mut world = World::of(self.messages);
        world.find_replies();
        world.find_duplicates();
        let mut mailbox = Vec::new();
        world.judge(&mut mailbox);
        MailboxReport {
            messages: world.messages.len(),
            tells: world.counts(),
            mailbox,
        }
    }
}

/// Messages with what they answer.
struct World {
    messages: Vec<Facts>,
    /// Which message each answers, and whether its In-Reply-To says so.
    parents: Vec<Option<(usize, bool)>>,
    /// Seconds from a mail to its answer by somebody else.
    delays: Vec<i64>,
}

impl World {
    fn of(messages: Vec<Facts>) -> Self {
        let by_id: Map<u64, usize> = messages
            .iter()
            .enumerate()
            .filter_map(|(index, message)| Some((message.id?, index)))
            .collect();
        let parents = messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                let named = message.parent.map(|id| (id, true));
                let earlier = message.references.iter().rev().map(|id| (*id, false));
                named
                    .into_iter()
                    .chain(earlier)
                    .find_map(|(id, is_direct)| {
                        let parent = by_id.get(&id).copied().filter(|parent| *parent != index)?;
                        Some((parent, is_direct || message.parent == Some(id)))
                    })
            })
            .collect();
        Self {
            messages,
            parents,
            delays: Vec::new(),
        }
    }

    fn date(&self, index: usize) -> Option<MailDate> {
        self.messages.get(index).and_then(|message| message.date)
    }

    fn find_replies(&mut self) {
        for index in 0..self.messages.len() {
            let parent = self.parents.get(index).copied().flatten();
            let written = self.date(index).map_or(0, |date| date.seconds);
            let answered = parent.and_then(|(parent, is_direct)| {
                let facts = self.messages.get(parent)?;
                Some((facts.date?.seconds, facts.sender, facts.subject, is_direct))
            });
            let Some(message) = self.messages.get_mut(index) else {
                continue;
            };
            let Some((seconds, sender, subject, is_direct)) = answered else {
                if message.parent.is_some() {
                    message.tells.insert(Tell::IrtUnresolved);
                }
                continue;
            };
            let delay = written - seconds;
            let is_answer = is_direct && sender != message.sender;
            for (tell, is_found) in [
                (Tell::ReplyBeforeParent, delay < 0),
                (Tell::ReplyUnder60s, is_answer && (0..60).contains(&delay)),
                (Tell::ReplySubjectMismatch, subject != message.subject),
                (Tell::ReplyWithoutAnyQuote, !message.quotes),
                (Tell::QuoteStyleContradictsMua, message.style_contradicts),
            ] {
                if is_found {
                    message.tells.insert(tell);
                }
            }
            if is_answer && delay >= 0 {
                self.delays.push(delay);
            }
        }
    }

    fn find_duplicates(&mut self) {
        let mut bodies: Map<u64, usize> = Map::default();
        for body in self.messages.iter().filter_map(|message| message.body) {
            *bodies.entry(body).or_default() += 1;
        }
        for message in &mut self.messages {
            let is_copy = message.body.and_then(|body| bodies.get(&body));
            if is_copy.is_some_and(|count| *count > 1) {
                message.tells.insert(Tell::IdenticalBody);
            }
        }
        let texts: Vec<&[u32]> = self
            .messages
            .iter()
            .map(|message| &message.shingles[..])
            .collect();
        let near = duplicates::near(&texts);
        for (message, (very, half)) in self.messages.iter_mut().zip(near) {
            if very {
                message.tells.insert(Tell::NearDuplicate09);
            }
            if half {
                message.tells.insert(Tell::NearDuplicate05);
            }
        }
    }

    fn counts(&self) -> Vec<TellCount> {
        let writers = self.writers();
        Tell::ALL
            .iter()
            .copied()
            .filter(|tell| tell.row().weight != Weight::Mailbox)
            .map(|tell| {
                let count = self.count(tell);
                let per_1000 = 1000.0 * count as f64 / self.messages.len().max(1) as f64;
                TellCount {
                    tell,
                    count,
                    per_1000,
                    verdict: verdict(tell, count, self.messages.len(), || {
                        self.per_1000_of_a_writer(tell, &writers)
                    }),
                }
            })
            .collect()
    }

    /// The messages of each writer.
    fn writers(&self) -> Vec<Vec<usize>> {
        let mut writers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, message) in self.messages.iter().enumerate() {
            writers.entry(message.sender).or_default().push(index);
        }
        writers.into_values().collect()
    }

    /// How many of 1000 messages of an average writer have a tell.
    fn per_1000_of_a_writer(&self, tell: Tell, writers: &[Vec<usize>]) -> f64 {
        let has = |index: &&usize| {
            let message = self.messages.get(**index);
            message.is_some_and(|message| message.tells.contains(tell))
        };
        let shares = writers
            .iter()
            .map(|own| own.iter().filter(has).count() as f64 / own.len().max(1) as f64);
        1000.0 * shares.sum::<f64>() / writers.len().max(1) as f64
    }

    fn count(&self, tell: Tell) -> usize {
        let having = |message: &&Facts| message.tells.contains(tell);
        self.messages.iter().filter(having).count()
    }

    fn judge(&self, found: &mut Vec<Finding>) {
        let all = self.messages.len();
        let mut add = |tell: Tell, condition: bool, detail: String| {
            if condition {
                found.push(Finding { tell, detail });
            }
        };
        let of_all = format!("{all} mails");
        let no = |has: fn(&Facts) -> bool| all >= ALL_MIN && !self.messages.iter().any(has);
        let same = |tell| all >= ALL_MIN && self.count(tell) == all;

        let orders = distinct(self.messages.iter().map(|message| message.header_order));
        add(
            Tell::OneHeaderOrder,
            all >= MESSAGES_MIN && orders <= 2,
            of_all.clone(),
        );
        let classes = distinct(self.messages.iter().map(|message| message.id_class));
        add(
            Tell::OneMidClass,
            all >= MESSAGES_MIN && classes == 1,
            of_all.clone(),
        );
        // The meter's margin: some mail of a server in UTC does not change the picture.
        let utc = self.count(Tell::DateUtc);
        add(
            Tell::AllUtc,
            all >= MESSAGES_MIN && utc * 100 >= all * 99,
            format!("{utc} of {all} mails"),
        );
        add(
            Tell::SecondsAlwaysZero,
            same(Tell::DateSecondsZero),
            of_all.clone(),
        );
        add(Tell::NoCc, no(|message| message.has_cc), of_all.clone());
        add(Tell::NoHtml, no(|message| message.has_html), of_all.clone());
        add(
            Tell::NoAttachments,
            no(|message| message.has_attachment),
            of_all.clone(),
        );
        add(
            Tell::NoWeekendMail,
            all >= WEEKEND_MIN && self.count(Tell::Weekend) == 0,
            of_all,
        );

        let received: Vec<&Facts> = self
            .messages
            .iter()
            .filter(|message| message.is_received_here)
            .collect();
        add(
            Tell::NoReceivedAtAll,
            received.len() >= MESSAGES_MIN && received.iter().all(|message| !message.has_received),
            format!("{} mails outside Sent", received.len()),
        );
        self.judge_replies(&mut add);
        self.judge_writers(&mut add);
    }

    fn judge_replies(&self, add: &mut impl FnMut(Tell, bool, String)) {
        let replies: Vec<&Facts> = self
            .messages
            .iter()
            .zip(&self.parents)
            .filter(|(message, parent)| {
                parent.is_some() || message.parent.is_some() || message.is_reply_by_subject
            })
            .map(|(message, _)| message)
            .collect();
        let count = format!("{} replies", replies.len());
        add(
            Tell::NoReplyQuotes,
            replies.len() >= MESSAGES_MIN && replies.iter().all(|message| !message.quotes),
            count.clone(),
        );
        let naming = replies
            .iter()
            .filter(|message| message.parent.is_some())
            .count();
        add(
            Tell::NoUnresolvedReply,
            naming >= ALL_MIN && self.count(Tell::IrtUnresolved) == 0,
            count,
        );
        let spread = spread(&self.delays);
        add(
            Tell::LatencyNearConstant,
            self.delays.len() >= DELAYS_MIN && spread < DELAY_SPREAD_MIN,
            format!("log10 spread {spread:.2} of {} replies", self.delays.len()),
        );

        let mut writers: BTreeMap<usize, (usize, BTreeSet<u64>)> = BTreeMap::new();
        for (index, message) in self.messages.iter().enumerate() {
            let (size, senders) = writers.entry(self.root(index)).or_default();
            *size += 1;
            senders.insert(message.sender);
        }
        let long = writers.values().filter(|(size, _)| *size >= 3).count();
        add(
            Tell::OnlyTwoPartyThreads,
            long >= THREADS_MIN && writers.values().all(|(_, senders)| senders.len() <= 2),
            format!("{long} threads of three and more"),
        );
    }

    fn judge_writers(&self, add: &mut impl FnMut(Tell, bool, String)) {
        let mut mailers: BTreeMap<u64, (usize, BTreeSet<Mailer>)> = BTreeMap::new();
        for message in &self.messages {
            let (count, used) = mailers.entry(message.sender).or_default();
            *count += 1;
            used.insert(message.mailer);
        }
        let busy: Vec<_> = mailers.values().filter(|(count, _)| *count >= 5).collect();
        add(
            Tell::NobodyHasTwoMailers,
            busy.len() >= WRITERS_MIN && busy.iter().all(|(_, used)| used.len() == 1),
            format!("{} writers of five and more", busy.len()),
        );
    }

    /// The first message of a thread; of one that goes in a circle, the message itself.
    fn root(&self, index: usize) -> usize {
        let mut root = index;
        for _ in 0..THREAD_MAX {
            match self.parents.get(root).copied().flatten() {
                Some((parent, _)) => root = parent,
                None => return root,
            }
        }
        index
    }
}

fn distinct<T: Ord + Hash>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<BTreeSet<T>>().len()
}

/// Standard deviation of the decimal logarithms.
fn spread(delays: &[i64]) -> f64 {
    let logarithms: Vec<f64> = delays
        .iter()
        .map(|delay| libm::log10(1.0 + *delay as f64))
        .collect();
    let count = logarithms.len().max(1) as f64;
    let mean = logarithms.iter().sum::<f64>() / count;
    let variance = logarithms
        .iter()
        .map(|logarithm| (logarithm - mean).powi(2))
        .sum::<f64>()
        / count;
    variance.sqrt()
}

/// Whether a share is that of real mail: its odds are at most six times those of the worst real
/// mail, or it is at most 20 of 1000 more.
///
/// In a small office one busy person's habit, time zone or program is a large share of all mail, so
/// that the average writer (`per_1000_of_a_writer`) has to stand out too.
fn verdict(
    tell: Tell,
    count: usize,
    messages: usize,
    per_1000_of_a_writer: impl FnOnce() -> f64,
) -> Verdict {
    let row = tell.row();
    if row.weight == Weight::Giveaway {
        return if count == 0 {
            Verdict::Plausible
        } else {
            Verdict::Giveaway
        };
    }
    if messages < MESSAGES_MIN {
        return Verdict::Plausible;
    }
    let (worst, worst_of) = worst(row.real);
    let stands_out = |share: f64| {
        let is_far = log_odds(share, messages as f64) - log_odds(worst, worst_of) > libm::log(6.0);
        is_far && share - worst > 20.0
    };
    if stands_out(1000.0 * count as f64 / messages as f64) && stands_out(per_1000_of_a_writer()) {
        Verdict::TooOften
    } else {
        Verdict::Plausible
    }
}

/// The larger share, and of how many messages. What was not measured is taken as never.
fn worst(real: RealShare) -> (f64, f64) {
    let (usrp, hyperv) = (real.usrp.unwrap_or(0.0), real.hyperv.unwrap_or(0.0));
    if usrp >= hyperv {
        (usrp, USRP_MESSAGES)
    } else {
        (hyperv, HYPERV_MESSAGES)
    }
}

fn log_odds(per_1000: f64, of: f64) -> f64 {
    let share = (per_1000 / 1000.0 * of + 0.5) / (of + 1.0);
    libm::log(share / (1.0 - share))
}
