//! `wgvae shader`.

use super::Outcome;
use super::shared::{
    A_KERNEL, ShadersFlag, check_folder, print_json, say, unknown_kernel, written,
};
use super::table::{self, Cell, Column, WideFlag};
use crate::file::replace;
use crate::kernel::{Sources, Variant, source, sources};
use crate::named::{Language, Named, Stage};
use crate::{Error, Result};
use clap::{ArgGroup, ValueEnum};
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print the shader that a driver gets for a kernel, or write the shaders of all kernels; without a
/// name, list the kernels and their variants.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("what").args(["name", "all", "sources"]),
    group = ArgGroup::new("texts").args(["name", "all"]).multiple(true),
    after_help = "Example:\n  wgvae shader linear+relu --variant quad_8_vector --emit hlsl",
    after_long_help = "Example:\n  wgvae shader linear+relu --variant quad_8_vector --emit hlsl\n  wgvae shader update --emit spirv --output update.spv; spirv-dis update.spv\n  wgvae shader --all --output browser\n  wgvae shader --sources --output shaders\n  wgvae shader update --shaders shaders"
)]
pub(super) struct Arguments {
    /// The kernel, named as in the tables of `verify` and `profile`, such as update or linear+relu
    name: Option<String>,
    /// The variant, named as in the table of `verify` [default: the first in the list that supports
    /// the kernel; a GPU without measurements starts with it]
    #[arg(long, requires = "name")]
    variant: Option<String>,
    /// The pass, for a variant with two passes [default: all]
    #[arg(long, value_name = "N", requires = "name")]
    pass: Option<usize>,
    /// The language. Languages that resolve `override` constants use those of the default model, or
    /// of the first shapes in the kernel's checks; a comment in the text names the shapes
    #[arg(long, value_enum, default_value = "wgsl", requires = "texts")]
    emit: EmitFlag,
    /// Every module of every variant, one file each: NAME.VARIANT.PASS.wgsl, with the lines that
    /// browsers require; modules of the same name for other shapes have a number from 2 on after
    /// PASS
    #[arg(long, requires = "output")]
    all: bool,
    /// The files from which modules are assembled, in the form that --shaders takes; files that
    /// differ are not overwritten
    #[arg(long, requires = "output")]
    sources: bool,
    /// The file to write to; with --all and --sources, the folder
    #[arg(long, value_name = "PATH", requires = "what")]
    output: Option<PathBuf>,
    #[command(flatten)]
    shaders: ShadersFlag,
    /// With the bounds that wgpu adds to every loop
    #[arg(long, requires = "texts")]
    checked: bool,
    #[command(flatten)]
    wide: WideFlag,
    /// Print the list as JSON
    #[arg(long, conflicts_with = "what")]
    json: bool,
}

/// `--emit`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum EmitFlag {
    /// The text that wgpu gets
    Wgsl,
    /// For Vulkan 1.3, on a device with robust buffers
    Spirv,
    /// For DX12: shader model 5.1 or, where quads exchange values, 6.0
    Hlsl,
    /// For Metal, in version 3.2 of its language
    Msl,
}

