//! Whether a device has room for plans, before anything is made for them.

use super::Memory;
use crate::{Error, Result};
use indicatif::HumanBytes;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Address space that is left for what is not counted: pictures, stacks, and the heaps that the C library
/// reserves for threads, 64 MiB each.
#[cfg(target_os = "linux")]
const APART: u64 = 192 << 20;

/// Bytes that this process may still allocate: what the system has, its control group, or its own limit
/// (`ulimit -v`) leaves. A control group counts files in the system's cache as used, though they give
/// way; so what is in no file is counted here, except shared memory.
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

/// Bytes that the limit of this process's address space leaves, less what threads and drivers take.
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

/// Checks that so much is available.
///
/// # Errors
/// [`Error::Setting`] that names the flag which most of it depends on.
pub(super) fn check(device: &str, need: &Memory, available: u64) -> Result<()> {
    let Memory { weights, optimizer, data, workspace } = *need;
    let total = weights + optimizer + data + workspace;
    if total <= available {
        return Ok(());
    }
    let classes = [
        ("--hidden", "weights and what the optimiser keeps of them", weights + optimizer),
        ("--limit", "the images", data),
        ("--batch", "what a step leaves to itself", workspace),
    ];
    let Some((setting, what, most)) = classes.into_iter().max_by_key(|&(.., bytes)| bytes) else {
        unreachable!("there are classes");
    };
    Err(Error::Setting {
        setting,
        expected: format!("what fits into the {} available on {device}", HumanBytes(available)),
        found: format!("{}, {} of them for {what}", HumanBytes(total), HumanBytes(most)),
    })
}

/// Checks that one buffer of a device can hold so much, which depends on a flag.
///
/// # Errors
/// [`Error::Setting`] that names the flag.
pub(super) fn check_buffer(
    device: &str,
    setting: &'static str,
    label: &str,
    bytes: u64,
    most: u64,
) -> Result<()> {
    if bytes <= most {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        expected: format!("at most {} in one buffer of {device}", HumanBytes(most)),
        found: format!("{} for {label}", HumanBytes(bytes)),
    })
}
