//! Parts of a result: the outcomes of some jobs of a request, saved so that several parts can be merged into the whole.
//!
//! A part is a text file of JSON values, one a line: a [`PartHeader`], a [`Record`] for each job in ascending order,
//! and a [`Trailer`]. A record has everything that a row of the result is computed from, so the rows of merged parts
//! are computed by the same code from the same figures as those of one run. The rows of its samples are on lines of their
//! own, because they may be many.

use std::{
    io::{self, BufRead, Read, Write},
    iter,
};

use crc32fast::Hasher;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::shard::Shard;
use crate::{
    report::{Skipped, System},
    unit::without_place,
};

/// The schema of parts that this version writes and reads.
pub const PART_SCHEMA: &str = "wirelab-part/2";

/// The first bytes of every part. No other file that the program writes begins with them.
const START: &[u8] = b"{\"schema\":\"wirelab-part/";

/// The longest first line.
const MAX_HEADER: u64 = 64 << 20;

/// The longest line after it: three times what the longest timeline of a run takes.
const MAX_LINE: u64 = 512 << 20;

/// Rows of samples are split into lines of about this many bytes.
const CHUNK: usize = 1 << 20;

/// The target that this program was built for, as Rust names it.
pub const TARGET: &str = env!("WIRELAB_TARGET");

/// The first line of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartHeader {
    /// [`PART_SCHEMA`].
    pub schema: String,
    /// The version that measured.
    pub version: String,
    /// The [`TARGET`] of the program that measured.
    pub target: String,
    /// The command that measured.
    pub command: String,
    /// The options of the command line that decide what is measured, as they were given.
    pub options: Map<String, Value>,
    /// The SHA-256 of each file that the options name.
    pub files: Map<String, Value>,
    /// Every option of the whole, resolved.
    pub config: Map<String, Value>,
    /// Plans of the whole that could not be run.
    pub skipped: Vec<Skipped>,
    /// The paths of the whole.
    pub paths: Vec<String>,
    /// The machine that measured; `None` in virtual time.
    pub system: Option<System>,
    /// Jobs of the whole: plans times seeds.
    pub jobs: u64,
    /// Whether records have the rows of their samples.
    pub has_samples: bool,
    /// Which part this is.
    pub shard: Shard,
}

/// The result of one job.
#[derive(Debug, Clone)]
pub struct Record<O> {
    /// The job, counted from 0 over the plans in order, each with its seeds in order.
    pub job: u64,
    /// Its outcome.
    pub made: Made<O>,
    /// The rows of its samples, as CSV.
    pub samples: Option<String>,
}

/// The first line of a record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordLine<M> {
    job: u64,
    result: M,
    /// How many lines of samples follow; `None` without samples.
    samples: Option<u64>,
}

/// The result of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made<O> {
    /// Its figures.
    Outcome(O),
    /// Why it could not be made.
    Failure(String),
}

/// The last line of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trailer {
    /// How many records there are.
    pub records: u64,
    /// CRC-32 (IEEE) of all bytes before this line.
    pub crc32: u32,
}

/// Why a part could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is longer than any that is written.
    #[error("line {line} is longer than {limit} bytes")]
    TooLong {
        /// The line, from 1.
        line: u64,
        /// How long it may be.
        limit: u64,
    },
    /// It ends early.
    #[error("the part is cut off: line {0} is missing or incomplete")]
    Truncated(u64),
    /// Something follows its last line.
    #[error("the part goes on after its last line")]
    GoesOn,
    /// A part of another schema.
    #[error("unsupported schema {found:?}: this version reads {PART_SCHEMA:?}")]
    OtherSchema {
        /// The schema in the file.
        found: String,
    },
    /// A line is not valid.
    #[error("line {line}, column {}: {}", error.column(), without_place(error))]
    Invalid {
        /// The line, from 1.
        line: u64,
        /// What is not valid.
        #[source]
        error: serde_json::Error,
    },
    /// The bytes are not those that were written.
    #[error("the part is damaged: its checksum does not fit")]
    Damaged,
    /// The record of another job.
    #[error("line {0}: this job is not the next one of this part")]
    OtherJob(u64),
}

/// Whether a file that begins with these bytes is a part.
pub fn is_part(start: &[u8]) -> bool {
    start.starts_with(START)
}

/// The number of first bytes that [`is_part`] needs.
pub const PART_START: usize = START.len();

