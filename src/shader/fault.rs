//! naga's reports about a text, with the file and line of each.

use crate::Error;
use crate::Fault::Failure;
use crate::kernel::Wgsl;
use naga::WithSpan;
use naga::back::pipeline_constants::PipelineConstantError;
use naga::front::wgsl::ParseError;
use std::fmt::{Display, Formatter};
use std::ops::Range;

/// Largest number of places that a message shows.
const MOST_PLACES: usize = 3;

/// A reason why a text is not a valid module, or does not fit its kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The reason.
    pub message: String,
    /// The byte ranges of the text that the reason refers to, the most important first, each with a
    /// note.
    pub places: Vec<(Range<usize>, String)>,
}

impl Fault {
    /// Returns a fault of the text as a whole.
    pub(super) fn whole(message: impl Display) -> Self {
        Self { message: message.to_string(), places: Vec::new() }
    }

    /// Returns the fault as an error that shows the lines of the files from which a module comes.
    pub fn in_module(&self, module: &Wgsl) -> Error {
        let excerpt = |(bytes, note): &(Range<usize>, String)| excerpt(module, bytes, note);
        let mut places = self.places.iter().filter_map(excerpt).take(MOST_PLACES);
        let Some((place, shown)) = places.next() else {
            let files = module.edited().join(", ");
            return Error::Shader { place: files, message: self.message.clone(), fault: Failure };
        };
        let mut message = format!("{}\n{shown}", self.message);
        for (other, shown) in places {
            message += &format!("\n  {other}:\n{shown}");
        }
        let edited = module.edited();
        if !edited.is_empty() && !edited.iter().any(|file| place.starts_with(file)) {
            message += &format!("\n  the module contains {}", edited.join(", "));
        }
        Error::Shader { place, message, fault: Failure }
    }
}

/// Returns the place of some bytes as `file:line:column`, and the line with a mark below the bytes
/// and the note.
fn excerpt(module: &Wgsl, bytes: &Range<usize>, note: &str) -> Option<(String, String)> {
    let before = module.text.get(..bytes.start)?;
    let begins = before.rfind('\n').map_or(0, |at| at + 1);
    let (file, number) = module.place(before.matches('\n').count() + 1)?;
    let line = module.text[begins..].lines().next()?;
    let column = before[begins..].chars().count();
    let marked = line.get(bytes.start - begins..(bytes.end - begins).min(line.len()));
    let count = marked.map_or(1, |marked| marked.chars().count().max(1));
    // Tabs are kept, so that they have the same width in both lines.
    let indent: String =
        line.chars().take(column).map(|c| if c == '\t' { c } else { ' ' }).collect();
    let gutter = number.to_string().len();
    let shown =
        format!("  {number} | {line}\n  {:gutter$} | {indent}{} {note}", "", "^".repeat(count));
    Some((format!("{file}:{number}:{}", column + 1), shown.trim_end().to_owned()))
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(&self.message)?;
        let notes = self.places.iter().map(|(_, note)| note).filter(|note| !note.is_empty());
        notes.take(MOST_PLACES).try_for_each(|note| write!(f, "; {note}"))
    }
}

impl std::error::Error for Fault {}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        let places =
            error.labels().filter_map(|(span, note)| Some((span.to_range()?, note.to_owned())));
        let message = error.notes().fold(error.message().to_owned(), |all, note| all + "; " + note);
        Self { places: places.collect(), message }
    }
}

impl<E: std::error::Error> From<WithSpan<E>> for Fault {
    fn from(error: WithSpan<E>) -> Self {
        let places =
            error.spans().filter_map(|(span, note)| Some((span.to_range()?, note.clone())));
        let mut message = error.as_inner().to_string();
        let mut source = error.as_inner().source();
        while let Some(reason) = source {
            message += &format!(": {reason}");
            source = reason.source();
        }
        Self { places: places.collect(), message }
    }
}

impl From<PipelineConstantError> for Fault {
    fn from(error: PipelineConstantError) -> Self {
        match error {
            PipelineConstantError::ValidationError(error) => error.into(),
            other => Self::whole(other),
        }
    }
}
