//! The characters of a drawing.

/// The characters of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) life: char,
    pub(super) line: char,
    pub(super) thin: char,
    pub(super) right: char,
    pub(super) left: char,
    pub(super) broken: char,
    pub(super) begins: char,
    pub(super) waits: char,
    pub(super) ends: char,
    pub(super) more: char,
}

pub(super) const UNICODE: Marks = Marks {
    life: '│',
    line: '─',
    thin: '┄',
    right: '▶',
    left: '◀',
    broken: '✕',
    begins: '┳',
    waits: '┃',
    ends: '┻',
    more: '⋮',
};

pub(super) const ASCII: Marks = Marks {
    life: '|',
    line: '-',
    thin: '.',
    right: '>',
    left: '<',
    broken: 'x',
    begins: 'o',
    waits: '|',
    ends: '+',
    more: ':',
};
