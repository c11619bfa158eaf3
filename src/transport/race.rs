//! Connecting to a server that has several addresses.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use crate::path::{Host, Sleep};

/// The head start of an attempt on the next one (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Attempts each of `addresses`, the next one as soon as the last has failed or had its head start, until one succeeds
/// (RFC 8305).
///
/// Returns the error of the first address that failed in the order of preference; `None` without addresses.
pub(crate) async fn race<T, E, F: Future<Output = Result<T, E>>>(
    host: &dyn Host,
    addresses: &[SocketAddr],
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, T), Option<E>> {
    let mut waiting = addresses.iter().copied().enumerate();
    let mut running: Vec<(usize, SocketAddr, Pin<Box<F>>)> = Vec::new();
    let mut failure: Option<(usize, E)> = None;
    let mut head_start = None;
    poll_fn(|cx| {
        loop {
            let mut has_failed = false;
            let mut index = 0;
            while let Some((place, address, connecting)) = running.get_mut(index) {
                match connecting.as_mut().poll(cx) {
                    Poll::Ready(Ok(connected)) => return Poll::Ready(Ok((*address, connected))),
                    Poll::Ready(Err(error)) => {
                        if failure.as_ref().is_none_or(|(preferred, _)| *place < *preferred) {
                            failure = Some((*place, error));
                        }
                        running.remove(index);
                        has_failed = true;
                    }
                    Poll::Pending => index += 1,
                }
            }
            let is_over = |sleep: &mut Sleep| Pin::new(sleep).poll(cx).is_ready();
            let is_due = has_failed || running.is_empty() || head_start.as_mut().is_some_and(is_over);
            match is_due.then(|| waiting.next()).flatten() {
                Some((place, address)) => {
                    running.push((place, address, Box::pin(attempt(address))));
                    // One address alone takes no timer.
                    head_start = (place + 1 < addresses.len()).then(|| host.sleep(STAGGER));
                }
                None if running.is_empty() => return Poll::Ready(Err(failure.take().map(|(_, e)| e))),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        link::LinkSpec,
        path::{Side, sim::World},
        unit::PerDirection,
    };

    /// Attempts addresses whose port says after how many milliseconds they succeed, or fail where it is odd. Returns
    /// the port that won or failed, and when.
    fn raced(ports: &[u16]) -> (Result<u16, Option<u16>>, u64) {
        let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
        let host = world.host(Side::Client);
        let addresses: Vec<SocketAddr> = ports.iter().map(|port| ([192, 0, 2, 1], *port).into()).collect();
        let attempt = async |address: SocketAddr| {
            host.sleep(Duration::from_millis(address.port().into())).await;
            if address.port().is_multiple_of(2) { Ok(()) } else { Err(address.port()) }
        };
        let winner = world.run(race(&*host, &addresses, attempt)).unwrap();
        (winner.map(|(address, ())| address.port()), host.now().as_nanos() / 1_000_000)
    }

    #[test]
    fn the_first_to_succeed_wins_with_a_head_start_for_the_preferred() {
        assert_eq!(raced(&[40, 20]), (Ok(40), 40));
        assert_eq!(raced(&[600, 20]), (Ok(20), 270));
        assert_eq!(raced(&[260, 20]), (Ok(260), 260));
        assert_eq!(raced(&[9000, 9002, 100]), (Ok(100), 600));
        // The next one begins as soon as one has failed.
        assert_eq!(raced(&[11, 13, 20]), (Ok(20), 44));
    }

    #[test]
    fn the_preferred_address_gives_the_error() {
        assert_eq!(raced(&[901, 11]), (Err(Some(901)), 901));
        assert_eq!(raced(&[]), (Err(None), 0));
    }
}
