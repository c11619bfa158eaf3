//! Duplicate acknowledgements (RFC 5681 section 3.2), for go-back-N.

#[derive(Debug, Default)]
pub(super) struct Duplicates {
    count: u64,
    /// The segment that the sender last went back to. Segments in flight at that time still cause duplicates for it.
    went_back: Option<u64>,
}

impl Duplicates {
    /// Counts a duplicate acknowledgement that asks for segment `first`. Returns whether it reaches `threshold`.
    pub(super) fn count(&mut self, first: u64, threshold: u64) -> bool {
        if self.went_back == Some(first) {
            return false;
        }
        self.count += 1;
        self.count == threshold
    }

    /// Starts again, after an acknowledgement of new data.
    pub(super) fn reset(&mut self) {
        self.count = 0;
    }

    /// The sender goes back to segment `first`.
    pub(super) fn go_back(&mut self, first: u64) {
        *self = Self { count: 0, went_back: Some(first) };
    }
}
