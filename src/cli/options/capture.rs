//! Captures of packets, traces in qlog, and key logs.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use clap::Args;
use wirelab::{
    capture::{
        Capture, CaptureOptions, DEFAULT_SNAP_BYTES, Epoch, KeyLogFile, Missing, Output, Qlog, QlogOptions,
        Recording, Secrets,
    },
    experiment::{RecordedRun, RunRecorder},
    transport::Shape,
    unit::Mutex,
};

use super::output_file::{Reserved, create};
use crate::cli::{certs::unix_time, output::note, system::may_observe_tcp, usage::UsageError, values};

/// Where captures of runs go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Captures")]
pub(crate) struct CaptureArgs {
    /// Capture the packets at both ends of the link for Wireshark, with the secrets that decrypt them: the first run in
    /// a file, or each run in its own file in a folder. On direct and for URLs, the datagrams of this program's UDP
    /// sockets, and with CAP_NET_RAW (root) the segments of the kernel's TCP
    #[arg(long, value_name = "FILE.pcapng|DIR/")]
    pcap: Option<PathBuf>,
    #[command(flatten)]
    snap: SnapArgs,
    /// Trace both ends of each connection in qlog, for qvis and other tools, in files in this folder: packets with
    /// their frames, losses declared and why, the state of recovery, and what the link did to each packet. For QUIC and
    /// ARQ, and for TCP and TLS in netns, or on direct with CAP_NET_RAW (root). Not for URLs
    #[arg(long, value_name = "DIR")]
    qlog: Option<PathBuf>,
    /// Write the secrets of all connections to a key log file
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
}

