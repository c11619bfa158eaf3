//! The rows of a ladder: as many packets of an episode as fit.

use crate::report::model::episode::{End, Numbered, Packet};

/// With title and legend, a ladder fits on a screen.
const MAX_ROWS: usize = 44;
/// Rows kept at the end of a long episode, where the missing bytes arrive.
const LAST_ROWS: usize = 16;

/// A line of the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Row<'a> {
    Packet(&'a Packet),
    /// How many packets are left out here, and the last of them.
    LeftOut(usize, &'a Packet),
}

impl Row<'_> {
    /// When `at` sees the packet, or the last of several.
    pub(super) fn instant(&self, at: End) -> u64 {
        let (Self::Packet(packet) | Self::LeftOut(_, packet)) = self;
        packet.at(at)
    }

    /// Whether the packet brings bytes of `message` to `at`.
    pub(super) fn brings(&self, message: Numbered, at: End) -> bool {
        match self {
            Self::Packet(packet) => {
                packet.from != at && packet.carries.iter().any(|carries| carries.message == message)
            }
            Self::LeftOut(..) => false,
        }
    }
}

/// The rows that fit, and how many acknowledgements were left out. Pure acknowledgements are left out first, then the
/// middle of the episode.
pub(super) fn rows(packets: &[Packet]) -> (Vec<Row<'_>>, usize) {
    if packets.len() <= MAX_ROWS {
        return (packets.iter().map(Row::Packet).collect(), 0);
    }
    let loaded: Vec<&Packet> = packets.iter().filter(|packet| !packet.carries.is_empty()).collect();
    let acknowledgements = packets.len() - loaded.len();
    let all = loaded.iter().copied().map(Row::Packet);
    if loaded.len() <= MAX_ROWS {
        return (all.collect(), acknowledgements);
    }
    let (first, last) = (MAX_ROWS - LAST_ROWS - 1, loaded.len() - LAST_ROWS);
    let middle = Row::LeftOut(last - first, loaded[last - 1]);
    let rows = all.clone().take(first).chain([middle]).chain(all.skip(last));
    (rows.collect(), acknowledgements)
}
