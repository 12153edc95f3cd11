//! The tables of kernels and functions against what they name: every op has a kernel and cases of its
//! own, every row its texts, every text a use. [`interface`] compares what a module binds with
//! its row, [`translation`] takes every module through naga as wgpu does, and [`captured`]
//! compares that with what reaches a driver.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wgvae::function::{FUNCTIONS, Function, RELU, Slope};
use wgvae::graph::{Binarize, Element, Fusion, Op, Pixels, Scalar, Shape, Stream, Transpose};
use wgvae::kernel::{CORES, Call, Case, Kernel, kernels, probes, source, sources};
use wgvae::optimizer::{Optimizer, RULES};

#[cfg(target_os = "linux")]
mod captured;
mod command;
mod faults;
mod interface;
mod probe;
mod stage;
mod tampered;
mod translation;

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
    let ops = every_op! {
        Op::GatherBatch { .. } => Op::GatherBatch { batch: 1, pixels: Pixels::Bytes, binarize: Binarize::None },
        Op::Matmul(Transpose::None) => Op::Matmul(Transpose::None),
        Op::Matmul(Transpose::A) => Op::Matmul(Transpose::A),
        Op::Matmul(Transpose::B) => Op::Matmul(Transpose::B),
        Op::Map(_) => Op::Map(&RELU),
        Op::MapBackward(..) => Op::MapBackward(&RELU, 0),
        Op::StepScalar { .. } => Op::StepScalar { shape, scalar: Scalar::KlWeight },
        Op::RowSum => Op::RowSum,
        Op::BlockSum => Op::BlockSum,
        Op::ColumnSum { .. } => Op::ColumnSum { group: 1 },
        Op::LogSumExp { .. } => Op::LogSumExp { group: 1 },
        Op::RepeatRows { .. } => Op::RepeatRows { times: 1 },
        Op::OneHot { .. } => Op::OneHot { batch: 1, classes: 1 },
        Op::SplitColumns { .. } => Op::SplitColumns { left: 1 },
        Op::Concatenate => Op::Concatenate,
        Op::Normal { .. } => Op::Normal { shape, stream },
        Op::Uniform { .. } => Op::Uniform { shape, stream },
        Op::CountNonfinite => Op::CountNonfinite,
        Op::Update(_) => Op::Update(Optimizer::default()),
        Op::LossSum { .. } => Op::LossSum { column: 0 },
        Op::Fused(Fusion::Batch) => Op::Fused(Fusion::Batch),
        Op::Fused(Fusion::Stages) => Op::Fused(Fusion::Stages),
        Op::Fused(Fusion::Update) => Op::Fused(Fusion::Update),
    };
    let slopes = |function: &'static Function| {
        let has_text = |slope: &Slope| matches!(slope, Slope::Operands | Slope::Value);
        let slopes = function.slopes.iter().enumerate().filter(move |(_, slope)| has_text(slope));
        slopes.map(move |(operand, _)| Op::MapBackward(function, operand))
    };
    let functions = FUNCTIONS.iter().map(|function| Op::Map(function));
    let backward = FUNCTIONS.iter().flat_map(|function| slopes(function));
    ops.into_iter().chain(functions).chain(backward).collect()
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

