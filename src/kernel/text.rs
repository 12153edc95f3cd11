//! Generated WGSL of a kernel: the epilogue of a fused kernel, a line per value, and the places of
//! an optimiser's states; the text before it comes from [files](super::sources).

use super::epilogue::{Column, Epilogue, Store, Value};
use crate::graph::Transpose;
use crate::optimizer::Optimizer;
use std::fmt::Write;
use std::ops::Range;

/// Returns the files that an epilogue needs.
pub(super) fn imports(epilogue: &Epilogue) -> Vec<String> {
    let adapter = match epilogue.product {
        Some(_) if epilogue.is_halved => &["common/operands", "common/halves"][..],
        Some(_) => &["common/operands", "common/wide"],
        None => &["stages"],
    };
    let functions = epilogue.functions().map(|function| format!("functions/{}", function.name));
    adapter.iter().map(|&name| name.to_owned()).chain(functions).collect()
}

/// Writes the epilogue of a block of four columns, with the bindings of its node: the inputs (those
/// of a product are bound elsewhere), then the outputs.
pub(super) fn epilogue(epilogue: &Epilogue, inputs: usize) -> String {
    let mut text = String::new();
    write_epilogue(&mut text, epilogue, inputs)
        .map_or_else(|_| unreachable!("strings can be written to"), |()| text)
}

fn write_epilogue(text: &mut String, epilogue: &Epilogue, inputs: usize) -> std::fmt::Result {
    let Epilogue { product, values, stores, .. } = epilogue;
    if let Some(product) = product {
        writeln!(text, "const TRANSPOSE_A = {};", *product == Transpose::A)?;
        writeln!(text, "const TRANSPOSE_B = {};\n", *product == Transpose::B)?;
    }
    let bound = if product.is_some() { 2 } else { 0 };
    for input in bound..inputs {
        let is_only = |value: &Value| matches!(value, Value::Load { input: of, column: Column::Only, .. } if *of == input);
        let element = if values.iter().any(is_only) { "f32" } else { "Unit" };
        binding(text, input, &input_name(epilogue, input), element)?;
    }
    for (output, store) in stores.iter().enumerate() {
        let element = if matches!(store, Store::Blocks(_)) { "f32" } else { "Unit" };
        binding(text, inputs + output, &format!("y{output}"), element)?;
    }
    writeln!(text, "\nfn block(row: u32, column: u32, sums: vec4f, partners: vec4f) {{")?;
    for (output, store) in stores.iter().enumerate() {
        if let Store::Blocks(_) = store {
            writeln!(text, "    var total_{output} = Unit(0.0);")?;
        }
    }
    writeln!(
        text,
        "    for (var j = 0u; j < 4u / UNIT && column + j * UNIT < args.first; j++) {{\n        \
         let at = column + j * UNIT;"
    )?;
    for (index, value) in values.iter().enumerate() {
        writeln!(text, "        let v{index} = {};", expression(epilogue, value))?;
    }
    for (output, store) in stores.iter().enumerate() {
        match *store {
            Store::Same(value) => {
                writeln!(text, "        y{output}[{}] = v{value};", place(false, Column::Same))?;
            }
            Store::Halves(left, right) => {
                for (value, column) in [(left, Column::Left), (right, Column::Right)] {
                    writeln!(text, "        y{output}[{}] = v{value};", place(false, column))?;
                }
            }
            Store::Blocks(value) => writeln!(text, "        total_{output} += v{value};")?,
        }
    }
    writeln!(text, "    }}")?;
    for (output, store) in stores.iter().enumerate() {
        if let Store::Blocks(_) = store {
            writeln!(
                text,
                "    y{output}[row * ((args.first + 3u) / 4u) + column / 4u] = \
                 total(total_{output});"
            )?;
        }
    }
    writeln!(text, "}}")
}

fn binding(text: &mut String, index: usize, name: &str, element: &str) -> std::fmt::Result {
    writeln!(text, "@group(0) @binding({index}) var<storage, read_write> {name}: array<{element}>;")
}

fn input_name(epilogue: &Epilogue, input: usize) -> String {
    match (epilogue.product, input) {
        (Some(_), 0) => "a".to_owned(),
        (Some(_), 1) => "b".to_owned(),
        _ => format!("x{input}"),
    }
}

/// Writes the access to an optimiser's states, and the updates that the kernel of one parameter, or
/// of all layers, calls.
pub(super) fn update(optimizer: Optimizer, is_fused: bool) -> String {
    let mut text = String::new();
    let states = 0..optimizer.states().count();
    let written = if is_fused {
        write_fused_update(&mut text, optimizer, states)
    } else {
        write_update(&mut text, optimizer, states)
    };
    written.map_or_else(|_| unreachable!("strings can be written to"), |()| text)
}

