//! The command line: one file per command. Results go to stdout, progress and errors to stderr; the
//! exit code is 0 for success, 1 for a failed run or check, 2 for wrong usage or bad input.

// Docs of flags are what `--help` prints, and no HTML.
#![allow(rustdoc::invalid_html_tags)]

mod compare;
mod completions;
mod decode;
mod devices;
mod encode;
mod environment;
mod eval;
mod graph;
mod interpolate;
mod man;
mod manifold;
mod names;
mod optimisation;
mod profile;
mod progress;
mod reading;
mod recipes;
mod reconstruct;
mod run;
mod sample;
mod shader;
mod shared;
mod signals;
mod table;
mod terminal;
mod train;
mod verify;

use self::shared::{A_KERNEL, OF_SOURCE};
use crate::{Action, Error, Fault, FileKind, Matrix, Result, checkpoint};
use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_verbosity_flag::{InfoLevel, Verbosity};
use std::error::Error as _;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::path::Path;
use std::process::ExitCode;

/// Trains variational autoencoders with WGSL compute shaders, on any GPU with Vulkan, Metal or
/// DX12, or on the CPU.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, bin_name = "wgvae")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: Verbosity<InfoLevel>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::Arguments>),
    Eval(eval::Arguments),
    Encode(encode::Arguments),
    Decode(decode::Arguments),
    Reconstruct(reconstruct::Arguments),
    Sample(sample::Arguments),
    Interpolate(interpolate::Arguments),
    Manifold(manifold::Arguments),
    Recipes(recipes::Arguments),
    Devices(devices::Arguments),
    Verify(verify::Arguments),
    Profile(profile::Arguments),
    Compare(compare::Arguments),
    Shader(shader::Arguments),
    Graph(graph::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the program: parses the command line, runs the command, and prints errors.
pub fn run() -> ExitCode {
    environment::complete();
    signals::survive_file_limit();
    let Arguments { command, verbosity } = parse();
    terminal::listen(verbosity.tracing_level_filter());
    let reads_latents = matches!(command, Command::Decode(_));
    let result = match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Reconstruct(arguments) => reconstruct::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Interpolate(arguments) => interpolate::run(&arguments),
        Command::Manifold(arguments) => manifold::run(&arguments),
        Command::Recipes(arguments) => recipes::run(&arguments),
        Command::Devices(arguments) => devices::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Profile(arguments) => profile::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Shader(arguments) => shader::run(&arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Command::Man(arguments) => man::run(&arguments, Arguments::command()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            terminal::complain(&error, remedy(&error, reads_latents));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Parses the command line; exits if it is wrong.
fn parse() -> Arguments {
    // Makes the parser refuse a number below 0 as the value of its flag, and not as an unknown
    // flag.
    let numbers = |argument: clap::Arg| {
        let is_flag = argument.get_action().takes_values() && !argument.is_positional();
        argument.allow_negative_numbers(is_flag)
    };
    // If a flag is given twice, for example in an alias and after it, the last one counts.
    let mut program = Arguments::command()
        .mut_subcommands(|command| command.args_override_self(true).mut_args(numbers));
    let matches = program.try_get_matches_from_mut(std::env::args_os());
    let arguments = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    arguments
        .unwrap_or_else(|error| names::with_name(plain(error).with_cmd(&program), &program).exit())
}

/// Returns an error about a number in plain words: the standard library's messages are about digits
/// of strings.
fn plain(error: clap::Error) -> clap::Error {
    let expected = error.source().and_then(|source| match source.downcast_ref::<ParseIntError>() {
        Some(reason) if *reason.kind() == IntErrorKind::PosOverflow => Some("a smaller number"),
        Some(_) => Some("a whole number from 0 on"),
        None => source.is::<ParseFloatError>().then_some("a number"),
    });
    let said = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let Some(expected) = expected else { return error };
    let (flag, value) = (said(ContextKind::InvalidArg), said(ContextKind::InvalidValue));
    let message = format!("invalid value '{value}' for '{flag}': expected {expected}\n");
    clap::Error::raw(ErrorKind::ValueValidation, message)
}

/// Returns 2 for a user's mistake, else 1.
fn exit_code(error: &Error) -> u8 {
    if is_mistake(error) { 2 } else { 1 }
}

/// Whether the user can correct the error by other input.
fn is_mistake(error: &Error) -> bool {
    matches!(
        error,
        Error::File { .. }
            | Error::Data { .. }
            | Error::Setting { .. }
            | Error::NoDevice { .. }
            | Error::Io { action: Action::Read | Action::Decompress, .. }
    )
}

fn remedy(error: &Error, reads_latents: bool) -> Option<&str> {
    match error {
        Error::Data { remedy, .. } => Some(remedy),
        Error::NoDevice { .. } => {
            Some("--device cpu, which always works; `wgvae devices` lists all devices")
        }
        Error::Unsupported { .. } => {
            Some("another --device, or a smaller --hidden, --batch or --limit")
        }
        Error::Setting { expected, .. } if expected == A_KERNEL => {
            Some("`wgvae shader` lists every kernel with its variants")
        }
        Error::Setting { setting: "output", found, .. } if found == "a terminal" => {
            Some("--output FILE.spv; `spirv-dis FILE.spv` prints it as text")
        }
        Error::Setting { setting: "shaders", .. } => {
            Some("--device gpu, which also accepts a driver that runs on the CPU")
        }
        Error::Shader { fault: Fault::WrongResult, .. } => {
            Some("`wgvae verify --shaders DIR` compares every kernel with the CPU")
        }
        Error::Device { fault: Fault::WrongResult, .. } => {
            Some("`wgvae verify` lists the kernels that are wrong on a device")
        }
        Error::Device { .. } => Some(
            "--device cpu, or another adapter of `wgvae devices`; `train --retries 3` resumes by itself",
        ),
        Error::NonFinite { origin: None, .. } => Some(
            "a lower --learning-rate; or --self-check 100: a result that is not repeatable may be a \
             fault of the device",
        ),
        Error::NonFinite { .. } => Some("a lower --learning-rate, also with --resume"),
        Error::File { kind: FileKind::Link, .. } => {
            Some("replace the link by a copy of its target, if the run is your own")
        }
        Error::Setting { setting: "input", expected, .. } if expected.contains("the model") => {
            Some("--size ROWSxCOLUMNS resizes pictures")
        }
        Error::Setting { found, .. } if found.ends_with(".images as float32") => {
            Some("--data with pixels of numpy.uint8, from 0 to 255: a quarter of the bytes")
        }
        Error::Setting { setting: "label", expected, .. } if expected.contains("trained with") => {
            Some("no --label, or a model of `wgvae train --conditional`")
        }
        Error::Setting { expected, .. } if expected.ends_with(OF_SOURCE) => {
            Some("no such setting: layers and labels are those of the model")
        }
        Error::Setting { setting: "from", .. } => {
            Some("--size ROWSxCOLUMNS resizes pictures; or another model")
        }
        Error::Setting { setting: "RUN", .. } => {
            Some("`wgvae train --hidden 200,100,2`; for more units, sample, interpolate and encode")
        }
        Error::Io { path, action: Action::Read, .. } if path.ends_with("config.toml") => {
            Some("the folder of a run, as `wgvae train --run RUN` creates it")
        }
        Error::File { path, .. }
            if [checkpoint::FILE_NAME, "metrics.jsonl"].iter().any(|name| path.ends_with(name)) =>
        {
            Some("`wgvae train --config RUN/config.toml` starts a new run with the same settings")
        }
        Error::File { kind: FileKind::Model, .. } => {
            Some("RUN is the folder of a run, or a complete model.safetensors")
        }
        // The remedy is another --size, or other images; the file itself is correct.
        Error::File { kind: FileKind::Images, .. } => None,
        Error::File { kind: FileKind::Shader, .. } => Some(
            "`wgvae shader --sources` writes the built-in files; names that begin with a dot or \
                 end with ~ are ignored",
        ),
        Error::File { path, .. } if reads_latents && Matrix::check_ending(path).is_ok() => {
            Some("`wgvae encode RUN --output z.npy` writes latents, one row per image")
        }
        Error::File { path, .. } => file_remedy(path),
        _ => None,
    }
}

/// Returns the requirement for a file of this kind.
fn file_remedy(path: &Path) -> Option<&'static str> {
    if path.is_dir() || path.ends_with("data/mnist") {
        return Some(
            "--data FOLDER with IDX files, with pictures, or with a subfolder of pictures per label",
        );
    }
    match path.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" => Some("one line per image: every pixel, and a label or none, separated by commas"),
        "amat" => {
            Some("one line per image: every pixel, then a label or none, separated by blanks")
        }
        "npy" => Some(
            "numpy.save(FILE, x.astype(numpy.float32)), images from 0 to 1, or numpy.uint8, from 0 to \
             255",
        ),
        "png" | "jpg" | "jpeg" => {
            Some("--size ROWSxCOLUMNS if sizes differ; delete a picture that is incomplete")
        }
        "toml" => Some("`wgvae train --print-config` prints every setting"),
        _ => None,
    }
}

/// Result of a command.
type Outcome = Result<ExitCode>;
