//! ARQ in virtual time: two ends of a connection and the emulated link between them.

mod behaviour;
mod hostile;
mod pair;
mod properties;
mod theory;
