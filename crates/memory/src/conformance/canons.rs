//! Canons.

use super::desk::{Desk, at};
use crate::canon::{
    CanonDraft, CanonEntry, CanonError, CanonId, CanonKind, DETAILS_MAX, MOST_TRIES, NAME_MAX,
};
use crate::ledger::MemoryLedgerError;

const CORP: &str = "corp.example";

fn draft(name: &str) -> CanonDraft {
    CanonDraft {
        name: name.to_owned(),
        details: format!("{name} it is"),
    }
}

/// The entry of a key, made of the first name that is free.
#[track_caller]
fn make(desk: &mut Desk<'_>, company: &str, key: &str, names: &[&str]) -> CanonEntry {
    let key = Desk::ok(key.parse());
    let mut name = |tried: u32| {
        let index = usize::try_from(tried).unwrap_or(usize::MAX);
        draft(names.get(index).copied().unwrap_or("no more names"))
    };
    Desk::ok(desk.0.canon(company, &key, &mut name, at(1)))
}

#[track_caller]
fn named(desk: &mut Desk<'_>, name: &str) -> Option<CanonId> {
    let found = Desk::ok(desk.0.canon_named(CORP, CanonKind::Vendor, name));
    found.map(|entry| entry.id)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, MemoryLedgerError>) -> CanonError {
    match Desk::refused(result) {
        MemoryLedgerError::Canon(error) => error,
        other => panic!("{other}"),
    }
}

pub(super) fn an_entry_is_made_once(desk: &mut Desk<'_>) {
    let first = make(desk, CORP, "vendor:office-supplies", &["Acme Paper"]);
    assert_eq!((first.name.as_str(), first.made_at), ("Acme Paper", at(1)));
    assert_eq!(first.details, "Acme Paper it is");
    assert_eq!(
        (first.company.as_str(), first.role.as_str()),
        (CORP, "office-supplies")
    );
    let key = first.key();
    let mut never = |_| panic!("it is there already");
    let again = Desk::ok(desk.0.canon("Corp.Example ", &key, &mut never, at(9)));
    assert_eq!(again, first);
}

pub(super) fn no_two_entries_share_a_name(desk: &mut Desk<'_>) {
    make(desk, CORP, "vendor:paper", &["Acme"]);
    let second = make(desk, CORP, "vendor:ink", &["ACME", " acme ", "Inkwell"]);
    assert_eq!(second.name, "Inkwell");
    // A project is no vendor.
    let project = make(desk, CORP, "project:next", &["Acme"]);
    assert_eq!(project.name, "Acme");
    let key = Desk::ok("vendor:toner".parse());
    let mut asked = 0;
    let mut taken = |tried| {
        assert_eq!(tried, asked);
        asked += 1;
        draft("Acme")
    };
    let error = refused(desk.0.canon(CORP, &key, &mut taken, at(1)));
    assert!(matches!(error, CanonError::NoFreeName { .. }), "{error}");
    assert_eq!(asked, MOST_TRIES);
}

pub(super) fn amounts_may_be_the_same(desk: &mut Desk<'_>) {
    let first = make(desk, CORP, "amount:rent", &["1,200 EUR"]);
    let second = make(desk, CORP, "amount:lease", &["1,200 EUR"]);
    assert_ne!(first.id, second.id);
    let found = Desk::ok(desk.0.canon_named(CORP, CanonKind::Amount, "1,200 eur"));
    assert_eq!(found.map(|entry| entry.id), Some(first.id));
    Desk::ok(desk.0.canon_rename(first.id, "1,300 EUR"));
    Desk::ok(desk.0.canon_rename(second.id, "1,300 EUR"));
}

pub(super) fn companies_stand_apart(desk: &mut Desk<'_>) {
    let ours = make(desk, CORP, "vendor:paper", &["Acme"]);
    let theirs = make(desk, "other.example", "vendor:paper", &["Acme"]);
    assert_ne!(ours.id, theirs.id);
    assert_eq!(named(desk, "acme"), Some(ours.id));
}

