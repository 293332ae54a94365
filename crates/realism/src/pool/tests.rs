use std::fs;

use super::*;

const ANA: &str = r#"{"name": "Ana", "email": "ana@corp.com", "role": "CFO"}"#;
const BEN: &str = r#"{"role": "CTO", "name": "Ben", "email": "ben@corp.com", "nick": {"b": 1, "a": [2]}, "language": null}"#;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A pool over a new file with `text` in it.
fn pool_of(folder: &tempfile::TempDir, text: &str) -> PersonaPool {
    let path = folder.path().join("personas.json");
    fs::write(&path, text).unwrap();
    PersonaPool::new(path)
}

fn names(loaded: &LoadedPool) -> Vec<String> {
    loaded
        .personas("en")
        .into_iter()
        .map(|persona| persona.name)
        .collect()
}

/// Puts another file in place, as [`import`] does: two writes within one tick of the file system's
/// clock are told apart by the inode.
fn replace(pool: &PersonaPool, text: &str) {
    let beside = pool.path().with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, pool.path()).unwrap();
}

#[test]
fn the_path_goes_from_the_explicit_to_the_general() {
    let (explicit, home) = (Some(Path::new("/x/p.json")), Some(Path::new("/home/ana")));
    let below_home = "/home/ana/.decnet/email_personas.json";
    for (explicit, home, exists, expected) in [
        (explicit, home, true, "/x/p.json"),
        (explicit, None, false, "/x/p.json"),
        (None, home, true, SYSTEM_POOL),
        (None, home, false, below_home),
        (Some(Path::new("")), home, false, below_home),
        (None, None, false, SYSTEM_POOL),
        (None, Some(Path::new("")), false, SYSTEM_POOL),
    ] {
        let path = pool_path(explicit, home, |path| {
            assert_eq!(path, Path::new(SYSTEM_POOL));
            exists
        });
        assert_eq!(path, Path::new(expected));
    }
}

#[test]
fn the_language_is_that_of_each_call() {
    let folder = folder();
    let pool = pool_of(&folder, &format!("\u{feff}[{ANA}]"));
    for language in ["en", "es", "en"] {
        let personas = pool.load().personas(language);
        assert_eq!(personas[0].language.as_deref(), Some(language));
    }
}

#[test]
fn a_change_is_seen_and_nothing_else_is_read() {
    let folder = folder();
    let pool = pool_of(&folder, &format!("[{ANA}]"));
    let first = pool.load();
    assert!(Arc::ptr_eq(&first, &pool.load()));
    assert_eq!(
        first.fingerprint,
        Some(Fingerprint::of(pool.path()).unwrap())
    );

    replace(&pool, &format!("[{ANA}, {BEN}]"));
    assert_eq!(names(&pool.load()), ["Ana", "Ben"]);
    // Set back to its old time, the file is still another one.
    let second = pool.load();
    replace(&pool, &format!("[{BEN}, {ANA}]"));
    let modified = fs::metadata(pool.path()).unwrap().modified().unwrap();
    let file = fs::File::options().write(true).open(pool.path()).unwrap();
    file.set_modified(modified).unwrap();
    assert!(!Arc::ptr_eq(&second, &pool.load()));
    assert_eq!(names(&pool.load()), ["Ben", "Ana"]);
}

#[test]
fn a_file_that_turned_bad_leaves_the_last_good_list() {
    let folder = folder();
    let pool = pool_of(&folder, &format!("[{ANA}]"));
    pool.load();
    for (text, expected) in [
        (
            "[{",
            "not JSON: EOF while parsing an object at line 1, column 2",
        ),
        ("{}", "a JSON list is expected, not an object"),
        (
            "[5]",
            "none of the 1 entries can be used; entry 0: expected an object, found a number",
        ),
    ] {
        replace(&pool, text);
        let loaded = pool.load();
        assert_eq!(names(&loaded), ["Ana"]);
        let problem = loaded.problem.as_ref().expect("a problem").to_string();
        assert!(problem.ends_with(expected), "{problem}");
        assert!(
            Arc::ptr_eq(&loaded, &pool.load()),
            "a bad file is not read again and again"
        );
    }
    fs::write(pool.path(), b"[\"\xff\"]").unwrap();
    assert!(matches!(
        pool.load().problem,
        Some(PoolError::NotUtf8 { valid_up_to: 2, .. })
    ));
    fs::remove_file(pool.path()).unwrap();
    fs::create_dir(pool.path()).unwrap();
    let loaded = pool.load();
    assert!(matches!(loaded.problem, Some(PoolError::NotAFile { .. })));
    assert_eq!(names(&loaded), ["Ana"]);
    fs::remove_dir(pool.path()).unwrap();

    fs::write(pool.path(), format!("[{BEN}]")).unwrap();
    let loaded = pool.load();
    assert_eq!(names(&loaded), ["Ben"]);
    assert!(loaded.problem.is_none());
}

