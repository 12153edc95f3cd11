//! Cores: the ways to compute a matrix product. The kernel's own file defines the operands of a
//! product and the use of its sums; a core computes the sums. The best core depends on adapter and
//! shape.

use super::table::wrapped;
use super::{Call, Size};
use crate::graph::{MOST_BINDINGS, Shape};

/// The files of a pass, in addition to those of the kernel and of the unit:
/// [`source`](super::source).
pub type Pass = &'static [&'static str];

/// A way to compute a product in tiles of `rows` rows by `columns` columns and as many partners.
#[derive(Debug)]
pub struct Core {
    /// The variant's name.
    pub name: &'static str,
    /// The files of each pass.
    pub passes: &'static [Pass],
    /// Numbers in a unit: 4 supports only rows whose length is a multiple of it.
    pub unit: usize,
    /// Whether the core exchanges values within subgroups, which need at least 4 invocations.
    pub subgroups: bool,
    /// Invocations of a workgroup, a power of two.
    pub lanes: usize,
    /// Invocations that compute one tile.
    pub tile_lanes: usize,
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of a tile, partners not counted.
    pub columns: usize,
    /// PCI ids of vendors whose GPUs have too few registers for the core's sums.
    pub spills_on: &'static [u32],
}

/// Intel's PCI id.
const INTEL: u32 = 0x8086;

/// Every core; first those that are the default on a GPU without measurements.
pub static CORES: &[Core] = &[
    Core::tiled("tiled_64_vector", 4, &[TILED], 64),
    Core::tiled("tiled_64", 1, &[TILED], 64),
    Core::tiled("tiled_32_vector", 4, &[TILED], 32),
    Core::tiled("tiled_32", 1, &[TILED], 32),
    Core::tiled("sliced_64_vector", 4, SLICED, 64),
    Core::tiled("sliced_64", 1, SLICED, 64),
    Core::tiled("sliced_32_vector", 4, SLICED, 32),
    Core::tiled("sliced_32", 1, SLICED, 32),
    Core::quad("quad_8_vector", 4, &[QUAD_FUSED], 8),
    Core::quad("quad_8", 1, &[QUAD_FUSED], 8),
    Core::quad("quad_16_vector", 4, &[QUAD_BLOCKS], 16),
    Core::quad("quad_16", 1, &[QUAD_BLOCKS], 16),
    Core::quad("quad_32_vector", 4, &[QUAD_BLOCKS], 32),
    Core::quad("quad_32", 1, &[QUAD_BLOCKS], 32),
    Core::spread("spread_16", &[&["common/whole", "common/product_spread"]]),
];

const TILED: Pass = &["common/whole", "common/product_tiled"];
const QUAD_FUSED: Pass = &["common/whole", "common/add_fused", "common/product_quads"];
const QUAD_BLOCKS: Pass = &["common/whole", "common/add_blocks", "common/product_quads"];
const SLICED: &[Pass] = &[&["common/slices", "common/product_tiled"], &["common/slice_sums"]];

/// Number of workgroups up to which sums are split into slices: a few for each compute unit of a
/// large GPU.
const ENOUGH_WORKGROUPS: usize = 256;

/// Terms in the shortest slice that is worth a second pass.
const SHORTEST_SLICE: usize = 32;

/// Slices begin at multiples of this, the most that a tiled core stages at once.
const SLICE_STEP: usize = 16;

/// Division of a kernel's work, with the shader's constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiling {
    /// Number of workgroups of each pass.
    pub grids: Vec<[u32; 3]>,
    /// Values of `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// The size that goes into the arguments.
    pub size: Size,
    /// Bytes of the scratch buffer between two passes, in
    /// [`SLICES_BINDING`](super::SLICES_BINDING).
    pub slice_bytes: usize,
}

impl Core {
    /// A core with tiles staged in the workgroup's memory, `side` rows by `side` columns and their
    /// partners.
    const fn tiled(name: &'static str, unit: usize, passes: &'static [Pass], side: usize) -> Self {
        let lanes = side * side / 16;
        Self {
            name,
            passes,
            unit,
            subgroups: false,
            lanes,
            tile_lanes: lanes,
            rows: side,
            columns: side,
            spills_on: &[],
        }
    }

    /// A core with only registers, exchanged within quads.
    const fn quad(name: &'static str, unit: usize, passes: &'static [Pass], rows: usize) -> Self {
        let lanes = 512 / rows;
        Self {
            name,
            passes,
            unit,
            subgroups: true,
            lanes,
            tile_lanes: 4,
            rows,
            columns: 16,
            spills_on: &[INTEL],
        }
    }

    /// A core with only registers, of invocations that are spread over the columns of one tile.
    const fn spread(name: &'static str, passes: &'static [Pass]) -> Self {
        let wide = Self::quad(name, 1, passes, 16);
        Self { subgroups: false, lanes: 8, tile_lanes: 8, columns: 32, ..wide }
    }

    /// Whether operands are staged in the workgroup's memory: all invocations of a workgroup share
    /// a square tile.
    fn is_staged(&self) -> bool {
        self.tile_lanes == self.lanes && self.rows == self.columns
    }

    /// Whether a number of a serves all invocations of a workgroup, without being staged.
    pub fn is_spread(&self) -> bool {
        self.tile_lanes == self.lanes && !self.is_staged()
    }

    /// Whether sums are split along k.
    pub fn is_sliced(&self) -> bool {
        self.passes.len() > 1
    }