/// Writes a part.
///
/// Returns an error if it cannot be written, or if a line would be too long to be read.
pub fn write_part<O: Serialize>(
    mut out: impl Write,
    header: &PartHeader,
    records: &[Record<O>],
) -> io::Result<()> {
    let mut hash = Hasher::new();
    let mut write = |line: Vec<u8>| {
        hash.update(&line);
        out.write_all(&line)
    };
    write(line(header, "the options", MAX_HEADER)?)?;
    for Record { job, made, samples } in records {
        let lines = samples.as_ref().map(|rows| chunks(rows).count() as u64);
        let what = format!("run {job}");
        write(line(&RecordLine { job: *job, result: made, samples: lines }, &what, MAX_LINE)?)?;
        for chunk in samples.iter().flat_map(|rows| chunks(rows)) {
            write(line(&chunk, &what, MAX_LINE)?)?;
        }
    }
    let trailer = Trailer { records: records.len() as u64, crc32: hash.finalize() };
    out.write_all(&line(&trailer, "the checksum", MAX_LINE)?)?;
    out.flush()
}

/// A line of at most `limit` bytes.
fn line(value: &impl Serialize, what: &str, limit: u64) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    match line.len() as u64 {
        length if length > limit => Err(io::Error::other(format!(
            "{what} takes a line of {length} bytes, and a part has lines of at most {limit}; use a shorter run"
        ))),
        _ => Ok(line),
    }
}

