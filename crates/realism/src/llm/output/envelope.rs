//! What a model or its server wraps around an answer: thoughts, chat marks, code fences.

use super::header;
use super::letter;

/// `text` without what stands between `<think>` and `</think>`; `None` if there is no such mark.
///
/// A lone `</think>` ends thoughts that started before the text, a lone `<think>` starts some that
/// never end.
pub(super) fn without_thoughts(text: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut rest = text;
    let mut searched = 0;
    while let Some(at) = rest[searched..].find('<').map(|at| searched + at) {
        let Some((name, is_end, length)) = thought_mark(&rest[at..]) else {
            searched = at + 1;
            continue;
        };
        let kept = out.get_or_insert_default();
        let after = &rest[at + length..];
        if is_end {
            kept.clear();
            rest = after;
        } else {
            kept.push_str(&rest[..at]);
            rest = end_of_thoughts(after, name).unwrap_or("");
        }
        searched = 0;
    }
    let mut out = out?;
    out.push_str(rest);
    Some(out)
}

const THOUGHTS: [&str; 8] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "analysis",
];

/// Name, whether it ends thoughts, and length of the mark that `text` starts with.
fn thought_mark(text: &str) -> Option<(&'static str, bool, usize)> {
    let inner = text.strip_prefix('<')?;
    let (is_end, inner) = match inner.strip_prefix('/') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let length = inner
        .bytes()
        .take_while(u8::is_ascii_alphabetic)
        .take(16)
        .count();
    let name = THOUGHTS
        .into_iter()
        .find(|name| inner[..length].eq_ignore_ascii_case(name))?;
    let close = inner[length..].strip_prefix('>')?;
    Some((name, is_end, text.len() - close.len()))
}

fn end_of_thoughts<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at..];
        match thought_mark(rest) {
            Some((found, true, length)) if found == name => return Some(&rest[length..]),
            _ => rest = &rest[2..],
        }
    }
    None
}

/// The first turn of an answer with the marks of a chat template; `None` without any.
///
/// What the template says to be thoughts, or to come from somebody else than the model, is passed
/// over.
pub(super) fn first_turn(text: &str) -> Option<&str> {
    let mut searched = 0;
    let mut start = 0;
    let mut is_ours = true;
    let mut found = None;
    while let Some(at) = text[searched..].find(['<', '[']).map(|at| searched + at) {
        let Some(length) = chat_mark(&text[at..]) else {
            searched = at + 1;
            continue;
        };
        found = found.or_else(|| turn(&text[start..at], start > 0, &mut is_ours));
        start = at + length;
        searched = start;
        match &text[at..start] {
            "[INST]" | "<<SYS>>" => is_ours = false,
            "[/INST]" => is_ours = true,
            _ => {}
        }
    }
    if start == 0 {
        return None;
    }
    Some(
        found
            .or_else(|| turn(&text[start..], true, &mut is_ours))
            .unwrap_or(""),
    )
}

/// What the text between two marks says, if it says something to us. A name of a role alone says
/// whose turn comes next.
fn turn<'a>(text: &'a str, follows_mark: bool, is_ours: &mut bool) -> Option<&'a str> {
    let text = text.trim();
    let length = text.bytes().take_while(u8::is_ascii_lowercase).count();
    let (role, rest) = text.split_at(length);
    let named = match role {
        "user" | "system" | "analysis" | "commentary" | "tool" => Some(false),
        "assistant" | "model" | "final" | "gpt" => Some(true),
        _ => None,
    };
    let said = match named {
        Some(ours) if follows_mark && (rest.is_empty() || rest.starts_with('\n')) => {
            *is_ours = ours;
            rest.trim_start()
        }
        _ => text,
    };
    (*is_ours && !said.is_empty()).then_some(said)
}

/// Length of the mark of a chat template that `text` starts with.
fn chat_mark(text: &str) -> Option<usize> {
    const FIXED: [&str; 14] = [
        "<start_of_turn>",
        "<end_of_turn>",
        "<eos>",
        "<bos>",
        "</s>",
        "<pad>",
        "<unk>",
        "<|endoftext|>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
        "<eot>",
        "<end_of_text>",
    ];
    const MARK_MAX: usize = 48;
    if let Some(mark) = FIXED.iter().find(|mark| text.starts_with(**mark)) {
        return Some(mark.len());
    }
    let (close, inner) = if let Some(inner) = text.strip_prefix("<|") {
        ("|>", inner)
    } else {
        ("｜>", text.strip_prefix("<｜")?)
    };
    let ahead = &inner[..inner.floor_char_boundary(MARK_MAX)];
    let end = ahead.find(close)?;
    let name = &ahead[..end];
    (!name.contains(['\n', ' '])).then(|| text.len() - inner.len() + end + close.len())
}

