//! The kernels that measure a GPU's peak rates. None computes an op; each has a known result, so
//! that a probe that was optimised away or skipped is detected. All values are whole numbers below
//! 2²⁴, so the results are exact in any order.

/// Invocations of a workgroup; `LANES` in the shaders.
const LANES: usize = 256;

/// Vectors in workgroup memory; `TILE` in the shader.
const TILE: usize = 512;

/// Bytes of a vector.
const VECTOR: usize = 16;

/// The rate that a probe measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roof {
    /// Multiply-adds in registers.
    Fma,
    /// Copies between buffers larger than the caches.
    Memory,
    /// Copies between buffers that fit the caches.
    Cache,
    /// Reads of workgroup memory.
    Workgroup,
    /// Empty dispatches.
    Dispatch,
}

/// A kernel from buffer `x` to buffer `y`, bindings 0 and 1, with its input and expected output.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The measured rate.
    pub roof: Roof,
    /// File of its shader below `shaders/roofs/`, without the ending.
    pub name: &'static str,
    /// Entry point.
    pub entry_point: &'static str,
    /// The WGSL module.
    pub wgsl: &'static str,
    /// Values of the shader's `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// Workgroups of a dispatch.
    pub workgroups: usize,
    /// The number of equal parts of the buffers; each dispatch uses the next part.
    pub parts: usize,
    /// Floating-point operations, bytes or dispatches per dispatch.
    pub work: f64,
    /// The end of `x`; the numbers before it are irrelevant.
    pub x: Vec<f32>,
    /// Bytes of `x`.
    pub x_bytes: usize,
    /// The expected end of `y` after a dispatch of each part, if `y` was 0 before.
    pub y: Vec<f32>,
    /// Bytes of `y`.
    pub y_bytes: usize,
}

macro_rules! probe {
    ($roof:ident, $name:literal) => {
        Probe {
            roof: Roof::$roof,
            name: $name,
            entry_point: concat!($name, "_roof"),
            wgsl: include_str!(concat!("../../shaders/roofs/", $name, ".wgsl")),
            constants: Vec::new(),
            workgroups: 1,
            parts: 1,
            work: 1.0,
            x: Vec::new(),
            x_bytes: 0,
            y: Vec::new(),
            y_bytes: 0,
        }
    };
}

impl Probe {
    fn buffers(self, x: Vec<f32>, y: Vec<f32>) -> Self {
        let (x_bytes, y_bytes) = (size_of_val(&*x), size_of_val(&*y));
        Self { x, x_bytes, y, y_bytes, ..self }
    }
}

/// All probes, for a driver that runs on the CPU, or for a GPU, which needs more invocations to be
/// busy, and more numbers to fill its caches. `most` is the size of the largest buffer.
pub fn probes(is_software: bool, most: usize) -> Vec<Probe> {
    let workgroups = if is_software { 32 } else { 4096 };
    // Sizes of the two buffers of each probe: more than the last-level caches of CPUs, and of GPUs;
    // and no more than the second-level cache of a CPU's core, and of any GPU.
    let (memory, cache) = if is_software { (64 << 20, 256 << 10) } else { (128 << 20, 2 << 20) };
    let mut probes: Vec<_> = [2, 4, 8].iter().map(|&chains| fma(chains, workgroups)).collect();
    // Short dispatches are less likely to be disturbed, long ones keep a GPU busy.
    let parts = if is_software { 16 } else { 1 };
    probes.push(copy(Roof::Memory, memory.min(most), [parts, 4096, 1]));
    probes.push(copy(Roof::Cache, cache, [1, 512, 16]));
    probes.push(workgroup(workgroups));
    probes.push(probe!(Dispatch, "dispatch").buffers(vec![1.0; 4], vec![1.0; 4]));
    probes
}

fn fma(chains: usize, workgroups: usize) -> Probe {
    const ROUNDS: usize = 32;
    const ADDEND: [f32; 4] = [1.0, 2.0, 3.0, 4.0];
    let invocations = workgroups * LANES;
    let sum = |i: usize| {
        let starts = (8 * (i / 4 % LANES) + 28) as f32;
        starts + (4 * ROUNDS * chains) as f32 * ADDEND[i % 4]
    };
    let x = [[1.0; 4], ADDEND].concat();
    Probe {
        constants: vec![("CHAINS", chains as f64), ("ROUNDS", ROUNDS as f64)],
        workgroups,
        work: (2 * 4 * 4 * ROUNDS * chains * invocations) as f64,
        ..probe!(Fma, "fma").buffers(x, (0..4 * invocations).map(sum).collect())
    }
}

/// A probe that copies `bytes` bytes in `parts` parts; a workgroup copies `slice` vectors.
fn copy(roof: Roof, bytes: usize, [parts, slice, rounds]: [usize; 3]) -> Probe {
    let workgroups = bytes / (VECTOR * slice * parts);
    let part = workgroups * VECTOR * slice;
    // The end covers two workgroups.
    let end: Vec<_> = (0..2 * 4 * slice).map(|i| 1.0 + i as f32).collect();
    Probe {
        roof,
        constants: vec![("SLICE", slice as f64), ("ROUNDS", rounds as f64)],
        workgroups,
        parts,
        work: (2 * part * rounds) as f64,
        x_bytes: parts * part,
        y_bytes: parts * part,
        ..probe!(Cache, "copy").buffers(end.clone(), end)
    }
}

fn workgroup(workgroups: usize) -> Probe {
    const ROUNDS: usize = 32;
    let invocations = workgroups * LANES;
    let tile: Vec<_> = (0..4 * TILE).map(|i| (i % 251) as f32).collect();
    let sum = |i: usize| {
        let (lane, column) = (i / 4 % LANES, i % 4);
        let rounds = (0..4).flat_map(|quarter| (0..ROUNDS).map(move |i| i + quarter * TILE / 4));
        rounds.map(|round| tile[(lane + round) % TILE * 4 + column]).sum()
    };
    let y: Vec<f32> = (0..4 * LANES).map(sum).collect();
    Probe {
        constants: vec![("ROUNDS", ROUNDS as f64)],
        workgroups,
        work: (VECTOR * 4 * ROUNDS * invocations) as f64,
        ..probe!(Workgroup, "workgroup").buffers(tile, y.repeat(workgroups))
    }
}
