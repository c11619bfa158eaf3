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

/// The fields of a trace's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    pub(super) title: &'a str,
    pub(super) side: Side,
    /// Identifies the connection.
    pub(super) group: &'a str,
    /// `QUIC`, or another protocol.
    pub(super) protocol: &'a str,
    /// When time zero was, since 1970-01-01 UTC.
    pub(super) epoch: Duration,
    pub(super) is_complete: bool,
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

    /// The header of a file. It has the same length for complete and incomplete traces, so that it can be overwritten.
    pub(super) fn header(self, header: &Header<'_>) -> String {
        let mut json = Json::default();
        json.open('{');
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
        let state = if header.is_complete {
            "complete: the connection was traced to its end"
        } else {
            "cut: the connection was not traced to its end"
        };
        json.plain("description", format_args!("{state:46}"));
        match self {
            Self::Version03 => {
                json.open_field("traces", '[');
                json.open('{');
                Self::trace(&mut json, header);
                json.open_field("common_fields", '{');
                json.plain("time_format", "relative");
                json.field("reference_time", format_args!("{:.1}", header.epoch.as_secs_f64() * 1e3));
                json.open_field("protocol_type", '[');
                json.plain_item(header.protocol);
                json.close(']');
                json.plain("group_id", header.group);
                json.close('}');
                json.open_field("events", '[');
                json.text().to_owned()
            }
            Self::Sequence => {
                json.open_field("trace", '{');
                Self::trace(&mut json, header);
                json.open_field("common_fields", '{');
                json.plain("time_format", "relative_to_epoch");
                json.open_field("reference_time", '{');
                json.plain("clock_type", "system");
                json.plain("epoch", rfc3339(header.epoch));
                json.close('}');
                json.plain("group_id", header.group);
                json.close('}');
                json.open_field("event_schemas", '[');
                if header.protocol == "QUIC" {
                    json.plain_item("urn:ietf:params:qlog:events:quic-13");
                }
                json.plain_item("urn:x-wirelab:qlog:events");
                json.close(']');
                json.close('}');
                json.close('}');
                self.record(json.text(), true)
            }
        }
    }

    fn trace(json: &mut Json, header: &Header<'_>) {
        json.string("title", header.title);
        json.open_field("vantage_point", '{');
        json.plain("type", vantage_point(header.side));
        json.close('}');
    }

    /// A record of the file: the text of an event, and its separator.
    pub(super) fn record(self, event: &str, is_first: bool) -> String {
        match self {
            Self::Version03 if is_first => format!("\n{event}"),
            Self::Version03 => format!(",\n{event}"),
            Self::Sequence => format!("\u{1e}{event}\n"),
        }
    }

    /// The end of a file.
    pub(super) const fn footer(self) -> &'static str {
        match self {
            Self::Version03 => "\n]}]}\n",
            Self::Sequence => "",
        }
    }
}

fn rfc3339(epoch: Duration) -> String {
    let nanos = i128::try_from(epoch.as_nanos()).unwrap_or_default();
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(&Rfc3339).unwrap_or_default()
}
