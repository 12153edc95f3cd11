//! The two forms of a module: with its [`Arguments`] in immediate data or in a uniform buffer.

use super::Arguments;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// Way in which a dispatch gets its [`Arguments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passing {
    /// Immediate data, which is recorded with the dispatch. Browsers have none.
    Immediate,
    /// A uniform buffer of group 1, at an offset that is recorded with the dispatch.
    Uniform,
}

impl Passing {
    /// Bytes of a binding of [`Arguments`] in a uniform buffer: some APIs round sizes up to 16 bytes.
    pub const UNIFORM_BYTES: usize = size_of::<Arguments>().next_multiple_of(16);

    /// Returns the declaration of the arguments in a module that takes them.
    pub const fn declaration(self) -> &'static str {
        match self {
            Self::Immediate => "var<immediate> args: Arguments;",
            Self::Uniform => "@group(1) @binding(0) var<uniform> args: Arguments;",
        }
    }

    /// Returns a module of a [`Kernel`](super::Kernel) adapted to this form.
    pub fn adapt(self, wgsl: &str) -> String {
        wgsl.replace(Self::Immediate.declaration(), self.declaration())
    }
}

impl Display for Passing {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::Immediate => "immediate data",
            Self::Uniform => "a uniform buffer",
        })
    }
}
