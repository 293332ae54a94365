//! Login names: what a persona's home folder is called.

use std::collections::HashSet;

/// Longest login name, in characters (`useradd` of Linux takes no longer ones).
pub const LOGIN_MAX: usize = 32;

/// Login name of people whose name has no letter that can be written in ASCII.
const NAMELESS: &str = "user";

/// Names that a system has, or that an intruder would take for the system's.
const RESERVED: &str = "\
    _apt adm admin administrator apache avahi backup bin bind chrony cron daemon dbus dhcpcd \
    docker dovecot dovenull exim ftp games gnats halt http irc landscape list lp lxd mail man \
    messagebus mysql named network news nginx nobody ntp operator polkitd pollinate postfix \
    postgres postmaster proxy redis root rpc shutdown sshd sudo sync sys syslog systemd toor \
    uucp uuidd wheel www www-data wwwdata";

/// The login name of a display name: its letters and digits in lower case, `johnsmith` for `John
/// Smith`; accents fall off, Greek and Cyrillic are written in Latin letters.
///
/// The result matches `[a-z][a-z0-9_-]*`, has at most [`LOGIN_MAX`] characters, and is never the
/// bare name of a system account. A name without any letter we can write gives `user`. Two people
/// can have the same one; see [`candidates`].
///
/// ```
/// use decnet_realism::login::login_for;
///
/// assert_eq!(login_for("Ana María"), "anamaria");
/// assert_eq!(login_for("Tom O'Neil"), "tomoneil");
/// assert_eq!(login_for("张伟"), "user");
/// ```
pub fn login_for(name: &str) -> String {
    candidates(name)
        .next()
        .unwrap_or_else(|| NAMELESS.to_owned())
}

/// Login names for a display name, the usual one first: `johnsmith`, `jsmith`, `johns`, `smithj`,
/// `john-smith`, then `johnsmith2`, `johnsmith3`, and so on without end. No two are equal; take
/// the first that nobody has.
pub fn candidates(name: &str) -> impl Iterator<Item = String> + use<> {
    let words = words(name);
    let joined = words.concat();
    let mut plain = vec![joined.clone()];
    if let [first, .., last] = &words[..] {
        plain.push(format!("{}{last}", initial(first)));
        plain.push(format!("{first}{}", initial(last)));
        plain.push(format!("{last}{}", initial(first)));
        plain.push(words.join("-"));
    }
    let mut seen = HashSet::new();
    plain = plain
        .iter()
        .map(|text| valid(text))
        .filter(|login| !is_reserved(login) && seen.insert(login.clone()))
        .collect();
    // A stem that does not end with a digit makes every number give another name.
    let stem = valid(&joined);
    let numbered = (2_u64..).map(move |number| {
        let number = number.to_string();
        let room = LOGIN_MAX - number.len() - 1;
        let stem = &stem[..stem.len().min(room)];
        let glue = if stem.ends_with(|c: char| c.is_ascii_digit()) {
            "-"
        } else {
            ""
        };
        format!("{stem}{glue}{number}")
    });
    plain
        .into_iter()
        .chain(numbered.filter(move |login| !seen.contains(login)))
}

fn is_reserved(login: &str) -> bool {
    RESERVED.split_whitespace().any(|name| name == login)
}

/// Makes a login name of lower-case ASCII letters, digits and hyphens.
fn valid(text: &str) -> String {
    let mut login = match text.chars().next() {
        None => NAMELESS.to_owned(),
        Some(first) if first.is_ascii_lowercase() => text.to_owned(),
        Some(_) => format!("{NAMELESS}{text}"),
    };
    login.truncate(LOGIN_MAX);
    login
}

/// The words of a name in lower-case ASCII, given name first; words that nothing is left of are
/// not there.
fn words(name: &str) -> Vec<String> {
    let in_order = match name.split_once(',') {
        Some((family, given)) => format!("{given} {family}"),
        None => name.to_owned(),
    };
    in_order
        .split_whitespace()
        .map(|word| {
            word.chars()
                .flat_map(char::to_lowercase)
                .filter_map(in_ascii)
                .collect()
        })
        .filter(|word: &String| !word.is_empty())
        .collect()
}

fn initial(word: &str) -> &str {
    word.get(..1).unwrap_or(word)
}

/// A lower-case letter or digit in ASCII; `None` for what a login name leaves out.
fn in_ascii(c: char) -> Option<String> {
    // The full-width forms of ASCII.
    let c = match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    };
    if c.is_ascii_lowercase() || c.is_ascii_digit() {
        return Some(c.to_string());
    }
    LETTERS
        .iter()
        .find(|(_, letters)| letters.contains(c))
        .map(|(latin, _)| (*latin).to_owned())
}

