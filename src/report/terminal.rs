//! Colours and line breaks for a terminal.

/// How the text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of the terminal. A table that is wider is split into several below each other, but latency always stands
    /// beside loss. Prose stays within 120.
    pub width: usize,
    /// Whether to emphasise with ANSI escapes.
    pub colour: bool,
    /// Whether to draw with ASCII alone.
    pub ascii: bool,
    /// Whether to show every point of a list below the summary.
    pub details: bool,
}

impl Default for TextOptions {
    /// Plain, 100 columns.
    fn default() -> Self {
        Self { width: 100, colour: false, ascii: false, details: false }
    }
}

pub(super) const BOLD: &str = "1";
pub(super) const DIM: &str = "2";
pub(super) const RED: &str = "31";
pub(super) const YELLOW: &str = "33";
pub(super) const CYAN: &str = "36";

/// `text` between the ANSI escapes of a colour; unchanged if the colour is empty.
pub(super) fn painted(text: &str, colour: &str) -> String {
    if colour.is_empty() { text.to_owned() } else { format!("\x1b[{colour}m{text}\x1b[0m") }
}

/// A paragraph in lines of at most `width` columns, broken between words. All lines but the first begin with `indent`.
pub fn wrapped(paragraph: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut is_empty = true;
    for word in words(paragraph) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The words of a paragraph; code in backticks is one, and so is a number with its unit.
fn words(paragraph: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match words.last_mut() {
            Some(last) if is_code(last) || is_number(last) && is_unit(word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Whether code begins in it and does not end.
fn is_code(word: &str) -> bool {
    word.matches('`').count() % 2 == 1
}

fn is_number(word: &str) -> bool {
    word.ends_with(|c: char| c.is_ascii_digit())
}

fn is_unit(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| !c.is_alphabetic());
    matches!(word, "ns" | "us" | "ms" | "s" | "min" | "byte" | "bytes" | "GB" | "seed" | "seeds")
        || word.ends_with("bit/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_neither_in_code_nor_between_a_number_and_its_unit() {
        let text = "with `-C fixed` 12.5 ms, then 20 Mbit/s; 3 runs";
        let lines = ["with", "`-C fixed`", "12.5 ms,", "then", "20 Mbit/s;", "3 runs"];
        assert_eq!(wrapped(text, 10, ""), lines);
        assert_eq!(wrapped("20 s, 1 seed", 6, ""), ["20 s,", "1 seed"]);
        assert_eq!(wrapped("a `b", 2, "  "), ["a", "  `b"]);
    }
}
