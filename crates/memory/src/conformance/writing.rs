//! Writing, showing, scoring.

use chrono::TimeDelta;

use super::desk::{ANN, Desk, JANE, TOM, about, at, memory, score};
use crate::ledger::{Judged, Judgement, MemoryFilter, MemoryLedgerError, Written};
use crate::log::{Event, VERSION};
use crate::memory::{Kind, MemoryId, NARRATIVE_MAX, NewMemory, Pin, Speaker, Utterance};
use crate::pins::Hand;
use crate::recall::Reach;
use crate::significance::{Circumstances, EARLIER_MAX, REASON_MAX, SCORER_MAX};

pub(super) fn an_empty_ledger_shows_nothing(desk: &mut Desk<'_>) {
    assert_eq!(desk.list(&MemoryFilter::default()), []);
    assert_eq!(Desk::ok(desk.0.show(MemoryId(1))), None);
    assert_eq!(Desk::ok(desk.0.scoring(MemoryId(1))), None);
    assert_eq!(Desk::ok(desk.0.log(0, 10)), []);
    assert_eq!(Desk::ok(desk.0.snapshots()), []);
    assert_eq!(desk.candidates(&super::desk::cue(0), &Reach::default()), []);
    assert_eq!(Desk::ok(desk.0.write(&[], at(0))), []);
}

pub(super) fn what_is_written_is_shown(desk: &mut Desk<'_>) {
    let mut written = about("a", 5, "<1@corp.example>", &["Atlas", "Acme"]);
    written.facts.kind = Kind::Other("visit".to_owned());
    written.words.dialogue = vec![
        Utterance {
            by: Speaker::Owner,
            text: "When?\nAnd where?".to_owned(),
        },
        Utterance {
            by: Speaker::Other,
            text: "Now — \"here\" 🙂".to_owned(),
        },
    ];
    let id = desk.write(written.clone());
    let shown = desk.show(id);
    assert_eq!(
        (&shown.facts, &shown.words),
        (&written.facts, &written.words)
    );
    assert_eq!((shown.cause.as_str(), shown.written_at), ("a", at(1_000)));
    assert_eq!((shown.significance, shown.pin), (None, Pin::None));
    let log = Desk::ok(desk.0.log(0, 10));
    assert_eq!((log[0].number, log[0].version), (id.0, VERSION));
    assert_eq!((log[0].cause.as_str(), log[0].at), ("a", at(1_000)));
    let (facts, words) = (written.facts, written.words);
    assert_eq!(log[0].event, Event::MemoryWritten { facts, words });
}

pub(super) fn a_cause_is_written_once_for_ever(desk: &mut Desk<'_>) {
    let first = desk.plain("a", 1);
    let batch = [memory("b", 2), memory("a", 9), memory("b", 3)];
    let written = Desk::ok(desk.0.write(&batch, at(1_001)));
    let [
        Written::New(second),
        Written::Known(known),
        Written::Known(again),
    ] = written[..]
    else {
        panic!("{written:?}");
    };
    assert_eq!((known, again), (first, second));
    assert!(second > first);
    assert_eq!(desk.show(first).facts.happened_at, at(1));
    assert_eq!(desk.last_entry(), 2);
    // The cause of a score is another matter.
    desk.score(first, 1, "a");
}

pub(super) fn a_batch_is_written_whole_or_not_at_all(desk: &mut Desk<'_>) {
    let wrongs: [fn(&mut NewMemory); 5] = [
        |memory| memory.cause.clear(),
        |memory| memory.facts.owner.clear(),
        |memory| memory.facts.other = Some(String::new()),
        |memory| memory.facts.thread = Some("x".repeat(1_025)),
        |memory| memory.facts.kind = Kind::Other("No Kind".to_owned()),
    ];
    for wrong in wrongs {
        let mut second = memory("b", 2);
        wrong(&mut second);
        let error = Desk::refused(desk.0.write(&[memory("a", 1), second], at(0)));
        assert!(matches!(error, MemoryLedgerError::Malformed(_)), "{error}");
    }
    assert_eq!(desk.list(&MemoryFilter::default()), []);
    assert_eq!(desk.last_entry(), 0);
}

