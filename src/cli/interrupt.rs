//! Ctrl-C: the first ends a run with what is done, the second ends the program.

use std::{
    io,
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::signal::unix::{SignalKind, signal};

/// Exit status of an interrupted program, by the convention of shells.
pub(crate) const INTERRUPTED: u8 = 130;

/// A flag that the first interrupt sets.
///
/// # Errors
///
/// Returns an error if no signal handler can be installed.
pub(crate) fn stop_on_interrupt() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    drop(guard);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    biased;
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if flag.swap(true, Ordering::Relaxed) {
                    exit(INTERRUPTED.into());
                }
            }
        });
    })?;
    Ok(stop)
}
