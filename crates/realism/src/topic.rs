//! Topics of new threads.

use crate::language;

/// Phrases that new threads may be about, in `language`; the English ones when the language has
/// no list. `es-MX` matches `es`.
///
/// Each is a noun phrase as it stands in a sentence, and has a script of its own in the
/// [offline writer](crate::offline).
pub fn built_in(language: &str) -> &'static [&'static str] {
    language::pack(language).topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_long_distinct_and_plain() {
        for code in language::supported() {
            let topics = built_in(code);
            assert!(topics.len() > 30, "{code}: {}", topics.len());
            for (index, topic) in topics.iter().enumerate() {
                assert!(!topics[..index].contains(topic), "{topic} twice");
                assert!(!topic.contains(['{', '[', '|']), "{topic}");
                assert_eq!(crate::offline::clean::phrase(topic, 60), *topic);
            }
        }
    }

    #[test]
    fn language_codes_match_by_primary_subtag() {
        assert_eq!(built_in("es-MX"), built_in("es"));
        assert_eq!(built_in("ES_ar"), built_in("es"));
        assert_eq!(built_in("de"), built_in("en"));
    }
}
