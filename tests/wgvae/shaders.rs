//! The kernel table against what it names: every op has a row and cases of its own, every row a
//! shader file and a twin, every shader file a row. [`interface`] compares what a module binds with
//! its row, [`translation`] takes every module through naga as wgpu does, and [`captured`]
//! compares that with what reaches a driver.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wgvae::graph::{Binarize, Element, Fusion, Op, Pixels, RmsProp, Shape, Stream, Transpose};
use wgvae::kernel::{CORES, Call, Case, kernels, probes};

mod backends;
#[cfg(target_os = "linux")]
mod captured;
mod faults;
mod interface;
mod probe;
mod stage;
mod tampered;
mod translation;
mod valid;

type Outcome = Result<(), Box<dyn Error>>;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A kernel's call in one of its cases.
struct Applied {
    call: Call,
    /// Of the inputs, then of the outputs.
    elements: Vec<Element>,
}

impl Applied {
    fn new(case: &Case) -> wgvae::Result<Self> {
        let case_graph = case.graph("operand")?;
        let (graph, node) = (&case_graph.graph, case_graph.node());
        let operands = node.inputs.iter().chain(&node.outputs);
        let elements = operands.map(|&id| graph.tensor(id).element).collect();
        Ok(Self { call: Call::of(graph, node), elements })
    }
}

/// The ops given, once it is sure that there are no others: a variant that is left out does not
/// compile.
macro_rules! every_op {
    ($($variant:pat => $op:expr,)*) => {{
        let listed = |op: &Op| match op { $($variant => (),)* };
        let ops = vec![$($op,)*];
        ops.iter().for_each(listed);
        $(assert!(matches!($op, $variant), "{:?} stands for another variant", $op);)*
        ops
    }};
}

fn every_op() -> Vec<Op> {
    let (shape, stream) = (Shape::new(1, 1), Stream::Latent);
    every_op! {
        Op::GatherBatch { .. } => Op::GatherBatch { batch: 1, pixels: Pixels::Bytes, binarize: Binarize::None },
        Op::Matmul(Transpose::None) => Op::Matmul(Transpose::None),
        Op::Matmul(Transpose::A) => Op::Matmul(Transpose::A),
        Op::Matmul(Transpose::B) => Op::Matmul(Transpose::B),
        Op::Bias => Op::Bias,
        Op::BiasBackward => Op::BiasBackward,
        Op::Relu => Op::Relu,
        Op::ReluBackward => Op::ReluBackward,
        Op::Softplus => Op::Softplus,
        Op::SoftplusBackward => Op::SoftplusBackward,
        Op::Sigmoid => Op::Sigmoid,
        Op::SigmoidBackward => Op::SigmoidBackward,
        Op::Add => Op::Add,
        Op::SplitColumns { .. } => Op::SplitColumns { left: 1 },
        Op::SplitColumnsBackward => Op::SplitColumnsBackward,
        Op::Normal { .. } => Op::Normal { shape, stream },
        Op::Reparameterize => Op::Reparameterize,
        Op::ReparameterizeBackward => Op::ReparameterizeBackward,
        Op::BernoulliLogLikelihood => Op::BernoulliLogLikelihood,
        Op::BernoulliLogLikelihoodBackward => Op::BernoulliLogLikelihoodBackward,
        Op::BernoulliLogLikelihoodBlocks => Op::BernoulliLogLikelihoodBlocks,
        Op::GaussianKl => Op::GaussianKl,
        Op::GaussianKlBlocks => Op::GaussianKlBlocks,
        Op::GaussianKlBackward => Op::GaussianKlBackward,
        Op::BernoulliSample { .. } => Op::BernoulliSample { stream },
        Op::CountNonfinite => Op::CountNonfinite,
        Op::RmsProp(_) => Op::RmsProp(RmsProp::default()),
        Op::LossSum { .. } => Op::LossSum { column: 0 },
        Op::Fused(Fusion::Batch) => Op::Fused(Fusion::Batch),
        Op::Fused(Fusion::Linear) => Op::Fused(Fusion::Linear),
        Op::Fused(Fusion::LinearRelu) => Op::Fused(Fusion::LinearRelu),
        Op::Fused(Fusion::LinearSample) => Op::Fused(Fusion::LinearSample),
        Op::Fused(Fusion::LinearBernoulli { .. }) => {
            Op::Fused(Fusion::LinearBernoulli { dlog_likelihood: 1.0 })
        },
        Op::Fused(Fusion::MatmulReluBackward) => Op::Fused(Fusion::MatmulReluBackward),
        Op::Fused(Fusion::LatentBackward { .. }) => Op::Fused(Fusion::LatentBackward { dkl: 1.0 }),
        Op::Fused(Fusion::Update) => Op::Fused(Fusion::Update),
    }
}

