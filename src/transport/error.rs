//! Errors between two ends of a transport.

use std::{
    error::Error,
    io,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use rustls::pki_types::UnixTime;

use crate::path::{DatagramError, PathError};

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No socket could be opened.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The peer's certificate was rejected.
    #[error("{what} with {peer} failed: {reason}")]
    Certificate {
        /// The handshake: TLS or QUIC.
        what: &'static str,
        /// The peer.
        peer: SocketAddr,
        /// What is wrong with it, and what helps.
        reason: String,
    },
    /// The two ends have no application protocol in common (RFC 7301).
    #[error("{what} with {peer} failed: the server offers no application protocol (ALPN) that we speak")]
    NoAlpn {
        /// The handshake: TLS or QUIC.
        what: &'static str,
        /// The peer.
        peer: SocketAddr,
    },
    /// A server without a certificate.
    #[error("{what} on {local} needs a certificate")]
    NoCertificate {
        /// What needs it.
        what: &'static str,
        /// Where the server would listen.
        local: SocketAddr,
    },
    /// A key is missing that both ends must know.
    #[error(
        "udp-hmac with {peer} needs the key of both ends: name its file with --key-file, or set WIRELAB_KEY"
    )]
    NoKey {
        /// The peer, or the server's own address.
        peer: SocketAddr,
    },
    /// The peer does not speak TLS.
    #[error("TLS handshake with {peer} failed: the server does not speak TLS; is it a plain tcp:// port?")]
    NotTls {
        /// The peer.
        peer: SocketAddr,
    },
    /// The server's name has no address.
    #[error("{url} has no address")]
    NoAddress {
        /// The server.
        url: String,
    },
    /// No answer came in time.
    #[error("{what} with {peer} failed: no answer within {}", humantime::format_duration(*.after))]
    TimedOut {
        /// The handshake: TCP, TLS or QUIC.
        what: &'static str,
        /// The peer.
        peer: SocketAddr,
        /// The time limit.
        after: Duration,
    },
    /// Any other failure.
    #[error("{what} with {peer} failed: {reason}")]
    Failed {
        /// The handshake: TLS or QUIC.
        what: &'static str,
        /// The peer.
        peer: SocketAddr,
        /// The library's message.
        reason: String,
    },
}

impl ConnectError {
    /// The server's end on `local` accepts no more clients.
    pub(super) fn closed(local: SocketAddr) -> Self {
        Self::Failed { what: "accepting", peer: local, reason: "the endpoint is closed".to_owned() }
    }

    /// This build cannot run the transport.
    pub(super) fn unavailable(what: &'static str, peer: SocketAddr, reason: &str) -> Self {
        Self::Failed { what, peer, reason: reason.to_owned() }
    }

    /// The error of a handshake whose peer's certificate was rejected.
    pub(super) fn untrusted(what: &'static str, peer: SocketAddr, error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(reason) => {
                Self::Certificate { what, peer, reason: certificate_hint(&reason) }
            }
            other => Self::Failed { what, peer, reason: other.to_string() },
        }
    }

    /// The error of a failed TLS handshake over a byte stream.
    pub(super) fn from_tls(peer: SocketAddr, error: io::Error) -> Self {
        const WHAT: &str = "TLS handshake";
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(error @ rustls::Error::InvalidCertificate(_)) => Self::untrusted(WHAT, peer, error.clone()),
            Some(
                rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)
                | rustls::Error::NoApplicationProtocol,
            ) => Self::NoAlpn { what: WHAT, peer },
            Some(
                rustls::Error::InvalidMessage(_)
                | rustls::Error::InappropriateHandshakeMessage { .. }
                | rustls::Error::InappropriateMessage { .. },
            ) => Self::NotTls { peer },
            Some(error) => Self::Failed { what: WHAT, peer, reason: error.to_string() },
            None => Self::Failed { what: WHAT, peer, reason: error.to_string() },
        }
    }

    /// The error of a failed QUIC handshake, and why the server's certificate was `refused`, if it was.
    pub(super) fn from_quic(
        peer: SocketAddr,
        error: &quinn::ConnectionError,
        refused: Option<rustls::CertificateError>,
    ) -> Self {
        const WHAT: &str = "QUIC handshake";
        /// TLS alert 120, `no_application_protocol`, as a QUIC error (RFC 9001 section 4.8).
        const NO_APPLICATION_PROTOCOL: u64 = 0x100 + 120;
        if let Some(refused) = refused {
            return Self::Certificate { what: WHAT, peer, reason: certificate_hint(&refused) };
        }
        match error {
            // Nobody else closes a connection that is being made: the end of quinn's socket does.
            quinn::ConnectionError::LocallyClosed => {
                PathError::Refused { operation: "connect to QUIC", address: peer }.into()
            }
            quinn::ConnectionError::TransportError(e) if u64::from(e.code) == NO_APPLICATION_PROTOCOL => {
                Self::NoAlpn { what: WHAT, peer }
            }
            quinn::ConnectionError::ConnectionClosed(close)
                if u64::from(close.error_code) == NO_APPLICATION_PROTOCOL =>
            {
                Self::NoAlpn { what: WHAT, peer }
            }
            other => Self::Failed { what: WHAT, peer, reason: other.to_string() },
        }
    }
}

