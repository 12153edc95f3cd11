//! Memory of this machine: its available bytes, and the display of numbers of bytes.

use std::fmt::{Display, Formatter};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use unit_prefix::NumberPrefix;

/// A number of bytes, displayed as `1.50 GiB`.
pub(crate) struct Bytes(pub(crate) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        match NumberPrefix::binary(self.0 as f64) {
            NumberPrefix::Standalone(bytes) => write!(f, "{bytes:.0} B"),
            NumberPrefix::Prefixed(prefix, bytes) => write!(f, "{bytes:.2} {prefix}B"),
        }
    }
}

/// Address space that is reserved for memory that is not counted: pictures, stacks, and the heaps
/// that the C library reserves for threads, 64 MiB each.
#[cfg(target_os = "linux")]
const APART: u64 = 192 << 20;

/// Returns the bytes that this process may still allocate within the system's memory, its control
/// group, and its own limit (`ulimit -v`). A control group counts files in the system's cache as
/// used, though they can be evicted; so only memory that is in no file is counted here, except
/// shared memory.
pub(crate) fn available() -> u64 {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
    let group = system.cgroup_limits().filter(|group| group.total_memory < system.total_memory());
    let left = group.map_or(u64::MAX, |group| group.total_memory.saturating_sub(group.rss));
    let left = left.min(below_limit());
    match system.available_memory() {
        // Unknown.
        0 => left,
        available => available.min(left),
    }
}

/// Returns the bytes that the limit of this process's address space leaves, minus a reserve for
/// threads and drivers.
fn below_limit() -> u64 {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, getrlimit};
        let Some(limit) = getrlimit(Resource::As).current else { return u64::MAX };
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let used = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
        let used = used.and_then(|size| size.trim().strip_suffix(" kB")?.trim().parse().ok());
        let used = used.map_or(0, |kib: u64| kib << 10);
        limit.saturating_sub(used).saturating_sub(APART)
    }
    #[cfg(not(target_os = "linux"))]
    u64::MAX
}
