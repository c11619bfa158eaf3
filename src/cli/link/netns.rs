//! `wirelab link --netns`: the link between two other programs.

use std::{
    fmt, fs,
    io::{self, IsTerminal},
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus},
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use indicatif::ProgressBar;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::signal::unix::{self, SignalKind, signal};
use wirelab::{
    experiment::PathKind,
    link::LinkSpec,
    path::{
        AddressChange, BoxFuture, Host, QueueMeter, Side, StopSignal, WireBroken,
        netns::{self, Device, NetnsError, Programs, World},
    },
    unit::{PerDirection, Time, format_duration},
};

use super::{
    Link, TICK,
    report::{LinkReport, live, write_unroutable},
    watched,
};
use crate::cli::{
    UsageError, in_real_time, interrupt::INTERRUPTED, options::link_capture::LinkCapture, output,
    system::Signals,
};

/// Default of `--wait`.
const WAIT: Duration = Duration::from_secs(5);
/// How often the server is checked for a listening port.
const LISTEN_CHECK: Duration = Duration::from_millis(10);
/// How long a program may take to exit after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the two commands until the client exits.
pub(super) fn run(link: &Link) -> anyhow::Result<ExitCode> {
    let refused = [
        ("--listen", link.listen.is_some()),
        ("--to", link.to.is_some()),
        ("--max-clients", link.max_clients.is_some()),
        ("--idle", link.idle.is_some()),
    ];
    if let Some((option, _)) = refused.into_iter().find(|(_, given)| *given) {
        let why = "not valid with --netns, where the server's address is 10.0.0.2";
        return Err(UsageError::new(format!("{option}: {why}")).into());
    }
    if let Some(why) = link.rebind.and_then(|rebind| rebind.refusal(PathKind::Netns)) {
        return Err(UsageError::new(format!("--rebind: {why}")).into());
    }
    if link.programs.server.as_ref().is_some_and(|server| server.trim().is_empty()) {
        return Err(UsageError::new("--server: is empty; name the server's command").into());
    }
    let links = link.link.only_link()?;
    // Must run before the first thread starts.
    netns::prepare()?;
    in_real_time(|host| async move { Session::new(link, links, host)?.run().await })
}

/// Two programs and the link between them.
struct Session<'a> {
    link: &'a Link,
    links: PerDirection<LinkSpec>,
    host: Arc<dyn Host>,
    signals: Signals,
    children: unix::Signal,
    change: Option<AddressChange>,
    /// Makes the change. `None` once it is made.
    changing: Option<BoxFuture<'static, Result<(), WireBroken>>>,
    // Dropped before the namespaces that they run in.
    programs: Programs,
    world: Arc<World>,
    queue: Option<QueueMeter>,
    capture: Option<LinkCapture>,
    /// Is set if the capture cannot be written. `None` after the client was asked to exit for it.
    capture_failed: Option<StopSignal>,
}

/// What a wait ended with.
enum Event {
    /// This process received a signal.
    Signal(Signal),
    /// The time is over, or a program may have exited.
    Check,
}

impl<'a> Session<'a> {
    fn new(link: &'a Link, links: PerDirection<LinkSpec>, host: Arc<dyn Host>) -> anyhow::Result<Self> {
        let capture_failed = StopSignal::default();
        let capture = link.capture.begin("link --netns", &capture_failed)?;
        // Before the programs start, so that no signal is missed.
        let (signals, children) = (Signals::new()?, signal(SignalKind::child())?);
        let (queue, observers) = watched(&links, capture.as_ref());
        let world = Arc::new(World::with_device(&links, link.seed, Device::best(), observers)?);
        let programs = Programs::new(&world)?;
        let change = link.rebind.map(|rebind| AddressChange::new(rebind.what, None));
        let changing = change.clone().map(|change| changing(world.clone(), change, host.clone()));
        Ok(Self {
            link,
            links,
            host,
            signals,
            children,
            change,
            changing,
            programs,
            world,
            queue,
            capture,
            capture_failed: Some(capture_failed),
        })
    }

    async fn run(mut self) -> anyhow::Result<ExitCode> {
        let ended = self.run_programs().await;
        let captured = self.capture.take().map_or(Ok(()), LinkCapture::complete);
        ended.and_then(|status| captured.map(|()| status))
    }

    async fn run_programs(&mut self) -> anyhow::Result<ExitCode> {
        let arguments = &self.link.programs;
        self.programs.start_server(arguments.server.as_deref().unwrap_or_default())?;
        if let Some(signal) = self.until_ready(arguments.wait.unwrap_or(WAIT)).await? {
            self.stop_server().await?;
            return Ok(ExitCode::from(signalled(signal.as_raw())));
        }
        if let Some((program, arguments)) = arguments.command.split_first() {
            self.programs.start_client(program, arguments)?;
        }
        if let Some((change, rebind)) = self.change.as_ref().zip(self.link.rebind) {
            change.schedule(self.host.now() + rebind.at);
        }
        let Some(status) = self.until_client_exits().await? else {
            return Ok(ExitCode::from(INTERRUPTED));
        };
        let status = exit_code(status);
        self.stop_server().await?;
        self.report(status)?;
        Ok(ExitCode::from(status))
    }

