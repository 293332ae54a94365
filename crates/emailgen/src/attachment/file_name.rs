//! Names as people give them: `Budget 2026 v2.pdf`, `Q1_costs.csv`, `scan0004.pdf`.

use chrono::Datelike;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Producer, Subject};

/// Most bytes of a name, extension included. Mail clients and file systems take more, people do
/// not write more.
const MAX_BYTES: usize = 120;
/// Most characters of the topic in a name.
const TOPIC_CHARS: usize = 44;

/// A name for a document about the subject. `word` says what it is.
pub(super) fn document(
    subject: &Subject<'_>,
    word: &str,
    extension: &str,
    rng: &mut ChaCha8Rng,
) -> String {
    let made = &subject.made;
    let topic = topic(&subject.title);
    let locale = &subject.locale;
    let quarter = format!("{}{}", locale.word("quarter"), made.month0() / 3 + 1);
    let mut name = match rng.random_range(0..14) {
        0..5 => topic.clone(),
        5..7 => format!("{topic} {}", made.year()),
        // No `Plan shift plan`.
        7..9 if !topic.to_lowercase().contains(&word.to_lowercase()) => format!("{word} {topic}"),
        7..9 => topic.clone(),
        9 => format!("{word} {}", made.year()),
        10 => format!("{quarter} {word}"),
        11 => format!("{} {topic}", made.format("%Y-%m-%d")),
        12 => format!("{}_{topic}", made.format("%y%m%d")),
        _ => format!(
            "{topic} {}",
            locale.month(made.month0()).trim_end_matches('.')
        ),
    };
    match rng.random_range(0..20) {
        0..4 => name.push_str(&format!(" v{}", rng.random_range(2..5))),
        4..6 => name.push_str(&format!(" {}", locale.word("final"))),
        6 => name.push_str(&format!(" ({})", rng.random_range(1..4))),
        7 => name.push_str(&format!(" {}", locale.word("draft"))),
        8 => name.push_str(&format!(" - {}", locale.word("copy"))),
        _ => {}
    }
    // How somebody separates words is a habit, and most use spaces.
    let name = match subject.habit("file name") % 10 {
        0..2 => name.replace(' ', "_"),
        2 => name.replace(" - ", "-").replace(' ', "-").to_lowercase(),
        _ => name,
    };
    finish(&name, extension)
}

/// A name as a scanner or a copier gives it.
pub(super) fn scan(subject: &Subject<'_>, rng: &mut ChaCha8Rng) -> String {
    let number = rng.random_range(1..400);
    let made = &subject.made;
    let name = match subject.house("scanner name") % 5 {
        0 => format!("scan{number:04}"),
        1 => format!("SKM_C258{}{:02}", made.format("%y%m%d%H%M"), number % 60),
        2 => format!("{}_{}", subject.locale.word("scan"), made.format("%Y%m%d")),
        3 => made.format("%Y%m%d%H%M%S").to_string(),
        _ => format!("Scan_{number:04}"),
    };
    finish(&name, "pdf")
}

/// A name as a screenshot gets it.
pub(super) fn screenshot(subject: &Subject<'_>, phone: bool, rng: &mut ChaCha8Rng) -> String {
    if phone {
        let number = rng.random_range(120..9_600);
        return match subject.request.producer {
            Producer::MacQuartz => finish(&format!("IMG_{number:04}"), "PNG"),
            _ => {
                let at = subject.made.format("%Y%m%d-%H%M%S");
                finish(&format!("Screenshot_{at}"), "png")
            }
        };
    }
    let named = rng.random_bool(0.12);
    if named {
        return document(subject, subject.locale.word("summary"), "png", rng);
    }
    let key = match subject.request.producer {
        Producer::MacQuartz => "shot_mac",
        Producer::LibreOffice => "shot_gnome",
        _ => "shot_windows",
    };
    finish(&subject.locale.stamp(key, &subject.made), "png")
}

/// Articles, which people leave out at the start of a file name.
const ARTICLES: [&str; 9] = ["the", "a", "an", "el", "la", "los", "las", "un", "una"];

/// What is left of a title in a file name: words.
fn topic(title: &str) -> String {
    let mut topic = String::new();
    let named = match title.split_once(' ') {
        Some((article, rest)) if ARTICLES.contains(&article.to_lowercase().as_str()) => {
            let first = rest.chars().next().into_iter();
            let first: String = first.flat_map(char::to_uppercase).collect();
            first
                + rest
                    .get(rest.chars().next().map_or(0, char::len_utf8)..)
                    .unwrap_or_default()
        }
        _ => title.to_owned(),
    };
    for word in named
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '.' | '\'' | '’' | '&'))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
    {
        if !topic.is_empty() {
            if topic.chars().count() + 1 + word.chars().count() > TOPIC_CHARS {
                break;
            }
            topic.push(' ');
        }
        topic.extend(word.chars().take(TOPIC_CHARS));
    }
    topic
}

/// Adds the extension, and cuts what is too long.
pub(super) fn finish(name: &str, extension: &str) -> String {
    let mut kept = String::new();
    for c in name.chars() {
        // What Windows refuses in a name; everything else that is dangerous is gone already.
        if c.is_control() || "/\\:*?\"<>|".contains(c) {
            continue;
        }
        if kept.len() + c.len_utf8() + 1 + extension.len() > MAX_BYTES {
            break;
        }
        kept.push(c);
    }
    let kept = kept.trim_matches([' ', '.', '-', '_']);
    let kept = if kept.is_empty() { "1" } else { kept };
    format!("{kept}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_becomes_words() {
        for (title, expected) in [
            ("Budget 2026: first draft", "Budget 2026 first draft"),
            ("../../etc/passwd", "etc passwd"),
            ("It's done", "It's done"),
            ("The shift plan", "Shift plan"),
            ("la cafetera", "Cafetera"),
            ("A/B \"test\" <x>|y", "A B test x y"),
        ] {
            assert_eq!(topic(title), expected);
        }
    }

    #[test]
    fn a_name_has_an_end() {
        assert_eq!(finish("..", "pdf"), "1.pdf");
        assert_eq!(finish(" .htaccess ", "pdf"), "htaccess.pdf");
        let long = finish(&"é".repeat(400), "csv");
        assert!(long.len() <= 120 && long.ends_with("é.csv"), "{long}");
    }
}
