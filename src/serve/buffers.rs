//! How much memory a connection may use.

/// Buffer of one connection, in each direction. It also bounds what the client may have in flight.
pub(super) const MAX_BUFFER_BYTES: usize = 1 << 20;
const MIN_BUFFER_BYTES: usize = 16 << 10;
/// Memory that the connections share: each gets less as their number grows.
const SHARED_BYTES: usize = 16 << 20;

/// Buffer of a connection beside `others`.
pub(super) fn buffer_bytes(others: usize) -> usize {
    (SHARED_BYTES / (others + 1)).clamp(MIN_BUFFER_BYTES, MAX_BUFFER_BYTES)
}
