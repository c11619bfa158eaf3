//! Histograms, pooled figures, intervals, and reordering.

mod bootstrap;
mod histogram;
mod pooled;
mod sequence;
