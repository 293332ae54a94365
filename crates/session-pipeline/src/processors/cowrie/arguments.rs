//! Arguments of programs that are passwords.

/// Options of programs that take a password.
const OPTIONS: &[(&[&str], &[&str], Takes)] = &[
    (&["sshpass"], &["-p"], Takes::Password),
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mariadb",
            "mariadb-dump",
            "mongo",
            "mongosh",
        ],
        &["-p"],
        Takes::GluedPassword,
    ),
    (
        &["mongo", "mongosh", "ftpget", "ftpput"],
        &["-p"],
        Takes::Password,
    ),
    (
        &["curl"],
        &["-u", "--user", "-U", "--proxy-user"],
        Takes::UserAndPassword(':'),
    ),
    (
        &["smbclient", "rpcclient", "net"],
        &["-U", "--user"],
        Takes::UserAndPassword('%'),
    ),
    (&["redis-cli"], &["-a"], Takes::Password),
    (
        &["ldapsearch", "ldapmodify", "ldapadd"],
        &["-w"],
        Takes::Password,
    ),
    (&["useradd", "usermod", "adduser"], &["-p"], Takes::Password),
    (
        &["openssl"],
        &["-k", "-passin", "-passout", "-pass"],
        Takes::Password,
    ),
    (&["plink", "pscp", "psftp"], &["-pw"], Takes::Password),
];

/// How an option takes its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// `-p X` or `-pX`.
    Password,
    /// Only `-pX`: a lone `-p` asks for it.
    GluedPassword,
    /// `-u user:X`.
    UserAndPassword(char),
}

/// Where in a word, or in the one after it, a password starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This many bytes into the word.
    Here(usize),
    /// This many bytes into the next one.
    Next(usize),
}

/// Where a password is that `word` gives to `program`, or that `next` is because of `word`.
pub(crate) fn in_word(
    program: &str,
    is_argument: bool,
    word: &str,
    next: Option<&str>,
) -> Option<Place> {
    if let Some(value) = secret_variable(word).or_else(|| secret_option(word)) {
        return Some(Place::Here(value));
    }
    if !is_argument {
        return None;
    }
    if matches!(word, "--password" | "--passwd") && next.is_some() {
        return Some(Place::Next(0));
    }
    let rules = OPTIONS
        .iter()
        .filter(|(programs, ..)| programs.contains(&program));
    for (_, options, takes) in rules {
        for option in *options {
            let Some(glued) = word.strip_prefix(option) else {
                continue;
            };
            let (value, is_next) = match (glued, next) {
                ("", Some(next)) if *takes != Takes::GluedPassword => (next, true),
                ("", _) => continue,
                // `--user=x`, but not `--username x`.
                (glued, _) if option.starts_with("--") && !glued.starts_with('=') => continue,
                (glued, _) => (glued, false),
            };
            let from = match takes {
                Takes::Password | Takes::GluedPassword => 0,
                Takes::UserAndPassword(between) => match value.find(*between) {
                    Some(at) => at + 1,
                    None => continue,
                },
            };
            return Some(if is_next {
                Place::Next(from)
            } else {
                Place::Here(option.len() + from)
            });
        }
    }
    None
}

/// `PGPASSWORD=X`, `MYSQL_PWD=X`: where the value starts.
fn secret_variable(word: &str) -> Option<usize> {
    let (name, _) = word.split_once('=')?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let upper = name.to_ascii_uppercase();
    let is_secret = upper.contains("PASS") || upper.ends_with("_PWD");
    (is_name && is_secret).then_some(name.len() + 1)
}

/// `--password=X`, `--http-passwd=X`: where the value starts.
fn secret_option(word: &str) -> Option<usize> {
    let (name, _) = word.split_once('=')?;
    let is_secret = name.starts_with("--") && name.to_ascii_lowercase().contains("pass");
    is_secret.then_some(name.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_where_programs_take_them() {
        let check = |program: &str, word: &str, next: Option<&str>, expected: Option<Place>| {
            let found = in_word(program, true, word, next);
            assert_eq!(found, expected, "{program} {word} {next:?}");
        };
        check("sshpass", "-p", Some("x"), Some(Place::Next(0)));
        check("sshpass", "-px", Some("ssh"), Some(Place::Here(2)));
        check("sshpass", "-p", None, None);
        check("mysql", "-px", None, Some(Place::Here(2)));
        check("mysql", "-p", Some("shop"), None);
        check("mysql", "-P3306", None, None);
        check("mkdir", "-p", Some("x"), None);
        check("curl", "-u", Some("ana:x"), Some(Place::Next(4)));
        check("curl", "-uana:x", None, Some(Place::Here(6)));
        check("curl", "-u", Some("ana"), None);
        check("curl", "--user-agent", Some("a:b"), None);
        check("smbclient", "-U", Some("ana%x"), Some(Place::Next(4)));
        check("anything", "--http-password=x", None, Some(Place::Here(16)));
        check("anything", "DB_PASS=x", None, Some(Place::Here(8)));
        check("anything", "PWD=x", None, None);
        let variable = in_word("", false, "PGPASSWORD=x", Some("psql"));
        assert_eq!(variable, Some(Place::Here(11)));
    }
}
