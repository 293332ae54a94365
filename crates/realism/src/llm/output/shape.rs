//! Whether a text has the shape of a mail: sentences from somebody to somebody.

use std::sync::LazyLock;

use super::layout;
use super::letter;
use super::problem::Problem;
use crate::style::phrases::Phrases;

/// A text without a word to or from a person is an article from this many words on.
const ARTICLE_WORDS: usize = 40;

/// What `body` is instead of a mail.
pub(super) fn problems(body: &str, is_reply: bool, found: &mut Vec<Problem>) {
    let counts = Counts::of(body);
    let Counts { lines, .. } = counts;
    if counts.table_rows >= 2 {
        super::add(found, Problem::Table);
    }
    if counts.code >= 3 && counts.code * 3 >= lines {
        super::add(found, Problem::Code);
    }
    if counts.questions >= 2 && counts.questions * 3 >= lines {
        super::add(found, Problem::QuestionsAndAnswers);
    } else if counts.fields >= 4 && counts.fields * 5 >= lines * 2 {
        super::add(found, Problem::Form);
    } else if counts.scraps >= 8 && counts.scraps * 2 >= lines
        || counts.items >= 4 && counts.items == lines
    {
        super::add(found, Problem::List);
    } else if counts.is_figures() || counts.is_names() {
        super::add(found, Problem::NoSentences);
    } else if counts.is_article(is_reply, body) {
        super::add(found, Problem::Article);
    }
}

#[derive(Debug, Default)]
struct Counts {
    /// Lines with something on them.
    lines: usize,
    words: usize,
    /// Words that start with a digit.
    figures: usize,
    /// Words with a capital.
    capitals: usize,
    table_rows: usize,
    code: usize,
    /// Lines that start with `Q1:`, `Answer:` and the like.
    questions: usize,
    /// Lines such as `Location: Room 785`.
    fields: usize,
    /// Lines of one or two words.
    scraps: usize,
    /// Items of a list.
    items: usize,
    /// Whether it greets or closes.
    is_letter: bool,
    /// Whether the text starts with a row of names and figures.
    headline: bool,
}

impl Counts {
    fn of(body: &str) -> Self {
        let mut counts = Self::default();
        let mut closed = false;
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let greeting = letter::greeting_of(line);
            let closes = letter::closing_of(line).is_some();
            counts.is_letter |= greeting.is_some() || closes;
            closed |= closes;
            counts.lines += 1;
            if greeting.is_some_and(|greeting| greeting.is_whole_line) || closed {
                continue;
            }
            counts.take(line);
        }
        counts
    }

    fn take(&mut self, line: &str) {
        /// A headline shows within the first words.
        const HEADLINE: usize = 12;
        let before = self.words;
        for word in line.split_ascii_whitespace() {
            let Some(at) = word
                .bytes()
                .position(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80)
            else {
                continue;
            };
            self.words += 1;
            match word.as_bytes()[at] {
                b'0'..=b'9' => self.figures += 1,
                b'A'..=b'Z' => self.capitals += 1,
                b'a'..=b'z' => {}
                _ => {
                    let first = word[at..].chars().find(|c| c.is_alphanumeric());
                    self.capitals += usize::from(first.is_some_and(char::is_uppercase));
                }
            }
            if self.words == HEADLINE {
                self.headline = self.figures + self.capitals >= HEADLINE - 2;
            }
        }
        let words = self.words - before;
        let is_item = line.starts_with("- ") || line.starts_with("* ") || is_numbered(line);
        self.items += usize::from(is_item);
        self.scraps += usize::from(words <= 2);
        self.table_rows += usize::from(line.bytes().filter(|byte| *byte == b'|').count() >= 2);
        self.code += usize::from(is_code(line));
        self.questions += usize::from(is_question_label(line));
        self.fields += usize::from(!is_item && layout::is_field(line));
    }

    /// Whether it starts with a headline, or is long and says nothing to anybody.
    fn is_article(&self, is_reply: bool, body: &str) -> bool {
        let long = if is_reply {
            2 * ARTICLE_WORDS
        } else {
            ARTICLE_WORDS
        };
        !self.is_letter && (self.headline || self.words >= long && !addresses_somebody(body))
    }

    fn is_figures(&self) -> bool {
        self.words >= 20 && self.figures * 2 > self.words
    }

    /// Whether seven of ten words are names and figures; German with its nouns has four.
    fn is_names(&self) -> bool {
        self.words >= 8 && (self.capitals + self.figures) * 10 >= self.words * 7
    }
}

