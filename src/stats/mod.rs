//! Statistics of what was measured: histograms, summaries, and intervals that treat a seed as one
//! observation.
//!
//! Messages of one seed share its losses and are far from independent, so an interval over
//! messages would be much too narrow. Here whole seeds are drawn again (a cluster bootstrap), and
//! a statistic is always that of the pooled messages of the seeds drawn.
//!
//! Everything is a pure function of what was recorded, to the last bit.

mod bootstrap;
mod histogram;
mod pooled;
mod sequence;
mod summary;

pub use bootstrap::{Difference, RESAMPLES, ci95, paired};
pub use histogram::{Histogram, MAX_VALUE};
pub use pooled::{Pooled, PooledMean, PooledPercentile, Ratios, Seeds};
pub use sequence::{Arrival, Sequence, WINDOW};
pub use summary::{Percentile, Summary};