impl CaptureArgs {
    /// The first of these options that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--pcap", self.pcap.is_some()),
            ("--qlog", self.qlog.is_some()),
            ("--keylog", self.keylog.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

/// How much of each packet is captured.
#[derive(Debug, Clone, Args)]
pub(crate) struct SnapArgs {
    /// Capture at most this many bytes of each packet
    #[arg(long, value_name = "SIZE", requires = "pcap", alias = "snapshot-length", value_parser = snaplen)]
    snaplen: Option<u32>,
}

impl SnapArgs {
    pub(super) fn bytes(&self) -> u32 {
        self.snaplen.unwrap_or(DEFAULT_SNAP_BYTES)
    }
}

pub(super) fn check_name(path: &Path, or: &str) -> Result<(), UsageError> {
    if path.extension().is_some_and(|ending| ending == "pcapng") {
        return Ok(());
    }
    let path = path.display();
    Err(UsageError::new(format!("--pcap: invalid name `{path}`: expected FILE.pcapng{or}")))
}

pub(super) fn cut(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("cannot write {}: {error}; the file is incomplete", path.display())
}

/// Says what is missing in a capture or in traces, if anything is.
pub(super) fn tell_missing(path: &Path, what: &str, missing: Missing) {
    let path = path.display();
    let Missing { left_out, unseen, forgotten } = missing;
    if left_out > 0 {
        note(format_args!(
            "{path}: {left_out} {what} are missing, because the disk was slower than the {what}"
        ));
    }
    if unseen > 0 {
        note(format_args!(
            "{path}: {unseen} packets are missing, because the kernel dropped its copies of them"
        ));
    }
    if forgotten > 0 {
        note(format_args!(
            "{path}: what the link did to {forgotten} packets is missing, because too many waited to enter it"
        ));
    }
}

fn snaplen(text: &str) -> Result<u32, String> {
    match values::size(text)? {
        0 => Err("expected at least 1".to_owned()),
        bytes => Ok(u32::try_from(bytes).unwrap_or(u32::MAX).min(DEFAULT_SNAP_BYTES)),
    }
}

/// When virtual time begins: 2000-01-01 UTC. A fixed date makes captures reproducible.
const EPOCH_OF_SIM: Duration = Duration::from_secs(946_684_800);

/// When time zero of the run was.
fn epoch(run: &RecordedRun<'_>) -> Epoch {
    if run.setup.path.is_real_time() { Epoch::Clock(unix_time) } else { Epoch::Fixed(EPOCH_OF_SIM) }
}

/// The files of `--pcap`, `--qlog` and `--keylog`.
pub(crate) struct CaptureFiles {
    command: &'static str,
    pcap: Option<Pcap>,
    snap_bytes: u32,
    /// The folder of `--qlog`.
    qlog: Option<PathBuf>,
    keylog: Option<Keylog>,
    /// Transports whose segments the kernel does not show to this process.
    unseen: Mutex<BTreeSet<&'static str>>,
    failed: Mutex<Option<anyhow::Error>>,
}

enum Pcap {
    /// A file for the first run.
    File(Reserved),
    /// A folder with a file for each run.
    Folder(PathBuf),
}

/// The file of `--keylog`.
struct Keylog {
    reserved: Reserved,
    /// Since the first run has begun.
    file: Mutex<Option<KeyLogFile>>,
}

impl CaptureArgs {
    /// Refuses a file name that asks for no format.
    pub(crate) fn check_name(&self) -> Result<(), UsageError> {
        match self.pcap.as_deref() {
            Some(path) if !is_folder(path) => check_name(path, ", or a folder that ends in /"),
            _ => Ok(()),
        }
    }

    /// Opens the files of the options that are set.
    pub(crate) fn open(&self, command: &'static str) -> anyhow::Result<Option<CaptureFiles>> {
        if self.pcap.is_none() && self.qlog.is_none() && self.keylog.is_none() {
            return Ok(None);
        }
        self.check_name()?;
        let pcap = self.pcap.as_deref().map(Pcap::open).transpose()?;
        self.qlog.as_deref().map(create_folder).transpose()?;
        let keylog = self
            .keylog
            .as_deref()
            .map(|path| anyhow::Ok(Keylog { reserved: Reserved::open(path)?, file: Mutex::new(None) }));
        Ok(Some(CaptureFiles {
            command,
            pcap,
            snap_bytes: self.snap.bytes(),
            qlog: self.qlog.clone(),
            keylog: keylog.transpose()?,
            unseen: Mutex::default(),
            failed: Mutex::new(None),
        }))
    }
}

impl Pcap {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if is_folder(path) {
            create_folder(path)?;
            return Ok(Self::Folder(path.to_owned()));
        }
        Reserved::open(path).map(Self::File)
    }

    /// The file for this run, if the run is captured.
    fn file(&self, run: &RecordedRun<'_>) -> anyhow::Result<Option<File>> {
        match self {
            Self::File(reserved) if run.job == 0 => reserved.take(),
            Self::File(_) => Ok(None),
            Self::Folder(_) => create(&self.path(run)).map(Some),
        }
    }

    /// The path of the file for this run. Names in a folder sort by plan.
    fn path(&self, run: &RecordedRun<'_>) -> PathBuf {
        match self {
            Self::File(reserved) => reserved.path().to_owned(),
            Self::Folder(folder) => folder.join(format!("{}.pcapng", run_name(run))),
        }
    }
}

/// Names sort by plan.
fn run_name(run: &RecordedRun<'_>) -> String {
    let RecordedRun { plan, setup, seed, .. } = run;
    format!("{plan:03}-{}-{}-seed{seed}", setup.transport, setup.path)
}

/// Whether a path names a folder for captures rather than one capture.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn create_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).map_err(|e| anyhow!("cannot create {}: {e}", path.display()))
}

impl Keylog {
    /// The secrets of a run, which go to the file.
    fn secrets(&self, run: &RecordedRun<'_>) -> anyhow::Result<Secrets> {
        let mut file = self.file.lock();
        if let Some(taken) = self.reserved.take()? {
            *file = Some(KeyLogFile::new(Box::new(taken), run.stop.clone()));
        }
        Ok(file.as_ref().map_or(Secrets::default(), |file| Secrets::logged_to(file.clone(), run.job)))
    }

    fn end(&self, run: &RecordedRun<'_>) {
        self.file.lock().iter().for_each(|file| file.end(run.job));
    }

    fn finish(&self) -> anyhow::Result<()> {
        let file = self.file.lock();
        let finished = file.as_ref().map_or(Ok(()), KeyLogFile::finish);
        finished.map_err(|error| cut(self.reserved.path(), &error))
    }
}

