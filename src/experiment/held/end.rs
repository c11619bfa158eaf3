//! One end of the connections, in its own process.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    channel::{Channel, Settings},
    experiment::{
        connecting::Server,
        error::RunError,
        handshake::{HandshakePlan, attempt, join, settings},
        on_path::{Ends, on_this_machine},
    },
    path::{Host, Observers, StopSignal, anonymous_memory},
    transport::tls::Trust,
    unit::Mutex,
};

/// A line that asks for the memory of the process.
pub(super) const ASK: &str = "memory?";
/// Begins a line with the number of connections that are open so far.
pub(super) const PROGRESS: &str = "open";
/// Begins the line after the last connection.
pub(super) const HELD: &str = "held";

/// Connections from one line of progress to the next.
const STEP: u64 = 100;
/// Handshakes at the same time.
const PARALLEL: usize = 16;
/// Messages that follow a handshake, such as tickets, arrive within this time.
const SETTLE: Duration = Duration::from_millis(300);

/// Which end a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It answers every client.
    Server,
    /// It makes the connections to the server on this port.
    Client(u16),
}

/// Not the name of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected server or client:PORT")]
pub struct UnknownEnd;

impl FromStr for End {
    type Err = UnknownEnd;

    fn from_str(text: &str) -> Result<Self, UnknownEnd> {
        match text.split_once(':') {
            None if text == "server" => Ok(Self::Server),
            Some(("client", port)) => port.parse().map(Self::Client).map_err(|_| UnknownEnd),
            _ => Err(UnknownEnd),
        }
    }
}

/// Is one end of the connections of `plan`, until its standard input ends. Reports by lines on the standard output.
///
/// Returns an error if the end cannot be started, or if a connection fails.
pub fn run_end(plan: &HandshakePlan, end: End) -> Result<(), RunError> {
    let stop = StopSignal::default();
    let mut settings = settings(plan, None)?;
    // The certificate was made in the server's process.
    settings.session.client_tls.trust = Trust::Anyone;
    on_this_machine(&stop, Observers::default(), async |host| {
        match end {
            End::Server => {
                let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let (client, server) = (host.clone(), host.clone());
                let ends = Ends { client, server, listen: any, reach: any.ip(), change: None };
                let server = Server::start(&ends, plan.transport, &settings, Arc::new(|_| 1))?;
                say(&server.port().to_string())?;
                answer(stop.clone())?;
                stop.stopped().await;
            }
            End::Client(port) => {
                say(&memory()?.to_string())?;
                let held = connect(host, plan, &settings, port).await?;
                host.sleep(SETTLE).await;
                say(&format!("{HELD} {}", held.len()))?;
                answer(stop.clone())?;
                stop.stopped().await;
            }
        }
        Ok(())
    })
}

/// Makes the connections. Returns an error if one failed.
async fn connect(
    host: &Arc<dyn Host>,
    plan: &HandshakePlan,
    settings: &Settings,
    port: u16,
) -> Result<Vec<Box<dyn Channel>>, RunError> {
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let next = AtomicU64::new(0);
    let held = Mutex::new(Vec::new());
    let worker = || async {
        while next.fetch_add(1, Ordering::Relaxed) < plan.connections {
            let (seen, channel) = attempt(host, plan, peer, settings, &|| None).await;
            let (None, Some(channel)) = (seen.problem.as_ref(), channel) else {
                let reason = seen.problem.unwrap_or_default();
                let so_far = held.lock().len();
                return Err(RunError::Elsewhere(format!("connection {} failed: {reason}", so_far + 1)));
            };
            let mut held = held.lock();
            held.push(channel);
            if (held.len() as u64).is_multiple_of(STEP) {
                say(&format!("{PROGRESS} {}", held.len()))?;
            }
        }
        Ok(())
    };
    join((0..PARALLEL).map(|_| worker())).await.into_iter().collect::<Result<(), RunError>>()?;
    Ok(held.into_inner())
}

/// Answers questions about the memory on a thread of its own, and sets `stop` at the end of the input.
fn answer(stop: StopSignal) -> io::Result<()> {
    let answers = move || {
        for line in io::stdin().lines() {
            let answered = match line {
                Ok(line) if line == ASK => memory().and_then(|bytes| say(&bytes.to_string())),
                _ => break,
            };
            if answered.is_err() {
                break;
            }
        }
        stop.set();
    };
    thread::Builder::new().name("the answers".to_owned()).spawn(answers).map(drop)
}

fn memory() -> io::Result<u64> {
    anonymous_memory().ok_or_else(|| io::Error::other("this kernel does not report RssAnon"))
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
