//! `wgvae graph`.

use super::Outcome;
use super::shared::{StepFlags, say};
use super::table::{self, Cell, Column, WideFlag, say_words};
use crate::Result;
use crate::graph::{Node, Pixels, Plan, TensorId};
use crate::model::Images;
use crate::train::Config;
use std::process::ExitCode;

/// Print the plan of a training step: every tensor that outlives the step, then every op in order,
/// with the memory slot (@) of each result.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae graph --hidden 20,2 --batch 8")]
pub(super) struct Arguments {
    #[command(flatten)]
    step: StepFlags,
    /// Pixels per image
    #[arg(long, default_value_t = 784)]
    input: usize,
    #[command(flatten)]
    wide: WideFlag,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.step.over(Config::default());
    let architecture = config.architecture(arguments.input)?;
    let Config { batch, fuse, binarize, .. } = config;
    let images = Images { name: "train", count: 60_000, batch, pixels: Pixels::Bytes, binarize };
    let plan = architecture.training_plan(images, config.training(), fuse)?;
    match arguments.wide.width() {
        None => say(plan.to_string().trim_end())?,
        width => print(&plan, width)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a plan within the width of a terminal: names and shapes as far as they fit.
fn print(plan: &Plan, width: Option<usize>) -> Result<()> {
    let graph = plan.graph();
    let tensor = |id: TensorId| -> Vec<Cell> {
        let tensor = graph.tensor(id);
        let shape = format!("{:?}{}", tensor.element, tensor.shape);
        vec![(&tensor.name).into(), shape.into(), tensor.role.name().into()]
    };
    let tensors: Vec<_> = plan.persistent().map(tensor).collect();
    let columns = vec![
        Column::words("tensor", 0).cut_to(16),
        Column::words("shape", 1),
        Column::words("role", 2),
    ];
    table::print(columns, &tensors, width)?;
    say("")?;
    let node = |node: &Node| -> Vec<Cell> {
        let names = |ids: &[TensorId]| {
            ids.iter().map(|&id| graph.tensor(id).name.clone()).collect::<Vec<_>>().join(", ")
        };
        let shapes = node.outputs.iter().map(|&id| graph.tensor(id).shape.to_string());
        let slots = node.outputs.iter().filter_map(|&id| plan.slot(id));
        let slots: Vec<_> = slots.map(|slot| format!("@{}", slot.index())).collect();
        vec![
            node.label().into(),
            shapes.collect::<Vec<_>>().join(", ").into(),
            slots.join(" ").into(),
            names(&node.outputs).into(),
            names(&node.inputs).into(),
        ]
    };
    let nodes: Vec<_> = plan.nodes().map(node).collect();
    let columns = vec![
        Column::words("op", 0),
        Column::words("shape", 1).cut_to(12),
        Column::words("slot", 2).cut_to(5),
        Column::words("results", 3).cut_to(14),
        Column::words("operands", 4).cut_to(14),
    ];
    table::print(columns, &nodes, width)?;
    let text = plan.to_string();
    say_words(text.lines().last().unwrap_or_default(), 2)
}