#[test]
fn empty_missing_and_bad_from_the_start() {
    let folder = folder();
    let pool = pool_of(&folder, "[]");
    assert!(pool.load().problem.is_none());

    replace(&pool, &format!("[{ANA}]"));
    assert_eq!(names(&pool.load()), ["Ana"]);
    fs::remove_file(pool.path()).unwrap();
    let missing = pool.load();
    assert_eq!(names(&missing), [""; 0]);
    assert!(matches!(missing.problem, Some(PoolError::Missing { .. })));

    let bad = pool_of(&folder, "[5]");
    let loaded = bad.load();
    assert_eq!(names(&loaded), [""; 0]);
    assert_eq!(loaded.parsed.dropped.len(), 1);
    assert!(matches!(
        loaded.problem,
        Some(PoolError::NothingUsable { .. })
    ));
}

#[test]
fn a_file_without_end_is_refused() {
    let folder = folder();
    let pool = pool_of(&folder, "");
    fs::File::options()
        .write(true)
        .open(pool.path())
        .unwrap()
        .set_len(MAX_TEXT as u64 + 1)
        .unwrap();
    assert!(matches!(
        pool.load().problem,
        Some(PoolError::TooLong { .. })
    ));
    assert!(matches!(
        PersonaPool::new("/dev/zero").load().problem,
        Some(PoolError::NotAFile { .. })
    ));
}

#[test]
fn threads_share_one_reading() {
    let folder = folder();
    let pool = pool_of(&folder, &format!("[{ANA}]"));
    let loaded: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| pool.load())).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(loaded.iter().all(|one| Arc::ptr_eq(one, &loaded[0])));
}

#[test]
fn fingerprints_survive_their_text() {
    let folder = folder();
    let path = folder.path().join("per sonas%é\n.json");
    fs::write(&path, "[]").unwrap();
    let fingerprint = Fingerprint::of(&path).unwrap();
    let text = fingerprint.to_text();
    assert!(
        text.bytes().all(|b| b.is_ascii_graphic() || b == b' '),
        "{text}"
    );
    assert_eq!(Fingerprint::parse(&text), Ok(fingerprint));
    for text in [
        "",
        "v1",
        "v2 1 1 1 1 1 /x",
        "v1 1 1 1 1 x /x",
        "v1 1 1 1 1 1 %",
        "v1 1 1 1 1 1 %+f",
    ] {
        assert_eq!(Fingerprint::parse(text), Err(FingerprintError), "{text}");
    }
}

#[test]
fn an_import_keeps_entries_as_they_were() {
    let folder = folder();
    let destination = folder.path().join("new/pool.json");
    let report = import(&format!("[5, {ANA}, {BEN}, {ANA}]"), &destination).unwrap();
    assert_eq!((report.kept, report.is_too_small()), (2, false));
    let dropped: Vec<usize> = report.dropped.iter().map(|entry| entry.index).collect();
    assert_eq!(dropped, [0, 3]);

    let written = fs::read_to_string(&destination).unwrap();
    assert!(
        written.starts_with("[\n  {\n    \"name\": \"Ana\",\n") && written.ends_with("}\n]\n"),
        "{written}"
    );
    let at = |key: &str| {
        written
            .rfind(&format!("\"{key}\""))
            .unwrap_or_else(|| panic!("{key}"))
    };
    assert!(
        at("role") < at("name") && at("nick") < at("language"),
        "{written}"
    );
    assert_eq!(written.matches("language").count(), 1);
    let loaded = PersonaPool::new(&destination).load();
    assert_eq!(names(&loaded), ["Ana", "Ben"]);
    assert_eq!(
        fs::read_dir(destination.parent().unwrap()).unwrap().count(),
        1,
        "no litter"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&destination), 0o600);
        assert_eq!(mode(destination.parent().unwrap()), 0o700);
    }
    assert!(
        import(&format!("[{ANA}]"), &destination)
            .unwrap()
            .is_too_small()
    );
}

#[test]
fn of_equal_keys_the_last_is_read_and_written() {
    let folder = folder();
    let destination = folder.path().join("pool.json");
    let twice = r#"[{"name": "X", "email": "ana@corp.com", "role": "CFO", "name": "Ana"}]"#;
    let report = import(twice, &destination).unwrap();
    assert_eq!(report.kept, 1);
    assert_eq!(names(&PersonaPool::new(&destination).load()), ["Ana"]);
}

#[test]
fn a_failed_import_leaves_the_file_alone() {
    let folder = folder();
    let destination = folder.path().join("pool.json");
    fs::write(&destination, "old").unwrap();
    for text in ["", "[{", "{}", "[]", "[5]"] {
        assert!(import(text, &destination).is_err(), "{text}");
        assert_eq!(fs::read_to_string(&destination).unwrap(), "old");
    }
    let text = format!("[{ANA}]");
    assert!(matches!(
        import(&text, folder.path()),
        Err(PoolError::NotAFile { .. })
    ));
    assert!(import(&text, &destination.join("below")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn an_import_follows_a_link() {
    let folder = folder();
    let (real, link) = (
        folder.path().join("real.json"),
        folder.path().join("link.json"),
    );
    fs::write(&real, "[]").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let report = import(&format!("[{ANA}, {BEN}]"), &link).unwrap();
    assert_eq!(report.written_to, fs::canonicalize(&real).unwrap());
    assert!(link.is_symlink());
    assert_eq!(names(&PersonaPool::new(&link).load()), ["Ana", "Ben"]);
    // A link to nowhere is a slip that a new file would hide.
    fs::remove_file(&real).unwrap();
    assert!(import(&format!("[{ANA}]"), &link).is_err());
}
