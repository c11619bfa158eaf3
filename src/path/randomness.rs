//! Random bytes for the cryptography of a simulation. They come from its seed, so that ciphertext is reproducible.

use std::{cell::RefCell, sync::Arc};

use rand::Rng;
use thiserror::Error;

use crate::unit::{
    Mutex,
    random::{self, ChaCha8Rng},
};

/// The random bytes of one simulation. Clones share them.
#[derive(Debug, Clone)]
pub struct Randomness(Arc<Mutex<ChaCha8Rng>>);

/// There is no simulation on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there is no simulation on this thread")]
pub(crate) struct NoSimulation;

/// The stream of the random generator.
const STREAM: u64 = 0x5349_4d4b;

thread_local! {
    static CURRENT: RefCell<Option<Randomness>> = const { RefCell::new(None) };
}

impl Randomness {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(random::generator(seed, STREAM))))
    }

    /// Draws `N` bytes.
    pub(crate) fn draw<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// Draws from the simulation on this thread: the innermost call of [`within`](Self::within).
    ///
    /// rustls and dimpl take a static as their source of randomness. It cannot belong to a simulation, so this looks
    /// for the current one.
    pub(crate) fn fill_current(bytes: &mut [u8]) -> Result<(), NoSimulation> {
        CURRENT.with_borrow(|current| {
            let Self(rng) = current.as_ref().ok_or(NoSimulation)?;
            rng.lock().fill_bytes(bytes);
            Ok(())
        })
    }

    /// Runs `run` on this thread in the simulation of a host, if it has [one](super::Host::randomness).
    pub(crate) fn within_any<T>(of_host: Option<&Self>, run: impl FnOnce() -> T) -> T {
        match of_host {
            Some(randomness) => randomness.within(run),
            None => run(),
        }
    }

    /// Runs `run` on this thread in this simulation.
    pub(crate) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        run()
    }
}

/// Restores the simulation that the thread was in, even after a panic.
struct Restore(Option<Randomness>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_draws_from_the_simulation_that_it_is_in_and_from_nowhere_else() {
        let (one, other) = (Randomness::new(1), Randomness::new(2));
        let current = || {
            let mut bytes = [0; 8];
            Randomness::fill_current(&mut bytes).map(|()| bytes)
        };
        assert_eq!(current(), Err(NoSimulation));
        let drawn = one.within(|| [current(), other.within(current), current()]);
        let expected = [Randomness::new(1).draw::<16>(), Randomness::new(2).draw::<16>()];
        assert_eq!([drawn[0].unwrap(), drawn[2].unwrap()].concat(), expected[0]);
        assert_eq!(drawn[1].unwrap(), expected[1][..8]);
        assert_eq!(current(), Err(NoSimulation));
    }
}
