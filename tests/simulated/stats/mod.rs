//! Pooled figures, and reordering.

mod pooled;
mod sequence;
