//! `wgvae shader`: the list, every text that it writes against the stages that tests compile, and what a
//! comment at the head of a text says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use naga::back::hlsl::ShaderModel;
use serde_json::Value;
use wgvae::kernel::{CORES, source, sources};
use wgvae::shader::{METAL, Specialised, VULKAN, bytes, specialised};

use super::stage::Stage;
use super::{Outcome, every_call};
use crate::cli::{stderr, stdout, wgvae};

/// Lines that only browsers want.
const FOR_BROWSERS: [&str; 2] = ["enable subgroups;", "requires immediate_address_space;"];

fn succeeded(arguments: &[&str]) -> Result<Output, Box<dyn std::error::Error>> {
    let output = wgvae(&[&["shader"], arguments].concat())?;
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    Ok(output)
}

fn text(arguments: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    Ok(stdout(&succeeded(arguments)?))
}

/// The variants of every kernel in the list.
fn listed() -> Result<BTreeMap<String, Vec<String>>, Box<dyn std::error::Error>> {
    let list: Vec<Value> = serde_json::from_str(&text(&["--json"])?)?;
    let entry = |entry: &Value| -> Option<(String, Vec<String>)> {
        let variants = entry["variants"].as_array()?.iter();
        let variants = variants.map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>();
        Some((entry["kernel"].as_str()?.to_owned(), variants?))
    };
    let all: BTreeMap<_, _> = list.iter().filter_map(entry).collect();
    assert_eq!(all.len(), list.len());
    Ok(all)
}

#[test]
fn the_list_has_every_kernel_and_variant() -> Outcome {
    let listed = listed()?;
    let mut expected: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (kernel, _, call) in every_call()? {
        let variants = expected.entry(call.label()).or_default();
        let serves = |variant: &wgvae::kernel::Variant| kernel.tiling(&call, *variant).is_some();
        let all = kernel.variants().into_iter().filter(serves);
        variants.extend(all.map(wgvae::kernel::Variant::name));
    }
    for (label, variants) in &expected {
        let found: BTreeSet<_> = listed[label].iter().map(String::as_str).collect();
        assert!(variants.is_subset(&found), "{label}: {found:?}");
    }
    assert!(listed.keys().eq(expected.keys()));
    assert_eq!(listed["update"].len(), CORES.len());
    let table = text(&[])?;
    assert_eq!(table.lines().count(), listed.len() + 1, "{table}");
    Ok(())
}

/// A text without the comments that the command puts before it, and without the lines for browsers.
fn bare(text: &str) -> String {
    let lines = text.lines().skip(2).skip_while(|line| FOR_BROWSERS.contains(line));
    lines.map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn every_stage_is_in_a_file_of_its_own() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("all");
    text(&["--all", "--output", &path.display().to_string()])?;
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(&path)? {
        let entry = entry?.path();
        let name = entry.file_name().and_then(|name| name.to_str()).ok_or("no name")?;
        let parts: Vec<_> = name.split('.').collect();
        let (label, variant) = (parts[0], parts[1]);
        assert!(parts.len() == 4 || parts.len() == 5, "{name}");
        assert!(matches!(parts[2], "0" | "1") && parts[parts.len() - 1] == "wgsl", "{name}");
        let text = fs::read_to_string(&entry)?;
        let head = format!("// {label}, {variant}, pass {}: WGSL, as browsers take it\n", parts[2]);
        assert!(text.starts_with(&head), "{name}: {text}");
        let module = bare(&text);
        let has_quads = CORES.iter().any(|core| core.name == variant && core.subgroups);
        let has = FOR_BROWSERS.map(|line| text.contains(line));
        assert_eq!(has, [has_quads, module.contains("var<immediate>")], "{name}");
        texts.insert(module);
    }
    for stage in Stage::all()? {
        let is_probe = stage.name.starts_with("probe_");
        assert!(is_probe || texts.contains(&stage.wgsl), "{} is in no file", stage.name);
    }
    Ok(())
}

/// The module of a kernel with the constants that the comment at its head has.
fn with_said_constants(wgsl: &str, entry_point: &'static str) -> Result<Specialised, String> {
    let said = wgsl.lines().nth(1).and_then(|line| line.strip_prefix("// constants of "));
    let said = said.and_then(|line| line.rsplit_once(": ")).ok_or("no constants are said")?;
    let mut constants = Vec::new();
    for constant in said.1.split(", ") {
        let (name, value) = constant.split_once(" = ").ok_or("no constant")?;
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        constants.push((name, value.parse().map_err(|_| "no number")?));
    }
    let has_subgroups = wgsl.contains("quadSwap");
    let made = specialised(&bare(wgsl), entry_point, &constants, has_subgroups);
    made.map_err(|fault| fault.to_string())
}

