//! Which URLs cannot be served together.

use std::net::IpAddr;

use wirelab::serve::Bind;

use crate::cli::usage::UsageError;

/// Refuses two URLs that would need the same port.
pub(super) fn check_distinct(binds: &[Bind]) -> Result<(), UsageError> {
    for (index, bind) in binds.iter().enumerate() {
        let Some(other) = binds[..index].iter().find(|other| share_a_port(bind, other)) else { continue };
        let [url, other_url] = [bind, other].map(|bind| bind.scheme.url(bind.local));
        return Err(UsageError::new(if url == other_url {
            format!("{url} is given twice: leave one out")
        } else {
            format!("{other_url} and {url} need the same port: give one of them another")
        }));
    }
    Ok(())
}

fn share_a_port(a: &Bind, b: &Bind) -> bool {
    let [ip, other] = [a, b].map(|bind| bind.local.ip());
    // [::] has the port in both families.
    let covers = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let overlap = a.local == b.local || covers(ip, other) || covers(other, ip);
    a.scheme.carrier == b.scheme.carrier && a.local.port() == b.local.port() && a.local.port() != 0 && overlap
}

#[cfg(test)]
mod tests {
    use wirelab::target::Target;

    use super::*;

    #[test]
    fn two_urls_do_not_share_a_port() {
        let check = |urls: &[&str]| {
            let bind = |url: &&str| {
                let target: Target = url.parse().unwrap();
                Bind { scheme: target.scheme, local: target.resolve(None).unwrap()[0] }
            };
            check_distinct(&urls.iter().map(bind).collect::<Vec<_>>()).map_err(|e| e.to_string())
        };
        let twice = ["udp://127.0.0.1:7000", "tcp://127.0.0.1:7000", "udp://127.0.0.1:7000"];
        assert_eq!(check(&twice).unwrap_err(), "udp://127.0.0.1:7000 is given twice: leave one out");
        let shared =
            "udp://0.0.0.0:7000 and quic://127.0.0.1:7000 need the same port: give one of them another";
        assert_eq!(check(&["udp://0.0.0.0:7000", "quic://127.0.0.1:7000"]).unwrap_err(), shared);
        for apart in [
            &["udp://127.0.0.1:0", "udp://127.0.0.1:0"][..],
            &["udp://127.0.0.1:7000", "udp://127.0.0.2:7000"],
            &["udp://0.0.0.0:7000", "udp://[::1]:7000"],
            &twice[..2],
        ] {
            assert_eq!(check(apart), Ok(()));
        }
        assert!(check(&["udp://[::]:7000", "udp://127.0.0.1:7000"]).is_err());
    }
}
