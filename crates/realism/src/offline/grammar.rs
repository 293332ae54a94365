//! Grammars of a language: rules with alternatives, read once from text and expanded with dice.
//!
//! A grammar text has rules, each a line `@name` followed by one alternative a line; empty lines
//! and lines starting with `#` are skipped. Inside an alternative:
//!
//! - `[a|b|]` is a choice, possibly of nothing,
//! - `(a~b)` is `a` between equals and `b` in a polite register,
//! - `<name>` expands another rule, `<*kind>` the rule `family.kind` of the mail's scenario,
//! - `{slot}` is filled by the caller,
//! - `%fdctn ` at the start limits the alternative to those tones.
//!
//! A line `=a|b|c` makes those phrases interchangeable: wherever one of them stands in later or
//! earlier text as whole words, any of them may be written. Rules whose names start with `_`, `greet`
//! or `bye` are left alone.
//!
//! An alternative with more expansions is chosen more often, so that a fixed phrase stays rare.

use std::collections::BTreeMap;

use super::dice::Dice;

/// Deepest nesting of rules that is expanded.
const DEPTH_MAX: u32 = 16;
/// Cap of the expansions counted for one alternative.
const COUNT_MAX: u64 = 100_000;

/// Names a rule of a [`Grammar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleId(u32);

/// A set of rules.
#[derive(Debug, Default)]
pub(crate) struct Grammar {
    names: BTreeMap<&'static str, RuleId>,
    rules: Vec<Rule>,
    families: Vec<&'static str>,
    kinds: Vec<&'static str>,
    /// By family, then kind.
    family_rules: Vec<Vec<Option<RuleId>>>,
}

#[derive(Debug, Default)]
struct Rule {
    alternatives: Vec<Alternative>,
}