pub(super) fn a_rename_keeps_the_id_and_the_old_name(desk: &mut Desk<'_>) {
    let id = make(desk, CORP, "vendor:paper", &["Acme"]).id;
    let renamed = Desk::ok(desk.0.canon_rename(id, "Paperworks"));
    assert_eq!((renamed.id, renamed.name.as_str()), (id, "Paperworks"));
    assert_eq!(renamed.aliases, ["Acme"]);
    let renamed = Desk::ok(desk.0.canon_rename(id, "Papyrus"));
    assert_eq!(renamed.aliases, ["Acme", "Paperworks"]);
    for name in ["ACME", "paperworks", "Papyrus"] {
        assert_eq!(named(desk, name), Some(id), "{name}");
    }
    // Back to an old name, and to another spelling of the same.
    let renamed = Desk::ok(desk.0.canon_rename(id, "ACME"));
    assert_eq!(renamed.name, "ACME");
    assert_eq!(renamed.aliases, ["Paperworks", "Papyrus"]);
    let renamed = Desk::ok(desk.0.canon_rename(id, "Acme"));
    assert_eq!(renamed.aliases, ["Paperworks", "Papyrus"]);
    let kept = make(desk, CORP, "vendor:paper", &[]);
    assert_eq!(kept, renamed);
    let spellings: Vec<&str> = kept.known_names().map(|known| known.spelling).collect();
    assert_eq!(spellings, ["Acme", "Paperworks", "Papyrus"]);
}

pub(super) fn a_name_that_is_taken_is_refused(desk: &mut Desk<'_>) {
    let first = make(desk, CORP, "vendor:paper", &["Acme"]).id;
    let second = make(desk, CORP, "vendor:ink", &["Inkwell"]).id;
    Desk::ok(desk.0.canon_rename(first, "Paperworks"));
    // An old name is taken too: mails that speak of it exist.
    for name in ["acme", "Paperworks"] {
        let error = refused(desk.0.canon_rename(second, name));
        assert!(
            matches!(error, CanonError::Taken { by, .. } if by == first),
            "{error}"
        );
    }
    let nobody = CanonId(99);
    let error = refused(desk.0.canon_rename(nobody, "Nobody"));
    assert_eq!(error, CanonError::Unknown { id: nobody });
    let error = refused(desk.0.canon_describe(nobody, "nothing"));
    assert_eq!(error, CanonError::Unknown { id: nobody });
}

pub(super) fn names_and_details_are_tidied(desk: &mut Desk<'_>) {
    let key = Desk::ok("vendor:paper".parse());
    for (name, length) in [
        (" \u{0} ".to_owned(), 0),
        ("x".repeat(NAME_MAX + 1), NAME_MAX + 1),
    ] {
        let error = refused(desk.0.canon(CORP, &key, &mut |_| draft(&name), at(1)));
        assert_eq!(error, CanonError::Name { length });
    }
    assert_eq!(Desk::ok(desk.0.canon_list(None, None)), []);
    let entry = make(desk, CORP, "vendor:paper", &[" Acme\n  Paper "]);
    assert_eq!(entry.name, "Acme Paper");
    let described = Desk::ok(desk.0.canon_describe(entry.id, &"é".repeat(DETAILS_MAX)));
    assert_eq!(described.details.len(), DETAILS_MAX);
    for text in ["", "vendor", "vendor:", "food:x", "vendor:a\nb"] {
        assert!(text.parse::<crate::canon::CanonKey>().is_err(), "{text:?}");
    }
}

pub(super) fn entries_are_listed(desk: &mut Desk<'_>) {
    let vendor = make(desk, CORP, "vendor:paper", &["Acme"]);
    let project = make(desk, CORP, "project:next", &["Atlas"]);
    let other = make(desk, "other.example", "vendor:paper", &["Acme"]);
    let mut list = |company, kind| Desk::ok(desk.0.canon_list(company, kind));
    let all = [vendor.clone(), project.clone(), other.clone()];
    assert_eq!(list(None, None), all);
    assert_eq!(list(Some(CORP), None), all[..2]);
    assert_eq!(
        list(Some("CORP.example"), Some(CanonKind::Project)),
        [project]
    );
    assert_eq!(list(None, Some(CanonKind::Vendor)), [vendor, other]);
    assert_eq!(list(None, Some(CanonKind::Host)), []);
}
