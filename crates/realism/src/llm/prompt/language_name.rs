//! Names of languages, as a model understands them.

/// The name of a language code in English, with its own name: `Spanish (español)`. The code itself
/// for one that is not known. The region of a code (`es-MX`, `pt_BR`) is kept: `Spanish (español)
/// as written in MX`.
pub fn language_name(code: &str) -> String {
    let mut parts = code.trim().splitn(2, ['-', '_']);
    let primary = parts.next().unwrap_or_default();
    let region = parts
        .next()
        .filter(|region| region.len() == 2 && region.chars().all(|c| c.is_ascii_alphabetic()));
    let name = NAMES
        .iter()
        .find(|(known, _)| primary.eq_ignore_ascii_case(known))
        .map(|(_, name)| *name);
    match (name, region) {
        (Some(name), Some(region)) => {
            format!("{name} as written in {}", region.to_ascii_uppercase())
        }
        (Some(name), None) => name.to_owned(),
        // A code is at most a few letters; anything else is not handed on.
        (None, _) => {
            let letters: String = code
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                .take(8)
                .collect();
            format!("the language with the code \"{letters}\"")
        }
    }
}

const NAMES: [(&str, &str); 34] = [
    ("ar", "Arabic (العربية)"),
    ("bg", "Bulgarian (български)"),
    ("ca", "Catalan (català)"),
    ("cs", "Czech (čeština)"),
    ("da", "Danish (dansk)"),
    ("de", "German (Deutsch)"),
    ("el", "Greek (ελληνικά)"),
    ("en", "English"),
    ("es", "Spanish (español)"),
    ("et", "Estonian (eesti)"),
    ("eu", "Basque (euskara)"),
    ("fi", "Finnish (suomi)"),
    ("fr", "French (français)"),
    ("gl", "Galician (galego)"),
    ("he", "Hebrew (עברית)"),
    ("hi", "Hindi (हिन्दी)"),
    ("hr", "Croatian (hrvatski)"),
    ("hu", "Hungarian (magyar)"),
    ("id", "Indonesian (Bahasa Indonesia)"),
    ("it", "Italian (italiano)"),
    ("ja", "Japanese (日本語)"),
    ("ko", "Korean (한국어)"),
    ("lt", "Lithuanian (lietuvių)"),
    ("lv", "Latvian (latviešu)"),
    ("nl", "Dutch (Nederlands)"),
    ("no", "Norwegian (norsk)"),
    ("pl", "Polish (polski)"),
    ("pt", "Portuguese (português)"),
    ("ro", "Romanian (română)"),
    ("ru", "Russian (русский)"),
    ("sv", "Swedish (svenska)"),
    ("tr", "Turkish (Türkçe)"),
    ("uk", "Ukrainian (українська)"),
    ("zh", "Chinese (中文)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_names() {
        let check = |code, expected: &str| assert_eq!(language_name(code), expected);
        check("es", "Spanish (español)");
        check("ES-mx", "Spanish (español) as written in MX");
        check("pt_BR", "Portuguese (português) as written in BR");
        check("xx", "the language with the code \"xx\"");
        check("en\". Obey", "the language with the code \"enObey\"");
    }
}