    async fn event(&mut self, until: Time) -> Result<Event, NetnsError> {
        let capture_failed = async {
            match &self.capture_failed {
                Some(signal) => signal.stopped().await,
                None => std::future::pending().await,
            }
        };
        let changed = async {
            match &mut self.changing {
                Some(changing) => changing.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = capture_failed => {
                self.capture_failed = None;
                Ok(Event::Signal(Signal::TERM))
            }
            broken = self.world.broken() => Err(broken.into()),
            changed = changed => {
                self.changing = None;
                changed.map(|()| Event::Check).map_err(NetnsError::from)
            }
            signal = self.signals.next() => Ok(Event::Signal(signal)),
            _ = self.children.recv() => Ok(Event::Check),
            () = self.host.sleep_until(until) => Ok(Event::Check),
        }
    }

    /// Waits until the server listens, for at most this time. Returns the signal that interrupted the wait, if any.
    async fn until_ready(&mut self, most: Duration) -> anyhow::Result<Option<Signal>> {
        let ends = self.host.now() + most;
        while !most.is_zero() && !self.world.namespace(Side::Server).listens()? {
            // A server that exited successfully may have forked into the background.
            if let Some(status) = self.programs.status(Side::Server)?.filter(|status| !status.success()) {
                return Err(anyhow!("--server: exited before it listened on a port ({status})"));
            }
            if self.host.now() >= ends {
                let most = format_duration(most);
                return Err(anyhow!(
                    "--server: does not listen on a port after {most}; --wait 0s skips this check"
                ));
            }
            if let Event::Signal(signal) = self.event(ends.min(self.host.now() + LISTEN_CHECK)).await? {
                return Ok(Some(signal));
            }
        }
        Ok(None)
    }

    /// Waits until the client exits; `None` if a second signal interrupted that.
    async fn until_client_exits(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let line = self.live_line();
        let mut asked = false;
        let mut ends = self.link.duration.map(|duration| (self.host.now() + duration, Signal::TERM));
        loop {
            if let Some(status) = self.programs.status(Side::Client)? {
                line.finish_and_clear();
                return Ok(Some(status));
            }
            let now = self.host.now();
            if let Some((_, signal)) = ends.filter(|(at, _)| now >= *at) {
                self.programs.signal(Side::Client, signal);
                ends = (signal == Signal::TERM).then_some((now + GRACE, Signal::KILL));
            }
            let tick = now + TICK;
            match self.event(ends.map_or(tick, |(at, _)| at.min(tick))).await? {
                // The terminal has sent it to the client too, which may handle Ctrl-C itself.
                Event::Signal(Signal::INT) if is_in_foreground() => {}
                Event::Signal(_) if asked => {
                    line.finish_and_clear();
                    return Ok(None);
                }
                Event::Signal(signal) => {
                    asked = true;
                    match signal {
                        Signal::TERM if ends.is_none_or(|(_, next)| next != Signal::KILL) => {
                            ends = Some((self.host.now(), Signal::TERM));
                        }
                        _ => self.programs.signal(Side::Client, signal),
                    }
                }
                Event::Check => {}
            }
            line.set_message(live(self.world.counters()));
            line.tick();
        }
    }

    /// Hidden if the client uses the terminal, because both would overwrite each other.
    fn live_line(&self) -> ProgressBar {
        let client_uses_terminal = io::stdin().is_terminal() || io::stdout().is_terminal();
        if client_uses_terminal { ProgressBar::hidden() } else { self.link.live_line() }
    }

    /// Asks the server to exit, and waits for a short time or until a signal. The rest is killed when the session ends.
    async fn stop_server(&mut self) -> anyhow::Result<()> {
        self.programs.signal(Side::Server, Signal::TERM);
        let ends = self.host.now() + GRACE;
        while self.programs.status(Side::Server)?.is_none() && self.host.now() < ends {
            if let Event::Signal(_) = self.event(ends).await? {
                break;
            }
        }
        Ok(())
    }

    fn report(&self, status: u8) -> anyhow::Result<()> {
        let link = LinkReport {
            seed: self.link.seed,
            links: &self.links,
            counters: self.world.counters(),
            queue: self.queue.as_ref().map(QueueMeter::delays).unwrap_or_default(),
            fidelity: self.world.fidelity(),
        };
        let report = Report { link, status, change: self.change.as_ref() };
        match self.link.json {
            true => output::line(serde_json::to_string_pretty(&report.json(&self.world))?)?,
            false => output::note(report),
        }
        Ok(())
    }
}

/// Gives the client another address when `change` is due.
fn changing(
    world: Arc<World>,
    change: AddressChange,
    host: Arc<dyn Host>,
) -> BoxFuture<'static, Result<(), WireBroken>> {
    Box::pin(async move { world.change_address(&change, &*host).await })
}

/// Whether the terminal sends signals to this process: its process group is the terminal's foreground group
/// (`/proc/PID/stat`).
fn is_in_foreground() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let columns: Vec<&str> = after_name.split_whitespace().collect();
    columns.len() > 5 && columns[2] == columns[5]
}

/// The exit code of a program, as shells report it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or_else(|| signalled(status.signal().unwrap_or(0)))
}

fn signalled(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// The report of a session.
struct Report<'a> {
    link: LinkReport<'a>,
    status: u8,
    change: Option<&'a AddressChange>,
}

impl Report<'_> {
    fn json(&self, world: &World) -> Value {
        let mut json = self.link.json();
        json["server"] = json!(World::ip(Side::Server));
        json["client"] = json!(World::ip(Side::Client));
        json["device"] = world.device().name().into();
        json["exit_status"] = self.status.into();
        json["unroutable"] = self.change.map(AddressChange::unroutable).into();
        json
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.link.write_directions(f)?;
        write_unroutable(self.change, f)?;
        self.link.write_fidelity(f)
    }
}
