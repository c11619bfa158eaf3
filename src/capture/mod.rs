//! Packet captures of runs, with the secrets that decrypt them, for tools such as Wireshark; and traces of QUIC in qlog.

mod frame;
mod pcapng;
mod qlog;
mod recorder;
mod recording;
mod secrets;

pub use self::{
    qlog::{OpenFile, Qlog, QlogOptions},
    recorder::{Capture, CaptureOptions, DEFAULT_SNAP_BYTES, Epoch, Output},
    recording::Recording,
    secrets::{KeyLogFile, Secrets},
};
