//! Statistics: histograms, summaries, and confidence intervals that treat a seed as one observation.
//!
//! The messages of a seed share its losses and are not independent, so an interval over messages would be much too
//! narrow. Instead, whole seeds are resampled (a cluster bootstrap), and a statistic is computed over the pooled
//! messages of the seeds drawn.
//!
//! All results are pure functions of the recorded values, bit for bit.

mod bootstrap;
mod histogram;
mod pooled;
mod sequence;
mod stored;
mod summary;

pub use bootstrap::{Difference, ci95, paired};
pub use histogram::{Histogram, MAX_VALUE};
pub use pooled::{Means, Pooled, PooledMean, PooledPercentile, Ratios, Seeds};
pub use sequence::{Arrival, Sequence, WINDOW};
pub use summary::{Percentile, Summary};