/// What was in a code fence, or around it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfenced<'a> {
    /// The mail stood inside.
    Inside(&'a str),
    /// The mail stood around it; the marks are gone.
    Around(String),
    /// A program stood inside, and no mail around it.
    Program,
}

/// Takes a mail out of the code fence around it, or the marks of fences out of a mail; `None` if
/// there is no fence.
pub(super) fn unfence(text: &str) -> Option<Unfenced<'_>> {
    let open = fence_at(text, 0)?;
    let before = &text[..open.start];
    let close = fence_at(text, open.end);
    let (inner, after) = match close {
        Some(close) => (&text[open.end..close.start], &text[close.end..]),
        None => (&text[open.end..], ""),
    };
    let (tag, content) = split_tag(inner);
    let outside_is_mail = has_subject(before) || !is_preamble(before);
    if content.trim().is_empty() || outside_is_mail {
        let (mut inside, mut outside) = (0, 0);
        let mut kept = String::with_capacity(text.len());
        let mut fenced = false;
        for line in text.split_inclusive('\n') {
            if is_fence(line) {
                fenced = !fenced;
                // Words may stand on the line of the mark.
                let words = line.trim().trim_matches(['`', '~']).trim();
                if !fenced || words.contains(' ') {
                    kept.push_str(words);
                    kept.push('\n');
                }
                continue;
            }
            *if fenced { &mut inside } else { &mut outside } += line.trim().len();
            kept.push_str(line);
        }
        return Some(if inside > outside && inside > 200 {
            Unfenced::Program
        } else {
            Unfenced::Around(kept.replace("```", "").replace("~~~", ""))
        });
    }
    let is_program = !matches!(
        tag.to_ascii_lowercase().as_str(),
        "" | "text"
            | "txt"
            | "plain"
            | "plaintext"
            | "email"
            | "mail"
            | "e-mail"
            | "markdown"
            | "md"
            | "json"
            | "eml"
            | "html"
            | "yaml"
            | "output"
            | "message"
            | "none"
    );
    if is_program && !has_subject(content) {
        return Some(Unfenced::Program);
    }
    // A second fence with the text, as in "Subject: X" in one and the body in another.
    if is_subject_alone(content)
        && let Some(next) = fence_at(after, 0)
    {
        let rest = after[next.end..].trim_end().trim_end_matches('`');
        return Some(Unfenced::Around(format!(
            "{}\n\n{}",
            content.trim(),
            split_tag(rest).1
        )));
    }
    Some(Unfenced::Inside(content))
}

/// Byte range of a mark: three or more backticks, or tildes at the start of a line.
fn fence_at(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let rest = &text[from..];
    let ticks = rest.find("```");
    let tildes = if rest.starts_with("~~~") {
        Some(0)
    } else {
        rest.find("\n~~~").map(|at| at + 1)
    };
    let start = match (ticks, tildes) {
        (Some(ticks), Some(tildes)) => ticks.min(tildes),
        (one, other) => one.or(other)?,
    };
    let sign = if rest[start..].starts_with('`') {
        '`'
    } else {
        '~'
    };
    let length = rest[start..].len() - rest[start..].trim_start_matches(sign).len();
    Some(from + start..from + start + length)
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// The language tag behind an opening mark, and what follows it.
fn split_tag(inner: &str) -> (&str, &str) {
    let (first, rest) = inner.split_once('\n').unwrap_or((inner, ""));
    let first = first.trim();
    let is_tag = first.len() <= 20
        && first
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'#'));
    if is_tag { (first, rest) } else { ("", inner) }
}

fn has_subject(text: &str) -> bool {
    text.lines().any(|line| header::subject_of(line).is_some())
}

fn is_subject_alone(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .next()
        .is_some_and(|line| header::subject_of(line).is_some())
        && lines.next().is_none()
}

/// Whether `text` introduces what follows and is no mail itself.
fn is_preamble(text: &str) -> bool {
    const PREAMBLE_MAX: usize = 400;
    text.len() <= PREAMBLE_MAX && !text.lines().any(|line| letter::greeting_of(line).is_some())
}
