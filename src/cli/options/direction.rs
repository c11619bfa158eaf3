//! The direction of content.

use clap::Args;
use wirelab::experiment::transfer::Direction;

/// The direction of content.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DirectionArgs {
    /// Send from the server to the client
    #[arg(short = 'R', long, alias = "reverse")]
    pub(crate) down: bool,
}

impl DirectionArgs {
    pub(crate) fn direction(self) -> Direction {
        if self.down { Direction::Down } else { Direction::Up }
    }
}
