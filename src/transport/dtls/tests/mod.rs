//! What only the inside can show: versions and cookies chosen, records changed, recordings replayed.

mod fixtures;
mod handshakes;
mod sessions;
