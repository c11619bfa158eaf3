//! The files of a run's traces. A file is well-formed whenever no write is under way.

use std::{
    collections::BTreeMap,
    io::{self, SeekFrom},
};

use super::form::Form;
use crate::capture::disk::{self, Output};

/// Opens a file. The argument is the end of its name, such as `1-client.qlog`.
pub(crate) type OpenFile = Box<dyn Fn(&str) -> io::Result<Box<dyn Output>> + Send>;

/// A part of the files of one trace.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Identifies the trace.
    pub(super) trace: usize,
    /// The end of the files' names, without the ending. Set in the first piece.
    pub(super) name: String,
    /// The headers of both forms. Set in the first piece and in the last.
    pub(super) headers: [Vec<u8>; 2],
    /// Whole records of both forms.
    pub(super) records: [Vec<u8>; 2],
    /// Number of events in `records`.
    pub(super) events: u64,
    /// Whether the trace ends with it.
    pub(super) is_last: bool,
}

impl disk::Piece for Piece {
    fn clear(&mut self) {
        self.name.clear();
        self.headers.iter_mut().chain(&mut self.records).for_each(Vec::clear);
        (self.events, self.is_last) = (0, false);
    }
}

/// The files of all traces that have not ended.
pub(super) struct TraceFiles {
    open: OpenFile,
    traces: BTreeMap<usize, [TraceFile; 2]>,
    pub(super) failed: Option<io::Error>,
}

impl TraceFiles {
    pub(super) fn new(open: OpenFile) -> Self {
        Self { open, traces: BTreeMap::new(), failed: None }
    }

    fn write_piece(&mut self, piece: &Piece) -> io::Result<()> {
        if !self.traces.contains_key(&piece.trace) {
            let open = |form| TraceFile::new(form, piece, &self.open);
            self.traces.insert(piece.trace, [open(Form::Version03)?, open(Form::Sequence)?]);
        }
        let Some(files) = self.traces.get_mut(&piece.trace) else { return Ok(()) };
        for (file, records) in files.iter_mut().zip(&piece.records) {
            file.append(records)?;
        }
        if piece.is_last {
            for (mut file, header) in
                self.traces.remove(&piece.trace).into_iter().flatten().zip(&piece.headers)
            {
                file.complete(header)?;
            }
        }
        Ok(())
    }
}

impl disk::Files for TraceFiles {
    type Piece = Piece;

    fn write(&mut self, piece: &Piece) -> bool {
        if self.failed.is_none() {
            self.failed = self.write_piece(piece).err();
        }
        self.failed.is_none()
    }
}

/// A file of one form.
struct TraceFile {
    form: Form,
    out: Box<dyn Output>,
    /// Where its last whole record ends. The footer follows.
    end: u64,
    has_records: bool,
}

impl TraceFile {
    /// Opens the file that begins with `piece`.
    fn new(form: Form, piece: &Piece, open: &OpenFile) -> io::Result<Self> {
        let out = open(&format!("{}.{}", piece.name, form.ending()))?;
        let header = &piece.headers[form as usize];
        let mut file = Self { form, out, end: header.len() as u64, has_records: false };
        file.out.write_all(header)?;
        file.out.write_all(form.footer())?;
        Ok(file)
    }

    /// Replaces the footer by `records` and a new footer. After an error, the file ends with the last whole record that
    /// leaves room for the footer.
    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let records = if self.has_records { records } else { self.form.first(records) };
        let written = self.write(records);
        match &written {
            Ok(()) => {
                self.end += records.len() as u64;
                self.has_records = true;
            }
            // If this fails too, the file ends in a part of a record.
            Err(_) => drop(self.cut(records)),
        }
        written
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.out.seek(SeekFrom::Start(self.end))?;
        self.out.write_all(records)?;
        self.out.write_all(self.form.footer())?;
        self.out.flush()
    }

    /// Truncates the file after the last whole record of `records` that leaves room for the footer.
    fn cut(&mut self, records: &[u8]) -> io::Result<()> {
        let footer = self.form.footer();
        let written = self.out.stream_position()?.saturating_sub(self.end);
        let room = (written as usize).saturating_sub(footer.len()).min(records.len());
        self.end += self.form.whole(&records[..room]) as u64;
        self.out.cut(self.end)?;
        self.out.seek(SeekFrom::Start(self.end))?;
        self.out.write_all(footer)?;
        self.out.flush()
    }

    /// Overwrites the header of the file with `header`, which has the same length.
    fn complete(&mut self, header: &[u8]) -> io::Result<()> {
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(header)?;
        self.out.flush()
    }
}
