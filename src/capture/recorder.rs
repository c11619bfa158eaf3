//! Writes the packets of a path to a pcapng file.

use std::{io, sync::Arc};

use super::{
    capture_file::{CaptureFile, Piece},
    disk::{Disk, Outcome, Output, PieceAge},
    epoch::Epoch,
    frame::append_ip_packet,
    held::{Held, PendingPackets},
    missing::Missing,
    pcapng,
    recording::Recorder,
    secrets::Secrets,
};
use crate::{
    path::{Exit, Observer, PacketView, StopSignal},
    unit::{Direction, Mutex, Time, nanos},
};

/// The default snapshot length of tcpdump, which is more than any IP packet has.
pub const DEFAULT_SNAP_BYTES: u32 = 262_144;

/// Indices of the interfaces, in the order in which the file describes them.
const CLIENT: u32 = 0;
const SERVER: u32 = 1;

/// The file is written in pieces of this size.
const PIECE_BYTES: usize = 256 << 10;

/// Options of a capture.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// Describes the run in the header of the file: the command, the transport and the seed.
    pub title: String,
    /// Upper bound on the captured bytes of each packet.
    pub snap_bytes: u32,
    /// When time zero of the path was.
    pub epoch: Epoch,
    /// Whether the path has a link. Then observers learn what happens to each packet.
    pub has_link: bool,
    /// Set if the file cannot be written, to end the run.
    pub stop: StopSignal,
}

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
    /// `None` at the end, or if it could not be set up.
    disk: Option<Disk<CaptureFile>>,
    piece: Piece,
    age: PieceAge,
    options: CaptureOptions,
    is_real_time: bool,
    secrets: Secrets,
    held: PendingPackets,
    /// Number of packets that each interface has seen.
    seen: [u64; 2],
    /// Number of packets that the path could not show.
    unseen: u64,
    /// When the last packet was seen, in nanoseconds since 1970-01-01 UTC.
    last: u64,
    failed: Option<io::Error>,
    /// Set when nothing more is written, because the run has ended or writing failed.
    is_closed: bool,
}

impl Capture {
    /// Starts a file. The `secrets` of the run's connections are written to it as soon as an end logs them.
    pub fn new(out: Box<dyn Output>, options: CaptureOptions, secrets: Secrets) -> Self {
        let is_real_time = options.epoch.is_real_time();
        let disk = Disk::new(CaptureFile::new(out), &options.epoch, "capture", &options.stop);
        let (disk, failed) = match disk {
            Ok(disk) => (Some(disk), None),
            Err(error) => (None, Some(error)),
        };
        let mut file = File {
            disk,
            piece: Piece::default(),
            age: PieceAge::default(),
            is_real_time,
            secrets,
            held: PendingPackets::new(options.has_link),
            seen: [0; 2],
            unseen: 0,
            last: nanos(options.epoch.fixed()),
            is_closed: failed.is_some(),
            failed,
            options,
        };
        let header = file.header("cut: the run was not captured to its end");
        file.piece.blocks = header;
        let snap_bytes = file.options.snap_bytes;
        pcapng::interface(&mut file.piece.blocks, "client", snap_bytes);
        pcapng::interface(&mut file.piece.blocks, "server", snap_bytes);
        // Written now, so that an error ends the run at once.
        file.write_piece();
        Self { file: Arc::new(Mutex::new(file)) }
    }
}

impl Recorder for Capture {
    fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Writes the last packets, and marks the file as complete if the run `is_whole`.
    fn finish(&self, is_whole: bool) -> io::Result<Missing> {
        self.file.lock().finish(is_whole)
    }
}

impl Observer for Capture {
    fn entered(&mut self, packet: &PacketView<'_>) {
        self.file.lock().entered(packet);
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        self.file.lock().left(packet, exit);
    }

    fn missed(&mut self, packets: u64) {
        self.file.lock().unseen += packets;
    }
}

impl File {
    /// The first block. It has the same length for every `state`, so that it can be overwritten.
    fn header(&self, state: &str) -> Vec<u8> {
        const STATE_BYTES: usize = 120;
        let application = concat!("wirelab ", env!("CARGO_PKG_VERSION"));
        let state: String = state.chars().filter(char::is_ascii).take(STATE_BYTES).collect();
        let mut header = Vec::new();
        let comment = format!("{}; {state:STATE_BYTES$}", self.options.title);
        pcapng::section_header(&mut header, application, &comment);
        header
    }

    fn entered(&mut self, packet: &PacketView<'_>) {
        if self.is_closed {
            return;
        }
        let interface = interface_of_sender(packet.direction);
        let block = self.block(packet, interface);
        self.held.sent(packet, interface, block);
        self.write_settled();
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if self.is_closed {
            return;
        }
        if let Exit::Arrived { intact, .. } = exit {
            let interface = interface_of_sender(packet.direction.reverse());
            let block = self.block(packet, interface);
            self.held.received(packet, intact, interface, block);
        }
        self.held.left(packet, exit);
        self.write_settled();
    }

