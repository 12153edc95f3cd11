//! Errors of the interpreter, and places in a module's text.

use naga::back::pipeline_constants::PipelineConstantError;
use naga::{Span, WithSpan};
use std::fmt::{Display, Formatter};

/// A place in a module's text. Line and column count from 1, the column in characters; both are 0
/// where naga does not know the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl Place {
    /// Returns the place where a span of `text` begins.
    pub(super) fn new(span: Span, text: &str) -> Self {
        let before = span.to_range().and_then(|bytes| text.get(..bytes.start));
        let Some(before) = before else { return Self::default() };
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Self { line: line as u32, column: column as u32 }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A reason why a program cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not valid WGSL, or a value does not fit its `override`.
    #[error("{place}: {message}")]
    Invalid {
        /// The first place that naga names.
        place: Place,
        /// naga's message.
        message: String,
    },
    /// The interpreter does not support a feature.
    #[error("{place}: the interpreter does not support {feature}")]
    Unsupported {
        /// Where the feature is used.
        place: Place,
        /// The feature.
        feature: String,
    },
    /// The program needs more of something than the interpreter provides.
    #[error("expected at most {limit} {what}, found {found}")]
    Limit {
        /// The limited resource.
        what: &'static str,
        /// The largest amount.
        limit: u64,
        /// The amount that the program needs.
        found: u64,
    },
    /// No compute entry point has the name.
    #[error("expected the entry point {expected}, found {found}")]
    EntryPoint {
        /// The requested name.
        expected: String,
        /// The names of the compute entry points.
        found: String,
    },
    /// A buffer of the program was not passed, or one was passed that it does not have.
    #[error("expected {expected} at group {group}, binding {binding}, found {found}")]
    Binding {
        /// Group.
        group: u32,
        /// Binding.
        binding: u32,
        /// The expected buffer.
        expected: String,
        /// The found buffer.
        found: String,
    },
    /// A buffer or the immediate data has the wrong number of bytes.
    #[error("{name}: expected {expected} bytes, found {found}")]
    Size {
        /// Variable.
        name: String,
        /// The expected size.
        expected: String,
        /// Bytes passed.
        found: usize,
    },
    /// The subgroup size is not a power of two from 4 to 128.
    #[error("expected a subgroup size of 4, 8, 16, 32, 64 or 128, found {0}")]
    SubgroupSize(u32),
    /// A specification is not valid, or a file that it names.
    #[error("{0}")]
    Specification(String),
}

/// A result of the interpreter.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns an error of naga's with the chain of its reasons.
    pub(super) fn invalid<E: std::error::Error>(error: &WithSpan<E>, text: &str) -> Self {
        let place =
            error.spans().next().map_or(Place::default(), |(span, _)| Place::new(*span, text));
        let mut message = error.as_inner().to_string();
        let mut source = error.as_inner().source();
        while let Some(reason) = source {
            message += &format!(": {reason}");
            source = reason.source();
        }
        Self::Invalid { place, message }
    }

    /// Returns an error of naga's evaluation of `override` constants.
    pub(super) fn constants(error: &PipelineConstantError, text: &str) -> Self {
        match error {
            PipelineConstantError::ValidationError(error) => Self::invalid(error, text),
            other => Self::Invalid { place: Place::default(), message: other.to_string() },
        }
    }

    /// Returns an error of naga's parser.
    pub(super) fn parse(error: &naga::front::wgsl::ParseError, text: &str) -> Self {
        let span = error.labels().next().map(|(span, _)| span).unwrap_or_default();
        Self::Invalid { place: Place::new(span, text), message: error.message().to_owned() }
    }
}

/// Checks an amount against its limit.
pub(super) fn limited(what: &'static str, limit: u64, found: u64) -> Result<()> {
    if found > limit { Err(Error::Limit { what, limit, found }) } else { Ok(()) }
}
