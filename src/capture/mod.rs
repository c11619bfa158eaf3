//! Packet captures of runs, with the secrets that decrypt them, for tools such as Wireshark, and qlog traces of
//! connections.

mod capture_file;
mod disk;
mod epoch;
mod frame;
mod held;
mod missing;
mod pcapng;
mod qlog;
mod recorder;
mod recording;
mod secrets;

pub use self::{
    disk::Output,
    epoch::Epoch,
    missing::Missing,
    qlog::{Qlog, QlogOptions},
    recorder::{Capture, CaptureOptions, DEFAULT_SNAP_BYTES},
    recording::{Recorder, Recording, Tracer},
    secrets::{KeyLogFile, Secrets},
};
