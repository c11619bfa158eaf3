//! Arrivals and reordering of a numbered sequence (RFC 4737).

/// How many numbers, up to the highest that has arrived, are tracked.
pub const WINDOW: u64 = 64;

/// Tracks numbers in order of arrival, in constant memory.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// Distinct numbers that have arrived.
    arrived: u64,
    highest: u64,
    /// Bit `k` is set if the number `highest - k` has arrived.
    seen: u64,
    /// Bit `k` is set if that number was the highest when it arrived.
    records: u64,
    /// The arrival index of each such number, at the number modulo [`WINDOW`].
    places: [u64; WINDOW as usize],
}

/// The arrival of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Distinct numbers that have arrived, including this one.
    pub count: u64,
    /// The reordering extent (RFC 4737 section 4.2.1): arrivals since the first number that overtook this one; 0 means
    /// in order. A lower bound if the number is more than [`WINDOW`] below the highest.
    pub extent: u64,
    /// Bit `k` is set if the number `k` below this one has arrived.
    pub window: u64,
    /// Whether it had arrived before, if it is within [`WINDOW`] of the highest.
    pub duplicate: bool,
}

impl Default for Sequence {
    fn default() -> Self {
        Self { arrived: 0, highest: 0, seen: 0, records: 0, places: [0; WINDOW as usize] }
    }
}

impl Sequence {
    /// Records the arrival of `number`.
    pub fn note(&mut self, number: u64) -> Arrival {
        if self.arrived == 0 || number > self.highest {
            return self.note_highest(number);
        }
        let below = self.highest - number;
        let bit = if below < WINDOW { 1 << below } else { 0 };
        let window = if below < WINDOW { (self.seen | bit) >> below } else { 1 };
        if self.seen & bit != 0 {
            return Arrival { count: self.arrived, extent: 0, window, duplicate: true };
        }
        self.seen |= bit;
        self.arrived += 1;
        // The first number that overtook it is the lowest record above it.
        let above = if below < WINDOW { self.records & (bit - 1) } else { self.records };
        let record = self.highest - u64::from(above.checked_ilog2().unwrap_or(0));
        let extent = self.arrived - self.places[(record % WINDOW) as usize];
        Arrival { count: self.arrived, extent, window, duplicate: false }
    }

    fn note_highest(&mut self, number: u64) -> Arrival {
        let shift = u32::try_from(number - self.highest).unwrap_or(u32::MAX);
        self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
        self.records = self.records.checked_shl(shift).unwrap_or(0) | 1;
        self.highest = number;
        self.arrived += 1;
        self.places[(number % WINDOW) as usize] = self.arrived;
        Arrival { count: self.arrived, extent: 0, window: self.seen, duplicate: false }
    }
}