pub(super) fn texts_are_cleaned_and_cut(desk: &mut Desk<'_>) {
    let mut long = memory("a", 1);
    long.words.narrative = format!("\u{0}a\tb\r\nc\u{200b}{}", "é".repeat(NARRATIVE_MAX));
    let id = desk.write(long.clone());
    let shown = desk.show(id);
    assert_eq!(shown.words, long.words.bounded());
    assert!(shown.words.narrative.starts_with("a b\ncé"));
    assert!(shown.words.narrative.len() <= NARRATIVE_MAX);
}

pub(super) fn times_are_cut_to_microseconds(desk: &mut Desk<'_>) {
    let fine = TimeDelta::nanoseconds(1_999);
    let whole = TimeDelta::microseconds(1);
    let mut fresh = memory("a", 1);
    fresh.facts.happened_at = at(1) + fine;
    let written = Desk::ok(desk.0.write(&[fresh], at(2) + fine));
    let shown = desk.show(written[0].id());
    assert_eq!(shown.facts.happened_at, at(1) + whole);
    assert_eq!(shown.written_at, at(2) + whole);
}

pub(super) fn lists_are_filtered_and_the_last_comes_first(desk: &mut Desk<'_>) {
    let mut of_ann = about("c", 3, "t2", &[]);
    of_ann.facts.owner = ANN.to_owned();
    of_ann.facts.other = Some(JANE.to_owned());
    let a = desk.plain("a", 9);
    let b = desk.write(about("b", 2, "t1", &[]));
    let c = desk.write(of_ann);
    desk.score(a, 1, "s1");
    desk.score(b, 3, "s2");
    let all = MemoryFilter::default();
    assert_eq!(desk.list(&all), [c, b, a]);
    let limited = MemoryFilter {
        limit: 2,
        ..all.clone()
    };
    assert_eq!(desk.list(&limited), [c, b]);
    let some = |text: &str| Some(text.to_owned());
    let of = |owner: Option<String>, other: Option<String>, thread: Option<String>| MemoryFilter {
        owner,
        other,
        thread,
        ..MemoryFilter::default()
    };
    assert_eq!(desk.list(&of(some(JANE), None, None)), [b, a]);
    assert_eq!(desk.list(&of(None, some(JANE), None)), [c]);
    assert_eq!(desk.list(&of(None, some(TOM), some("t1"))), [b]);
    assert_eq!(desk.list(&of(some(ANN), some(TOM), None)), []);
    assert_eq!(desk.list(&of(some("nobody"), None, None)), []);
    assert_eq!(desk.list(&of(None, None, some("none"))), []);
    for (least, expected) in [(0, vec![b, a]), (2, vec![b]), (4, vec![])] {
        let scored = MemoryFilter {
            least_score: Some(least),
            ..all.clone()
        };
        assert_eq!(desk.list(&scored), expected, "at least {least}");
    }
    for owner in [None, some(JANE)] {
        let pinned = MemoryFilter {
            owner,
            pinned: true,
            ..all.clone()
        };
        assert_eq!(desk.list(&pinned), [b]);
    }
}

