//! The header of every result.

use std::process::Command;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Description, Device};

/// Describes the device, the CPU, and the version of this project.
pub(crate) fn header(device: &Description) -> String {
    let git = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let commit = git.ok().filter(|output| output.status.success());
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    let cpu = CpuSession::<f32>::new();
    let Description { name, driver, .. } = cpu.description();
    format!("{device}; {name} ({driver}); commit {commit}")
}
