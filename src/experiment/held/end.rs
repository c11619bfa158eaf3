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

use tokio::sync::mpsc;

use crate::{
    channel::{Channel, Settings},
    experiment::{
        connecting::Server,
        error::RunError,
        handshake::{HandshakePlan, ask, attempt, join, settings},
        on_path::{Ends, on_this_machine},
    },
    path::{Host, Observers, StopSignal, anonymous_memory, timeout},
    transport::tls::Trust,
    unit::Mutex,
};

/// A line that asks for the memory of the process.
pub(super) const MEMORY: &str = "memory?";
/// A line that asks the client how many of its connections are open.
pub(super) const COUNT: &str = "connections?";
/// Begins a line with the number of connections that are open so far.
pub(super) const PROGRESS: &str = "open";
/// Begins the line after the last connection.
pub(super) const HELD: &str = "held";

/// Connections from one line of progress to the next.
const STEP: u64 = 100;
/// Handshakes at the same time.
const PARALLEL: usize = 16;
/// The number of the first request after those of an attempt.
const AFTER_ATTEMPT: u64 = 2;
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
    let mut settings = settings(plan, None)?;
    // The certificate was made in the server's process.
    settings.session.client_tls.trust = Trust::Anyone;
    on_this_machine(&StopSignal::default(), Observers::default(), async |host| {
        match end {
            End::Server => {
                let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let (client, server) = (host.clone(), host.clone());
                let ends = Ends { client, server, listen: any, reach: any.ip(), change: None };
                let server = Server::start(&ends, plan.transport, &settings, Arc::new(|_| 1), false)?;
                say(&server.port().to_string())?;
                // The connections are the client's to count.
                answer(async || Ok(0)).await?;
            }
            End::Client(port) => {
                say(&memory()?.to_string())?;
                let mut held = connect(host, plan, &settings, port).await?;
                host.sleep(SETTLE).await;
                say(&format!("{HELD} {}", held.len()))?;
                answer(async || count_open(host, plan, &mut held).await).await?;
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

/// Answers questions about the memory, and about the connections by `count_open`, until the input ends.
async fn answer(mut count_open: impl AsyncFnMut() -> Result<u64, RunError>) -> Result<(), RunError> {
    let mut questions = questions()?;
    while let Some(question) = questions.recv().await {
        let number = match question.as_str() {
            MEMORY => memory()?,
            COUNT => count_open().await?,
            _ => break,
        };
        say(&number.to_string())?;
    }
    Ok(())
}

/// The lines of the input, which a thread of its own reads.
fn questions() -> io::Result<mpsc::UnboundedReceiver<String>> {
    let (asked, questions) = mpsc::unbounded_channel();
    let read = move || {
        let lines = io::stdin().lines().map_while(Result::ok);
        // Fails once nobody receives them.
        let _ = lines.map(|line| asked.send(line)).find(Result::is_err);
    };
    thread::Builder::new().name("the questions".to_owned()).spawn(read)?;
    Ok(questions)
}

/// Sends a request on each connection. Returns how many answered; an error if one did not.
async fn count_open(
    host: &Arc<dyn Host>,
    plan: &HandshakePlan,
    held: &mut [Box<dyn Channel>],
) -> Result<u64, RunError> {
    for (index, channel) in held.iter_mut().enumerate() {
        let asking = ask(host, channel, AFTER_ATTEMPT, plan.length);
        let answered = timeout(&**host, plan.timeout, asking).await;
        if let Err(reason) = answered.map_err(|elapsed| elapsed.to_string()).flatten() {
            let number = index + 1;
            let lost = format!("connection {number} was not open when the memory was read: {reason}");
            return Err(RunError::Elsewhere(lost));
        }
    }
    Ok(held.len() as u64)
}

fn memory() -> io::Result<u64> {
    anonymous_memory().ok_or_else(|| io::Error::other("this kernel does not report RssAnon"))
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
