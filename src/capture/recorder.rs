//! Writes the packets of a path to a pcapng file.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Seek, SeekFrom, Write},
    sync::Arc,
    time::Duration,
};

use super::{
    frame::ip_packet,
    pcapng::{self, Packet},
    secrets::Secrets,
};
use crate::{
    link::DropReason,
    path::{Exit, Observer, PacketView, StopSignal},
    unit::{Direction, Mutex, PerDirection, Time},
};

/// More than any IP packet, as other tools have it.
pub const DEFAULT_SNAP_BYTES: u32 = 262_144;

/// The interfaces, in the order of their descriptions.
const CLIENT: u32 = 0;
const SERVER: u32 = 1;

/// What is captured.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// What the file says of itself, such as the command, the transport and the seed.
    pub title: String,
    /// Bytes that are kept of each packet.
    pub snap_bytes: u32,
    /// What time stamps count from.
    pub epoch: Epoch,
    /// Whether the path has a link, which tells the fate of each packet.
    pub has_link: bool,
    /// Set if the file cannot be written, so that the run ends.
    pub stop: StopSignal,
}

/// The instant zero of a path, as a time since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
pub enum Epoch {
    /// This one.
    Fixed(Duration),
    /// What this clock of the machine tells at the first packet.
    Clock(fn() -> Duration),
}

/// Where a capture is written.
pub trait Output: Write + Seek + Send {}

impl<T: Write + Seek + Send> Output for T {}

/// A capture of one run. Both ends of the path are interfaces of the file.
///
/// A packet is written once its fate is known, since the sender's copy tells it. So the capture holds as many packets as
/// the link does, and the file is in order of time.
#[derive(Clone)]
pub struct Capture {
    file: Arc<Mutex<File>>,
}

/// The file and the packets that it does not have yet.
struct File {
    out: Box<dyn Output>,
    options: CaptureOptions,
    secrets: Secrets,
    held: VecDeque<Held>,
    /// How many packets were ever held and written.
    written: u64,
    /// The places of packets on the link, by their number, counted over all that were ever held.
    on_link: PerDirection<BTreeMap<u64, u64>>,
    failed: Option<io::Error>,
}

/// A packet that waits for its turn.
#[derive(Default)]
struct Held {
    interface: u32,
    unix_nanos: u64,
    bytes: Vec<u8>,
    original_bytes: usize,
    outbound: bool,
    comment: String,
    /// Copies that arrived.
    arrived: u32,
    is_on_link: bool,
}

impl Capture {
    /// Begins a file, which has the `secrets` of the run's connections before the packets that they decrypt.
    pub fn new(out: Box<dyn Output>, options: CaptureOptions, secrets: Secrets) -> Self {
        let snap_bytes = options.snap_bytes;
        let mut file = File {
            out,
            options,
            secrets,
            held: VecDeque::new(),
            written: 0,
            on_link: PerDirection::default(),
            failed: None,
        };
        file.write(&file.header(State::Incomplete));
        file.write(&pcapng::interface("client", snap_bytes));
        file.write(&pcapng::interface("server", snap_bytes));
        Self { file: Arc::new(Mutex::new(file)) }
    }

    /// Shows it the packets of a path.
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Writes the last packets and marks the file as complete. Returns the first error of writing.
    pub fn finish(&self) -> io::Result<()> {
        let mut file = self.file.lock();
        for held in file.held.iter_mut().filter(|held| held.is_on_link) {
            held.is_on_link = false;
            held.comment = "still on the link at the end of the run".to_owned();
        }
        file.write_settled();
        file.failed.take().map_or(Ok(()), Err)?;
        file.complete()
    }
}

impl Observer for Capture {
    fn entered(&mut self, packet: &PacketView<'_>) {
        self.file.lock().entered(packet);
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        self.file.lock().left(packet, exit);
    }
}

/// What the header says of the file. Both texts have the same length.
enum State {
    Incomplete,
    Complete,
}

impl File {
    fn header(&self, state: State) -> Vec<u8> {
        let state = match state {
            State::Incomplete => "cut: the run was not captured to its end",
            State::Complete => "complete: the run was captured to its end",
        };
        let application = concat!("wirelab ", env!("CARGO_PKG_VERSION"));
        pcapng::section_header(application, &format!("{}; {state:41}", self.options.title))
    }

