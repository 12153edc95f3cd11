//! Memory checks for plans, before anything is allocated.

use super::Memory;
use crate::memory::Bytes;
use crate::{Error, Result};

/// Checks that `need` fits into `available` bytes.
///
/// # Errors
/// [`Error::Setting`] with the setting that most of the memory depends on.
pub(super) fn check(device: &str, need: &Memory, available: u64) -> Result<()> {
    let Memory { weights, optimizer, data, workspace } = *need;
    let total = weights + optimizer + data + workspace;
    if total <= available {
        return Ok(());
    }
    let classes = [
        ("hidden", "weights and optimiser state", weights + optimizer),
        ("limit", "the images", data),
        ("batch", "temporary tensors of a step", workspace),
    ];
    let Some((setting, what, most)) = classes.into_iter().max_by_key(|&(.., bytes)| bytes) else {
        unreachable!("there are classes");
    };
    Err(Error::Setting {
        setting,
        expected: format!("at most the {} available on {device}", Bytes(available)),
        found: format!("{}, {} of them for {what}", Bytes(total), Bytes(most)),
    })
}

/// Checks that a buffer of a device can hold a tensor whose size depends on a setting.
///
/// # Errors
/// [`Error::Setting`] with that setting.
#[cfg(feature = "gpu")]
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
        expected: format!("at most {} in one buffer of {device}", Bytes(most)),
        found: format!("{} for {label}", Bytes(bytes)),
    })
}
