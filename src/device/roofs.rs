//! Roofs: the peak rates of a device.

use serde::{Deserialize, Serialize};

/// Peak rates of a device, measured: the best of many short timings, since other load on the
/// machine only makes a timing slower. A kernel's work divided by these bounds its time from below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roofs {
    /// Floating-point operations a second, in 10⁹: multiplications with additions in registers, two
    /// operations each, on all of the device.
    pub gflops: f64,
    /// Bytes read and written a second, in 10⁹, by a copy larger than the last-level cache.
    pub gbs: f64,
    /// The same for a copy that fits the caches: the second level of a CPU's cores, or a GPU's.
    pub cached_gbs: f64,
    /// Bytes read from workgroup memory a second, in 10⁹; none on the CPU, which has no such
    /// memory.
    pub workgroup_gbs: Option<f64>,
    /// Microseconds of a dispatch of one invocation that waits for the previous one, among many in
    /// a pass; on the CPU, of handing an empty job to all threads and waiting for them.
    pub dispatch_us: f64,
    /// Microseconds of a submit of an empty pass, until the host is notified of its end; 0 on the
    /// CPU, which has no submits.
    pub submit_us: f64,
}
