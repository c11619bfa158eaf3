//! What a recording lacks.

/// What a recording lacks although its file is complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missing {
    /// Packets of a capture, or events of a trace, that were left out because the disk was slower.
    pub left_out: u64,
    /// Packets that the path could not show.
    pub unseen: u64,
    /// Packets that a sender made and that were forgotten before they entered the link. The traces do not tell what
    /// became of them.
    pub forgotten: u64,
}
