//! Other programs: one at each end of a [`World`].

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use rustix::{
    process::{Pid, Signal, kill_process, kill_process_group},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{
    error::{self, NetnsError},
    namespace::{Namespace, on_own_thread},
    world::World,
};
use crate::path::{Side, sys};

/// Programs at the ends of a world. Neither they nor their descendants outlive this value or this process.
///
/// They live in a process namespace (`pid_namespaces(7)`) whose first process reads a pipe that only this process
/// writes to. When this process ends, for whatever reason, the first process ends, and the kernel kills all others,
/// daemons too. The environment has the addresses of both ends, `WIRELAB_SERVER` and `WIRELAB_CLIENT`.
#[derive(Debug)]
pub struct Programs {
    first: Child,
    processes: File,
    namespaces: [Arc<Namespace>; 2],
    started: [Option<Child>; 2],
}

/// The first process inherits orphans, and ignores `SIGCHLD` so that the kernel reaps them.
const FIRST: &str = "trap '' CHLD; exec cat";

impl Programs {
    /// A process namespace without programs. Returns [`NetnsError`] if this process may not make a process namespace.
    pub fn new(world: &World) -> Result<Self, NetnsError> {
        let made = on_own_thread(|| {
            sys::unshare_processes().map_err(error::no_process_namespace)?;
            let first = || -> io::Result<_> {
                let mut command = Command::new("sh");
                command.args(["-c", FIRST]).process_group(0);
                command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
                Ok((command.spawn()?, File::open("/proc/thread-self/ns/pid_for_children")?))
            };
            first().map_err(NetnsError::setup("start the first of a namespace's processes"))
        });
        let (first, processes) = made.map_err(NetnsError::setup("start a thread"))??;
        Ok(Self { first, processes, namespaces: world.namespaces.clone(), started: [None, None] })
    }

    /// Starts the server's program by `sh -c`, in a process group of its own, so that a terminal's Ctrl-C does not
    /// reach it. It has no input, and its output goes to our standard error.
    ///
    /// Returns an error if it cannot be started.
    pub fn start_server(&mut self, script: &str) -> Result<(), NetnsError> {
        let start = || -> io::Result<Child> {
            let output = io::stderr().as_fd().try_clone_to_owned()?;
            let mut command = Command::new("sh");
            command.args(["-c", script]).process_group(0).stdin(Stdio::null()).stdout(output);
            self.spawn(Side::Server, &mut command)
        };
        let child = start().map_err(|source| NetnsError::Start { program: script.to_owned(), source })?;
        self.started[Side::Server as usize] = Some(child);
        Ok(())
    }

    /// Starts the client's program with our standard input, output and error. Returns an error if it cannot be started.
    pub fn start_client(&mut self, program: &OsString, arguments: &[OsString]) -> Result<(), NetnsError> {
        let started = self.spawn(Side::Client, Command::new(program).args(arguments));
        let named = |source| NetnsError::Start { program: program.to_string_lossy().into_owned(), source };
        self.started[Side::Client as usize] = Some(started.map_err(named)?);
        Ok(())
    }

    fn spawn(&self, side: Side, command: &mut Command) -> io::Result<Child> {
        for (name, end) in [("WIRELAB_SERVER", Side::Server), ("WIRELAB_CLIENT", Side::Client)] {
            command.env(name, World::ip(end).to_string());
        }
        let spawn = || {
            move_into_link_name_space(self.processes.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
            command.spawn()
        };
        self.namespaces[side as usize].within(spawn).flatten()
    }

    /// The exit status of the program at `side`; `None` if it runs or was not started.
    ///
    /// Returns an error if the system does not tell.
    pub fn status(&mut self, side: Side) -> io::Result<Option<ExitStatus>> {
        self.started[side as usize].as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// Sends a signal to the server's process group or to the client, if it still runs.
    pub fn signal(&mut self, side: Side, signal: Signal) {
        if !matches!(self.status(side), Ok(None)) {
            return;
        }
        let child = self.started[side as usize].as_ref();
        if let Some(id) = child.and_then(|child| Pid::from_raw(child.id().cast_signed())) {
            let _ = match side {
                Side::Server => kill_process_group(id, signal),
                Side::Client => kill_process(id, signal),
            };
        }
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = self.first.kill();
        // The first process ends once all others are reaped; our children are ours to reap.
        for child in self.started.iter_mut().flatten().chain([&mut self.first]) {
            let _ = child.wait();
        }
    }
}