/// Writes `update_at`, for states that are a buffer each.
fn write_update(text: &mut String, optimizer: Optimizer, states: Range<usize>) -> std::fmt::Result {
    for state in states {
        binding(text, 2 + state, &format!("states_{state}"), "f32")?;
    }
    writeln!(text, "\nfn update_at(i: u32, gradient: Unit) {{")?;
    write_rule(text, optimizer, "w[i]", |state| format!("states_{state}[i]"))
}

/// Writes `enter_states`, `update_weight` and `update_bias`, for states in one buffer with a table
/// of their places.
fn write_fused_update(
    text: &mut String,
    optimizer: Optimizer,
    states: Range<usize>,
) -> std::fmt::Result {
    writeln!(text, "const STATES = {}u;", states.len())?;
    for state in states.clone() {
        writeln!(text, "var<private> weight_state_{state}: u32;")?;
        writeln!(text, "var<private> bias_state_{state}: u32;")?;
    }
    writeln!(text, "\nfn enter_states(of_weight: u32, of_bias: u32) {{")?;
    for state in states.clone() {
        writeln!(text, "    weight_state_{state} = table[of_weight + {state}u];")?;
        writeln!(text, "    bias_state_{state} = table[of_bias + {state}u];")?;
    }
    let parameters: String = states.clone().map(|state| format!("at_{state}: u32, ")).collect();
    writeln!(text, "}}\n\nfn update_at(at: u32, {parameters}gradient: Unit) {{")?;
    write_rule(text, optimizer, "parameters[at]", |state| format!("states[at_{state}]"))?;
    for parameter in ["weight", "bias"] {
        let at = |name: String| format!("({name} + i) / UNIT, ");
        let states = states.clone().map(|state| at(format!("{parameter}_state_{state}")));
        let places: String = [at(parameter.to_owned())].into_iter().chain(states).collect();
        writeln!(text, "\nfn update_{parameter}(i: u32, gradient: Unit) {{")?;
        writeln!(text, "    update_at({places}gradient);\n}}")?;
    }
    Ok(())
}

/// Writes the body of a function that updates `weight` and its states, given its `gradient`.
fn write_rule(
    text: &mut String,
    optimizer: Optimizer,
    weight: &str,
    place: impl Fn(usize) -> String,
) -> std::fmt::Result {
    let (name, states) = (optimizer.rule().name, optimizer.rule().states.len());
    writeln!(text, "    let g = gradient * args.gradient_scale;")?;
    let mut new = String::new();
    for state in 0..states {
        let place = place(state);
        writeln!(text, "    let state_{state} = {name}_state_{state}({place}, g{new});")?;
        writeln!(text, "    {place} = state_{state};")?;
        write!(new, ", state_{state}")?;
    }
    writeln!(text, "    let new_weight = {name}_weight({weight}, g{new});")?;
    writeln!(text, "    {weight} = new_weight;")?;
    if optimizer.averages() {
        let average = place(states);
        writeln!(text, "    {average} += (new_weight - {average}) * average_gain();")?;
    }
    writeln!(text, "}}")
}

/// Returns the index expression of a place in an array of units, or of numbers if there is one
/// column.
fn place(is_row: bool, column: Column) -> &'static str {
    match (is_row, column) {
        (false, Column::Same) => "(row * args.first + at) / UNIT",
        (false, Column::Left) => "(row * 2u * args.first + at) / UNIT",
        (false, Column::Right) => "(row * 2u * args.first + args.first + at) / UNIT",
        (false, Column::Only) => "row",
        (true, Column::Same | Column::Left) => "at / UNIT",
        (true, Column::Right) => "(args.first + at) / UNIT",
        (true, Column::Only) => "0",
    }
}

fn expression(epilogue: &Epilogue, value: &Value) -> String {
    let list = |operands: &[usize]| {
        operands.iter().map(|value| format!("v{value}")).collect::<Vec<_>>().join(", ")
    };
    match value {
        Value::Sum => "part(sums, j)".to_owned(),
        Value::Partner => "part(partners, j)".to_owned(),
        Value::Load { input, is_row, column } => {
            let (name, place) = (input_name(epilogue, *input), place(*is_row, *column));
            match column {
                Column::Only => format!("Unit({name}[{place}])"),
                _ => format!("{name}[{place}]"),
            }
        }
        Value::Constant(number) => format!("Unit({:?})", *number as f32),
        Value::Scalar(scalar) => format!("Unit(args.{})", scalar.name()),
        Value::Map(function, operands) => format!("{}_value({})", function.name, list(operands)),
        Value::Slope(function, operand, operands) => {
            let which = if *operand == 0 { String::new() } else { format!("_{operand}") };
            let (dy, of_slope) = (operands[0], list(&operands[1..]));
            format!("v{dy} * {}_slope{which}({of_slope})", function.name)
        }
    }
}
