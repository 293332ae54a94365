//! Who greets whom and who signs: one greeting, the right names, no signature.

use super::ExpectedMail;
use super::letter;
use super::placeholder;
use super::problem::Problem;
use super::repair::{Repair, Repairs};

/// Puts the greeting and the end of `body` right; `None` if nothing changed.
///
/// One of several greetings stays, the name at the end becomes the sender's first name, and what
/// stands below it goes, because the mail client adds the signature. A placeholder in the place of
/// a known name becomes that name. A wrong name is a problem: who wrote the rest is anybody's guess.
pub(super) fn put_right(
    body: &str,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let mut lines: Vec<std::borrow::Cow<'_, str>> = body.lines().map(Into::into).collect();
    let mut changed = false;
    if let Some(signature) = expected.sender_signature {
        changed |= drop_signature(&mut lines, signature, repairs);
    }
    changed |= sign(&mut lines, expected, repairs, problems);
    changed |= greet(&mut lines, expected, repairs, problems);
    changed.then(|| lines.join("\n"))
}

type Lines<'a> = Vec<std::borrow::Cow<'a, str>>;

fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}

/// Whether two names share a word; `Alex` counts for `Alejandro`.
fn same(one: &str, other: &str) -> bool {
    if one == first_name(other) && one.len() > 3 {
        return true;
    }
    let others: Vec<String> = letter::first_names(other).collect();
    letter::first_names(one).any(|word| {
        others.iter().any(|other| {
            let (short, long) = if word.len() < other.len() {
                (&word, other)
            } else {
                (other, &word)
            };
            long.starts_with(short.as_str()) && short.len() >= 3
                || short.len() >= 3 && long.get(..3) == short.get(..3) && long.is_char_boundary(3)
                || word == *other
        })
    })
}

/// Drops the signature that the mail client adds, if the text ends with it.
fn drop_signature(lines: &mut Lines<'_>, signature: &str, repairs: &mut Repairs) -> bool {
    let mut end = lines.len();
    let mut wanted = signature
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && *line != "--")
        .rev()
        .peekable();
    if wanted.peek().is_none() {
        return false;
    }
    for wanted in wanted {
        while end > 0 && lines[end - 1].trim().is_empty() {
            end -= 1;
        }
        let found = end
            .checked_sub(1)
            .is_some_and(|at| letter::fold(lines[at].trim()) == letter::fold(wanted));
        if !found {
            return false;
        }
        end -= 1;
    }
    // A mail that is nothing but a signature stays for the checks to refuse.
    if lines[..end].iter().all(|line| line.trim().is_empty()) {
        return false;
    }
    lines.truncate(end);
    repairs.note(Repair::Signature);
    true
}

/// Looks at the name at the end.
fn sign(
    lines: &mut Lines<'_>,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
    problems: &mut Vec<Problem>,
) -> bool {
    /// Lines of a signature below the closing, blank ones included.
    const LOOK_BACK: usize = 12;
    let from = lines.len().saturating_sub(LOOK_BACK);
    let closing = (from..lines.len()).rev().find(|at| {
        letter::closing_of(&lines[*at]).is_some_and(|closing| {
            !closing.is_weak || name_below(lines, *at).is_some() || *at + 1 == lines.len()
        })
    });
    let Some(closing) = closing else {
        return sign_without_closing(lines, expected, repairs, problems);
    };
    let inline = letter::closing_of(&lines[closing])
        .map(|closing| closing.name.to_owned())
        .unwrap_or_default();
    if !inline.is_empty() {
        check_signer(&inline, expected, problems);
        let Some(sender) = expected.sender_name else {
            return false;
        };
        if placeholder::is_whole(&inline) || inline != first_name(sender) && same(&inline, sender) {
            repairs.note(Repair::SenderName);
            let kept = lines[closing]
                .trim_end()
                .strip_suffix(inline.as_str())
                .map(str::to_owned);
            if let Some(kept) = kept {
                lines[closing] = format!("{kept}{}", first_name(sender)).into();
                return true;
            }
        }
        return false;
    }
    let below = name_below(lines, closing);
    if let Some(at) = below {
        check_signer(lines[at].trim(), expected, problems);
    }
    let Some(sender) = expected.sender_name else {
        return false;
    };
    let postscript = (closing + 1..lines.len()).find(|at| letter::is_postscript(&lines[*at]));
    let end = postscript.unwrap_or(lines.len());
    let is_right = below
        .is_some_and(|at| lines[at].trim().trim_end_matches([',', '.']) == first_name(sender))
        && lines[closing + 1..end]
            .iter()
            .filter(|line| !line.trim().is_empty())
            .count()
            == 1;
    if is_right {
        return false;
    }
    // A closing in words of the sender's own, such as "Thanks!", needs no name.
    let is_weak = letter::closing_of(&lines[closing]).is_some_and(|closing| closing.is_weak);
    if below.is_none() && is_weak {
        return false;
    }
    repairs.note(if below.is_some_and(|at| end > at + 1) {
        Repair::Signature
    } else {
        Repair::SenderName
    });
    let mut ending: Lines<'_> = vec![first_name(sender).to_owned().into()];
    if postscript.is_some() {
        ending.push("".into());
    }
    lines.splice(closing + 1..end, ending);
    true
}

/// The line below a closing that holds a name, or something in its place.
fn name_below(lines: &Lines<'_>, closing: usize) -> Option<usize> {
    let at = (closing + 1..lines.len()).find(|at| !lines[*at].trim().is_empty())?;
    let line = lines[at].trim();
    let head = line.split(',').next().unwrap_or(line);
    (letter::is_name(head) || placeholder::is_whole(line)).then_some(at)
}

