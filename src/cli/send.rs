//! `wirelab send`.

use std::{
    borrow::Cow,
    io::{BufRead, BufReader, IsTerminal},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{anyhow, bail};
use clap::Args;
use tokio::sync::mpsc;
use wirelab::{
    path::Host,
    send::{Client, Options, Reply, SendError},
    target::Target,
    transport::Scheme,
};

use super::{
    UsageError,
    driver::without_loopback,
    in_real_time,
    interrupt::INTERRUPTED,
    output,
    peer::PeerArgs,
    system::{Signals, check_loopback},
    values,
};

/// Send messages to a server and print each reply on a line
///
/// The messages are the arguments or the lines of standard input. The exit status is 1 if a message got no reply.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab send udp://127.0.0.1:9999 Michael Tracy Sarah
  wirelab send 'quic://localhost?streams=datagram' -v hello
  printf '{\"a\": 1}\\n[2]\\n' | wirelab send tls://localhost
  wirelab send udp://192.168.1.7 --timeout 200ms --retries 3 ping")]
pub(crate) struct Send {
    #[arg(value_name = "URL", help = format!("The server: {}", Scheme::forms(|_| true)))]
    url: Target,
    /// Messages [default: the lines of standard input]
    #[arg(value_name = "MESSAGE")]
    messages: Vec<String>,
    /// Time limit for the connection, and for each reply
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = values::some_time)]
    timeout: Duration,
    /// How often to resend a datagram that got no reply
    #[arg(long, value_name = "N", default_value = "0", value_parser = values::whole::<u32>(0, 1_000_000))]
    retries: u32,
    #[command(flatten)]
    peer: PeerArgs,
    /// Print the time of each reply to standard error
    #[arg(short, long)]
    verbose: bool,
}

impl Send {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        in_real_time(|host| self.send(host))
    }

    async fn send(self, host: Arc<dyn Host>) -> anyhow::Result<ExitCode> {
        if self.url.port == 0 {
            bail!(UsageError::new(format!("cannot send to {}: port 0 is not valid here", self.url)));
        }
        let addresses = self.url.resolve(self.peer.family())?;
        if addresses.iter().any(|address| address.ip().is_loopback()) {
            check_loopback().map_err(without_loopback)?;
        }
        let options = Options {
            timeout: self.timeout,
            retries: self.retries,
            tls: self.peer.tls(&self.url)?,
            shared_key: self.peer.shared_key(&self.url)?,
            seed: None,
        };
        let mut signals = Signals::new()?;
        let mut client = tokio::select! {
            biased;
            client = Client::connect_any(&host, self.url.transport(), &addresses, &options) => client
                .map_err(|error| error.map_or_else(|| anyhow!("{} has no address", self.url), Into::into))?,
            () = signals.any() => return Ok(interrupted()),
        };
        let all = tokio::select! {
            biased;
            all = self.exchange_all(&mut client) => Some(all?),
            () = signals.any() => None,
        };
        tokio::select! {
            biased;
            () = client.close() => {}
            () = signals.any() => return Ok(interrupted()),
        }
        Ok(match all {
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => interrupted(),
        })
    }

    /// Sends all messages. Returns whether each got its reply.
    async fn exchange_all(&self, client: &mut Client) -> anyhow::Result<bool> {
        let mut messages = messages(self.messages.clone());
        let mut lost = 0;
        while let Some(message) = messages.recv().await {
            match client.exchange(&message?).await {
                Ok(reply) => self.show(&reply)?,
                Err(e @ SendError::NoReply { .. }) if client.is_datagram() => {
                    lost += 1;
                    output::note(format_args!("lost: {e}"));
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(lost == 0)
    }

    fn show(&self, reply: &Reply) -> anyhow::Result<()> {
        output::line(shown(&reply.bytes, std::io::stdout().is_terminal()))?;
        if self.verbose {
            let millis = reply.took.as_secs_f64() * 1e3;
            let tries =
                if reply.tries.get() == 1 { String::new() } else { format!(", {} tries", reply.tries) };
            output::note(format_args!(
                "{} bytes from {} in {millis:.3} ms{tries}",
                reply.bytes.len(),
                self.url
            ));
        }
        Ok(())
    }
}

/// A reply as it is printed. Control characters would steer a terminal.
fn shown(reply: &[u8], on_terminal: bool) -> Cow<'_, [u8]> {
    if !on_terminal {
        return reply.into();
    }
    let mut text = String::new();
    for chunk in reply.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => text.push(c),
                c if c.is_control() => text.extend(c.escape_default()),
                c => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text.into_bytes().into()
}

/// The exit status after an interrupt.
fn interrupted() -> ExitCode {
    output::note("interrupted: what had no reply yet was not waited for");
    ExitCode::from(INTERRUPTED)
}

/// The given messages, or the lines of standard input as they come.
fn messages(given: Vec<String>) -> mpsc::Receiver<Result<Vec<u8>, std::io::Error>> {
    let (sender, receiver) = mpsc::channel(1);
    // On a thread of its own, because reading standard input blocks. It ends with the process or the receiver.
    std::thread::spawn(move || {
        if !given.is_empty() {
            given.into_iter().all(|message| sender.blocking_send(Ok(message.into_bytes())).is_ok());
            return;
        }
        let lines = BufReader::new(std::io::stdin()).split(b'\n');
        let lines = lines.map(|line| {
            line.map(|mut line| {
                line.pop_if(|last| *last == b'\r');
                line
            })
        });
        for line in lines {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bytes_are_escaped_on_a_terminal_alone() {
        let reply = b"\x1b[2Jgr\xc3\xbc\xc3\x9fe\t\xff\x07\xc2\x9b";
        assert_eq!(*shown(reply, false), *reply);
        assert_eq!(*shown(reply, true), *"\\u{1b}[2Jgrüße\t\\xff\\u{7}\\u{9b}".as_bytes());
    }
}
