//! Kernels, which compute the ops: [`kernels`] has one row per kernel, with its shader, its CPU
//! twin, its grid, its tolerance and awkward cases that it must compute correctly. Tests, `wgvae
//! verify` and the devices iterate over the table.
//!
//! Element-wise ops have no kernel of their own: they are stages of a product's kernel, or of a
//! kernel that has only stages, whose text is assembled from the texts of their
//! [functions](crate::function).
//!
//! A kernel binds its node's inputs, then its outputs, as storage buffers of group 0, in order. All
//! real numbers are bound writable, since inputs and outputs lie in one buffer, which wgpu does not
//! let a dispatch bind in two ways; bytes and indices are read-only. Each buffer is bound with the
//! exact size of its tensor, so shaders may use `arrayLength`. The scratch buffer between two
//! passes is bound at [`SLICES_BINDING`], so that one dispatch binds at most eight. Sizes of
//! products and the [step](crate::graph::Step) come with each dispatch, as [`Arguments`], in
//! immediate data or in a uniform buffer ([`Passing`]); other values that are fixed for a plan are
//! `override` constants.

mod call;
mod case;
mod core;
mod cost;
mod epilogue;
mod passing;
mod probe;
mod sources;
mod table;
mod text;

#[doc(hidden)]
pub use self::core::{CORES, Core, Pass, Tiling};
pub use call::Call;
#[doc(hidden)]
pub use call::{Arguments, Operand, Size, Twin, Twins};
#[doc(hidden)]
pub use case::{Case, CaseGraph, Input, Work};
pub use cost::Cost;
#[doc(hidden)]
pub use epilogue::{Column, Epilogue, Store, Value};
pub use passing::Passing;
#[doc(hidden)]
pub use probe::{Probe, Roof, probes};
pub use sources::Sources;
#[doc(hidden)]
pub use sources::{Wgsl, source, sources};

pub use crate::function::{Fill, Tolerance};
#[doc(hidden)]
pub use crate::vectors::Vectors;

use crate::graph::{Fusion, MOST_BINDINGS, Op, SUM_COLUMNS};

/// Returns every kernel.
pub fn kernels() -> impl Iterator<Item = &'static Kernel> {
    [&table::PRODUCT, &table::STAGES, &table::OPTIMIZER].into_iter().chain(table::FILES)
}

/// Invocations of a workgroup, for all kernels except those that begin with a matrix product.
pub const WORKGROUP: usize = 64;

/// Binding of the scratch buffer between two passes: the last of group 0.
pub const SLICES_BINDING: usize = MOST_BINDINGS - 1;

/// Whether `name` is the name of a call's kernel: its label, or its row in the kernel table.
pub fn is_named(call: &Call, name: &str) -> bool {
    call.label() == name || Kernel::of(call).name == name
}

/// A row of the kernel table.
#[derive(Debug)]
pub struct Kernel {
    /// The kernel's name; that of the op, if it computes only one.
    pub name: &'static str,
    /// The kernel's files below `shaders/`, without the extension; the files that they import are
    /// added.
    pub files: &'static [&'static str],
    /// Entry point.
    pub entry_point: &'static str,
    /// Values of the shader's `override` constants, except those of the tiling.
    pub constants: fn(&Call) -> Vec<(&'static str, f64)>,
    /// Division of the work into workgroups.
    pub grid: Grid,
    /// The table of the operands' places, if the kernel does not bind each operand separately.
    pub table: Option<Table>,
    /// The same computation on the CPU, in both precisions; that of a fused kernel is the list of
    /// its node's primitives, run in order.
    pub twins: Option<Twins>,
    /// Division of the work among the CPU's threads.
    pub split: fn(&Call) -> Split,
    /// Largest deviation of a device from the f64 twin.
    pub tolerance: fn(&Call) -> Tolerance,
    /// Operands on which the kernel is checked.
    pub cases: fn() -> Vec<Case>,
}

