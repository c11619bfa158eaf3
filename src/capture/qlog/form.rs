//! The two forms of a trace: version 0.3 as one JSON text, which qvis loads, and the current drafts as JSON text
//! sequences (draft-ietf-quic-qlog-main-schema-14 and draft-ietf-quic-qlog-quic-events-13, RFC 7464).

use std::time::Duration;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::json::Json;
use crate::path::Side;

/// A form of qlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `qlog_version` 0.3.
    Version03,
    /// The current drafts.
    Sequence,
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Quic,
    Arq,
    Tcp,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Quic => "QUIC",
            Self::Arq => "ARQ",
            Self::Tcp => "TCP",
        }
    }
}

/// The name of an event. Its prefix is a category in version 0.3, and the namespace of a schema in the drafts.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventName {
    pub(super) version_03: &'static str,
    /// In the drafts, for QUIC.
    quic: &'static str,
    /// In the drafts, for protocols without a published schema.
    other: &'static str,
}

impl EventName {
    /// An event of the published schemas.
    pub(super) const fn published(version_03: &'static str, quic: &'static str, other: &'static str) -> Self {
        Self { version_03, quic, other }
    }

    /// An event with the same name in all forms.
    pub(super) const fn everywhere(name: &'static str) -> Self {
        Self { version_03: name, quic: name, other: name }
    }

    /// The name in the drafts.
    pub(super) const fn sequence(self, protocol: Protocol) -> &'static str {
        match protocol {
            Protocol::Quic => self.quic,
            Protocol::Arq | Protocol::Tcp => self.other,
        }
    }
}

/// The fields of a trace's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    pub(super) title: &'a str,
    pub(super) side: Side,
    /// Identifies the connection.
    pub(super) group: &'a str,
    pub(super) protocol: Protocol,
    /// When time zero was, since 1970-01-01 UTC.
    pub(super) epoch: Duration,
    pub(super) state: State,
}

/// Whether a trace has all events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It has all events of its connection.
    Complete,
    /// It ends before its connection.
    Cut,
    /// This number of events is missing, because the disk was too slow.
    Gaps(u64),
}

impl State {
    /// The length of the longest description.
    const BYTES: usize = 90;

    /// Has the same length for all states, so that it can be overwritten.
    fn description(self) -> String {
        let text = match self {
            Self::Complete => "complete: the connection was traced to its end".to_owned(),
            Self::Cut => "cut: the connection was not traced to its end".to_owned(),
            Self::Gaps(events) => {
                format!("cut: {events} events are missing: the disk was slower than the events")
            }
        };
        format!("{text:0$}", Self::BYTES)
    }
}

/// The name of a side as a vantage point.
pub(super) const fn vantage_point(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

impl Form {
    pub(super) const ALL: [Self; 2] = [Self::Version03, Self::Sequence];

    /// The ending of a file's name.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Version03 => "qlog",
            Self::Sequence => "sqlog",
        }
    }

    /// The header of a file. It has the same length for every [`State`], so that it can be overwritten.
    pub(super) fn header(self, header: &Header<'_>) -> Vec<u8> {
        let mut json = Json::default();
        json.open(b'{');
        match self {
            Self::Version03 => {
                json.plain("qlog_version", "0.3");
                json.plain("qlog_format", "JSON");
            }
            Self::Sequence => {
                json.plain("file_schema", "urn:ietf:params:qlog:file:sequential");
                json.plain("serialization_format", "application/qlog+json-seq");
            }
        }
        json.plain("title", concat!("wirelab ", env!("CARGO_PKG_VERSION")));
        json.plain("description", &header.state.description());
        match self {
            Self::Version03 => {
                json.open_field("traces", b'[');
                json.open(b'{');
                Self::trace(&mut json, header);
                json.open_field("common_fields", b'{');
                json.plain("time_format", "relative");
                json.millis("reference_time", u64::try_from(header.epoch.as_nanos()).unwrap_or(u64::MAX));
                json.open_field("protocol_type", b'[');
                json.plain_item(header.protocol.name());
                json.close(b']');
                json.plain("group_id", header.group);
                json.close(b'}');
                json.open_field("events", b'[');
                json.version_03().to_vec()
            }
            Self::Sequence => {
                json.open_field("trace", b'{');
                Self::trace(&mut json, header);
                json.open_field("common_fields", b'{');
                json.plain("time_format", "relative_to_epoch");
                json.open_field("reference_time", b'{');
                json.plain("clock_type", "system");
                json.plain("epoch", &rfc3339(header.epoch));
                json.close(b'}');
                json.open_field("protocol_types", b'[');
                json.plain_item(header.protocol.name());
                json.close(b']');
                json.plain("group_id", header.group);
                json.close(b'}');
                json.open_field("event_schemas", b'[');
                if header.protocol == Protocol::Quic {
                    json.plain_item("urn:ietf:params:qlog:events:quic-13");
                }
                json.plain_item("urn:x-wirelab:qlog:events");
                json.plain_item("urn:ietf:params:qlog:events:loglevel");
                json.close(b']');
                json.close(b'}');
                json.close(b'}');
                let mut record = Vec::new();
                self.append_record(&json, &mut record);
                record
            }
        }
    }

    fn trace(json: &mut Json, header: &Header<'_>) {
        json.string("title", header.title);
        json.open_field("vantage_point", b'{');
        json.plain("type", vantage_point(header.side));
        json.close(b'}');
    }

    /// Appends a record of the file: the text of an event, and its separator.
    pub(super) fn append_record(self, event: &Json, out: &mut Vec<u8>) {
        match self {
            Self::Version03 => {
                out.extend_from_slice(b",\n");
                out.extend_from_slice(event.version_03());
            }
            Self::Sequence => {
                out.push(0x1e);
                event.append_sequence(out);
                out.push(b'\n');
            }
        }
    }

    /// `records` at the beginning of a file, without the separator in front of them.
    pub(super) fn first(self, records: &[u8]) -> &[u8] {
        match self {
            Self::Version03 => records.strip_prefix(b",").unwrap_or(records),
            Self::Sequence => records,
        }
    }

    /// The length of the whole records in `part`, the beginning of a list of records.
    pub(super) fn whole(self, part: &[u8]) -> usize {
        // JSON text without line breaks: only records begin or end with one.
        let last = part.iter().rposition(|byte| *byte == b'\n');
        match self {
            // Without the separator in front of the line break.
            Self::Version03 => last.map_or(0, |at| at.saturating_sub(1)),
            Self::Sequence => last.map_or(0, |at| at + 1),
        }
    }

    /// The end of a file.
    pub(super) const fn footer(self) -> &'static [u8] {
        match self {
            Self::Version03 => b"\n]}]}\n",
            Self::Sequence => b"",
        }
    }
}

fn rfc3339(epoch: Duration) -> String {
    let nanos = i128::try_from(epoch.as_nanos()).unwrap_or_default();
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(&Rfc3339).unwrap_or_default()
}
