//! Ctrl-C and SIGTERM: the first ends a run with what is done, the second ends the program.

use std::{io, process::exit, thread};

use wirelab::path::StopSignal;

use super::{draft::remove_drafts, output::note, system::Signals};

/// Exit status of an interrupted program, by the convention of shells.
pub(crate) const INTERRUPTED: u8 = 130;

/// A signal to stop, which the first interrupt sets. The note that it prints contains `ending`: what happens then.
///
/// Returns an error if the system takes no signal handler.
pub(crate) fn stop_on_interrupt(ending: &'static str) -> io::Result<StopSignal> {
    let stop = StopSignal::default();
    let signal = stop.clone();
    on_interrupt(move || {
        if signal.set() {
            leave(INTERRUPTED);
        }
        note(format_args!("interrupted: {ending}; once more to quit at once"));
    })?;
    Ok(stop)
}

/// From now on, the first interrupt ends the program with `status`. For commands that have nothing to write before
/// they are done.
///
/// Returns an error if the system takes no signal handler.
pub(crate) fn leave_on_interrupt(status: u8) -> io::Result<()> {
    on_interrupt(move || -> () {
        if status != 0 {
            note("interrupted");
        }
        leave(status)
    })
}

/// Ends the program at once, and leaves no unfinished file behind.
pub(super) fn leave(status: u8) -> ! {
    remove_drafts();
    exit(status.into());
}

/// Calls `handle` for each interrupt, on a thread of its own.
///
/// Returns an error if the system takes no signal handler.
pub(super) fn on_interrupt(mut handle: impl FnMut() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut signals = Signals::new()?;
    drop(guard);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                signals.any().await;
                handle();
            }
        });
    })?;
    Ok(())
}
