//! Messages on stderr, and the styles of messages and results: colours are for a terminal that
//! supports them, and `NO_COLOR` disables them.

use anstream::{AutoStream, ColorChoice, eprintln};
use anstyle::{AnsiColor, Style};
use indicatif::ProgressDrawTarget;
use std::fmt;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const REMEDY: Style = AnsiColor::Green.on_default();
const DETAIL: Style = Style::new().dimmed();

/// Style of the head of a table.
pub(super) const HEAD: Style = Style::new().bold();
/// Style of a check that passed.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Style of a check that failed.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Style of text that needs attention.
pub(super) const NOTICE: Style = AnsiColor::Yellow.on_default();
/// Style of notes next to results.
pub(super) const NOTE: Style = Style::new().dimmed();

/// Enables the library's log messages, down to a level; at the lowest, also those of wgpu and its
/// drivers.
pub(super) fn listen(level: LevelFilter) {
    let others = if level >= LevelFilter::TRACE { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter = Targets::new().with_target("wgvae", level).with_default(others);
    let colour = AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
    let lines = layer().with_writer(std::io::stderr).with_ansi(colour).event_format(Lines);
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// Whether progress is shown: not with `--quiet`.
pub(super) fn shows_progress() -> bool {
    tracing::enabled!(Level::INFO)
}

/// Returns the target of progress bars.
pub(super) fn progress_target() -> ProgressDrawTarget {
    if shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

/// Formats an error, with the flag of its setting.
fn with_flag(error: &crate::Error) -> String {
    match error {
        crate::Error::Setting { setting, .. } if setting.starts_with(char::is_lowercase) => {
            format!("--{}{}", setting.replace('_', "-"), &error.to_string()[setting.len()..])
        }
        _ => error.to_string(),
    }
}

/// Settings in remedies of the library, each with its flag.
const SETTINGS: [(&str, &str); 8] = [
    ("array = ", "--array "),
    ("header = false", "--header no"),
    ("header = true", "--header yes"),
    ("label_column = ", "--label-column "),
    ("scale = ", "--scale "),
    ("size = ", "--size "),
    ("test_data = ", "--test-data "),
    ("white = ", "--white "),
];

/// Formats a remedy, with flags instead of settings.
fn with_flags(remedy: &str) -> String {
    SETTINGS.iter().fold(remedy.to_owned(), |text, (setting, flag)| text.replace(setting, flag))
}

/// Prints an error and its remedy.
pub(super) fn complain(error: &crate::Error, remedy: Option<&str>) {
    eprintln!("{ERROR}error{ERROR:#}: {}", with_flag(error));
    if let Some(remedy) = remedy {
        eprintln!("  {REMEDY}try{REMEDY:#}: {}", with_flags(remedy));
    }
}

/// Formats events, one per line: warnings are marked, details are dim.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<S, N>,
        mut writer: Writer,
        event: &Event,
    ) -> fmt::Result {
        let (style, label) = match *event.metadata().level() {
            Level::ERROR => (ERROR, "error"),
            Level::WARN => (WARNING, "warning"),
            Level::INFO => (Style::new(), ""),
            Level::DEBUG | Level::TRACE => (DETAIL, event.metadata().target()),
        };
        if !label.is_empty() {
            if writer.has_ansi_escapes() {
                write!(writer, "{style}{label}{style:#}: ")?;
            } else {
                write!(writer, "{label}: ")?;
            }
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