pub(super) fn the_log_comes_page_by_page(desk: &mut Desk<'_>) {
    desk.pivotal(0..4);
    let all = Desk::ok(desk.0.log(0, usize::MAX));
    assert_eq!(all.len(), 12);
    let mut paged = Vec::new();
    loop {
        let last = paged
            .last()
            .map_or(0, |entry: &crate::log::Entry| entry.number);
        let page = Desk::ok(desk.0.log(last, 5));
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

pub(super) fn a_scorer_gets_what_lies_around_a_memory(desk: &mut Desk<'_>) {
    for minute in 0..12 {
        desk.write(about(&format!("t{minute}"), minute, "t1", &[]));
    }
    let mut alone = memory("alone", 5);
    alone.facts.other = None;
    let alone = desk.write(alone);
    let late = desk.plain("late", 20);
    // The same moment as another of its thread, and written later.
    let third = desk.write(about("third", 1, "t1", &[]));
    let around = |desk: &mut Desk<'_>, id| {
        let scoring = Desk::ok(desk.0.scoring(id)).map(|scoring| {
            assert_eq!(scoring.memory, id);
            scoring.circumstances
        });
        scoring.unwrap_or_default()
    };
    let circumstances = |earlier_in_thread, earlier_with_other| Circumstances {
        earlier_in_thread,
        earlier_with_other,
    };
    assert_eq!(around(desk, MemoryId(1)), circumstances(0, 0));
    assert_eq!(around(desk, MemoryId(2)), circumstances(1, 1));
    assert_eq!(around(desk, third), circumstances(2, 2));
    assert_eq!(around(desk, alone), circumstances(0, 0));
    assert_eq!(around(desk, late), circumstances(0, EARLIER_MAX));
}

pub(super) fn the_latest_score_holds(desk: &mut Desk<'_>) {
    let id = desk.plain("a", 1);
    desk.score(id, 2, "s1");
    desk.score(id, 1, "s2");
    let Some(significance) = desk.show(id).significance else {
        panic!("the score is lost");
    };
    assert_eq!(significance.score, score(1));
    assert_eq!(
        (significance.scorer.as_str(), significance.at),
        ("rules", at(2_000))
    );
}

pub(super) fn a_score_of_one_cause_is_given_once(desk: &mut Desk<'_>) {
    let (a, b) = (desk.plain("a", 1), desk.plain("b", 2));
    desk.score(a, 1, "s1");
    let again = Judgement {
        memory: b,
        score: score(3),
        scorer: "rules".to_owned(),
        cause: "s1".to_owned(),
    };
    assert_eq!(
        Desk::ok(desk.0.set_significance(&again, at(9))),
        Judged::Known
    );
    assert_eq!(desk.pinned(), []);
    assert_eq!(desk.last_entry(), 3);
}

pub(super) fn what_is_not_there_cannot_be_scored_or_pinned(desk: &mut Desk<'_>) {
    let id = desk.plain("a", 1);
    desk.score(id, 1, "s1");
    // The number of an entry that is no memory.
    for nobody in [MemoryId(0), MemoryId(2), MemoryId(99)] {
        let judgement = Judgement {
            memory: nobody,
            score: score(3),
            scorer: "rules".to_owned(),
            cause: "s2".to_owned(),
        };
        let error = Desk::refused(desk.0.set_significance(&judgement, at(0)));
        assert!(matches!(error, MemoryLedgerError::Unknown { memory } if memory == nobody));
        let error = Desk::refused(desk.0.set_pin(nobody, Hand::Pin, "x", at(0)));
        assert!(matches!(error, MemoryLedgerError::Unknown { memory } if memory == nobody));
        assert_eq!(Desk::ok(desk.0.show(nobody)), None);
        assert_eq!(Desk::ok(desk.0.scoring(nobody)), None);
    }
    let error = Desk::refused(desk.0.set_pin(id, Hand::Pin, "", at(0)));
    assert!(matches!(error, MemoryLedgerError::Malformed(_)), "{error}");
    assert_eq!(desk.last_entry(), 2);
}

pub(super) fn scores_stay_within_their_bounds(desk: &mut Desk<'_>) {
    let id = desk.plain("a", 1);
    let mut wild = score(255);
    wild.reason = "x\u{0}".repeat(REASON_MAX);
    let judgement = Judgement {
        memory: id,
        score: wild,
        scorer: "é".repeat(SCORER_MAX),
        cause: "s".to_owned(),
    };
    let judged = Desk::ok(desk.0.set_significance(&judgement, at(0)));
    assert!(matches!(judged, Judged::New(_)));
    let Some(kept) = desk.show(id).significance else {
        panic!("the score is lost");
    };
    assert_eq!((kept.score.score, kept.scorer.len()), (3, SCORER_MAX));
    assert!(kept.score.reason.chars().count() <= REASON_MAX);
    assert!(!kept.score.reason.contains('\u{0}'));
}