/// A kernel, one of its cases, and the call that this is.
type Checked = (&'static Kernel, Case, Call);

/// The calls of all cases.
fn every_call() -> Result<Vec<Checked>, Box<dyn Error>> {
    let mut calls = Vec::new();
    for kernel in kernels() {
        for case in (kernel.cases)() {
            let call = case.call()?;
            calls.push((kernel, case, call));
        }
    }
    Ok(calls)
}

#[test]
fn every_op_is_checked_by_itself() -> Outcome {
    let calls = every_call()?;
    let is_same = |one: &Op, other: &Op| match (one, other) {
        (Op::Map(a), Op::Map(b)) => a == b,
        (Op::MapBackward(a, i), Op::MapBackward(b, j)) => a == b && i == j,
        (Op::Fused(a), Op::Fused(b)) => a == b,
        _ => one.name() == other.name(),
    };
    for op in every_op() {
        assert!(calls.iter().any(|(_, _, call)| is_same(&call.op, &op)), "{op:?} has no case");
    }
    Ok(())
}

#[test]
fn every_case_is_of_its_kernel() -> Outcome {
    for (kernel, _, call) in every_call()? {
        assert_eq!(Kernel::of(&call).name, kernel.name, "{call}");
    }
    let names: BTreeSet<_> = kernels().map(|kernel| kernel.name).collect();
    assert_eq!(kernels().count(), names.len(), "two rows have one name");
    Ok(())
}

/// Each activation after a product and before one, with all that the default model has.
#[test]
fn every_activation_is_checked_around_products() -> Outcome {
    let labels: BTreeSet<_> = every_call()?.iter().map(|(_, _, call)| call.label()).collect();
    for function in FUNCTIONS.iter().filter(|function| function.is_activation) {
        for product in ["linear", "linear_backward"] {
            let label = format!("{product}+{}", function.name);
            assert!(labels.contains(&label), "{label}");
        }
    }
    for label in ["linear+softplus+gaussian_kl", "linear+bernoulli", "matmul", "linear"] {
        assert!(labels.contains(label), "{label}");
    }
    Ok(())
}

#[test]
fn every_kernel_with_files_has_its_twin() -> Outcome {
    for kernel in kernels().filter(|kernel| !kernel.files.is_empty()) {
        assert_eq!(kernel.files, [kernel.name]);
        // The twin of an optimiser is its rule's.
        if kernel.twins.is_none() || kernel.name == "optimizer" {
            continue;
        }
        let name = kernel.name;
        let twin = fs::read_to_string(Path::new(ROOT).join(format!("src/cpu/{name}.rs")))
            .map_err(|error| format!("src/cpu/{name}.rs: {error}"))?;
        assert!(twin.contains(&format!("pub fn {name}")), "src/cpu/{name}.rs has no fn {name}");
    }
    Ok(())
}

#[test]
fn every_function_has_its_texts() -> Outcome {
    for function in FUNCTIONS {
        let name = function.name;
        let text = source(&format!("functions/{name}"));
        assert!(text.contains(&format!("fn {name}_value(")), "{name}");
        for (operand, slope) in function.slopes.iter().enumerate() {
            let number = if operand == 0 { String::new() } else { format!("_{operand}") };
            let has_slope = text.contains(&format!("fn {name}_slope{number}("));
            assert_eq!(has_slope, matches!(slope, Slope::Operands | Slope::Value), "{name}");
        }
        assert_eq!(function.fills.len(), function.arity(), "{name}");
        assert!(Path::new(ROOT).join(format!("src/function/{name}.rs")).is_file(), "{name}");
    }
    Ok(())
}

#[test]
fn every_optimizer_has_its_texts() -> Outcome {
    for rule in RULES {
        let name = rule.name;
        let text = source(&format!("optimizers/{name}"));
        let states = (0..rule.states.len()).map(|state| format!("fn {name}_state_{state}("));
        for function in states.chain([format!("fn {name}_weight(")]) {
            assert!(text.contains(&function), "{name}: {function}");
        }
        assert!(Path::new(ROOT).join(format!("src/optimizer/{name}.rs")).is_file(), "{name}");
    }
    Ok(())
}

/// What is part of the program is what is in the folder, each imports what is there, and is used.
#[test]
fn every_shader_file_is_used() -> Outcome {
    let folder = Path::new(ROOT).join("shaders");
    let name = |path: &PathBuf| -> Result<String, Box<dyn Error>> {
        let name = path.strip_prefix(&folder)?.with_extension("");
        Ok(name.to_str().ok_or("no UTF-8")?.replace('\\', "/"))
    };
    let names = files(&folder)?.iter().map(name).collect::<Result<BTreeSet<_>, _>>()?;
    assert_eq!(names, sources().into_iter().map(str::to_owned).collect());
    let mut used: BTreeSet<String> =
        ["common/scalar", "common/vector", "common/operands", "common/wide", "common/halves"]
            .map(str::to_owned)
            .into();
    used.insert("stages".to_owned());
    used.extend(FUNCTIONS.iter().map(|function| format!("functions/{}", function.name)));
    used.extend(RULES.iter().map(|rule| format!("optimizers/{}", rule.name)));
    let of_cores = CORES.iter().flat_map(|core| core.passes.concat());
    let of_kernels = kernels().flat_map(|kernel| kernel.files.iter().copied());
    used.extend(of_cores.chain(of_kernels).map(str::to_owned));
    used.extend(probes(true, usize::MAX).iter().map(|probe| format!("roofs/{}", probe.name)));
    for name in &names {
        for import in source(name).lines().filter_map(|line| line.strip_prefix("#import ")) {
            assert!(names.contains(import), "{name} imports {import}");
            used.insert(import.to_owned());
        }
    }
    assert_eq!(names, used);
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
    for (kernel, _, call) in every_call()? {
        let texts = kernel.wgsl(&call, kernel.variants()[0]).concat();
        for line in texts.lines().filter(|line| line.trim().starts_with("for (")) {
            assert!(counted(line).is_some(), "{call}: {line}");
        }
    }
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