    /// Counts a packet that was just seen, and returns the beginning of its block in the file.
    fn block(&mut self, packet: &PacketView<'_>, interface: u32) -> Vec<u8> {
        self.write_secrets();
        if self.is_piece_complete(packet.at) {
            self.write_piece();
        }
        let unix_nanos = self.unix_nanos(packet.at);
        self.last = unix_nanos;
        self.seen[interface as usize] += 1;
        let mut block = self.held.block();
        pcapng::begin_packet(&mut block, interface, unix_nanos, self.options.snap_bytes, |out| {
            append_ip_packet(out, packet);
        });
        block
    }

    fn is_piece_complete(&mut self, now: Time) -> bool {
        let is_old = self.is_real_time && self.age.is_due(now);
        is_old || self.piece.blocks.len() >= PIECE_BYTES
    }

    /// Adds the secrets that were logged since the last call to the piece.
    fn write_secrets(&mut self) {
        let secrets = self.secrets.take();
        if !secrets.is_empty() {
            pcapng::decryption_secrets(&mut self.piece.secrets, &secrets);
        }
    }

    /// Writes all packets up to the first that is still on the link.
    fn write_settled(&mut self) {
        while let Some(Held { block, interface, is_outbound, notes, .. }) = self.held.take() {
            self.piece.packets[interface as usize] += 1;
            pcapng::packet(&mut self.piece.blocks, &block, is_outbound, notes.as_slice());
            self.held.reuse(block);
        }
    }

    fn write_piece(&mut self) {
        self.age = PieceAge::default();
        if self.is_closed {
            return;
        }
        match self.disk.as_mut().map_or(Outcome::Failed, |disk| disk.write(&mut self.piece)) {
            Outcome::Taken => {}
            // They are written with the next piece.
            Outcome::LeftOut(piece) => self.piece.secrets = piece.secrets,
            Outcome::Failed => {
                self.is_closed = true;
                self.held.clear();
                self.options.stop.set();
            }
        }
    }

    fn unix_nanos(&mut self, at: Time) -> u64 {
        nanos(self.options.epoch.fix(at)).saturating_add(at.as_nanos())
    }

    fn finish(&mut self, is_whole: bool) -> io::Result<Missing> {
        self.held.end();
        self.write_secrets();
        self.write_settled();
        self.is_closed = true;
        let Some(disk) = self.disk.take() else {
            return self.failed.take().map_or(Ok(Missing::default()), Err);
        };
        let mut file = disk.finish([std::mem::take(&mut self.piece)])?;
        let missing = [0, 1].map(|interface| self.seen[interface] - file.packets[interface]);
        let unseen = self.unseen;
        let left_out = missing[0] + missing[1];
        let state = match (&file.failed, left_out, unseen, is_whole) {
            (Some(error), ..) => format!("cut: {left_out} packets are missing: {error}"),
            (None, 1.., ..) => {
                format!("cut: {left_out} packets are missing: the disk was slower than the packets")
            }
            (None, 0, 1.., _) => {
                format!("cut: {unseen} packets are missing: the kernel dropped its copies of them")
            }
            (None, 0, 0, true) => "complete: the run was captured to its end".to_owned(),
            (None, 0, 0, false) => "cut: the run was not captured to its end".to_owned(),
        };
        let mut statistics = Vec::new();
        for (interface, missing) in [CLIENT, SERVER].into_iter().zip(missing) {
            let seen = self.seen[interface as usize];
            pcapng::interface_statistics(&mut statistics, interface, self.last, seen, missing);
        }
        let completed = file.complete(&self.header(&state), &statistics);
        match file.failed {
            Some(error) => Err(error),
            None => completed.map(|()| Missing { left_out, unseen, forgotten: 0 }),
        }
    }
}