/// Whether a connection was lost because its socket failed: on a client, because the peer's host refused a datagram.
/// quinn reports this as an internal error with a fixed reason.
fn is_socket_failure(error: &quinn::ConnectionError) -> bool {
    const REASON: &str = "endpoint driver future was dropped";
    matches!(error, quinn::ConnectionError::TransportError(e)
        if e.code == quinn::TransportErrorCode::INTERNAL_ERROR && e.reason == REASON)
}

/// Why a connection was lost. The errors of QUIC streams say only that it was; the connection's own error is their
/// cause.
pub(crate) fn lost_reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(other) = cause {
        match other.downcast_ref::<quinn::ConnectionError>() {
            Some(lost) if is_socket_failure(lost) => {
                return "nothing listens there any more (port unreachable)".to_owned();
            }
            Some(lost) if has_too_many_gaps(lost) => return TOO_MANY_GAPS.to_owned(),
            Some(lost) => return lost.to_string(),
            None => cause = other.source(),
        }
    }
    error.to_string()
}

/// What a user can do about a limit of quinn's.
const TOO_MANY_GAPS: &str = "quinn's receiver keeps no more than 1,024 gaps in a stream, and losses left more; `-C \
                             bbr` or several streams (`quic-flow`) avoid it";

/// Whether quinn ended the connection because too many parts of a stream were missing at one time.
fn has_too_many_gaps(error: &quinn::ConnectionError) -> bool {
    const REASON: &str = "too many gaps in stream buffer";
    match error {
        quinn::ConnectionError::ConnectionClosed(close) => close.reason == REASON,
        quinn::ConnectionError::TransportError(error) => error.reason == REASON,
        _ => false,
    }
}

/// What is wrong with a certificate, and what helps.
pub(super) fn certificate_hint(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match error {
        // A CA with the trusted name but another key gives `BadSignature`.
        E::UnknownIssuer | E::BadSignature => {
            "its certificate is not signed by the CA that we trust; name the right one with \
                             --ca FILE (or --insecure to trust anyone)"
                .to_owned()
        }
        E::Expired => "its certificate has expired".to_owned(),
        E::ExpiredContext { not_after, .. } => {
            format!("its certificate has expired, on {}", date(*not_after))
        }
        E::NotValidYet => "its certificate is not valid yet".to_owned(),
        E::NotValidYetContext { time, not_before } => format!(
            "its certificate is not valid before {}, and this machine's clock says {}",
            date(*not_before),
            date(*time)
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => does_not_fit(&error.to_string()),
        other => format!("its certificate was refused: {other}"),
    }
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    humantime::format_rfc3339_seconds(time).to_string()
}

fn does_not_fit(reason: &str) -> String {
    format!("its certificate does not fit ({reason}); say the name that it bears with --server-name")
}

impl ChannelError {
    /// The connection with `peer` was lost.
    pub(crate) fn lost(peer: SocketAddr, error: &(dyn Error + 'static)) -> Self {
        Self::Lost { peer, reason: lost_reason(error) }
    }
}

/// A session broke.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChannelError {
    /// A message could not be sent or received on a datagram socket.
    #[error("{0}")]
    Datagram(String),
    /// The connection was lost.
    #[error("the connection with {peer} was lost: {reason}")]
    Lost {
        /// The peer.
        peer: SocketAddr,
        /// The library's message.
        reason: String,
    },
    /// The peer's messages have another version.
    #[error(
        "{0} speaks another version of wirelab's transfer protocol: use the same version of wirelab at both ends"
    )]
    OtherVersion(SocketAddr),
    /// More streams than the peer allows.
    #[error("{peer} allows {allowed} streams at a time, and --flows asks for {wanted}; use fewer flows")]
    TooManyStreams {
        /// The peer.
        peer: SocketAddr,
        /// Streams that could be opened.
        allowed: usize,
        /// Streams that are needed at the same time.
        wanted: usize,
    },
    /// A message larger than one datagram of this connection.
    #[error("a message of {len} bytes does not fit into one datagram to {peer}, which holds {max}")]
    TooLarge {
        /// Bytes of the message.
        len: usize,
        /// Bytes that fit.
        max: usize,
        /// The peer.
        peer: SocketAddr,
    },
}

impl From<DatagramError> for ChannelError {
    fn from(error: DatagramError) -> Self {
        Self::Datagram(error.to_string())
    }
}