/// Whether a number of one or two digits starts the line and a period or a bracket ends it.
fn is_numbered(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digits = bytes
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    (1..=2).contains(&digits) && matches!(bytes.get(digits), None | Some(b'.' | b')'))
}

fn is_code(line: &str) -> bool {
    const STARTS: [&str; 26] = [
        "import ",
        "from ",
        "def ",
        "class ",
        "function ",
        "const ",
        "let ",
        "var ",
        "#include",
        "public ",
        "private ",
        "return ",
        "<?php",
        "SELECT ",
        "INSERT ",
        "if (",
        "for (",
        "while (",
        "} else",
        "fn ",
        "package ",
        "using ",
        "#!/",
        "elif ",
        "except ",
        "print(",
    ];
    let ends = line.ends_with([';', '{', '}'])
        || line.ends_with("):")
        || line.ends_with("})")
        || line.ends_with("',") && line.contains("':");
    let is_sign = |byte: u8| matches!(byte, b'(' | b'=' | b'{' | b'"' | b'<' | b'*');
    let has_sign = line
        .bytes()
        .fold(false, |found, byte| found | is_sign(byte));
    let starts = has_sign && STARTS.iter().any(|start| line.starts_with(start));
    // "from the team" is no import.
    let is_word = line.starts_with("from ") && !line.contains(" import ")
        || line.starts_with("return ") && line.ends_with('.');
    ends || starts && !is_word
}

fn is_question_label(line: &str) -> bool {
    let line = line.trim_start_matches(['*', '#', '_', ' ']);
    const AHEAD: usize = 20;
    let ahead = &line[..line.floor_char_boundary(AHEAD)];
    let Some(at) = ahead.find(':') else {
        return false;
    };
    let label = ahead[..at]
        .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '#' | '*' | '.'));
    matches!(
        label.to_lowercase().as_str(),
        "q" | "a"
            | "question"
            | "answer"
            | "answers"
            | "your answer"
            | "pregunta"
            | "respuesta"
            | "frage"
            | "antwort"
            | "réponse"
            | "domanda"
            | "risposta"
            | "user"
            | "assistant"
            | "human"
            | "ai"
            | "customer"
            | "agent"
    )
}

/// Whether some word is said by or to a person.
fn addresses_somebody(body: &str) -> bool {
    static WORDS: LazyLock<Phrases<()>> = LazyLock::new(|| {
        let words = "i i'm i've i'll i'd we we're we've we'll me my us our you you're your yours please thanks thank \
            yo me mi mis nos nosotros nosotras nuestro nuestra nuestros nuestras te tu tus ti tú usted ustedes os vosotros vuestro gracias favor avísame puedes podrías puede podría sabes tienes quieres necesito necesitamos tengo tenemos he hemos dime mándame adjunto adjunta saludos \
            ich wir uns mich mir mein meine unser unsere du dich dir dein deine ihnen ihr bitte danke \
            je j'ai nous moi mon ma mes notre nos vous votre vos tu toi ton merci \
            eu nós você vocês meu minha nosso nossa obrigado obrigada \
            io noi ci mio mia nostro nostra ti tuo tua voi grazie \
            ik wij we je jij jullie mij mijn onze graag bedankt";
        let list: Vec<(&'static str, ())> =
            words.split_whitespace().map(|word| (word, ())).collect();
        Phrases::new(&list)
    });
    // Whoever asks, asks somebody.
    body.contains('?') || WORDS.find(body, 0).is_some()
}
