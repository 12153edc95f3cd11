//! The ways to compute a matrix product. What a product's operands are and what becomes of its sums
//! is said in the kernel's own file; how the sums are made, in one of the cores. Which core is best
//! depends on adapter and shape.

use super::table::wrapped;
use super::{Call, Product};
use crate::graph::{Op, Shape};

/// A way to compute a product in tiles of `rows` rows by `columns` columns and as many partners.
#[derive(Debug)]
pub struct Core {
    /// The variant's name.
    pub name: &'static str,
    /// Its texts, from `shaders/common/`: the unit in which tensors are read, how a block of the
    /// first operand comes about, then the product.
    pub sources: [&'static str; 3],
    /// Numbers in a unit: 4 serves only rows whose length is a multiple of it.
    pub unit: usize,
    /// Whether it exchanges values within subgroups, which need at least 4 invocations.
    pub subgroups: bool,
    /// Invocations of a workgroup, a power of two.
    pub lanes: usize,
    /// Invocations that compute a tile.
    pub tile_lanes: usize,
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of a tile, its partners not counted.
    pub columns: usize,
}

/// How many numbers are read at once, and the text that says so.
#[derive(Clone, Copy)]
struct Unit {
    numbers: usize,
    source: &'static str,
}

const SCALAR: Unit = Unit { numbers: 1, source: include_str!("../../shaders/common/scalar.wgsl") };
const VECTOR: Unit = Unit { numbers: 4, source: include_str!("../../shaders/common/vector.wgsl") };
const EXCHANGED: &str = include_str!("../../shaders/common/exchanged.wgsl");
const ALONE: &str = include_str!("../../shaders/common/alone.wgsl");
const REGISTERS: &str = include_str!("../../shaders/common/product_registers.wgsl");
const TILED: &str = include_str!("../../shaders/common/product_tiled.wgsl");

/// Every core, those first that serve a GPU which nobody has measured.
pub static CORES: &[Core] = &[
    Core::tiled("tiled_64_vector", VECTOR, 64),
    Core::tiled("tiled_64", SCALAR, 64),
    Core::tiled("tiled_32_vector", VECTOR, 32),
    Core::tiled("tiled_32", SCALAR, 32),
    Core::quad("quad_32_vector", VECTOR, 32, 8),
    Core::quad("quad_32", SCALAR, 32, 8),
    Core::quad("quad_16_vector", VECTOR, 16, 32),
    Core::quad("quad_16", SCALAR, 16, 32),
    Core::registers("registers_16_vector", VECTOR),
    Core::registers("registers_16", SCALAR),
];

/// How many workgroups, and what the shader is told about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiling {
    /// Number of workgroups.
    pub grid: [u32; 3],
    /// Values of `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// For a product, its size; goes into immediate data.
    pub product: Option<Product>,
}

impl Core {
    /// Tiles staged in the workgroup's memory, `side` rows by `side` columns and their partners.
    const fn tiled(name: &'static str, unit: Unit, side: usize) -> Self {
        let lanes = side * side / 16;
        Self {
            name,
            sources: [unit.source, "", TILED],
            unit: unit.numbers,
            subgroups: false,
            lanes,
            tile_lanes: lanes,
            rows: side,
            columns: side,
        }
    }

    /// Registers alone, exchanged within quads.
    const fn quad(name: &'static str, unit: Unit, rows: usize, lanes: usize) -> Self {
        Self {
            name,
            sources: [unit.source, EXCHANGED, REGISTERS],
            unit: unit.numbers,
            subgroups: true,
            lanes,
            tile_lanes: 4,
            rows,
            columns: 16,
        }
    }

    /// Registers alone, each invocation for itself.
    const fn registers(name: &'static str, unit: Unit) -> Self {
        let sources = [unit.source, ALONE, REGISTERS];
        Self { name, sources, subgroups: false, ..Self::quad(name, unit, 16, 32) }
    }

