//! The age of the state of a game.

use serde::{Deserialize, Serialize};

use super::ratio::Ratio;

/// The age of the newest state that the ends knew, over time and over seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Game {
    /// At both ends together.
    pub both: Age,
    /// The client's state, at the server.
    pub to_server: Age,
    /// The server's state, at the client.
    pub to_client: Age,
}

/// The age of the newest state that an end knew. A state that nothing supersedes grows older.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Age {
    /// Updates that were made.
    pub updates: u64,
    /// Updates that arrived before any newer one.
    pub used: u64,
    /// Updates that arrived after a newer one, and so were of no use.
    pub superseded: u64,
    /// The mean over time.
    pub mean_ns: Option<u64>,
    /// The 99th percentile over time.
    pub p99_ns: Option<u64>,
    /// The highest age.
    pub max_ns: Option<u64>,
    /// The share of the time in which it was above the deadline.
    pub stale_ratio: Option<Ratio>,
}

/// The age of the server's state at the client, over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeCurve {
    /// The seed of the run.
    pub seed: u64,
    /// When the part of the run begins, from when the first known state was made.
    pub from_ns: u64,
    /// When each span without a newer state began, and the age at its beginning and at its end.
    pub spans: Vec<[u64; 3]>,
}