impl Kernel {
    /// Returns the kernel of a call.
    pub fn of(call: &Call) -> &'static Self {
        let stages = call.epilogue.as_ref();
        let of_name = |kernel: &&Self| kernel.name == call.op.name();
        match (call.op, stages) {
            (Op::Matmul(_), _) => &table::PRODUCT,
            (Op::Fused(Fusion::Stages), Some(stages)) if stages.product.is_some() => {
                &table::PRODUCT
            }
            (_, Some(_)) => &table::STAGES,
            (Op::Update(_), _) => &table::OPTIMIZER,
            _ => table::FILES.iter().find(of_name).unwrap_or_else(|| {
                unreachable!(
                    "{} has no row in the kernel table; a test sees to that",
                    call.op.name()
                )
            }),
        }
    }

    /// Returns the variants of the kernel on a GPU.
    pub fn variants(&self) -> Vec<Variant> {
        match self.grid {
            Grid::Own(_) => vec![Variant::DEFAULT],
            Grid::Tiles(_) => CORES.iter().map(Variant::of).collect(),
        }
    }

    /// Returns the WGSL module of each pass of a call, from the built-in files; see
    /// [`modules`](Self::modules).
    pub fn wgsl(&self, call: &Call, variant: Variant) -> Vec<String> {
        let modules = self.modules(call, variant, &Sources::default());
        modules.into_iter().map(|module| module.text).collect()
    }

    /// Returns the WGSL module of each pass of a call: one, or two if the variant splits sums.
    pub fn modules(&self, call: &Call, variant: Variant, sources: &Sources) -> Vec<Wgsl> {
        const NO_CORE: &[core::Pass] = &[&[]];
        let passes = variant.core().map_or(NO_CORE, |core| core.passes);
        let is_vector = match (variant.core(), &call.epilogue) {
            (Some(core), _) => core.unit == SUM_COLUMNS,
            (None, Some(stages)) => stages.width.is_multiple_of(SUM_COLUMNS),
            (None, None) => false,
        };
        let unit = if is_vector { "common/vector" } else { "common/scalar" };
        let unit = (variant.core().is_some() || call.epilogue.is_some()).then_some(unit);
        let optimizer = call.optimizer();
        let mut imports = call.epilogue.as_ref().map_or_else(Vec::new, text::imports);
        imports.extend(optimizer.map(|optimizer| format!("optimizers/{}", optimizer.rule().name)));
        if optimizer.is_some_and(|optimizer| optimizer.averages()) {
            imports.push("common/corrections".to_owned());
        }
        let stages = call.epilogue.as_ref();
        let stages = stages.map(|stages| text::epilogue(stages, call.inputs.len()));
        let update = optimizer.map(|optimizer| text::update(optimizer, call.update().is_some()));
        let written = stages.or(update);
        let module = |files: &core::Pass| {
            let imports = imports.iter().map(String::as_str);
            let all =
                unit.into_iter().chain(files.iter().copied()).chain(self.files.iter().copied());
            let mut module = sources.module(&all.chain(imports).collect::<Vec<_>>());
            if let Some(written) = &written {
                let place = format!("the part of {} that is written for it", call.label());
                module.append(place, written.lines().enumerate());
            }
            module
        };
        passes.iter().map(module).collect()
    }

    /// Returns the grid of a call, and the values of all `override` constants; none if the variant
    /// does not support its shapes.
    pub fn tiling(&self, call: &Call, variant: Variant) -> Option<Tiling> {
        let constants = (self.constants)(call);
        match (&self.grid, variant.core()) {
            (Grid::Tiles(tiling), Some(core)) => {
                let tiling = tiling(call, core)?;
                Some(Tiling { constants: [constants, tiling.constants].concat(), ..tiling })
            }
            (Grid::Own(grid), None) => Some(table::own(call, grid(call), constants)),
            _ => None,
        }
    }
}

/// The parts of a kernel's work that are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// No independent parts.
    Whole,
    /// Rows of the outputs: each depends only on the same row of the inputs that have as many.
    Rows {
        /// Inputs that every row depends on as a whole, however many rows they have, a bit for each
        /// place; inputs with fewer or more rows than the outputs always count as such.
        whole: u64,
    },
    /// Rows of each layer's weight, and columns of its bias; all depend on all of the inputs.
    Layers,
}

impl Split {
    /// The split by rows of all inputs that have as many rows as the outputs.
    pub const ROWS: Self = Self::Rows { whole: 0 };
}

/// Division of a kernel's work into workgroups.
#[derive(Debug)]
pub enum Grid {
    /// A grid of its own.
    Own(fn(&Call) -> [u32; 3]),
    /// The tiles of a product, which any of the [`CORES`] may compute.
    Tiles(fn(&Call, &Core) -> Option<Tiling>),
}

/// One of the ways to compute a kernel; devices choose by measurement.
#[derive(Clone, Copy)]
pub struct Variant(Way);

#[derive(Clone, Copy)]
enum Way {
    Only,
    Core(&'static Core),
    Vectors(Vectors),
}

impl std::fmt::Debug for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Variant {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Variant {
    /// The only variant of a kernel that has no core.
    pub const DEFAULT: Self = Self(Way::Only);

    /// Returns the variant of a core.
    pub const fn of(core: &'static Core) -> Self {
        Self(Way::Core(core))
    }

    /// Returns the variant of a CPU's vectors.
    pub const fn of_vectors(vectors: Vectors) -> Self {
        Self(Way::Vectors(vectors))
    }

    /// Returns the core that computes the sums, for a kernel on a GPU that begins with a product.
    pub fn core(self) -> Option<&'static Core> {
        match self.0 {
            Way::Core(core) => Some(core),
            _ => None,
        }
    }

    /// Returns the CPU's vectors, if the variant uses them.
    pub fn vectors(self) -> Option<Vectors> {
        match self.0 {
            Way::Vectors(vectors) => Some(vectors),
            _ => None,
        }
    }

    /// Returns the variant's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Way::Only => "default",
            Way::Core(core) => core.name,
            Way::Vectors(Vectors::Portable) => "portable",
            Way::Vectors(Vectors::Avx2) => "avx2",
            Way::Vectors(Vectors::Avx512) => "avx512",
        }
    }
}

/// The table of operands of a kernel with as many operands as the model has layers: it binds whole
/// buffers of real numbers, then a table of u32 with the operands' places in them.
#[derive(Debug)]
pub struct Table {
    /// Number of buffers.
    pub buffers: usize,
    /// The buffer of an operand, by the operand's index. A buffer without operands still has some
    /// binding.
    pub buffer: fn(&Call, usize) -> usize,
    /// Builds the table, given the place of each operand's first element in its buffer.
    pub entries: fn(&Call, &[u32]) -> Vec<u32>,
}
