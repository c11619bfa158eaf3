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

/// The default snapshot length of tcpdump, which is more than any IP packet has.
pub const DEFAULT_SNAP_BYTES: u32 = 262_144;

/// Indices of the interfaces, in the order in which the file describes them.
const CLIENT: u32 = 0;
const SERVER: u32 = 1;

/// The comment on a packet whose bytes the link changed.
const CHANGED: &str = "changed by the link";

/// Options of a capture.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// Describes the run in the header of the file: the command, the transport and the seed.
    pub title: String,
    /// How many bytes of each packet are captured at most.
    pub snap_bytes: u32,
    /// When time zero of the path was.
    pub epoch: Epoch,
    /// Whether the path has a link. Then observers learn what happens to each packet.
    pub has_link: bool,
    /// Is set if the file cannot be written, to end the run.
    pub stop: StopSignal,
}

/// When time zero of a path was, as a time since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
pub enum Epoch {
    /// At a fixed time.
    Fixed(Duration),
    /// Calculated from this clock of the machine, which is read at the first packet.
    Clock(fn() -> Duration),
}

impl Epoch {
    /// When time zero was. Calculates it from the clock the first time, if it is `at` now.
    pub(super) fn fix(&mut self, at: Time) -> Duration {
        if let Self::Clock(now) = self {
            *self = Self::Fixed(now().saturating_sub(Duration::from_nanos(at.as_nanos())));
        }
        self.fixed()
    }

    /// When time zero was; 1970 if that was not calculated.
    pub(super) fn fixed(self) -> Duration {
        match self {
            Self::Fixed(epoch) => epoch,
            Self::Clock(_) => Duration::ZERO,
        }
    }
}

/// Where a capture is written.
pub trait Output: Write + Seek + Send {}

impl<T: Write + Seek + Send> Output for T {}

/// A capture of one run. Both ends of the path are interfaces of the file.
///
/// The sender's copy of a packet has a comment on what the link did to it, so it is written only when that is known.
/// Later packets wait in memory until then, which keeps the file in order of time.
#[derive(Clone)]
pub struct Capture {
    file: Arc<Mutex<File>>,
}

/// The file, and the packets that are not written yet.
struct File {
    out: Box<dyn Output>,
    options: CaptureOptions,
    secrets: Secrets,
    held: VecDeque<Held>,
    /// How many packets were taken from `held`.
    written: u64,
    /// For each packet on the link, by packet number: its index among all packets that were ever held.
    on_link: PerDirection<BTreeMap<u64, u64>>,
    failed: Option<io::Error>,
    /// Set when nothing more is written, because the run has ended or writing failed.
    is_closed: bool,
}

/// A packet that waits to be written.
#[derive(Default)]
struct Held {
    interface: u32,
    unix_nanos: u64,
    bytes: Vec<u8>,
    original_bytes: usize,
    outbound: bool,
    comment: String,
    /// How many copies arrived.
    arrived: u32,
    is_on_link: bool,
}