/// Whole rows of about [`CHUNK`] bytes together.
fn chunks(mut rows: &str) -> impl Iterator<Item = &str> {
    iter::from_fn(move || {
        let more = rows.as_bytes().get(CHUNK..).unwrap_or_default();
        let end = more.iter().position(|byte| *byte == b'\n').map_or(rows.len(), |at| CHUNK + at + 1);
        let (chunk, rest) = rows.split_at(end);
        rows = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Reads the header of a part, and nothing after it.
///
/// Returns an error if it is not that of a part of this schema.
pub fn read_header(input: impl BufRead) -> Result<PartHeader, PartError> {
    Lines::new(input).header()
}

/// Reads the records of a part, whose jobs must be exactly these, and passes each to `each`.
///
/// Returns an error at the first line that is not valid, and does not read on.
pub fn read_records<O: DeserializeOwned>(
    input: impl BufRead,
    jobs: &[usize],
    mut each: impl FnMut(Record<O>),
) -> Result<(), PartError> {
    let mut lines = Lines::new(input);
    lines.header()?;
    for &job in jobs {
        // The trailer comes early if jobs are missing.
        let line = lines.next(MAX_LINE)?;
        let RecordLine { job: found, result: made, samples } = lines.parse(&line)?;
        if found != job as u64 {
            return Err(PartError::OtherJob(lines.read));
        }
        let samples = samples.map(|count| lines.rows(count)).transpose()?;
        each(Record { job: found, made, samples });
    }
    let crc32 = lines.hash.clone().finalize();
    let line = lines.next(MAX_LINE)?;
    let trailer: Trailer = lines.parse(&line)?;
    if trailer != (Trailer { records: jobs.len() as u64, crc32 }) {
        return Err(PartError::Damaged);
    }
    match lines.input.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(PartError::GoesOn),
    }
}

/// Reads a part line by line.
struct Lines<R> {
    input: R,
    read: u64,
    hash: Hasher,
}

impl<R: BufRead> Lines<R> {
    fn new(input: R) -> Self {
        Self { input, read: 0, hash: Hasher::new() }
    }

    fn next(&mut self, limit: u64) -> Result<Vec<u8>, PartError> {
        let mut line = Vec::new();
        self.input.by_ref().take(limit).read_until(b'\n', &mut line)?;
        match line.last() {
            Some(b'\n') => {
                self.read += 1;
                self.hash.update(&line);
                Ok(line)
            }
            _ if line.len() as u64 == limit => Err(PartError::TooLong { line: self.read + 1, limit }),
            _ => Err(PartError::Truncated(self.read + 1)),
        }
    }

    /// The rows on the next lines.
    fn rows(&mut self, lines: u64) -> Result<String, PartError> {
        let mut rows = String::new();
        for _ in 0..lines {
            let line = self.next(MAX_LINE)?;
            rows.push_str(&self.parse::<String>(&line)?);
        }
        Ok(rows)
    }

    fn parse<T: DeserializeOwned>(&self, line: &[u8]) -> Result<T, PartError> {
        serde_json::from_slice(line).map_err(|error| PartError::Invalid { line: self.read, error })
    }

    fn header(&mut self) -> Result<PartHeader, PartError> {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        let line = self.next(MAX_HEADER)?;
        // The schema comes first: a part of another schema may have other fields.
        let Schema { schema: found } = self.parse(&line)?;
        match found == PART_SCHEMA {
            true => self.parse(&line),
            false => Err(PartError::OtherSchema { found: found.chars().take(40).collect() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> PartHeader {
        PartHeader {
            schema: PART_SCHEMA.to_owned(),
            version: "1.2.3".to_owned(),
            target: TARGET.to_owned(),
            command: "bench".to_owned(),
            options: Map::new(),
            files: Map::new(),
            config: Map::new(),
            skipped: Vec::new(),
            paths: vec!["sim".to_owned()],
            system: None,
            jobs: 4,
            has_samples: true,
            shard: Shard { index: 1, count: 2 },
        }
    }

    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        let record = |job, made, samples| Record { job, made, samples };
        let records = [
            record(0, Made::Outcome(vec![u128::MAX]), Some("1,2\n".to_owned())),
            record(3, Made::Failure("no \"path\"".to_owned()), None),
        ];
        write_part(&mut out, &header(), &records).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record<Vec<u128>>>, PartError> {
        let mut records = Vec::new();
        read_records(bytes, &[0, 3], |record| records.push(record)).map(|()| records)
    }

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let bytes = written();
        assert!(is_part(&bytes[..PART_START]) && !is_part(b"{\"schema\": \"wirelab/1\""));
        assert_eq!(read_header(&bytes[..]).unwrap(), header());
        let records = read(&bytes).unwrap();
        assert_eq!(records[0].samples.as_deref(), Some("1,2\n"));
        let [Record { made: Made::Outcome(one), .. }, Record { made: Made::Failure(other), .. }] =
            &records[..]
        else {
            panic!("{records:?}")
        };
        assert_eq!((&one[..], &other[..]), (&[u128::MAX][..], "no \"path\""));
    }

    #[test]
    fn a_part_that_is_cut_anywhere_or_changed_anywhere_is_refused() {
        let bytes = written();
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "{at}");
        }
        let cut = read(b"{\"schema\":\"wirelab-part/2\"").unwrap_err().to_string();
        assert_eq!(cut, "the part is cut off: line 1 is missing or incomplete");
        let longer = [&bytes[..], b"{}\n"].concat();
        assert!(matches!(read(&longer), Err(PartError::GoesOn)));
    }

    #[test]
    fn other_jobs_another_schema_and_endless_lines_are_refused() {
        let bytes = written();
        let of = |jobs: &[usize]| read_records::<Vec<u128>>(&bytes[..], jobs, drop);
        assert!(matches!(of(&[0, 2]), Err(PartError::OtherJob(4))));
        let other = of(&[0]).unwrap_err();
        assert!(matches!(other, PartError::Invalid { line: 4, .. }));
        let said = other.to_string();
        assert!(said.starts_with("line 4, column ") && said.matches("line").count() == 1, "{said}");
        assert!(matches!(of(&[0, 3, 5]), Err(PartError::Invalid { line: 5, .. })));
        let newer = String::from_utf8(bytes.clone()).unwrap().replace("wirelab-part/2", "wirelab-part/3");
        assert!(matches!(read_header(newer.as_bytes()), Err(PartError::OtherSchema { .. })));
        let endless = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(read_header(endless), Err(PartError::TooLong { line: 1, .. })));
    }

    #[test]
    fn samples_of_any_length_are_read_as_they_were_written_on_lines_of_limited_length() {
        let row = "1,2,3,sent,é\n";
        for rows in ["".to_owned(), row.repeat(3 * CHUNK / row.len()), "x".repeat(2 * CHUNK)] {
            let record = Record { job: 0, made: Made::Outcome(Vec::new()), samples: Some(rows.clone()) };
            let other = Record { job: 3, made: Made::Outcome(vec![7]), samples: None };
            let mut out = Vec::new();
            write_part(&mut out, &header(), &[record, other]).unwrap();
            let records = read(&out).unwrap();
            assert!(records[0].samples.as_ref() == Some(&rows) && records[1].samples.is_none());
            let longest = out.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
            // JSON takes a byte more for the end of each row of 14.
            assert!(longest <= CHUNK * 12 / 11 || !rows.contains('\n'), "{longest}");
        }
    }

    #[test]
    fn a_line_that_would_be_too_long_to_read_is_not_written() {
        let five = line(&"ab", "run 7", 5).unwrap();
        assert_eq!(five, b"\"ab\"\n");
        assert!(Lines::new(&five[..]).next(5).is_ok());
        let refused = line(&"abc", "run 7", 5).unwrap_err().to_string();
        assert!(
            refused.contains("run 7 takes a line of 6 bytes") && refused.contains("at most 5"),
            "{refused}"
        );
    }
}