#[derive(Debug)]
struct Alternative {
    id: u32,
    tones: u8,
    weight: u32,
    nodes: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Text(&'static str),
    Rule(RuleId),
    Family(usize),
    Slot(&'static str),
    Choice(Vec<(u32, Vec<Node>)>),
    Register(Vec<Node>, Vec<Node>),
}

/// What an expansion depends on besides the dice.
pub(crate) trait Filler {
    /// Tone bits of the mail, see [`tone_bit`].
    fn tones(&self) -> u8;
    /// Whether the polite register applies.
    fn is_polite(&self) -> bool;
    /// Index of the scenario family.
    fn family(&self) -> usize;
    /// Appends the value of a slot.
    fn fill(&mut self, slot: &'static str, dice: &mut Dice, out: &mut String);
    /// Whether an alternative was already used in this mail; notes it as used.
    fn is_spent(&mut self, alternative: u32) -> bool;
}

/// Bit of a tone letter.
pub(crate) fn tone_bit(letter: char) -> u8 {
    match letter {
        'f' => 1,
        'd' => 2,
        'c' => 4,
        't' => 8,
        'n' => 16,
        _ => 0,
    }
}

impl Grammar {
    /// Reads grammar texts. References to rules that do not exist are listed in the second value
    /// and expand to nothing.
    pub(crate) fn parse(sources: &[&'static str]) -> (Self, Vec<String>) {
        let mut grammar = Self::default();
        let mut faults = Vec::new();
        let mut lines = Vec::new();
        let mut current = None;
        let mut synonyms: Vec<Vec<&'static str>> = Vec::new();
        let mut fixed = Vec::new();
        for line in sources.iter().flat_map(|source| source.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(group) = line.strip_prefix('=') {
                synonyms.push(group.split('|').collect());
            } else if let Some(name) = line.strip_prefix('@') {
                let next = RuleId(grammar.rules.len() as u32);
                let id = *grammar.names.entry(name).or_insert(next);
                if id == next {
                    grammar.rules.push(Rule::default());
                    fixed.push(
                        ["_", "greet", "bye"]
                            .iter()
                            .any(|start| name.starts_with(start)),
                    );
                }
                current = Some(id);
            } else if let Some(id) = current {
                lines.push((id, line));
            } else {
                faults.push(format!("text before the first rule: {line}"));
            }
        }
        grammar.index_families();
        for (index, (rule, line)) in lines.into_iter().enumerate() {
            let (tones, text) = split_tones(line);
            let mut reader = Reader {
                rest: text,
                grammar: &grammar,
                synonyms: if fixed[rule.0 as usize] {
                    &[]
                } else {
                    &synonyms
                },
                faults: &mut faults,
            };
            let nodes = reader.sequence("");
            if !reader.rest.is_empty() {
                faults.push(format!("unbalanced: {line}"));
            }
            grammar.rules[rule.0 as usize]
                .alternatives
                .push(Alternative {
                    id: index as u32,
                    tones,
                    weight: 1,
                    nodes,
                });
        }
        grammar.weigh();
        (grammar, faults)
    }

    /// The rule with this name.
    pub(crate) fn rule(&self, name: &str) -> Option<RuleId> {
        self.names.get(name).copied()
    }

    /// Index of a family, of `generic` when there is none of that name.
    pub(crate) fn family(&self, name: &str) -> usize {
        let find = |name| self.families.iter().position(|family| *family == name);
        find(name).or_else(|| find("generic")).unwrap_or(0)
    }

    /// Names of the families.
    pub(crate) fn families(&self) -> &[&'static str] {
        &self.families
    }

    /// Literal alternatives of a rule, such as a list of names.
    pub(crate) fn literals(&self, name: &str) -> impl Iterator<Item = &'static str> {
        let rule = self.rule(name).map(|id| &self.rules[id.0 as usize]);
        rule.into_iter()
            .flat_map(|rule| &rule.alternatives)
            .filter_map(|alternative| match alternative.nodes.as_slice() {
                [Node::Text(text)] => Some(*text),
                _ => None,
            })
    }

    /// Appends an expansion of `rule`.
    pub(crate) fn expand(
        &self,
        rule: RuleId,
        filler: &mut dyn Filler,
        dice: &mut Dice,
        out: &mut String,
    ) {
        self.expand_rule(rule, filler, dice, out, 0);
    }

    fn expand_rule(
        &self,
        rule: RuleId,
        filler: &mut dyn Filler,
        dice: &mut Dice,
        out: &mut String,
        depth: u32,
    ) {
        let Some(alternatives) = self
            .rules
            .get(rule.0 as usize)
            .map(|rule| &rule.alternatives)
        else {
            return;
        };
        if depth > DEPTH_MAX {
            return;
        }
        let tones = filler.tones();
        let total: u32 = alternatives
            .iter()
            .filter(|a| a.tones & tones != 0)
            .map(|a| a.weight)
            .sum();
        for attempt in 0..8 {
            let mut place = dice.below(total as usize) as u32;
            let chosen = alternatives
                .iter()
                .filter(|a| a.tones & tones != 0)
                .find(|a| {
                    let found = place < a.weight;
                    place = place.wrapping_sub(if found { 0 } else { a.weight });
                    found
                });
            let Some(chosen) = chosen else {
                return;
            };
            if filler.is_spent(chosen.id) && attempt < 7 && alternatives.len() > 1 {
                continue;
            }
            self.expand_nodes(&chosen.nodes, filler, dice, out, depth + 1);
            return;
        }
    }

    fn expand_nodes(
        &self,
        nodes: &[Node],
        filler: &mut dyn Filler,
        dice: &mut Dice,
        out: &mut String,
        depth: u32,
    ) {
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Rule(rule) => self.expand_rule(*rule, filler, dice, out, depth),
                Node::Family(kind) => {
                    let own = self
                        .family_rules
                        .get(filler.family())
                        .and_then(|r| r[*kind]);
                    let rule = own.or_else(|| self.family_rules[self.family("generic")][*kind]);
                    if let Some(rule) = rule {
                        self.expand_rule(rule, filler, dice, out, depth);
                    }
                }
                Node::Slot(slot) => filler.fill(slot, dice, out),
                Node::Choice(choices) => {
                    let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
                    let mut place = dice.below(total as usize) as u32;
                    for (weight, branch) in choices {
                        if place < *weight {
                            self.expand_nodes(branch, filler, dice, out, depth);
                            break;
                        }
                        place -= weight;
                    }
                }
                Node::Register(equal, polite) => {
                    let nodes = if filler.is_polite() { polite } else { equal };
                    self.expand_nodes(nodes, filler, dice, out, depth);
                }
            }
        }
    }

    fn index_families(&mut self) {
        let mut families = Vec::new();
        let mut kinds = Vec::new();
        for name in self.names.keys() {
            if let Some((family, kind)) = name.split_once('.') {
                if !families.contains(&family) {
                    families.push(family);
                }
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        self.family_rules = families
            .iter()
            .map(|family| {
                kinds
                    .iter()
                    .map(|kind| self.rule(&format!("{family}.{kind}")))
                    .collect()
            })
            .collect();
        self.families = families;
        self.kinds = kinds;
    }

    fn weigh(&mut self) {
        let mut known = vec![None; self.rules.len()];
        let weights: Vec<Vec<u32>> = (0..self.rules.len())
            .map(|index| {
                let rule = &self.rules[index];
                let count = |a: &Alternative| self.count_nodes(&a.nodes, &mut known, 0);
                rule.alternatives.iter().map(count).collect::<Vec<u64>>()
            })
            .map(|counts| counts.into_iter().map(weight_of).collect())
            .collect();
        for (rule, weights) in self.rules.iter_mut().zip(weights) {
            for (alternative, weight) in rule.alternatives.iter_mut().zip(weights) {
                alternative.weight = weight;
            }
        }
    }

    fn count_rule(&self, rule: RuleId, known: &mut Vec<Option<u64>>, depth: u32) -> u64 {
        let index = rule.0 as usize;
        if let Some(count) = known[index] {
            return count;
        }
        if depth > DEPTH_MAX {
            return 1;
        }
        let mut total: u64 = 0;
        for alternative in &self.rules[index].alternatives {
            total += self.count_nodes(&alternative.nodes, known, depth + 1);
        }
        let total = total.clamp(1, COUNT_MAX);
        known[index] = Some(total);
        total
    }

    fn count_nodes(&self, nodes: &[Node], known: &mut Vec<Option<u64>>, depth: u32) -> u64 {
        let mut total: u64 = 1;
        for node in nodes {
            let count = match node {
                Node::Text(_) => 1,
                Node::Rule(rule) => self.count_rule(*rule, known, depth),
                Node::Family(_) => 200,
                Node::Slot(_) => 12,
                Node::Choice(choices) => choices
                    .iter()
                    .map(|(_, c)| self.count_nodes(c, known, depth))
                    .sum(),
                Node::Register(equal, _) => self.count_nodes(equal, known, depth),
            };
            total = (total * count).min(COUNT_MAX);
        }
        total
    }
}

/// 1 for a fixed phrase, about 60 for one with very many expansions.
fn weight_of(count: u64) -> u32 {
    let bits = 63 - count.max(1).leading_zeros();
    1 + bits * bits / 4
}

/// Weight of one branch of a choice: more with more that varies in it.
fn branch_weight(nodes: &[Node]) -> u32 {
    let varied = nodes
        .iter()
        .filter(|node| !matches!(node, Node::Text(_)))
        .count();
    2 + 2 * varied.min(3) as u32
}

fn split_tones(line: &'static str) -> (u8, &'static str) {
    if let Some((letters, text)) = line.strip_prefix('%').and_then(|rest| rest.split_once(' ')) {
        let tones = letters
            .chars()
            .fold(0, |bits, letter| bits | tone_bit(letter));
        if tones != 0 {
            return (tones, text);
        }
    }
    (u8::MAX, line)
}

struct Reader<'a> {
    rest: &'static str,
    grammar: &'a Grammar,
    synonyms: &'a [Vec<&'static str>],
    faults: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// Reads nodes until one of `ends` or the end of the text; leaves the end unread.
    fn sequence(&mut self, ends: &str) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some(next) = self.rest.chars().next() {
            if ends.contains(next) {
                break;
            }
            match next {
                '[' => {
                    let branches = self.group("|", ']').into_iter();
                    nodes.push(Node::Choice(
                        branches.map(|b| (branch_weight(&b), b)).collect(),
                    ));
                }
                '(' => {
                    let mut parts = self.group("~", ')');
                    let polite = if parts.len() == 2 { parts.pop() } else { None };
                    match (parts.pop(), polite) {
                        (Some(equal), Some(polite)) => nodes.push(Node::Register(equal, polite)),
                        _ => self.faults.push("a register needs two parts".to_owned()),
                    }
                }
                '<' => self.reference(&mut nodes),
                '{' => {
                    if let Some((slot, rest)) = self.rest[1..].split_once('}') {
                        nodes.push(Node::Slot(slot));
                        self.rest = rest;
                    } else {
                        self.faults.push(format!("open slot: {}", self.rest));
                        self.rest = "";
                    }
                }
                _ => {
                    let stop = |c: char| "[(<{".contains(c) || ends.contains(c);
                    let end = self.rest.find(stop).unwrap_or(self.rest.len());
                    let (text, rest) = self.rest.split_at(end);
                    self.text(text, &mut nodes);
                    self.rest = rest;
                }
            }
        }
        nodes
    }