/// The files below a folder.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[test]
fn every_op_has_one_row() {
    let ops: BTreeSet<_> = every_op().iter().map(Op::name).collect();
    let rows: BTreeSet<_> = kernels().map(|kernel| kernel.name).collect();
    assert_eq!(ops, rows);
    assert_eq!(kernels().count(), rows.len(), "two rows have one name");
}

#[test]
fn every_row_has_cases_of_its_own_op() -> Outcome {
    for kernel in kernels() {
        let cases = (kernel.cases)();
        assert!(!cases.is_empty(), "{} has no cases", kernel.name);
        for case in cases {
            assert_eq!(case.graph("operand")?.node().op.name(), kernel.name);
        }
    }
    Ok(())
}

#[test]
fn every_row_has_its_shader_file_and_its_twin() -> Outcome {
    for kernel in kernels() {
        let name = kernel.shader;
        let shader = fs::read_to_string(Path::new(ROOT).join(format!("shaders/{name}.wgsl")))
            .map_err(|error| format!("shaders/{name}.wgsl: {error}"))?;
        assert_eq!(kernel.sources.last(), Some(&shader.as_str()), "{}", kernel.name);
        if kernel.twins.is_none() {
            continue;
        }
        let twin = fs::read_to_string(Path::new(ROOT).join(format!("src/cpu/{name}.rs")))
            .map_err(|error| format!("src/cpu/{name}.rs: {error}"))?;
        assert!(twin.contains(&format!("pub fn {name}")), "src/cpu/{name}.rs has no fn {name}");
    }
    Ok(())
}

#[test]
fn every_shader_file_is_used() -> Outcome {
    let folder = Path::new(ROOT).join("shaders");
    let files = files(&folder)?;
    assert!(files.iter().any(|file| file.starts_with(folder.join("common"))));
    for file in files {
        let text = fs::read_to_string(&file)?;
        let imported = file.starts_with(folder.join("common"));
        let is_core = CORES.iter().any(|core| core.passes.concat().contains(&text.as_str()));
        let used = is_core
            || probes(true, usize::MAX).iter().any(|probe| probe.wgsl == text)
            || kernels().any(|kernel| match kernel.sources.split_last() {
                Some((own, imports)) if imported => {
                    *own != text && imports.contains(&text.as_str())
                }
                Some((own, _)) => *own == text,
                None => false,
            });
        assert!(used, "no kernel uses {}", file.display());
    }
    Ok(())
}

/// The variable that a loop counts by, if it is `for (var i = …; i < …; i += …)`, or halves it.
fn counted(line: &str) -> Option<&str> {
    let header = line.trim().strip_prefix("for (var ")?.strip_suffix(") {")?;
    let mut parts = header.split("; ");
    let (start, condition, step) = (parts.next()?, parts.next()?, parts.next()?);
    let name = start.split(' ').next()?;
    let (compared, bound) = condition.strip_prefix(name)?.trim_start().split_at(2);
    let up = step == format!("{name}++") || step.starts_with(&format!("{name} += "));
    let halves = step == format!("{name} /= 2u") && bound == "0u";
    let ends = (compared == "< " && up) || (compared == "> " && halves);
    (ends && parts.next().is_none()).then_some(name)
}

/// Devices tell wgpu that no loop is infinite, so that it need not count the rounds of each.
#[test]
fn every_loop_counts_to_a_bound() -> Outcome {
    let mut loops = 0;
    for file in files(&Path::new(ROOT).join("shaders"))? {
        let text = fs::read_to_string(&file)?;
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let code: Vec<_> = code.collect();
        for line in &code {
            assert!(!line.contains("loop {") && !line.contains("while "), "{line}");
            if line.trim().starts_with("for (") {
                let name = counted(line).ok_or_else(|| format!("{}: {line}", file.display()))?;
                let assigned = |line: &&&str| {
                    let line = line.trim();
                    [" = ", " += ", " -= ", "++", "--"]
                        .iter()
                        .any(|sign| line.starts_with(&format!("{name}{sign}")))
                };
                assert_eq!(code.iter().find(assigned), None, "{}", file.display());
                loops += 1;
            }
        }
    }
    assert!(loops > 15, "only {loops} loops were read");
    for wrong in [
        "for (var i = 0u; i < 4u; i--) {",
        "for (var i = 0u; i >= 0u; i++) {",
        "for (var i = 0u; j < 4u; i++) {",
        "for (;;) {",
    ] {
        assert_eq!(counted(wrong), None, "{wrong}");
    }
    Ok(())
}
