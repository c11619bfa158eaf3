//! One figure, expected and measured.

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
    /// The unit of the expected and the measured value, the tolerance and the interval.
    pub unit: Unit,
    /// The value from theory.
    pub expected: f64,
    /// The largest allowed difference; 0 if an interval decides or the figure is exact.
    pub tolerance: f64,
    /// The measured value.
    pub measured: f64,
    /// The 95% confidence interval, if there is one; `expected` must lie in it.
    pub ci95: Option<[f64; 2]>,
    /// The sample size.
    pub sample: u64,
    /// What the sample counts.
    pub sample_of: &'static str,
    /// Whether the figure agrees with theory.
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
        // False for NaN.
        let holds = (measured - expected).abs() <= tolerance;
        Self { figure, unit, expected, tolerance, measured, ci95: None, sample, sample_of, holds }
    }

    /// Holds if the measured interval contains `expected`.
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

    /// Whether the figure agrees with theory.
    pub fn holds(&self) -> bool {
        self.holds
    }
}
