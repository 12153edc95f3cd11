//! GPUs that Mesa's drivers can compile for without the hardware, and the settings for that.

use super::assembly::inner_loop;
use super::driver::{Executable, SUBGROUP};

/// A vendor of GPUs.
pub(super) struct Vendor {
    pub(super) name: &'static str,
    /// The PCI id.
    pub(super) id: u32,
    /// The driver's manifest.
    pub(super) manifest: &'static str,
    /// The stand-in for the kernel driver, if Mesa's driver needs one.
    pub(super) shim: Option<&'static str>,
    /// The environment variable that selects the GPU.
    pub(super) variable: &'static str,
    /// Values of that variable, and the GPUs' names.
    pub(super) gpus: &'static [(&'static str, &'static str)],
    /// Titles of columns, and the driver's statistics in them.
    columns: &'static [(&'static str, &'static str)],
}

impl Vendor {
    /// The head of a table of executables.
    pub(super) fn head(&self) -> String {
        let titles = self.columns.iter().map(|(title, _)| *title).chain(["in the loop", "FMA"]);
        let titles: Vec<_> = titles.collect();
        let sides = " ---: |".repeat(titles.len());
        format!("| kernel | variant | {} |\n| --- | --- |{sides}", titles.join(" | "))
    }

    /// A row of the table.
    pub(super) fn row(&self, kernel: &str, variant: &str, executable: &Executable) -> String {
        let statistic = |name| executable.statistic(name).map(|value| value.to_string());
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mut cells: Vec<_> =
            self.columns.iter().map(|(_, name)| or_none(statistic(name))).collect();
        let found = inner_loop(&executable.assembly).filter(|inner| inner.fmas > 0);
        cells.push(or_none(found.map(|inner| inner.instructions.to_string())));
        cells.push(or_none(found.map(|inner| format!("{:.0} %", 100.0 * inner.share()))));
        format!("| {kernel} | {variant} | {} |", cells.join(" | "))
    }
}

pub(super) static VENDORS: [Vendor; 3] = [
    Vendor {
        name: "amd",
        id: 0x1002,
        manifest: "radeon_icd.json",
        shim: None,
        variable: "RADV_FORCE_FAMILY",
        gpus: &[("navi21", "RX 6800"), ("navi31", "RX 7900"), ("gfx1201", "RX 9070")],
        columns: &[
            ("lanes", SUBGROUP),
            ("VGPRs", "VGPRs"),
            ("spilled", "Spilled VGPRs"),
            ("LDS bytes", "LDS size"),
            ("waves a SIMD", "Subgroups per SIMD"),
            ("instructions", "Instructions"),
            ("cycles", "Inverse Throughput"),
        ],
    },
    Vendor {
        name: "intel",
        id: 0x8086,
        manifest: "intel_icd.json",
        shim: Some("intel.so"),
        variable: "INTEL_STUB_GPU_DEVICE_ID",
        gpus: &[("0x56a0", "Arc A770"), ("0xe20b", "Arc B580"), ("0x9a49", "Iris Xe")],
        columns: &[
            ("SIMD", SUBGROUP),
            ("live registers", "Max live registers"),
            ("spills", "Spill Count"),
            ("fills", "Fill Count"),
            ("SLM bytes", "Workgroup Memory Size"),
            ("instructions", "Instruction Count"),
            ("cycles", "Cycle Count"),
        ],
    },
    Vendor {
        name: "nvidia",
        id: 0x10de,
        manifest: "nouveau_icd.json",
        shim: Some("nvidia.so"),
        variable: "NOUVEAU_CHIPSET",
        gpus: &[("164", "RTX 2080"), ("174", "RTX 3070")],
        columns: &[
            ("registers", "Number of GPRs"),
            ("local bytes", "SLM Size"),
            ("instructions", "Instruction count"),
        ],
    },
];
