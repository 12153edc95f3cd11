//! What a device can reach at best.

use serde::{Deserialize, Serialize};

/// The most that a device reaches, measured on it: the best of many short timings, since what else
/// the machine does makes nothing faster. A kernel's time is bounded below by its work over these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roofs {
    /// Floating-point operations a second, in 10⁹: multiplications with additions in registers, two
    /// operations each, on all of the device.
    pub gflops: f64,
    /// Bytes read and written a second, in 10⁹, by a copy larger than the last-level cache.
    pub gbs: f64,
    /// The same by a copy that fits the caches: the second level of a CPU's cores, or a GPU's.
    pub cached_gbs: f64,
    /// Bytes read from workgroup memory a second, in 10⁹; none on the CPU, which has no such memory.
    pub workgroup_gbs: Option<f64>,
    /// Microseconds of a dispatch of one invocation that waits for the one before, among many in a
    /// pass; on the CPU, of handing nothing to all threads and waiting for them.
    pub dispatch_us: f64,
    /// Microseconds of a submit of an empty pass, until the host knows that it is done; 0 on the
    /// CPU, where nothing is submitted.
    pub submit_us: f64,
}