fn sign_without_closing(
    lines: &mut Lines<'_>,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
    problems: &mut Vec<Problem>,
) -> bool {
    let Some(last) = lines
        .iter()
        .rposition(|line| !line.trim().is_empty())
        .filter(|last| *last > 0)
    else {
        return false;
    };
    let line = lines[last]
        .trim()
        .trim_start_matches(['-', '–', '—', ' '])
        .to_owned();
    if let Some(sender) = expected.sender_name {
        let is_full = letter::is_name(&line) && same(&line, sender) && line != first_name(sender);
        if placeholder::is_name(&line) || is_full {
            repairs.note(Repair::SenderName);
            lines[last] = first_name(sender).to_owned().into();
            return true;
        }
    }
    // Without a closing a name may be part of the text, unless it is one that we know.
    if let (true, Some(recipient)) = (letter::is_name(&line), expected.recipient_name)
        && same(&line, recipient)
        && !expected
            .sender_name
            .is_some_and(|sender| same(&line, sender))
    {
        super::add(problems, Problem::WrongPerson);
    }
    false
}

fn check_signer(name: &str, expected: &ExpectedMail<'_>, problems: &mut Vec<Problem>) {
    if placeholder::is_whole(name)
        || letter::first_names(name).next().is_none()
        || letter::is_group(name)
    {
        return;
    }
    let wrong = match (expected.sender_name, expected.recipient_name) {
        (Some(sender), _) => !same(name, sender),
        (None, Some(recipient)) => same(name, recipient),
        (None, None) => false,
    };
    if wrong {
        super::add(problems, Problem::WrongPerson);
    }
}

/// Looks at the greetings at the top.
fn greet(
    lines: &mut Lines<'_>,
    expected: &ExpectedMail<'_>,
    repairs: &mut Repairs,
    problems: &mut Vec<Problem>,
) -> bool {
    let mut greetings = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match greeted(line, at == 0) {
            Some((name, is_whole_line)) => {
                greetings.push((at, name.to_owned()));
                if !is_whole_line {
                    break;
                }
            }
            None if line.trim().is_empty() => {}
            None => break,
        }
        // Nobody greets so often; what follows is a loop for others to refuse.
        if greetings.len() > 4 {
            break;
        }
    }
    let mut changed = false;
    if let [first, .., last] = &greetings[..] {
        let (from, to) = (first.0, last.0);
        let signer = signer(lines);
        let is_sender = |name: &str| match expected.sender_name.or(signer.as_deref()) {
            Some(sender) => same(name, sender),
            None => false,
        };
        let right = match expected.recipient_name {
            Some(recipient) => greetings.iter().find(|(_, name)| same(name, recipient)),
            None => {
                let mut others = greetings.iter().filter(|(_, name)| !is_sender(name));
                let first = others.next();
                // The same greeting twice is one; two people are too many.
                first.filter(|(_, name)| {
                    others.all(|(_, other)| {
                        letter::fold(other) == letter::fold(name) || other.is_empty()
                    })
                })
            }
        };
        let Some((at, name)) = right.cloned() else {
            super::add(problems, Problem::WrongPerson);
            return false;
        };
        repairs.note(Repair::Greeting);
        let kept = std::mem::take(&mut lines[at]);
        lines.splice(from..=to, [kept]);
        greetings = vec![(from, name)];
        changed = true;
    }
    let [(at, name)] = &greetings[..] else {
        return changed;
    };
    if placeholder::is_name(name) {
        if let Some(recipient) = expected.recipient_name {
            repairs.note(Repair::Greeting);
            lines[*at] = lines[*at]
                .replacen(name.as_str(), first_name(recipient), 1)
                .into();
            return true;
        }
        return changed;
    }
    if name.is_empty() || letter::is_group(name) || placeholder::is_whole(name) {
        return changed;
    }
    let wrong = match (expected.recipient_name, expected.sender_name) {
        (Some(recipient), _) => !same(name, recipient),
        (None, Some(sender)) => same(name, sender),
        // Whoever greets himself is one of the two, and we cannot tell which.
        (None, None) => signer(lines).is_some_and(|signer| same(name, &signer)),
    };
    if wrong {
        super::add(problems, Problem::WrongPerson);
    }
    changed
}

/// Who is greeted by a line, and whether it says nothing else. A name alone greets at the top.
fn greeted(line: &str, is_top: bool) -> Option<(&str, bool)> {
    if let Some(greeting) = letter::greeting_of(line) {
        return Some((greeting.name, greeting.is_whole_line));
    }
    let words = line.trim();
    (is_top
        && words.ends_with([',', ':'])
        && letter::is_name(words)
        && letter::closing_of(words).is_none())
    .then(|| (words.trim_end_matches([',', ':']), true))
}

/// Who signs.
fn signer(lines: &Lines<'_>) -> Option<String> {
    let closing = lines
        .iter()
        .rposition(|line| letter::closing_of(line).is_some());
    match closing {
        Some(at) => {
            let inline = letter::closing_of(&lines[at])
                .map(|closing| closing.name)
                .unwrap_or_default();
            if inline.is_empty() {
                name_below(lines, at).map(|at| {
                    lines[at]
                        .trim()
                        .split(',')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                })
            } else {
                Some(inline.to_owned())
            }
        }
        None => {
            let last = lines
                .iter()
                .rposition(|line| !line.trim().is_empty())
                .filter(|last| *last > 0)?;
            letter::is_name(&lines[last]).then(|| lines[last].trim().to_owned())
        }
    }
}
