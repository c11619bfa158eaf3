//! Packet captures of runs, with the secrets that decrypt them, for tools such as Wireshark.

mod frame;
mod pcapng;
mod recorder;
mod recording;
mod secrets;

pub use self::{
    recorder::{Capture, CaptureOptions, DEFAULT_SNAP_BYTES, Epoch, Output},
    recording::Recording,
    secrets::{KeyLogFile, Secrets},
};
