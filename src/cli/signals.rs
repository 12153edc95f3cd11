//! Ctrl-C and SIGTERM: the first is a wish that the command fulfils when it can, the second ends the
//! program at once.

use crate::{Action, Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a shell adds to the number of the signal that ended a program.
const EXIT_CODE: u8 = 128;

/// What has been received.
#[derive(Debug, Default)]
pub(super) struct Signals {
    signal: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on signals don't end the program, but for a second one.
    pub(super) fn listen() -> Result<Self> {
        let signals = Self::default();
        let is_wanted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first finds the flag off, and sets it.
            let code = i32::from(EXIT_CODE) + signal;
            let all = flag::register_conditional_shutdown(signal, code, Arc::clone(&is_wanted))
                .and_then(|_| flag::register(signal, Arc::clone(&is_wanted)))
                .and_then(|_| {
                    let number = signal.cast_unsigned() as usize;
                    flag::register_usize(signal, Arc::clone(&signals.signal), number)
                });
            all.map_err(Error::io(Path::new("signals"), Action::Read))?;
        }
        Ok(signals)
    }

    /// The signal that the program is to end for.
    pub(super) fn received(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Relaxed);
        u8::try_from(signal).ok().filter(|&signal| signal > 0)
    }

    /// How the program ends then.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(EXIT_CODE + self.received().unwrap_or(0))
    }
}