    /// Whether the core may be the fastest on an adapter. For a driver that runs on the CPU, the
    /// workgroup's memory is ordinary memory, and the sums of 16 rows and more fit the registers
    /// and the nearest caches. On a GPU they leave registers for few invocations at a time, or do
    /// not fit at all: `cargo bench --bench isa`. `vendor` is a PCI id.
    pub fn suits(&self, is_software: bool, vendor: u32) -> bool {
        if is_software {
            !self.is_staged() && self.rows >= 16
        } else {
            (self.is_staged() || self.rows < 16) && !self.spills_on.contains(&vendor)
        }
    }

    /// Returns the terms of a slice of sums with `k` terms, given `groups` workgroups for tiles;
    /// none if slicing does not pay.
    fn slice(&self, groups: usize, k: usize) -> Option<usize> {
        if !self.is_sliced() {
            return Some(k);
        }
        let count = ENOUGH_WORKGROUPS.div_ceil(groups).min(k / SHORTEST_SLICE);
        (count > 1).then(|| k.div_ceil(count).next_multiple_of(SLICE_STEP))
    }

    /// Returns the tiling into the workgroups for tiles of `size`, and `others` more after them.
    fn tiling(&self, size: Size, others: usize) -> Option<Tiling> {
        let [groups, k] = [size.groups, size.k].map(|count| count as usize);
        let slice = self.slice(groups, k)?;
        let all = wrapped(groups + others);
        let (grids, slice_bytes) = if self.is_sliced() {
            let made = groups * k.div_ceil(slice);
            let floats = 2 * self.rows * self.columns;
            (vec![wrapped(made), all], made * floats * size_of::<f32>())
        } else {
            (vec![all], 0)
        };
        let size = Size { slice: slice as u32, ..size };
        Some(Tiling { grids, constants: self.constants(), size, slice_bytes })
    }

    /// Returns the workgroups for `tiles` tiles.
    fn groups(&self, tiles: usize) -> usize {
        tiles.div_ceil(self.lanes / self.tile_lanes)
    }

    /// Returns the tiles across and down, with a distance of `stride` columns from tile to tile.
    fn tiles(&self, rows: usize, columns: usize, stride: usize) -> [usize; 2] {
        [columns.div_ceil(stride), rows.div_ceil(self.rows)]
    }

    /// Whether rows of these lengths can be read in the core's unit.
    fn reads(&self, mut lengths: impl Iterator<Item = usize>) -> bool {
        lengths.all(|length| length.is_multiple_of(self.unit))
    }

    /// Returns the constants of the core's text.
    fn constants(&self) -> Vec<(&'static str, f64)> {
        let mut sizes =
            vec![("LANES", self.lanes), ("TILE_ROWS", self.rows), ("TILE_LANES", self.tile_lanes)];
        if self.is_staged() {
            sizes.push(("GROUPS", self.rows / 4));
        }
        sizes.into_iter().map(|(name, size)| (name, size as f64)).collect()
    }

    /// Returns the tiling of a product of which `first` columns have tiles of their own.
    fn plain(&self, call: &Call, first: usize, second: usize, stride: usize) -> Option<Tiling> {
        let [m, n, k] = call.mnk();
        let lengths = call.inputs[..2].iter().map(|shape| shape.columns).chain([n, first]);
        if !self.reads(lengths) {
            return None;
        }
        let [across, down] = self.tiles(m, first, stride);
        let groups = self.groups(across * down);
        let [m, n, k, first, second, stride, across, groups] =
            [m, n, k, first, second, stride, across, groups].map(|size| size as u32);
        let size = Size { m, n, k, first, second, stride, across, groups, slice: 0 };
        self.tiling(size, 0)
    }
}

/// Returns the tiling of a product whose tiles have their partners beside them or, if it has two
/// halves, half a row further right. Slices of sums need one more binding.
pub(super) fn product(call: &Call, core: &Core) -> Option<Tiling> {
    let columns = call.mnk()[1];
    let is_halved = call.epilogue.as_ref().is_some_and(|epilogue| epilogue.is_halved);
    if core.is_sliced() && call.inputs.len() + call.outputs.len() >= MOST_BINDINGS {
        return None;
    }
    if is_halved {
        core.plain(call, columns / 2, columns / 2, core.columns)
    } else {
        core.plain(call, columns, core.columns, 2 * core.columns)
    }
}

/// Returns the tiling of an update: the products of all layers, one after the other, then a
/// workgroup for each term of the loss.
pub(super) fn layers(call: &Call, core: &Core) -> Option<Tiling> {
    let layout = call.update()?;
    let stride = 2 * core.columns;
    let shapes = || (0..layout.layers).map(|layer| &call.inputs[layout.matrices(layer)]);
    if !core.reads(shapes().flatten().map(|shape| shape.columns)) {
        return None;
    }
    let tiles = |pair: &[Shape]| {
        core.tiles(pair[0].columns, pair[1].columns, stride).iter().product::<usize>()
    };
    let groups = core.groups(shapes().map(tiles).sum());
    let biases: usize = shapes().map(|pair| pair[1].columns / core.unit).sum();
    let bias_groups = biases.div_ceil(core.lanes);
    let [k, first, second, stride, size] =
        [call.inputs[0].rows, bias_groups, core.columns, stride, groups].map(|size| size as u32);
    let size = Size { k, first, second, stride, groups: size, ..Size::default() };
    let mut tiling = core.tiling(size, bias_groups + layout.terms)?;
    tiling.constants.push(("WORKGROUP", core.lanes as f64));
    Some(tiling)
}