    fn entered(&mut self, packet: &PacketView<'_>) {
        if self.failed.is_some() {
            return;
        }
        let has_link = self.options.has_link;
        if has_link {
            let place = self.written + self.held.len() as u64;
            self.on_link[packet.direction].insert(packet.number, place);
        }
        let interface = match packet.direction {
            Direction::ToServer => CLIENT,
            Direction::ToClient => SERVER,
        };
        self.hold(packet, Held { interface, outbound: true, is_on_link: has_link, ..Held::default() });
        self.write_settled();
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if self.failed.is_some() {
            return;
        }
        if let Exit::Arrived { intact, .. } = exit {
            let interface = match packet.direction {
                Direction::ToServer => SERVER,
                Direction::ToClient => CLIENT,
            };
            let comment = if intact { "" } else { "changed by the link" };
            self.hold(packet, Held { interface, comment: comment.to_owned(), ..Held::default() });
        }
        self.settle(packet.direction, packet.number, exit);
        self.write_settled();
    }

    fn hold(&mut self, packet: &PacketView<'_>, held: Held) {
        let bytes = ip_packet(packet);
        let kept = bytes.len().min(self.options.snap_bytes as usize);
        let unix_nanos = self.unix_nanos(packet.at);
        let bytes_kept = bytes[..kept].to_vec();
        self.held.push_back(Held { unix_nanos, bytes: bytes_kept, original_bytes: bytes.len(), ..held });
    }

    /// Notes the fate of a packet at its sender.
    fn settle(&mut self, direction: Direction, number: u64, exit: Exit) {
        let Some(place) = self.on_link[direction].get(&number) else { return };
        let Some(held) = self.held.get_mut((place - self.written) as usize) else { return };
        match exit {
            Exit::Arrived { intact, more } => {
                held.arrived += 1;
                held.is_on_link = more;
                if !intact {
                    held.note("changed by the link");
                }
                if held.arrived == 2 {
                    held.note("doubled by the link");
                }
            }
            Exit::Dropped(reason) => {
                held.is_on_link = false;
                held.note(match reason {
                    DropReason::Lost => "lost on the link",
                    DropReason::QueueFull => "dropped by the full queue of the link",
                    DropReason::TooLarge => "dropped: above the MTU of the link",
                });
            }
        }
        if !held.is_on_link {
            self.on_link[direction].remove(&number);
        }
    }

    /// Writes the packets that wait for none before them.
    fn write_settled(&mut self) {
        let secrets = self.secrets.take();
        if !secrets.is_empty() {
            self.write(&pcapng::decryption_secrets(&secrets));
        }
        while self.held.front().is_some_and(|held| !held.is_on_link) {
            let Some(held) = self.held.pop_front() else { return };
            self.written += 1;
            let block = pcapng::enhanced_packet(&Packet {
                interface: held.interface,
                unix_nanos: held.unix_nanos,
                bytes: &held.bytes,
                original_bytes: held.original_bytes,
                outbound: held.outbound,
                comment: &held.comment,
            });
            self.write(&block);
        }
    }

    fn unix_nanos(&mut self, at: Time) -> u64 {
        let epoch = match self.options.epoch {
            Epoch::Fixed(epoch) => epoch,
            Epoch::Clock(now) => {
                let epoch = now().saturating_sub(Duration::from_nanos(at.as_nanos()));
                self.options.epoch = Epoch::Fixed(epoch);
                epoch
            }
        };
        u64::try_from(epoch.as_nanos()).unwrap_or(u64::MAX).saturating_add(at.as_nanos())
    }

    fn write(&mut self, block: &[u8]) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(block)
        {
            self.failed = Some(error);
            self.held.clear();
            self.options.stop.set();
        }
    }

    fn complete(&mut self) -> io::Result<()> {
        self.out.flush()?;
        // A pipe keeps the first header.
        if self.out.seek(SeekFrom::Start(0)).is_ok() {
            let header = self.header(State::Complete);
            self.out.write_all(&header)?;
        }
        self.out.flush()
    }
}

impl Held {
    fn note(&mut self, fact: &str) {
        if !self.comment.is_empty() {
            self.comment.push_str("; ");
        }
        self.comment.push_str(fact);
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}