/// Letters by how they are written in ASCII, as passports and mail administrators do.
const LETTERS: [(&str, &str); 45] = [
    ("a", "àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặªаάα"),
    ("ae", "æǣǽ"),
    ("b", "ƀɓḃб"),
    ("c", "çćĉċčћ"),
    ("ch", "чχ"),
    ("d", "ďđðḍḏдδ"),
    ("dj", "ђ"),
    ("dz", "џѕ"),
    ("e", "èéêëēĕėęěȅȇȩẹẻẽếềểễệəеёэεέ"),
    ("f", "ƒфφ"),
    ("g", "ĝğġģǧǵгґγ"),
    ("h", "ĥħḥḫ"),
    ("i", "ìíîïĩīĭįıǐȉȋỉịиіηήιίϊΐ"),
    ("ij", "ĳ"),
    ("j", "ĵǰј"),
    ("k", "ķĸǩḳкκ"),
    ("kh", "х"),
    ("l", "ĺļľŀłḷлλ"),
    ("lj", "љ"),
    ("m", "ṁṃмμ"),
    ("n", "ñńņňŉŋǹṇṅнν"),
    ("nj", "њ"),
    ("o", "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯọỏốồổỗộớờởỡợºоοόωώ"),
    ("oe", "œ"),
    ("p", "ṗпπ"),
    ("ps", "ψ"),
    ("r", "ŕŗřȑȓṛрρ"),
    ("s", "śŝşšșſṣсσς"),
    ("sh", "ш"),
    ("shch", "щ"),
    ("ss", "ß"),
    ("t", "ţťŧțṭтτ"),
    ("th", "þθ"),
    ("ts", "ц"),
    ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữựуў"),
    ("v", "вβ"),
    ("w", "ŵẁẃẅ"),
    ("x", "ξ"),
    ("y", "ýÿŷȳỳỵỷỹйыυύϋΰ"),
    ("ya", "я"),
    ("ye", "є"),
    ("yi", "ї"),
    ("yu", "ю"),
    ("z", "źżžẓзζ"),
    ("zh", "ж"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_logins() {
        for (name, expected) in [
            ("John Smith", "johnsmith"),
            ("JOHN  SMITH", "johnsmith"),
            ("Ana María", "anamaria"),
            ("O'Neil", "oneil"),
            ("Tom O’Neil", "tomoneil"),
            ("Jean-Luc", "jeanluc"),
            ("J. Smith", "jsmith"),
            ("Smith, John", "johnsmith"),
            ("Łukasz Żółć", "lukaszzolc"),
            ("Jürgen Groß", "jurgengross"),
            ("Søren Ærø", "sorenaero"),
            ("José Nu\u{301}n\u{303}ez", "josenunez"),
            ("İnci Işık", "inciisik"),
            ("Nguyễn Thị Ánh", "nguyenthianh"),
            ("Юлия Щукина", "yuliyashchukina"),
            ("Γιώργος", "giorgos"),
            ("ＪＯＨＮ", "john"),
            ("张伟", "user"),
            ("张伟 Wei", "wei"),
            ("", "user"),
            ("  ", "user"),
            ("🙂", "user"),
            ("123", "user123"),
            ("a\tb", "ab"),
            ("john_smith", "johnsmith"),
            ("../etc", "etc"),
            ("root", "root2"),
            ("admin ", "admin2"),
            ("Www-Data", "wwwdata2"),
        ] {
            assert_eq!(login_for(name), expected, "{name:?}");
        }
        assert_eq!(login_for(&"x".repeat(100)), "x".repeat(LOGIN_MAX));
    }

    #[test]
    fn there_is_always_another_one() {
        let some: Vec<String> = candidates("John Smith").take(8).collect();
        let expected = [
            "johnsmith",
            "jsmith",
            "johns",
            "smithj",
            "john-smith",
            "johnsmith2",
            "johnsmith3",
            "johnsmith4",
        ];
        assert_eq!(some, expected);
        assert_eq!(candidates("Ana 2").nth(4).as_deref(), Some("ana2-2"));
        assert_eq!(candidates("张伟").nth(1).as_deref(), Some("user2"));
    }

    proptest! {
        #[test]
        fn candidates_are_valid_and_distinct(name in prop_oneof![any::<String>(), "[a-z0-9 ]{0,80}"]) {
            let mut seen = HashSet::new();
            for login in candidates(&name).take(150) {
                prop_assert!(login.len() <= LOGIN_MAX);
                prop_assert!(login.starts_with(|c: char| c.is_ascii_lowercase()), "{}", login);
                prop_assert!(login.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')));
                prop_assert!(!is_reserved(&login));
                prop_assert!(seen.insert(login));
            }
        }
    }
}
