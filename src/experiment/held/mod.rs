//! The memory of connections, measured while a given number of them is open.
//!
//! Each end is a process of its own, because an allocator does not tell which end a page of memory belongs to. A
//! process is this program again, with the hidden option `--end`. It reports by lines on its standard output.

mod cell;
mod end;
mod experiment;
mod outcome;
mod process;

pub(crate) use self::outcome::Growth;
pub use self::{
    end::{End, UnknownEnd, run_end},
    experiment::Held,
    outcome::HeldOutcome,
};
