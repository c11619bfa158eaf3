//! Packet captures of runs, with the secrets that decrypt them, for tools such as Wireshark; and traces of QUIC in qlog.

mod disk;
mod frame;
mod pcapng;
mod qlog;
mod recorder;
mod recording;
mod secrets;

pub use self::{
    disk::Output,
    qlog::{OpenFile, Qlog, QlogOptions, QlogOutput},
    recorder::{Capture, CaptureOptions, DEFAULT_SNAP_BYTES, Epoch},
    recording::Recording,
    secrets::{KeyLogFile, Secrets},
};
