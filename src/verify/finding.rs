//! One figure: what it should be, and what it is.

use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share of a whole, as a ratio.
    Ratio,
    /// Packets.
    Packets,
    /// Nanoseconds.
    Ns,
}

/// One figure of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What was measured.
    pub figure: &'static str,
    /// In which unit expected, tolerance, measured and interval are.
    pub unit: Unit,
    /// What theory says.
    pub expected: f64,
    /// How far from it the measured value may be; 0 where an interval decides, or where it is exact.
    pub tolerance: f64,
    /// What was seen.
    pub measured: f64,
    /// Where the true value lies with 95% confidence; if there is one, `expected` must lie in it.
    pub ci95: Option<[f64; 2]>,
    /// The sample size.
    pub sample: u64,
    /// What the sample consists of.
    pub sample_of: &'static str,
    /// Whether the figure is what it should be.
    pub holds: bool,
}

impl Finding {
    /// Holds if `measured` is within `tolerance` of `expected`.
    pub(super) fn within(
        (figure, unit): (&'static str, Unit),
        (expected, tolerance): (f64, f64),
        measured: f64,
        (sample, sample_of): (u64, &'static str),
    ) -> Self {
        // What is not a number is not within anything.
        let holds = (measured - expected).abs() <= tolerance;
        Self { figure, unit, expected, tolerance, measured, ci95: None, sample, sample_of, holds }
    }

    /// Holds if the interval of what was measured contains `expected`.
    pub(super) fn contained(
        (figure, unit): (&'static str, Unit),
        expected: f64,
        (measured, interval): (f64, [f64; 2]),
        (sample, sample_of): (u64, &'static str),
    ) -> Self {
        let holds = interval[0] <= expected && expected <= interval[1];
        let ci95 = Some(interval);
        Self { figure, unit, expected, tolerance: 0.0, measured, ci95, sample, sample_of, holds }
    }

    /// Whether the figure is what it should be.
    pub fn holds(&self) -> bool {
        self.holds
    }
}