impl CaptureFiles {
    fn recording(&self, run: &RecordedRun<'_>) -> anyhow::Result<Recording> {
        let setup = run.setup;
        if setup.transport.uses_kernel_tcp() && !setup.path.has_link() && !may_observe_tcp() {
            self.unseen.lock().insert(setup.transport.name());
        }
        let secrets = self.keylog.as_ref().map_or(Ok(Secrets::default()), |keylog| keylog.secrets(run))?;
        let capture = self.capture(run, &secrets)?;
        let wants_secrets = capture.is_some() || self.keylog.is_some();
        Ok(Recording {
            capture: capture.map(|capture| Arc::new(capture) as _),
            secrets: wants_secrets.then(|| Arc::new(secrets) as _),
            qlog: self.qlog(run).map(|qlog| Arc::new(qlog) as _),
            ..Recording::default()
        })
    }

    fn capture(&self, run: &RecordedRun<'_>, secrets: &Secrets) -> anyhow::Result<Option<Capture>> {
        let Some(pcap) = &self.pcap else { return Ok(None) };
        let Some(file) = pcap.file(run)? else { return Ok(None) };
        let options = CaptureOptions {
            title: self.title(run),
            snap_bytes: self.snap_bytes,
            epoch: epoch(run),
            has_link: run.setup.path.has_link(),
            stop: run.stop.clone(),
        };
        let out: Box<dyn Output> = Box::new(file);
        Ok(Some(Capture::new(out, options, secrets.clone())))
    }

    fn title(&self, run: &RecordedRun<'_>) -> String {
        let RecordedRun { setup, seed, .. } = run;
        format!("{}, {} on {}, seed {seed}", self.command, setup.transport, setup.path)
    }

    fn qlog(&self, run: &RecordedRun<'_>) -> Option<Qlog> {
        let has_connections = run.setup.transport.shape() != Shape::Datagrams;
        let (folder, name) = (self.qlog.clone().filter(|_| has_connections)?, run_name(run));
        Some(Qlog::new(QlogOptions {
            title: self.title(run),
            epoch: epoch(run),
            has_link: run.setup.path.has_link(),
            open: Box::new(move |end| {
                let file = File::create(folder.join(format!("{name}-{end}")))?;
                Ok(Box::new(file) as Box<dyn Output>)
            }),
            stop: run.stop.clone(),
        }))
    }

    fn fail(&self, error: anyhow::Error) {
        self.failed.lock().get_or_insert(error);
    }

    /// Notes what was captured without packets.
    fn tell_unseen(&self) {
        let unseen: Vec<_> = self.unseen.lock().iter().copied().collect();
        if !unseen.is_empty() && (self.pcap.is_some() || self.qlog.is_some()) {
            note(format_args!(
                "no packets of {}: without a link, TCP segments are the kernel's, and capturing them takes \
                 CAP_NET_RAW; run as root, or use --path netns",
                unseen.join(", ")
            ));
        }
    }

    /// Returns the first write error. Notes that a file has only the first of several `runs`.
    pub(crate) fn complete(&self, runs: u64, quiet: bool) -> anyhow::Result<()> {
        if let Some(Pcap::File(reserved)) = &self.pcap
            && runs > 1
            && !quiet
        {
            let path = reserved.path().display();
            note(format_args!(
                "{path} has only the first of {runs} runs; --pcap with a folder, such as captures/, keeps all"
            ));
        }
        if !quiet {
            self.tell_unseen();
        }
        if let Some(error) = self.failed.lock().take() {
            return Err(error);
        }
        self.keylog.as_ref().map_or(Ok(()), Keylog::finish)
    }
}

impl RunRecorder for CaptureFiles {
    fn begin(&self, run: &RecordedRun<'_>) -> Recording {
        self.recording(run).unwrap_or_else(|error| {
            self.fail(error);
            run.stop.set();
            Recording::default()
        })
    }

    fn end(&self, run: &RecordedRun<'_>, recording: &Recording, is_whole: bool) {
        let finished = recording.finish_capture(is_whole);
        if let Some(pcap) = &self.pcap {
            match finished {
                Ok(missing) => tell_missing(&pcap.path(run), "packets", missing),
                Err(error) => self.fail(cut(&pcap.path(run), &error)),
            }
        }
        if let Some(folder) = &self.qlog {
            match recording.finish_qlog(is_whole) {
                Ok(missing) => tell_missing(folder, "events", missing),
                Err(error) => {
                    let folder = folder.display();
                    self.fail(anyhow!("cannot write in {folder}: {error}; the traces are incomplete"));
                }
            }
        }
        self.keylog.iter().for_each(|keylog| keylog.end(run));
    }
}