    /// Text with its interchangeable phrases as choices.
    fn text(&self, text: &'static str, nodes: &mut Vec<Node>) {
        let mut from = 0;
        let mut at = 0;
        while at < text.len() {
            let starts_word = at == 0 || text[..at].ends_with(' ');
            let found = starts_word.then(|| self.synonym(&text[at..])).flatten();
            if let Some((group, length)) = found {
                if from < at {
                    nodes.push(Node::Text(&text[from..at]));
                }
                let choices = group.iter().map(|phrase| (1, vec![Node::Text(phrase)]));
                nodes.push(Node::Choice(choices.collect()));
                at += length;
                from = at;
            } else {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        if from < text.len() {
            nodes.push(Node::Text(&text[from..]));
        }
    }

    fn synonym(&self, text: &str) -> Option<(&Vec<&'static str>, usize)> {
        let fits = |phrase: &&'static str| {
            text.strip_prefix(*phrase)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\''))
        };
        let all = self.synonyms.iter().flat_map(|group| {
            group
                .iter()
                .filter(|phrase| fits(phrase))
                .map(move |phrase| (group, phrase.len()))
        });
        all.max_by_key(|(_, length)| *length)
    }

    fn group(&mut self, separator: &str, close: char) -> Vec<Vec<Node>> {
        let mut ends = String::from(separator);
        ends.push(close);
        let mut parts = Vec::new();
        loop {
            self.rest = &self.rest[1..];
            parts.push(self.sequence(&ends));
            match self.rest.chars().next() {
                Some(c) if c == close => {
                    self.rest = &self.rest[1..];
                    return parts;
                }
                Some(_) => {}
                None => {
                    self.faults.push(format!("missing {close}"));
                    return parts;
                }
            }
        }
    }

    fn reference(&mut self, nodes: &mut Vec<Node>) {
        let Some((name, rest)) = self.rest[1..].split_once('>') else {
            self.faults.push(format!("open reference: {}", self.rest));
            self.rest = "";
            return;
        };
        self.rest = rest;
        if let Some(kind) = name.strip_prefix('*') {
            match self.grammar.kinds.iter().position(|known| *known == kind) {
                Some(kind) => nodes.push(Node::Family(kind)),
                None => self.faults.push(format!("unknown kind {kind}")),
            }
        } else {
            match self.grammar.rule(name) {
                Some(rule) => nodes.push(Node::Rule(rule)),
                None => self.faults.push(format!("unknown rule {name}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language;

    #[test]
    fn grammars_are_sound() {
        for (code, sources) in [
            ("en", language::sources("en")),
            ("es", language::sources("es")),
        ] {
            let (grammar, faults) = Grammar::parse(sources);
            assert!(faults.is_empty(), "{code}: {faults:#?}");
            assert!(grammar.families().len() > 10);
            for rule in &grammar.rules {
                assert!(!rule.alternatives.is_empty());
            }
            for kind in &grammar.kinds {
                assert!(
                    grammar.rule(&format!("generic.{kind}")).is_some(),
                    "{code}: generic.{kind}"
                );
            }
        }
    }

    #[test]
    fn faults_are_reported() {
        let check = |text: &'static str| {
            assert!(!Grammar::parse(&[text]).1.is_empty(), "{text}");
        };
        check("stray");
        check("@a\n[x|y");
        check("@a\n<none>");
        check("@a\n<*none>");
        check("@a\n{open");
        check("@a\n(x)");
    }
}