impl From<EmitFlag> for Language {
    fn from(flag: EmitFlag) -> Self {
        match flag {
            EmitFlag::Wgsl => Self::Wgsl,
            EmitFlag::Spirv => Self::Spirv,
            EmitFlag::Hlsl => Self::Hlsl,
            EmitFlag::Msl => Self::Msl,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let output = arguments.output.as_deref();
    let files = arguments.shaders.read()?;
    match (&arguments.name, output) {
        (Some(name), _) => print(arguments, name, &files)?,
        (None, Some(folder)) if arguments.all => write_all(arguments, folder, &files)?,
        (None, Some(folder)) => write_sources(folder)?,
        (None, None) => list(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(arguments: &Arguments) -> Result<()> {
    let all = Named::all()?;
    let names = |named: &Named| named.variants().into_iter().map(Variant::name).collect::<Vec<_>>();
    if arguments.json {
        let entry = |named: &Named| json!({ "kernel": named.label, "row": named.kernel.name, "variants": names(named) });
        return print_json(&all.iter().map(entry).collect::<Vec<_>>());
    }
    let columns = vec![
        Column::words("kernel", 0).cut_to(16),
        Column::words("row", 2),
        Column::words("variants", 1).cut_to(12),
    ];
    let row = |named: &Named| -> Vec<Cell> {
        vec![(&named.label).into(), named.kernel.name.into(), names(named).join(", ").into()]
    };
    table::print(columns, &all.iter().map(row).collect::<Vec<_>>(), arguments.wide.width())
}

/// Prints the modules of a kernel, or writes one.
fn print(arguments: &Arguments, name: &str, files: &Sources) -> Result<()> {
    let stages = stages(arguments, name, files)?;
    let language = arguments.emit.into();
    let is_text = language != Language::Spirv;
    if stages.len() > 1 && (arguments.output.is_some() || !is_text) {
        return Err(Error::Setting {
            setting: "pass",
            expected: format!("0 or 1: {} has two passes", stages[0].variant.name()),
            found: "none".to_owned(),
        });
    }
    if !is_text && arguments.output.is_none() && std::io::stdout().is_terminal() {
        return Err(Error::Setting {
            setting: "output",
            expected: "a file for SPIR-V, which is not text".to_owned(),
            found: "a terminal".to_owned(),
        });
    }
    for stage in stages {
        let content = stage.emit(language, arguments.checked)?;
        match &arguments.output {
            Some(path) => replace(path, &content)?,
            None => written(&content)?,
        }
    }
    Ok(())
}

/// Returns the requested passes of the requested variant.
fn stages(arguments: &Arguments, name: &str, files: &Sources) -> Result<Vec<Stage>> {
    let all = Named::all()?;
    let Some(named) = all.iter().find(|named| named.label == name) else {
        let known = all.iter().map(|named| named.label.as_str());
        return Err(unknown_kernel("NAME", name, known, A_KERNEL));
    };
    let variants = named.variants();
    let wanted = arguments.variant.as_deref();
    let variant = variants.iter().find(|variant| wanted.is_none_or(|name| variant.name() == name));
    let Some(&variant) = variant else {
        let known = variants.into_iter().map(Variant::name).collect::<Vec<_>>();
        return Err(Error::Setting {
            setting: "variant",
            expected: format!("a variant of {name}: {}", known.join(", ")),
            found: wanted.unwrap_or_default().to_owned(),
        });
    };
    let mut stages = named.stages(variant, files);
    if let Some(pass) = arguments.pass {
        let count = stages.len();
        stages.retain(|stage| stage.pass == pass);
        if stages.is_empty() {
            let last = count - 1;
            return Err(Error::Setting {
                setting: "pass",
                expected: if last == 0 { "0".to_owned() } else { format!("0 to {last}") },
                found: pass.to_string(),
            });
        }
    }
    Ok(stages)
}

fn write_all(arguments: &Arguments, folder: &Path, files: &Sources) -> Result<()> {
    check_folder("output", folder)?;
    let language: Language = arguments.emit.into();
    for named in Named::all()? {
        for variant in named.variants() {
            for (name, stage) in named.every_stage(variant, files) {
                let content = stage.emit(language, arguments.checked)?;
                let content = match language {
                    Language::Wgsl => stage.for_browsers().into_bytes(),
                    _ => content,
                };
                replace(&folder.join(format!("{name}.{}", language.ending())), &content)?;
            }
        }
    }
    say(folder.display())
}

fn write_sources(folder: &Path) -> Result<()> {
    check_folder("output", folder)?;
    let replaceable = || sources().into_iter().filter(|name| Sources::has(name));
    let path = |name: &str| folder.join(format!("{name}.wgsl"));
    for name in replaceable() {
        let path = path(name);
        let differs = std::fs::read(&path).is_ok_and(|found| found != source(name).as_bytes());
        if differs {
            return Err(Error::file(&path, "no file, or the built-in text", "another text"));
        }
    }
    replaceable().try_for_each(|name| replace(&path(name), source(name).as_bytes()))?;
    say(folder.display())
}
