//! The trace of one end, collected in pieces for the disk.

use std::io;

use super::{
    files::{OpenFile, Piece, TraceFiles},
    form::{EventName, Form, Header, Protocol, State},
    json::Json,
};
use crate::{
    capture::{
        disk::{Disk, Outcome, PieceAge},
        epoch::Epoch,
    },
    path::{Side, StopSignal},
    unit::Time,
};

/// A trace is written in pieces of this size.
const PIECE_BYTES: usize = 64 << 10;

/// What all traces of a run share.
pub(super) struct Common {
    title: String,
    epoch: Epoch,
    is_real_time: bool,
    /// `None` at the end, or if it could not be set up.
    disk: Option<Disk<TraceFiles>>,
    /// The last pieces of traces, which wait for a slow disk.
    waiting: Vec<Piece>,
    /// Number of traces.
    traces: usize,
    /// Number of events that were left out.
    left_out: u64,
    failed: Option<io::Error>,
    stop: StopSignal,
    /// Set when nothing more is written, because the run has ended or writing failed.
    pub(super) is_closed: bool,
}

impl Common {
    pub(super) fn new(title: String, epoch: Epoch, open: OpenFile, stop: StopSignal) -> Self {
        let is_real_time = epoch.is_real_time();
        let (disk, failed) = match Disk::new(TraceFiles::new(open), &epoch, "qlog", &stop) {
            Ok(disk) => (Some(disk), None),
            Err(error) => (None, Some(error)),
        };
        let is_closed = failed.is_some();
        let waiting = Vec::new();
        Self { title, epoch, is_real_time, disk, waiting, traces: 0, left_out: 0, failed, stop, is_closed }
    }

    /// Whether the run is being interrupted.
    pub(super) fn is_interrupted(&self) -> bool {
        self.stop.is_set()
    }

    /// Writes `piece`, and leaves an empty one in its place. Returns the piece if the disk is too slow.
    fn write(&mut self, piece: &mut Piece) -> Option<Piece> {
        match self.disk.as_mut().map_or(Outcome::Failed, |disk| disk.write(piece)) {
            Outcome::Taken => None,
            Outcome::LeftOut(left_out) => {
                self.left_out += left_out.events;
                Some(left_out)
            }
            Outcome::Failed => {
                self.is_closed = true;
                self.stop.set();
                None
            }
        }
    }

    /// Ends all files. Returns how many events were left out because the disk was too slow, or the first write error.
    pub(super) fn finish(&mut self) -> io::Result<u64> {
        self.is_closed = true;
        let Some(disk) = self.disk.take() else { return self.failed.take().map_or(Ok(self.left_out), Err) };
        disk.finish(std::mem::take(&mut self.waiting))?.failed.map_or(Ok(self.left_out), Err)
    }
}

/// Identifies a trace.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) side: Side,
    pub(super) protocol: Protocol,
    pub(super) group: String,
    /// The end of the files' names, without the ending.
    pub(super) name: String,
}

/// The trace of one end.
pub(super) struct TraceFile {
    subject: Subject,
    /// The number of the trace, since its first event.
    number: Option<usize>,
    /// The events that are not written yet.
    piece: Piece,
    age: PieceAge,
    /// Whether the first piece was written.
    is_open: bool,
    is_finished: bool,
    last: Time,
    /// Number of events that were left out.
    missing: u64,
    /// Number of those that no warning in the trace has reported yet.
    unreported: u64,
    json: Json,
}

/// Tells that events are missing.
const WARNING: EventName = EventName::published("generic:warning", "loglevel:warning", "loglevel:warning");

impl TraceFile {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            number: None,
            piece: Piece::default(),
            age: PieceAge::default(),
            is_open: false,
            is_finished: false,
            last: Time::ZERO,
            missing: 0,
            unreported: 0,
            json: Json::default(),
        }
    }

    /// Writes an event. `fill` adds its data. Events are in order of time, so a late event gets the time of the event
    /// before it.
    pub(super) fn event(
        &mut self,
        common: &mut Common,
        at: Time,
        name: EventName,
        fill: impl FnOnce(&mut Json),
    ) {
        if self.is_finished || common.is_closed {
            return;
        }
        if self.number.is_none() {
            // The header has the wall-clock time of time zero.
            common.epoch.fix(at);
            self.number = Some(common.traces);
            common.traces += 1;
        }
        self.last = self.last.max(at);
        let unreported = std::mem::take(&mut self.unreported);
        if unreported > 0 {
            let message =
                format!("{unreported} events are missing here: the disk was slower than the events");
            self.append(WARNING, |json| json.plain("message", &message));
        }
        self.append(name, fill);
        self.piece.events += 1;
        let is_old = common.is_real_time && self.age.is_due(self.last);
        if is_old || self.piece.records[0].len() >= PIECE_BYTES {
            self.write(common);
        }
    }

    fn append(&mut self, name: EventName, fill: impl FnOnce(&mut Json)) {
        let json = &mut self.json;
        json.clear();
        json.open(b'{');
        json.time(self.last);
        let sequence = name.sequence(self.subject.protocol);
        match sequence == name.version_03 {
            true => json.plain("name", sequence),
            false => {
                json.either(|json| json.plain("name", name.version_03), |json| json.plain("name", sequence))
            }
        }
        json.open_field("data", b'{');
        fill(json);
        json.close(b'}');
        json.close(b'}');
        for (form, records) in Form::ALL.into_iter().zip(&mut self.piece.records) {
            form.append_record(json, records);
        }
    }

    fn write(&mut self, common: &mut Common) {
        self.age = PieceAge::default();
        self.piece.trace = self.number.unwrap_or_default();
        if !self.is_open {
            self.piece.name.push_str(&self.subject.name);
            self.piece.headers = self.headers(common, State::Cut);
        }
        match common.write(&mut self.piece) {
            None => self.is_open = true,
            Some(left_out) => {
                self.missing += left_out.events;
                self.unreported += left_out.events;
            }
        }
    }

    fn headers(&self, common: &Common, state: State) -> [Vec<u8>; 2] {
        let Subject { side, protocol, group, .. } = &self.subject;
        let (title, epoch) = (&common.title, common.epoch.fixed());
        let header = Header { title, side: *side, group, protocol: *protocol, epoch, state };
        Form::ALL.map(|form| form.header(&header))
    }

    /// Ends the trace. Later events are not written.
    pub(super) fn finish(&mut self, common: &mut Common, is_complete: bool) {
        let Some(number) = self.number.filter(|_| !self.is_finished) else { return };
        self.is_finished = true;
        self.piece.trace = number;
        self.piece.is_last = true;
        self.piece.name.push_str(&self.subject.name);
        let state = match (self.missing, is_complete) {
            (0, true) => State::Complete,
            (0, false) => State::Cut,
            (missing, _) => State::Gaps(missing),
        };
        self.piece.headers = self.headers(common, state);
        if let Some(mut last) = common.write(&mut self.piece) {
            // The trace ends without these events, and only its header waits.
            last.headers = self.headers(common, State::Gaps(self.missing + last.events));
            last.records.iter_mut().for_each(Vec::clear);
            common.waiting.push(last);
        }
    }
}
