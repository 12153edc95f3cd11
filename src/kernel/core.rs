//! The ways to compute a matrix product. What a product's operands are and what becomes of its sums
//! is said in the kernel's own file; how the sums are made, in one of the cores. Which core is best
//! depends on adapter and shape.

use super::Call;
use crate::graph::{LOG_ROWS, Op};

/// A way to compute a product, in tiles: each workgroup computes `rows` rows of `columns` columns
/// and of as many partners.
#[derive(Debug)]
pub struct Core {
    /// The variant's name.
    pub name: &'static str,
    /// Its text, from `shaders/common/`.
    pub source: &'static str,
    /// Invocations of a workgroup, a power of two.
    pub lanes: usize,
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of a tile, its partners not counted.
    pub columns: usize,
}

/// Every core. All of them compute every product.
pub static CORES: &[Core] = &[Core {
    name: "tiled",
    source: include_str!("../../shaders/common/product_tiled.wgsl"),
    lanes: 256,
    rows: 64,
    columns: 64,
}];

/// How many workgroups, and what the shader is told about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiling {
    /// Number of workgroups.
    pub grid: [u32; 3],
    /// Values of `override` constants.
    pub constants: Vec<(&'static str, f64)>,
}

impl Core {
    /// Tiles across and down, where a tile is `stride` columns from the next.
    fn tiles(&self, rows: usize, columns: usize, stride: usize) -> [usize; 2] {
        [columns.div_ceil(stride), rows.div_ceil(self.rows)]
    }

    /// What the core's text is told: how long the sums are, how far a column is from its partner,
    /// and a tile from the next.
    fn constants(&self, k: usize, second: usize, stride: usize) -> Vec<(&'static str, f64)> {
        let sizes = [
            ("K", k),
            ("SECOND", second),
            ("STRIDE", stride),
            ("LANES", self.lanes),
            ("TILE_ROWS", self.rows),
        ];
        sizes.map(|(name, size)| (name, size as f64)).to_vec()
    }

    /// A product of which `first` columns have tiles of their own.
    fn plain(&self, call: &Call, first: usize, second: usize, stride: usize) -> Tiling {
        let [m, n, k] = call.mnk();
        let [x, y] = self.tiles(m, first, stride);
        let shape = [("M", m), ("N", n), ("FIRST", first)].map(|(name, size)| (name, size as f64));
        Tiling {
            grid: [x as u32, y as u32, 1],
            constants: [&shape, self.constants(k, second, stride).as_slice()].concat(),
        }
    }
}

/// A product whose tiles have their partners beside them.
pub(super) fn wide(call: &Call, core: &Core) -> Tiling {
    core.plain(call, call.mnk()[1], core.columns, 2 * core.columns)
}

/// A product whose columns have their partners half a row further on.
pub(super) fn halves(call: &Call, core: &Core) -> Tiling {
    let half = call.mnk()[1] / 2;
    core.plain(call, half, half, core.columns)
}

/// The products of all layers, one after the other, then a workgroup for each term of the loss.
pub(super) fn layers(call: &Call, core: &Core) -> Tiling {
    let stride = 2 * core.columns;
    let (layers, terms) = layers_and_terms(call);
    // A bias is one more row.
    let tiles = |layer: usize| {
        let [x, dy] = [call.inputs[2 * layer], call.inputs[2 * layer + 1]];
        core.tiles(x.columns + 1, dy.columns, stride).iter().product::<usize>()
    };
    let tiles: usize = (0..layers).map(tiles).sum();
    let log_columns = if terms > 0 { call.outputs[4 * layers].columns } else { 1 };
    let own = [
        ("LAYERS", layers),
        ("TILES", tiles),
        ("LOG_ROWS", LOG_ROWS),
        ("LOG_COLUMNS", log_columns),
        ("WORKGROUP", core.lanes),
    ];
    let own = own.map(|(name, size)| (name, size as f64));
    let shared = core.constants(call.inputs[0].rows, core.columns, stride);
    Tiling { grid: [(tiles + terms) as u32, 1, 1], constants: [&own, shared.as_slice()].concat() }
}

/// How many layers an update has, and how many terms of the loss.
pub(super) fn layers_and_terms(call: &Call) -> (usize, usize) {
    let is_layer = |op: &&Op| matches!(op, Op::Matmul(_));
    let layers = call.parts.iter().filter(is_layer).count();
    (layers, call.inputs.len() - 2 * layers)
}
