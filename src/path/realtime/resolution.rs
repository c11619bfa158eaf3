//! The resolution of a wire in real time.

use std::time::Duration;

use crate::{link::LinkSpec, unit::PerDirection};

/// The time that reading takes, as on a path without a wire.
const LEAST: Duration = Duration::from_micros(100);
/// Twice the 99th percentile of the lateness of a wire that is true to its model: a retransmission follows an
/// acknowledgement, and either may be late.
const MOST: Duration = Duration::from_micros(500);

/// Waits shorter than this are not evidence of blocking on a wire in real time: packets that arrive at one instant in
/// virtual time arrive this far apart. A wire with a short delay must be true to less.
pub(in crate::path) fn resolution(links: &PerDirection<LinkSpec>) -> Duration {
    let delay = links.iter().map(|link| link.delay).min().unwrap_or_default();
    (delay / 10).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolution_is_a_tenth_of_the_shorter_delay_within_bounds() {
        let link = |micros| LinkSpec { delay: Duration::from_micros(micros), ..LinkSpec::default() };
        let links =
            |to_server, to_client| PerDirection { to_server: link(to_server), to_client: link(to_client) };
        assert_eq!(resolution(&links(25_000, 50_000)), MOST);
        assert_eq!(resolution(&links(25_000, 3_000)), Duration::from_micros(300));
        assert_eq!(resolution(&links(0, 25_000)), LEAST);
    }
}
