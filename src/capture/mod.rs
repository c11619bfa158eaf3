//! Packet captures of runs, with the secrets that decrypt them, for tools such as Wireshark.

mod disk;
mod frame;
mod pcapng;
mod recorder;
mod recording;
mod secrets;

pub use self::{
    disk::Output,
    recorder::{Capture, CaptureOptions, DEFAULT_SNAP_BYTES, Epoch},
    recording::Recording,
    secrets::{KeyLogFile, Secrets},
};
