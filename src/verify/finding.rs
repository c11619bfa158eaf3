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

/// The size of a sample, and what it counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample(pub(super) u64, pub(super) &'static str);

/// A figure that is about to be compared.
pub(super) struct Figure(Finding);

impl Unit {
    /// A figure in this unit.
    pub(super) fn figure(self, figure: &'static str, Sample(sample, sample_of): Sample) -> Figure {
        let (expected, tolerance, measured, ci95, holds) = (0.0, 0.0, 0.0, None, false);
        Figure(Finding { figure, unit: self, expected, tolerance, measured, ci95, sample, sample_of, holds })
    }
}

impl Figure {
    /// Holds if `measured` is within `tolerance` of `expected`.
    pub(super) fn within(self, expected: f64, tolerance: f64, measured: f64) -> Finding {
        // False for NaN.
        let holds = (measured - expected).abs() <= tolerance;
        Finding { expected, tolerance, measured, holds, ..self.0 }
    }

    /// Holds if `measured` is exactly `expected`.
    pub(super) fn exactly(self, expected: f64, measured: f64) -> Finding {
        self.within(expected, 0.0, measured)
    }

    /// Holds if the measured interval contains `expected`.
    pub(super) fn contained(self, expected: f64, measured: f64, interval: [f64; 2]) -> Finding {
        let holds = interval[0] <= expected && expected <= interval[1];
        Finding { expected, measured, ci95: Some(interval), holds, ..self.0 }
    }
}
