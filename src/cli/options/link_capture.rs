//! The capture of a link between other programs.

use std::path::PathBuf;

use clap::Args;
use wirelab::{
    capture::{Capture, CaptureOptions, Epoch, Recorder, Secrets},
    path::{Observers, StopSignal},
};

use super::{
    capture::{SnapArgs, check_name, cut, tell_missing},
    output_file::create,
};
use crate::cli::certs::unix_time;

/// Where the capture of a link between other programs goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Captures")]
pub(crate) struct LinkCaptureArgs {
    /// Capture the packets at both ends of the link for Wireshark
    #[arg(long, value_name = "FILE.pcapng")]
    pcap: Option<PathBuf>,
    #[command(flatten)]
    snap: SnapArgs,
}

/// The capture of a link between other programs.
pub(crate) struct LinkCapture {
    path: PathBuf,
    capture: Capture,
}

impl LinkCaptureArgs {
    /// Starts the capture, if `--pcap` asks for one. Sets `stop` if the file cannot be written later.
    pub(crate) fn begin(&self, title: &str, stop: &StopSignal) -> anyhow::Result<Option<LinkCapture>> {
        let Some(path) = &self.pcap else { return Ok(None) };
        check_name(path, "")?;
        let options = CaptureOptions {
            title: title.to_owned(),
            snap_bytes: self.snap.bytes(),
            epoch: Epoch::Clock(unix_time),
            has_link: true,
            stop: stop.clone(),
        };
        let out = Box::new(create(path)?);
        Ok(Some(LinkCapture { path: path.clone(), capture: Capture::new(out, options, Secrets::default()) }))
    }
}

impl LinkCapture {
    /// The observers for a link: one if there is a capture, otherwise none.
    pub(crate) fn observers(capture: Option<&Self>) -> Observers {
        let mut observers = Observers::default();
        capture.into_iter().for_each(|capture| observers.push(capture.capture.observer()));
        observers
    }

    /// Completes the file.
    pub(crate) fn complete(self) -> anyhow::Result<()> {
        let missing = self.capture.finish(true).map_err(|error| cut(&self.path, &error))?;
        tell_missing(&self.path, "packets", missing);
        Ok(())
    }
}