impl Capture {
    /// Starts a file. The `secrets` of the run's connections are written to it as soon as an end logs them.
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
            is_closed: false,
        };
        file.write(&file.header(State::Incomplete));
        file.write(&pcapng::interface("client", snap_bytes));
        file.write(&pcapng::interface("server", snap_bytes));
        Self { file: Arc::new(Mutex::new(file)) }
    }

    /// An observer that captures the packets of a path.
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Writes the last packets, and marks the file as complete if the run `is_whole`. Returns the first write error.
    pub fn finish(&self, is_whole: bool) -> io::Result<()> {
        let mut file = self.file.lock();
        for held in file.held.iter_mut().filter(|held| held.is_on_link) {
            held.is_on_link = false;
            held.note(match held.arrived {
                0 => "still on the link at the end of the run",
                _ => "a copy is still on the link at the end of the run",
            });
        }
        file.write_settled();
        file.is_closed = true;
        file.failed.take().map_or(Ok(()), Err)?;
        if is_whole { file.complete() } else { file.out.flush() }
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

/// Whether the header calls the file complete. Both headers have the same length, so one can overwrite the other.
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
        if self.is_closed {
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
        if self.is_closed {
            return;
        }
        if let Exit::Arrived { intact, .. } = exit {
            let interface = match packet.direction {
                Direction::ToServer => SERVER,
                Direction::ToClient => CLIENT,
            };
            let comment = if intact { "" } else { CHANGED };
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

    /// Notes in the sender's copy of a packet what the link did to it.
    fn settle(&mut self, direction: Direction, number: u64, exit: Exit) {
        let Some(place) = self.on_link[direction].get(&number) else { return };
        let Some(held) = self.held.get_mut((place - self.written) as usize) else { return };
        match exit {
            Exit::Arrived { intact, more } => {
                held.arrived += 1;
                held.is_on_link = more;
                if !intact && !held.comment.contains(CHANGED) {
                    held.note(CHANGED);
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

    /// Writes all packets up to the first that is still on the link.
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
        let epoch = self.options.epoch.fix(at);
        u64::try_from(epoch.as_nanos()).unwrap_or(u64::MAX).saturating_add(at.as_nanos())
    }

    fn write(&mut self, block: &[u8]) {
        if !self.is_closed
            && let Err(error) = self.out.write_all(block)
        {
            self.failed = Some(error);
            self.is_closed = true;
            self.held.clear();
            self.options.stop.set();
        }
    }

    fn complete(&mut self) -> io::Result<()> {
        self.out.flush()?;
        // A pipe cannot seek and keeps its first header.
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

#[cfg(test)]
mod tests {
    use std::{io::Cursor, net::SocketAddr};

    use super::*;
    use crate::path::Payload;

    /// A file in memory that holds at most `room` bytes.
    #[derive(Clone)]
    struct Disk {
        content: Arc<Mutex<Cursor<Vec<u8>>>>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut content = self.content.lock();
            if content.position() as usize + bytes.len() > self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Disk {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.content.lock().seek(to)
        }
    }

    impl Disk {
        fn of(room: usize) -> Self {
            Self { content: Arc::default(), room }
        }

        /// The types and the contents of all blocks.
        fn blocks(&self) -> Vec<(u32, Vec<u8>)> {
            let content = self.content.lock().get_ref().clone();
            let word = |at: usize| u32::from_le_bytes(content[at..at + 4].try_into().unwrap());
            let (mut at, mut blocks) = (0, Vec::new());
            while at < content.len() {
                let length = word(at + 4) as usize;
                blocks.push((word(at), content[at + 8..at + length - 4].to_vec()));
                at += length;
            }
            blocks
        }

        /// The interface, the nanoseconds and the comment of each packet.
        fn packets(&self) -> Vec<(u32, u64, String)> {
            let packets = self.blocks().into_iter().filter(|(block_type, _)| *block_type == 6);
            packets
                .map(|(_, block)| {
                    let word = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap());
                    let options = 20 + (word(12) as usize).next_multiple_of(4);
                    let (code, length) = (block[options], usize::from(block[options + 2]));
                    let comment = if code == 1 { &block[options + 4..][..length] } else { &[] };
                    (word(0), u64::from(word(8)), String::from_utf8(comment.to_vec()).unwrap())
                })
                .collect()
        }
    }

    fn capture(disk: &Disk, snap_bytes: u32) -> (Capture, StopSignal) {
        let stop = StopSignal::default();
        let epoch = Epoch::Fixed(Duration::ZERO);
        let title = "a test".to_owned();
        let options = CaptureOptions { title, snap_bytes, epoch, has_link: true, stop: stop.clone() };
        (Capture::new(Box::new(disk.clone()), options, Secrets::default()), stop)
    }

    fn packet(number: u64, at: u64) -> PacketView<'static> {
        let address = |port| SocketAddr::from(([192, 0, 2, 1], port));
        PacketView {
            direction: Direction::ToServer,
            number,
            at: Time::from_nanos(at),
            from: address(1),
            to: address(2),
            ip_bytes: 32,
            payload: Payload::Udp(b"test"),
        }
    }

    const ARRIVED: Exit = Exit::Arrived { intact: true, more: false };

    #[test]
    fn both_ends_show_a_packet_in_order_of_time_and_the_senders_copy_has_the_comment() {
        let disk = Disk::of(usize::MAX);
        let (mut capture, _) = capture(&disk, DEFAULT_SNAP_BYTES);
        for number in 0..5 {
            capture.entered(&packet(number, number));
        }
        capture.left(&packet(1, 11), Exit::Dropped(DropReason::Lost));
        capture.left(&packet(0, 12), Exit::Arrived { intact: true, more: true });
        capture.left(&packet(2, 13), Exit::Arrived { intact: false, more: false });
        capture.left(&packet(0, 14), ARRIVED);
        capture.left(&packet(3, 15), ARRIVED);
        capture.finish(true).unwrap();
        let expected = [
            (CLIENT, 0, "doubled by the link"),
            (CLIENT, 1, "lost on the link"),
            (CLIENT, 2, "changed by the link"),
            (CLIENT, 3, ""),
            (CLIENT, 4, "still on the link at the end of the run"),
            (SERVER, 12, ""),
            (SERVER, 13, "changed by the link"),
            (SERVER, 14, ""),
            (SERVER, 15, ""),
        ];
        let expected = expected.map(|(interface, at, comment)| (interface, at, comment.to_owned()));
        assert_eq!(disk.packets(), expected);
        // A packet that leaves the link after the end is not written.
        capture.left(&packet(4, 16), ARRIVED);
        assert_eq!(disk.packets().len(), expected.len());
    }

    #[test]
    fn a_packet_waits_in_memory_only_for_those_that_are_on_the_link() {
        let disk = Disk::of(usize::MAX);
        let (mut capture, _) = capture(&disk, DEFAULT_SNAP_BYTES);
        for number in 0..1000 {
            capture.entered(&packet(number, number));
            capture.left(&packet(number, number), ARRIVED);
            assert_eq!(capture.file.lock().held.len(), 0);
        }
        assert!(capture.file.lock().on_link.to_server.is_empty());
    }

    #[test]
    fn the_snap_length_cuts_packets_and_the_file_tells_their_length() {
        let disk = Disk::of(usize::MAX);
        let (mut capture, _) = capture(&disk, 20);
        capture.left(&packet(0, 1), ARRIVED);
        let (_, block) = disk.blocks().pop().unwrap();
        assert_eq!((block[12], block[16]), (20, 32));
    }

    #[test]
    fn the_header_says_whether_the_file_is_complete() {
        let disk = Disk::of(usize::MAX);
        let (capture, _) = capture(&disk, DEFAULT_SNAP_BYTES);
        let says = |words: &str| {
            let (_, header) = disk.blocks().remove(0);
            String::from_utf8_lossy(&header).contains(words)
        };
        assert!(says("cut:") && !says("complete:"));
        capture.clone().finish(false).unwrap();
        assert!(says("cut:"));
        capture.finish(true).unwrap();
        assert!(says("complete:") && !says("cut:"));
    }

    #[test]
    fn a_full_disk_ends_the_run_and_keeps_the_packets_before_it() {
        let disk = Disk::of(1000);
        let (mut capture, stop) = capture(&disk, DEFAULT_SNAP_BYTES);
        for number in 0..100 {
            capture.entered(&packet(number, number));
            capture.left(&packet(number, number), ARRIVED);
        }
        assert!(stop.is_set());
        assert_eq!(capture.finish(true).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(!disk.packets().is_empty());
    }
}
