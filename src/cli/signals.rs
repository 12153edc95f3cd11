//! Signals. Ctrl-C, SIGTERM and SIGHUP: the first requests a graceful stop, the second ends the program
//! at once. SIGUSR1, which Slurm can send before a time limit, requests a checkpoint.

use crate::{Action, Error, Result};
#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Offset that a shell adds to the number of the signal that ended a program.
const EXIT_CODE: u8 = 128;

/// Received signals.
#[derive(Debug, Default)]
pub(super) struct Signals {
    signal: Arc<AtomicUsize>,
    is_stopped: Arc<AtomicBool>,
    is_save_due: Arc<AtomicBool>,
}

impl Signals {
    /// Registers handlers, after which signals do not end the program, except a second one.
    pub(super) fn listen() -> Result<Self> {
        let signals = Self::default();
        for signal in stopping() {
            // In this order: the first finds the flag off, and sets it.
            let code = i32::from(EXIT_CODE) + signal;
            let flag = &signals.is_stopped;
            flag::register_conditional_shutdown(signal, code, Arc::clone(flag))
                .and_then(|_| flag::register(signal, Arc::clone(flag)))
                .and_then(|_| {
                    let number = signal.cast_unsigned() as usize;
                    flag::register_usize(signal, Arc::clone(&signals.signal), number)
                })
                .map_err(refused)?;
        }
        #[cfg(unix)]
        flag::register(SIGUSR1, Arc::clone(&signals.is_save_due)).map_err(refused)?;
        Ok(signals)
    }

    /// Returns the pending stop signal.
    pub(super) fn received(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Relaxed);
        u8::try_from(signal).ok().filter(|&signal| signal > 0)
    }

    /// Returns a flag that is set once a stop is requested.
    pub(super) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_stopped)
    }

    /// Whether a checkpoint has been requested since the last call.
    pub(super) fn take_save(&self) -> bool {
        self.is_save_due.swap(false, Ordering::Relaxed)
    }

    /// Returns the exit code of a program that a signal stopped.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(EXIT_CODE + self.received().unwrap_or(0))
    }
}

fn refused(error: std::io::Error) -> Error {
    Error::io(Path::new("signals"), Action::Read)(error)
}

/// Returns the signals that request a stop.
fn stopping() -> Vec<i32> {
    [SIGINT, SIGTERM].into_iter().chain(hangup()).collect()
}

/// Returns SIGHUP, unless `nohup` ignores it.
#[cfg(unix)]
fn hangup() -> Option<i32> {
    (!is_hangup_ignored()).then_some(SIGHUP)
}

/// Returns none: Windows has no such signal.
#[cfg(not(unix))]
fn hangup() -> Option<i32> {
    None
}

/// Whether the program was started with SIGHUP ignored. On systems without a file that records
/// this, assumes so if nothing is printed on a terminal.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    use std::io::IsTerminal;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask >> (SIGHUP - 1) & 1 == 1,
        None => !std::io::stdout().is_terminal() && !std::io::stderr().is_terminal(),
    }
}

/// Makes a write beyond the limit on file sizes fail like one on a full disk, as it does once
/// SIGXFSZ no longer ends the program.
pub(super) fn survive_file_limit() {
    // Without the handler the program ends at such a write, as it did before.
    #[cfg(unix)]
    let _ = flag::register(SIGXFSZ, Arc::default());
}
