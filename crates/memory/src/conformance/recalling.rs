//! What may come to mind.

use super::desk::{ANN, Desk, TOM, about, cue, memory};
use crate::entities::Entity;
use crate::memory::{MemoryId, Pin};
use crate::pins::Hand;
use crate::recall::{Cue, Reach};

/// A memory about Ann and nothing else.
fn of_ann(cause: &str, minutes: i64) -> crate::memory::NewMemory {
    let mut memory = memory(cause, minutes);
    memory.facts.other = Some(ANN.to_owned());
    memory
}

pub(super) fn candidates_are_found_on_every_way(desk: &mut Desk<'_>) {
    let pinned = desk.write(of_ann("pinned", 1));
    desk.hand(pinned, Hand::Pin);
    let with_tom = desk.plain("with tom", 2);
    let mut in_thread = about("in thread", 3, "t1", &["Atlas"]);
    in_thread.facts.other = None;
    let in_thread = desk.write(in_thread);
    let mut of_acme = about("of acme", 4, "t2", &["Zeta", "Acme"]);
    of_acme.facts.other = Some(ANN.to_owned());
    let of_acme = desk.write(of_acme);
    desk.write(of_ann("of nothing", 5));
    let reach = Reach::default();
    assert_eq!(desk.candidates(&cue(9), &reach), [pinned]);
    let with = Cue {
        other: Some(TOM.to_owned()),
        ..cue(9)
    };
    assert_eq!(desk.candidates(&with, &reach), [with_tom, pinned]);
    let within = Cue {
        thread: Some("t1".to_owned()),
        ..cue(9)
    };
    assert_eq!(desk.candidates(&within, &reach), [in_thread, pinned]);
    let of = Cue {
        entities: vec![Entity::name("nothing"), Entity::name("acme")],
        ..cue(9)
    };
    assert_eq!(desk.candidates(&of, &reach), [of_acme, pinned]);
    let candidates = Desk::ok(desk.0.candidates(&of, &reach));
    let shown = desk.show(of_acme);
    assert_eq!(candidates[0].text, shown.words.narrative);
    assert_eq!(candidates[0].entities, shown.facts.entities);
    assert_eq!(candidates[0].thread, shown.facts.thread);
    assert_eq!(candidates[0].other, shown.facts.other);
    assert_eq!(candidates[0].happened_at, shown.facts.happened_at);
    assert_eq!(
        (candidates[0].pin, candidates[1].pin),
        (Pin::None, Pin::Manual)
    );
}

pub(super) fn no_candidate_comes_twice(desk: &mut Desk<'_>) {
    let id = desk.write(about("a", 1, "t1", &["Acme", "Atlas"]));
    desk.score(id, 3, "s");
    let all = Cue {
        other: Some(TOM.to_owned()),
        thread: Some("t1".to_owned()),
        entities: vec![Entity::name("Acme"), Entity::name("Atlas")],
        ..cue(9)
    };
    assert_eq!(desk.candidates(&all, &Reach::default()), [id]);
    let candidates = Desk::ok(desk.0.candidates(&all, &Reach::default()));
    assert_eq!(candidates[0].score, Some(3));
}

pub(super) fn each_way_has_its_own_limit(desk: &mut Desk<'_>) {
    let mut ids: Vec<MemoryId> = Vec::new();
    for minute in 0..9 {
        ids.push(desk.write(about(&format!("{minute}"), minute % 5, "t1", &["Acme"])));
    }
    // By moment, and of the same by id: newest first.
    let newest = [ids[4], ids[8], ids[3]];
    let none = Reach {
        pinned: 0,
        with_other: 0,
        in_thread: 0,
        per_entity: 0,
        entities: 1,
    };
    let all = Cue {
        other: Some(TOM.to_owned()),
        thread: Some("t1".to_owned()),
        entities: vec![Entity::name("Acme"), Entity::name("Acme")],
        ..cue(9)
    };
    assert_eq!(desk.candidates(&all, &none), []);
    for reach in [
        Reach {
            with_other: 3,
            ..none
        },
        Reach {
            in_thread: 3,
            ..none
        },
        Reach {
            per_entity: 3,
            ..none
        },
    ] {
        assert_eq!(desk.candidates(&all, &reach), newest, "{reach:?}");
    }
    let unasked = Reach {
        per_entity: 3,
        entities: 0,
        ..none
    };
    assert_eq!(desk.candidates(&all, &unasked), []);
    for id in &ids {
        desk.hand(*id, Hand::Pin);
    }
    let pinned = Reach { pinned: 3, ..none };
    assert_eq!(desk.candidates(&all, &pinned), newest);
}

pub(super) fn what_happens_later_is_not_remembered(desk: &mut Desk<'_>) {
    let now = desk.write(about("now", 5, "t1", &["Acme"]));
    let later = desk.write(about("later", 6, "t1", &["Acme"]));
    desk.hand(later, Hand::Pin);
    let all = Cue {
        other: Some(TOM.to_owned()),
        thread: Some("t1".to_owned()),
        entities: vec![Entity::name("Acme")],
        ..cue(5)
    };
    assert_eq!(desk.candidates(&all, &Reach::default()), [now]);
}

pub(super) fn nobody_remembers_what_others_do(desk: &mut Desk<'_>) {
    let mut of_ann = about("of ann", 1, "t1", &["Acme"]);
    of_ann.facts.owner = ANN.to_owned();
    let id = desk.write(of_ann);
    desk.hand(id, Hand::Pin);
    let all = Cue {
        other: Some(TOM.to_owned()),
        thread: Some("t1".to_owned()),
        entities: vec![Entity::name("Acme")],
        ..cue(5)
    };
    assert_eq!(desk.candidates(&all, &Reach::default()), []);
    let of_ann = Cue {
        owner: ANN.to_owned(),
        ..all
    };
    assert_eq!(desk.candidates(&of_ann, &Reach::default()), [id]);
}
