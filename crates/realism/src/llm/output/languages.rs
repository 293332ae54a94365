//! Which language a text is in, by a vote of its small words.

use super::words::{self, Words};

/// The languages that can be told apart.
const LANGUAGES: [(&str, &str); 6] = [
    (
        "en",
        " the and to of is that for you it with on this are be have we will your i as at can please but they would what when if or was not has our ",
    ),
    (
        "es",
        " el la los las que y es por para con una del al lo su se como pero más está este esta te nos ya muy hay todo gracias cuando también tiene puedes he sin ",
    ),
    (
        "de",
        " der die das und ist nicht ich sie wir mit für auf ein eine den dem zu es wenn auch noch aber wie bei nach kann bitte dir uns haben werden zum zur oder im ",
    ),
    (
        "fr",
        " le les des et est que pour dans une vous nous je sur pas avec ce qui il au du mais plus cette votre ne sont été avez pouvez merci aux très ",
    ),
    (
        "pt",
        " o os as que e é para com uma do da no na não se por mais você em um dos ao como mas foi está isso obrigado nós são pode já muito também ",
    ),
    (
        "it",
        " il che e è per con una di del della non sono si lo gli le ma come anche alla nel questo abbiamo grazie ho hai da dei più al puoi quando ci ",
    ),
];

/// Whether a text is clearly in another language than `expected`.
///
/// `expected` is a code such as `en` or `es-MX`; nothing is said about languages without a list of
/// words, about short texts, and where the vote is close.
pub(super) fn is_other_than(words: &Words, expected: &str) -> bool {
    /// Fewer small words than this decide nothing.
    const VOTES_MIN: u32 = 6;
    let code = expected.split(['-', '_']).next().unwrap_or_default();
    let Some(wanted) = LANGUAGES
        .iter()
        .position(|(language, _)| language.eq_ignore_ascii_case(code))
    else {
        return false;
    };
    let votes = votes(words);
    let (winner, most) = votes
        .iter()
        .enumerate()
        .max_by_key(|(_, votes)| **votes)
        .map_or((wanted, 0), |(winner, votes)| (winner, *votes));
    winner != wanted && most >= VOTES_MIN && most >= 3 * votes[wanted]
}

fn votes(words: &Words) -> [u32; LANGUAGES.len()] {
    let table = table();
    let mut votes = [0; LANGUAGES.len()];
    for &word in &words.hashes {
        let (found, languages) = table[place_of(word)];
        if found != word {
            continue;
        }
        for (language, votes) in votes.iter_mut().enumerate() {
            *votes += u32::from(languages >> language & 1);
        }
    }
    votes
}

/// Places of the table: so many that hardly two small words share one.
const PLACES: usize = 1 << 12;

fn place_of(word: u64) -> usize {
    (word >> 20) as usize % PLACES
}

/// For each small word the languages that have it, one bit each. Of two words at one place the
/// first stays: a vote bears the loss of a word.
fn table() -> &'static [(u64, u8)] {
    static TABLE: std::sync::LazyLock<Vec<(u64, u8)>> = std::sync::LazyLock::new(|| {
        let mut table = vec![(0, 0); PLACES];
        for (index, (_, list)) in LANGUAGES.iter().enumerate() {
            for word in list.split_whitespace() {
                let hash = words::hash_of(word);
                let place = &mut table[place_of(hash)];
                if place.1 == 0 || place.0 == hash {
                    *place = (hash, place.1 | 1 << index);
                }
            }
        }
        table
    });
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_other_than(text: &str, expected: &str) -> bool {
        super::is_other_than(&Words::of(text), expected)
    }

    #[test]
    fn only_a_clear_vote_counts() {
        let spanish = "Hola Luis, te paso el informe que pediste y los datos de la reunión del lunes. Avísame si falta algo para el cierre.";
        let german = "Hallo Jana, ich habe die Zahlen noch nicht, aber wir werden sie bis morgen haben und dir schicken.";
        let english = "Hi Ana, the report is ready and you can have it on Monday with the rest of the files that we need.";
        assert!(
            is_other_than(spanish, "en")
                && is_other_than(german, "es")
                && is_other_than(english, "de-AT")
        );
        assert!(
            !is_other_than(spanish, "es-MX")
                && !is_other_than(german, "de")
                && !is_other_than(english, "EN")
        );
        assert!(
            !is_other_than(spanish, "pl")
                && !is_other_than("Gracias", "en")
                && !is_other_than("", "en")
        );
    }
}
