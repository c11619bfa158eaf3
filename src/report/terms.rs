//! Definitions of the columns that are specific to this tool.

use super::{
    block::{Block, Table, Term},
    figure::Figure,
};

const DELAYED: Term =
    Term { term: "delayed", meaning: "late because it was retransmitted or waited for earlier messages" };
const BLOCKED: Term =
    Term { term: "blocked", meaning: "arrived complete, but was held back until earlier bytes had arrived" };
const ARRIVED: Term =
    Term { term: "p50 to max", meaning: "of the messages that arrived, so without those that were lost" };

const ORDER: [Term; 1] = [Term {
    term: "longest stall",
    meaning: "the longest time that one missing message held others back, and how many",
}];

const CALLS: [Term; 6] = [
    Term { term: "late", meaning: "frames that were complete after their playout instant" },
    Term {
        term: "useless",
        meaning: "frames that were complete in time, without a frame that they refer to",
    },
    Term {
        term: "freezes",
        meaning: "the picture froze for three frames or more, and 150 ms longer than a frame",
    },
    Term {
        term: "never ready",
        meaning: "frames that no playout delay would have shown: they, or frames that they refer to, were never \
                  complete",
    },
    Term {
        term: "ready p50",
        meaning: "of the other frames, from capture until a frame and all that it refers to were complete: the playout \
                  delay that it needed",
    },
    Term { term: "wasted", meaning: "bytes of frames that were never shown" },
];

const GAMES: [Term; 3] = [
    Term { term: "superseded", meaning: "updates that arrived after a newer one, and so were of no use" },
    Term { term: "stale", meaning: "time in which the newest known state was older than the deadline" },
    Term { term: "age mean", meaning: "of the newest known state, over time, at both ends" },
];

const PAGES: [Term; 4] = [
    Term {
        term: "first byte",
        meaning: "until the first 1,000 bytes of the document; the median, as the next three",
    },
    Term { term: "complete p50", meaning: "until all objects were complete" },
    Term { term: "connecting", meaning: "for the handshake of the connection that carried an object" },
    Term { term: "waiting", meaning: "for a connection that was free" },
];

const DETECTION: [Term; 3] = [
    Term { term: "found after", meaning: "mean time from when a lost packet entered the link" },
    Term { term: "false losses", meaning: "declared lost, and arrived" },
    Term { term: "needless", meaning: "all of it arrived with earlier packets" },
];

const RESENT: Term = Term {
    term: "resent",
    meaning: "what the transport itself counts; QUIC counts each packet that it declared lost, also one without data",
};

const MIGRATION: [Term; 4] = [
    Term {
        term: "gap",
        meaning: "the longest time without a reply (in a call or game: without an arrival) around the change",
    },
    Term {
        term: "lost in it",
        meaning: "messages (in a call: packets of frames) lost in the gap; like bytes again and new connections, the \
                  mean per change",
    },
    Term {
        term: "full speed after",
        meaning: "when a message, and all of the next two round trips, took no longer than 5/4 of the median before \
                  the change, or of what is usual on the other network",
    },
    Term {
        term: "unvalidated",
        meaning: "bytes that the server sent to the new address for each byte received from it, before it could \
                  validate it",
    },
];

/// The terms of the table of all points of a list.
pub(super) fn of_list<'a>(table: &Table) -> Option<Block<'a>> {
    terms(table, [BLOCKED].into_iter().chain(MIGRATION))
}

/// The terms of a table of a group: the main table has no title.
pub(super) fn of_group<'a>(table: &Table) -> Option<Block<'a>> {
    match table.title {
        None => terms(table, [DELAYED, BLOCKED, RESENT].into_iter().chain(CALLS).chain(GAMES).chain(PAGES)),
        Some(_) => terms(table, ORDER.into_iter().chain(DETECTION).chain(MIGRATION).chain(PAGES)),
    }
}

/// Definitions of the terms of `own` that are titles of the table. If messages were lost, also what latency covers.
fn terms<'a>(table: &Table, own: impl IntoIterator<Item = Term>) -> Option<Block<'a>> {
    let column = |title: &str| table.columns.iter().find(|column| column.title == title);
    let is_lossy = column("lost").is_some_and(|lost| {
        lost.figures
            .iter()
            .flatten()
            .any(|figure| matches!(figure, Figure::Share(share) if share.get() > 0.0))
    });
    let mut terms: Vec<Term> = own.into_iter().filter(|term| column(term.term).is_some()).collect();
    terms.extend((is_lossy && column("max").is_some()).then_some(ARRIVED));
    (!terms.is_empty()).then_some(Block::Terms(terms))
}
