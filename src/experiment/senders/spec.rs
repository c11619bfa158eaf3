//! Senders as they are written: `tcp:cubic`, `quic-one:bbr@start=5s`, `udp@2mbit@start=5s@end=20s`.

use std::{fmt, str::FromStr, time::Duration};

use crate::{
    experiment::PathKind,
    transport::{Congestion, Controllers, Shape, Transport},
    unit::{Rate, format_duration, parse_duration},
};

/// A sender: its transport, and when it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The transport.
    pub transport: Transport,
    /// Its congestion controller; without effect on a transport that has none.
    pub congestion: Congestion,
    /// The rate of raw datagrams, with IP headers. `None`: as much as congestion control allows.
    pub pace: Option<Rate>,
    /// When it starts.
    pub start: Duration,
    /// When it ends. `None`: with the run.
    pub end: Option<Duration>,
}

/// The forms of a sender, for errors and help.
const FORMS: &str = "TRANSPORT[:CONTROLLER][@RATE][@start=TIME][@end=TIME]";

/// Text that does not describe a sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid sender `{sender}`: {reason}")]
pub struct InvalidSender {
    sender: String,
    reason: String,
}

/// The senders of a list, separated by commas. The name of a group stands for a sender of each of its transports.
///
/// Returns the first error.
pub fn parse_senders(list: &str) -> Result<Vec<Sender>, InvalidSender> {
    let each =
        |text: &str| parse(text).map_err(|reason| InvalidSender { sender: text.trim().to_owned(), reason });
    let senders: Vec<Vec<Sender>> = list.split(',').map(each).collect::<Result<_, _>>()?;
    Ok(senders.into_iter().flatten().collect())
}

fn parse(text: &str) -> Result<Vec<Sender>, String> {
    let mut parts = text.trim().split('@');
    let what = parts.next().filter(|what| !what.is_empty()).ok_or_else(|| format!("expected {FORMS}"))?;
    let (name, controller) = what.split_once(':').map_or((what, None), |(name, rest)| (name, Some(rest)));
    let (mut pace, mut start, mut end) = (None, None, None);
    for part in parts {
        let is_new = match part.split_once('=') {
            Some(("start", time)) => start.replace(duration(time)?).is_none(),
            Some(("end", time)) => end.replace(duration(time)?).is_none(),
            Some((key, _)) => return Err(format!("unknown key `{key}`: expected start or end")),
            None => pace.replace(part.parse::<Rate>().map_err(|e| e.to_string())?).is_none(),
        };
        if !is_new {
            return Err(format!("`@{part}` repeats what another part has said"));
        }
    }
    let start = start.unwrap_or_default();
    if end.is_some_and(|end| end <= start) {
        return Err("it ends before it starts".to_owned());
    }
    let transports = Transport::named(&name.to_lowercase()).map_err(|e| e.to_string())?;
    let sender = |transport| {
        let congestion = congestion(transport, controller)?;
        let is_paced = transport.shape() == Shape::Datagrams;
        match (is_paced, pace) {
            (true, None) => Err(format!("raw datagrams keep to a rate, such as {transport}@2mbit")),
            (false, Some(_)) => {
                Err("congestion control finds its rate; only raw datagrams take one".to_owned())
            }
            _ => Ok(Sender { transport, congestion, pace, start, end }),
        }
    };
    transports.into_iter().map(sender).collect()
}

fn congestion(transport: Transport, name: Option<&str>) -> Result<Congestion, String> {
    let Some(name) = name else { return Ok(Congestion::Cubic) };
    let congestion: Congestion = name.parse().map_err(|e: <Congestion as FromStr>::Err| e.to_string())?;
    match transport.spec().controllers {
        Controllers::None => Err(format!("{transport} has no congestion control")),
        Controllers::Kernel if matches!(congestion, Congestion::Fixed(_)) => {
            Err("the kernel's TCP has no fixed window; expected cubic, newreno or bbr".to_owned())
        }
        _ => transport.refuses_controller(congestion).map_or(Ok(congestion), |reason| Err(reason.to_owned())),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|e| e.to_string())
}

impl Sender {
    /// When it ends in a run of this length.
    pub(crate) fn end_in(&self, run: Duration) -> Duration {
        self.end.map_or(run, |end| end.min(run))
    }

    /// The name of its congestion controller on `path`; `None` if it has none, or if the path does not set the
    /// kernel's.
    pub fn controller(&self, path: PathKind) -> Option<String> {
        self.transport.controller(self.congestion, path == PathKind::Netns)
    }
}

/// In the form that [`parse_senders`] reads.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)?;
        if let Some(controller) = self.transport.controller(self.congestion, true) {
            // `reno`, the kernel's name of NewReno, can be parsed too.
            write!(f, ":{controller}")?;
        }
        self.pace.map_or(Ok(()), |pace| write!(f, "@{pace}"))?;
        if !self.start.is_zero() {
            write!(f, "@start={}", format_duration(self.start))?;
        }
        self.end.map_or(Ok(()), |end| write!(f, "@end={}", format_duration(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Sender {
        let senders = parse_senders(text).unwrap();
        assert_eq!(senders.len(), 1);
        senders[0]
    }

    fn error(text: &str) -> String {
        parse_senders(text).unwrap_err().to_string()
    }

    #[test]
    fn a_sender_says_what_it_was_parsed_from() {
        for text in [
            "tcp:cubic",
            "tcp:reno",
            "quic-one:bbr@start=5s",
            "quic-flow:fixed:64000@end=90s",
            "arq-selective:newreno",
            "udp@2mbit@start=5s@end=20s",
            "quic-datagram:cubic",
        ] {
            assert_eq!(one(text).to_string(), text, "{text}");
        }
    }

    #[test]
    fn the_order_of_times_is_free_and_cubic_is_the_default() {
        assert_eq!(one("UDP@end=20s@2mbit@start=5s"), one("udp@2mbit@start=5s@end=20s"));
        assert_eq!(one("quic-one"), one("quic-one:cubic"));
        assert_eq!(parse_senders("quic:bbr").unwrap().len(), 4);
    }

    #[test]
    fn every_mistake_is_named_in_one_line() {
        for (text, says) in [
            ("", "expected TRANSPORT"),
            ("sctp", "unknown transport `sctp`"),
            ("quic-one:vegas", "unknown congestion controller `vegas`"),
            ("udp", "such as udp@2mbit"),
            ("udp:cubic@2mbit", "udp has no congestion control"),
            ("tcp@2mbit", "only raw datagrams take one"),
            ("tcp:fixed", "no fixed window"),
            ("arq-selective:bbr", "no bbr"),
            ("tcp@begin=5s", "unknown key `begin`: expected start or end"),
            ("tcp@start=5", "5"),
            ("tcp@start=5s@end=5s", "it ends before it starts"),
            ("tcp@start=5s@start=6s", "repeats"),
            ("udp@2", "2mbit"),
        ] {
            let error = error(text);
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