    /// Workgroups for this many tiles.
    fn groups(&self, tiles: usize) -> usize {
        tiles.div_ceil(self.lanes / self.tile_lanes)
    }

    /// Tiles across and down, where a tile is `stride` columns from the next.
    fn tiles(&self, rows: usize, columns: usize, stride: usize) -> [usize; 2] {
        [columns.div_ceil(stride), rows.div_ceil(self.rows)]
    }

    /// Whether rows of these lengths can be read in its unit.
    fn reads(&self, mut lengths: impl Iterator<Item = usize>) -> bool {
        lengths.all(|length| length.is_multiple_of(self.unit))
    }

    /// What the core's text is told.
    fn constants(&self) -> Vec<(&'static str, f64)> {
        let mut sizes =
            vec![("LANES", self.lanes), ("TILE_ROWS", self.rows), ("TILE_LANES", self.tile_lanes)];
        if self.tile_lanes == self.lanes {
            // Staged in the workgroup's memory.
            sizes.push(("TILE_COLUMNS", self.columns));
            sizes.extend([("A_VECTORS", 5 * self.rows), ("B_VECTORS", 5 * self.columns)]);
        }
        sizes.into_iter().map(|(name, size)| (name, size as f64)).collect()
    }

    /// A product of which `first` columns have tiles of their own.
    fn plain(&self, call: &Call, first: usize, second: usize, stride: usize) -> Option<Tiling> {
        let [m, n, k] = call.mnk();
        let lengths = call.inputs.iter().map(|shape| shape.columns).chain([n, first]);
        if !self.reads(lengths) {
            return None;
        }
        let [across, down] = self.tiles(m, first, stride);
        let [m, n, k, first, second, stride] = [m, n, k, first, second, stride].map(|s| s as u32);
        let product =
            Product { m, n, k, first, second, stride, across: across as u32, ..Product::default() };
        Some(Tiling {
            grid: wrapped(self.groups(across * down)),
            constants: self.constants(),
            product: Some(product),
        })
    }
}

/// A product whose tiles have their partners beside them.
pub(super) fn wide(call: &Call, core: &Core) -> Option<Tiling> {
    core.plain(call, call.mnk()[1], core.columns, 2 * core.columns)
}

/// A product whose columns have their partners half a row further on.
pub(super) fn halves(call: &Call, core: &Core) -> Option<Tiling> {
    let half = call.mnk()[1] / 2;
    core.plain(call, half, half, core.columns)
}

/// The products of all layers, one after the other, then a workgroup for each term of the loss.
pub(super) fn layers(call: &Call, core: &Core) -> Option<Tiling> {
    let stride = 2 * core.columns;
    let (layers, terms) = layers_and_terms(call);
    let matrices = &call.inputs[..2 * layers];
    if !core.reads(matrices.iter().map(|shape| shape.columns)) {
        return None;
    }
    let tiles = |pair: &[Shape]| {
        core.tiles(pair[0].columns, pair[1].columns, stride).iter().product::<usize>()
    };
    let groups = core.groups(matrices.chunks_exact(2).map(tiles).sum());
    let biases: usize = matrices.chunks_exact(2).map(|pair| pair[1].columns / core.unit).sum();
    let bias_groups = biases.div_ceil(core.lanes);
    let [k, first, second, stride, across] =
        [call.inputs[0].rows, bias_groups, core.columns, stride, groups].map(|size| size as u32);
    let own = [("WORKGROUP", core.lanes as f64)];
    Some(Tiling {
        grid: wrapped(groups + bias_groups + terms),
        constants: [&own, core.constants().as_slice()].concat(),
        product: Some(Product { k, first, second, stride, across, ..Product::default() }),
    })
}

/// How many layers an update has, and how many terms of the loss.
pub(super) fn layers_and_terms(call: &Call) -> (usize, usize) {
    let is_layer = |op: &&Op| matches!(op, Op::Matmul(_));
    let layers = call.parts.iter().filter(is_layer).count();
    (layers, call.inputs.len() - 2 * layers)
}