/// The interface of the end that sends in `direction`.
const fn interface_of_sender(direction: Direction) -> u32 {
    match direction {
        Direction::ToServer => CLIENT,
        Direction::ToClient => SERVER,
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Cursor, Seek, SeekFrom, Write},
        net::SocketAddr,
        time::Duration,
    };

    use super::*;
    use crate::link::{DropReason, QueueVisit};
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
            match self.room.saturating_sub(content.position() as usize) {
                0 => Err(io::ErrorKind::StorageFull.into()),
                room => content.write(&bytes[..bytes.len().min(room)]),
            }
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

    impl Output for Disk {
        fn cut(&mut self, bytes: u64) -> io::Result<()> {
            self.content.lock().get_mut().truncate(bytes as usize);
            Ok(())
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
            ecn: 0,
            queue: QueueVisit::default(),
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
            let file = capture.file.lock();
            let (held, on_link, blocks) = file.held.sizes();
            assert_eq!((held, on_link), (0, 0));
            assert!(blocks <= 2, "blocks are reused");
        }
    }

    #[test]
    fn the_snap_length_cuts_packets_and_the_file_tells_their_length() {
        let disk = Disk::of(usize::MAX);
        let (mut capture, _) = capture(&disk, 20);
        capture.left(&packet(0, 1), ARRIVED);
        capture.finish(true).unwrap();
        let (_, block) = disk.blocks().into_iter().find(|(kind, _)| *kind == 6).unwrap();
        assert_eq!((block[12], block[16]), (20, 32));
    }

    /// The words that the header of the file uses for its state.
    fn state(disk: &Disk) -> String {
        let (_, header) = disk.blocks().remove(0);
        let header = String::from_utf8_lossy(&header).into_owned();
        header.split_once("a test; ").unwrap().1.trim_end_matches(['\0', ' ']).to_owned()
    }

    #[test]
    fn the_header_says_whether_the_file_is_complete() {
        for (is_whole, expected) in [
            (true, "complete: the run was captured to its end"),
            (false, "cut: the run was not captured to its end"),
        ] {
            let disk = Disk::of(usize::MAX);
            let (capture, _) = capture(&disk, DEFAULT_SNAP_BYTES);
            assert_eq!(state(&disk), "cut: the run was not captured to its end");
            capture.finish(is_whole).unwrap();
            assert_eq!(state(&disk), expected);
        }
    }

    /// The packets that each interface has seen, and how many of them are missing, as the file says.
    fn statistics(disk: &Disk) -> Vec<(u64, u64)> {
        let blocks = disk.blocks().into_iter().filter(|(block_type, _)| *block_type == 5);
        blocks
            .map(|(_, block)| {
                let number = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().unwrap());
                (number(16), number(28))
            })
            .collect()
    }

    #[test]
    fn a_full_disk_ends_the_run_and_the_file_has_whole_packets_and_says_how_many_are_missing() {
        for room in (300_000..300_200).step_by(7) {
            let disk = Disk::of(room);
            let (mut capture, stop) = capture(&disk, DEFAULT_SNAP_BYTES);
            let mut number = 0;
            while !stop.is_set() {
                capture.entered(&packet(number, number));
                capture.left(&packet(number, number), ARRIVED);
                number += 1;
            }
            assert_eq!(capture.finish(true).unwrap_err().kind(), io::ErrorKind::StorageFull);
            let kept = disk.packets().len() as u64;
            assert!(kept > 2000, "{kept}");
            let [(seen, missing), (also_seen, also_missing)] = statistics(&disk)[..] else { panic!() };
            assert_eq!(seen + also_seen, kept + missing + also_missing);
            let expected = format!("cut: {} packets are missing: ", missing + also_missing);
            assert!(state(&disk).starts_with(&expected), "{}", state(&disk));
        }
    }

    #[test]
    fn the_header_says_how_many_packets_the_path_did_not_show() {
        let disk = Disk::of(usize::MAX);
        let (mut capture, _) = capture(&disk, DEFAULT_SNAP_BYTES);
        capture.missed(2);
        capture.missed(3);
        assert_eq!(capture.finish(true).unwrap(), Missing { unseen: 5, ..Missing::default() });
        assert_eq!(state(&disk), "cut: 5 packets are missing: the kernel dropped its copies of them");
    }

    /// A disk that blocks every write until the test lets it continue.
    struct Slow {
        disk: Disk,
        go: std::sync::mpsc::Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Fails once the sender is dropped: then it is fast.
            let _ = self.go.recv();
            self.disk.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Slow {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.disk.seek(to)
        }
    }

    impl Output for Slow {
        fn cut(&mut self, bytes: u64) -> io::Result<()> {
            self.disk.cut(bytes)
        }
    }

    #[test]
    fn in_real_time_a_slow_disk_delays_no_packet_and_the_file_says_how_many_are_missing() {
        use rustls::KeyLog;
        let disk = Disk::of(usize::MAX);
        let (wait, go) = std::sync::mpsc::channel();
        let out = Box::new(Slow { disk: disk.clone(), go });
        let (title, epoch) = ("a test".to_owned(), Epoch::Clock(|| Duration::from_secs(1)));
        let stop = StopSignal::default();
        let options = CaptureOptions { title, snap_bytes: 65_535, epoch, has_link: true, stop };
        let secrets = Secrets::default();
        let mut capture = Capture::new(out, options, secrets.clone());
        let datagram = vec![7; 60_000];
        for number in 0..600 {
            // The secrets of a connection that began while packets were left out.
            if number == 500 {
                secrets.log("LABEL", &[1], &[2]);
            }
            let packet = PacketView { payload: Payload::Udp(&datagram), ..packet(number, number) };
            capture.entered(&packet);
            capture.left(&packet, ARRIVED);
        }
        drop(wait);
        let missing = capture.finish(true).unwrap().left_out;
        let kept = disk.packets().len() as u64;
        assert!(missing > 300 && kept > 200, "{missing} missing, {kept} kept");
        assert_eq!(kept + missing, 1200);
        assert!(
            state(&disk).starts_with(&format!("cut: {missing} packets are missing: the disk was slower"))
        );
        assert_eq!(disk.blocks().iter().filter(|(block_type, _)| *block_type == 10).count(), 1);
    }
}
