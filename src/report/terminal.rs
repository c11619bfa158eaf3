//! Colours and line breaks for a terminal.

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
pub(super) fn wrapped(paragraph: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut is_empty = true;
    for word in paragraph.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}