#[test]
fn every_language_has_what_wgpu_writes_with_the_constants_that_are_said() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file.spv");
    for (label, variant, entry_point, model) in [
        ("update", "tiled_64_vector", "main", ShaderModel::V5_1),
        ("linear+relu", "quad_8", "main", ShaderModel::V6_0),
        ("normal", "default", "normal", ShaderModel::V5_1),
        ("row_sum", "default", "row_sum", ShaderModel::V5_1),
    ] {
        for checked in [false, true] {
            let emit = |more: &[&str]| {
                let flags = [label, "--variant", variant, "--emit"];
                let checked = if checked { &["--checked"][..] } else { &[] };
                text(&[&flags[..], more, checked].concat())
            };
            let wgsl = emit(&["wgsl"])?;
            let made = with_said_constants(&wgsl, entry_point)?;
            let without_head = |text: String| -> String {
                text.lines().skip(2).map(|line| line.to_owned() + "\n").collect()
            };
            assert_eq!(without_head(emit(&["hlsl"])?), made.hlsl(model, checked)?.text, "{label}");
            let msl = made.msl(METAL[3], checked)?.text;
            assert_eq!(without_head(emit(&["msl"])?).trim_end(), msl.trim_end(), "{label}");
            emit(&["spirv", "--output", &file.display().to_string()])?;
            assert!(fs::read(&file)? == bytes(&made.spirv(VULKAN[5], checked)?), "{label}");
        }
    }
    // Without a variant it is the first; without a language, WGSL.
    let first = text(&["update", "--variant", "tiled_64_vector", "--emit", "wgsl"])?;
    assert_eq!(text(&["update"])?, first);
    assert!(first.contains(", of the default model: "), "{first}");
    Ok(())
}

#[test]
fn a_pass_is_a_module() -> Outcome {
    let flags = ["linear+relu", "--variant", "sliced_64"];
    let both = text(&flags)?;
    let passes: Vec<_> = ["0", "1"]
        .map(|pass| text(&[&flags[..], &["--pass", pass]].concat()))
        .into_iter()
        .collect::<Result<_, _>>()?;
    assert!(both == passes.concat() && passes[0] != passes[1]);
    assert!(passes[1].starts_with("// linear+relu, sliced_64, pass 1: WGSL"), "{}", passes[1]);
    Ok(())
}

/// A terminal shows no bytes.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_gets_no_spirv() -> Outcome {
    let command = format!("{} shader normal --emit spirv", env!("CARGO_BIN_EXE_wgvae"));
    let run = std::process::Command::new("script").args(["-qec", &command, "/dev/null"]).output();
    let output = match run {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("`script` is not installed: no terminal");
            return Ok(());
        }
        other => other?,
    };
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--output FILE.spv"), "{said}");
    let bytes = succeeded(&["normal", "--emit", "spirv"])?.stdout;
    assert_eq!(bytes[..4], 0x0723_0203_u32.to_le_bytes(), "into a pipe");
    Ok(())
}

#[test]
fn the_sources_are_written_once() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("shaders");
    let arguments = ["--sources", "--output", &path.display().to_string()];
    text(&arguments)?;
    let read = |path: &Path| fs::read_to_string(path);
    for name in sources() {
        let file = path.join(format!("{name}.wgsl"));
        assert_eq!(file.exists(), !name.starts_with("roofs/"), "{name}");
        assert!(!file.exists() || read(&file)? == source(name), "{name}");
    }
    text(&arguments)?;
    let update = path.join("update.wgsl");
    fs::write(&update, "mine")?;
    let refused = wgvae(&[&["shader"], &arguments[..]].concat())?;
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("update.wgsl: expected no file"), "{}", stderr(&refused));
    assert_eq!(read(&update)?, "mine");
    Ok(())
}

/// The text of an edited file is checked and written, with what it is.
#[test]
fn edited_files_are_in_the_text() -> Outcome {
    let folder = tempfile::tempdir()?;
    let name = folder.path().display().to_string();
    let file = folder.path().join("normal.wgsl");
    fs::write(&file, source("normal").replace("draw(", "// Mine.\n    draw("))?;
    let flags = ["normal", "--shaders", &name];
    assert!(text(&flags)?.contains("// Mine.\n"));
    fs::write(&file, source("normal").replace("draw(", "drew("))?;
    let output = wgvae(&[&["shader"], &flags[..]].concat())?;
    assert_eq!(output.status.code(), Some(1));
    let said = format!("error: {}:13:5: ", file.display());
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    Ok(())
}
