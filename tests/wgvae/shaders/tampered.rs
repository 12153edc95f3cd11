//! The reflection's own test: modules that differ from their rows in one thing, and the words by
//! which each difference is reported.

use wgvae::kernel::kernels;

use super::interface::Interface;
use super::{Applied, Outcome};

/// In the module of this kernel, one text becomes another, which has to be reported by these words.
const CHANGES: &[(&str, &str, &str, &str)] = &[
    (
        "loss_sum",
        "fn loss_sum(",
        "fn sum(",
        "entry point: expected [\"loss_sum\"], found [\"sum\"]",
    ),
    ("row_sum", "read_write> sums", "read> sums", "binding 1: read array<f32>\"]"),
    ("row_sum", "read_write> x", "read> x", "found [\"group 0, binding 0: read array<f32>\","),
    ("row_sum", "@binding(1)", "@binding(2)", "binding 2: read_write array<f32>\"]"),
    ("row_sum", "@group(0) @binding(1)", "@group(1) @binding(1)", "group 1, binding 1: read_write"),
    (
        "row_sum",
        "x: array<f32>",
        "x: array<vec2f>",
        "found [\"group 0, binding 0: read_write array<Vector",
    ),
    ("gather_batch", "indices: array<u32>", "indices: array<f32>", "binding 1: read array<f32>"),
    (
        "row_sum",
        "@group(0) @binding(0)",
        "@group(0) @binding(7) var<storage, read> more: array<f32>; @group(0) @binding(0)",
        "group 0, binding 7: read array<f32>\"]",
    ),
    (
        "row_sum",
        "override WORKGROUP",
        "var<immediate> step: u32; override WORKGROUP",
        "found [\"Scalar(",
    ),
    (
        "loss_sum",
        "var<immediate>",
        "var<private>",
        "immediate data: expected [\"index: u32 at 0\",",
    ),
    (
        "loss_sum",
        "var<immediate>",
        "@group(1) @binding(1) var<uniform>",
        "immediate data: expected [\"index: u32 at 0\",",
    ),
    (
        "row_sum",
        "override WORKGROUP",
        "@group(1) @binding(0) var<uniform> more: u32; override WORKGROUP",
        "uniform buffer: expected [], found [\"1, 0: Scalar(",
    ),
    (
        "loss_sum",
        "    seed_high: u32,\n",
        "",
        "\"seed_low: u32 at 8\", \"learning_rate: f32 at 12\", \"kl_weight",
    ),
    (
        "loss_sum",
        "    seed_low: u32,\n    seed_high: u32,\n",
        "    seed_high: u32,\n    seed_low: u32,\n",
        "found [\"index: u32 at 0\", \"first_row: u32 at 4\", \"seed_high: u32 at 8\"",
    ),
    ("loss_sum", "seed_high: u32,", "seed_high: f32,", "\"seed_high: f32 at 12\", \"learning_rate"),
    ("loss_sum", "seed_high: u32,", "@align(16) seed_high: u32,", "\"seed_high: u32 at 16\""),
    ("loss_sum", "seed_high: u32,", "@size(20) seed_high: u32,", "\"learning_rate: f32 at 32\""),
    ("loss_sum", "override COLUMN: u32;", "const COLUMN = 0u;", "no override COLUMN"),
    ("loss_sum", "override COLUMN: u32;", "@id(1) override COLUMN: u32;", "no override COLUMN"),
    (
        "loss_sum",
        "override COLUMN: u32;",
        "override COLUMN: u32; override MORE: f32;",
        "override Some(\"MORE\") is not given once",
    ),
    ("optimizer", "GAIN: f32", "GAIN: u32", "override GAIN of kind Some(Uint) is given 0.0"),
    ("optimizer", "GAIN: f32", "GAIN: bool", "override GAIN of kind Some(Bool) is given 0.0"),
    ("row_sum", "fn row_sum(", "fn row_sum((", "error: "),
];

#[test]
fn every_difference_is_reported() -> Outcome {
    for &(name, from, to, words) in CHANGES {
        let kernel = kernels().find(|kernel| kernel.name == name).ok_or(name)?;
        let case = (kernel.cases)().into_iter().next().ok_or(name)?;
        let variant = kernel.variants()[0];
        let applied = Applied::new(&case)?;
        let interface = Interface::of(kernel, variant, &applied).ok_or(name)?;
        let wgsl = kernel.wgsl(&applied.call, variant).remove(0);
        assert!(wgsl.contains(from), "{name} has no {from:?}");
        let report = match interface.check(&wgsl.replacen(from, to, 1)) {
            Ok(()) => panic!("{name}: {from:?} became {to:?}, and nothing was reported"),
            Err(report) => report,
        };
        assert!(report.contains(words), "{name}: {to:?} was reported as {report}");
    }
    Ok(())
}
