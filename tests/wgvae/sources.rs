//! Shaders of a folder in place of the built-in ones: what is read, where each line of a module is from,
//! how faults are reported, and that nothing measured with them is taken for built-in kernels.

use crate::devices::gpus;
use crate::tuner::product;
use std::error::Error;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wgvae::device::Choices;
use wgvae::device::gpu::{Gpu, GpuSession, Tuner};
use wgvae::device::{self, Choice, Device, Options};
use wgvae::graph::{Element, Graph, Plan, Shape};
use wgvae::kernel::{CORES, Call, Kernel, Sources, Variant, kernels, source, sources};
use wgvae::named::{Language, Named};
use wgvae::verify::{Row, verify_calls};

type Outcome = Result<(), Box<dyn Error>>;

/// A folder with a file in which one text is another.
fn folder(name: &str, from: &str, to: &str) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(format!("{name}.wgsl"));
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    assert!(source(name).contains(from), "{name} has no {from:?}");
    fs::write(path, source(name).replacen(from, to, 1))?;
    Ok(folder)
}

fn edited(name: &str, from: &str, to: &str) -> Result<Sources, Box<dyn Error>> {
    Ok(Sources::read(folder(name, from, to)?.path())?)
}

fn kernel(name: &str) -> Result<&'static Kernel, String> {
    kernels().find(|kernel| kernel.name == name).ok_or_else(|| format!("no kernel {name}"))
}

/// The rows of a label on a GPU with these shaders.
fn rows(gpu: &Gpu, sources: &Sources, kernel: &Kernel, label: &str) -> wgvae::Result<Vec<Row>> {
    let mut session = GpuSession::new(gpu.clone().reading(sources.clone()));
    verify_calls(&mut session, kernel, 1, &|call| call.label() == label)
}

#[test]
fn every_line_of_a_module_is_from_its_file() -> Outcome {
    let folder = folder("common/noise", "fn ", "// Mine.\nfn ")?;
    let mine = folder.path().join("common").join("noise.wgsl").display().to_string();
    let (built_in, edited) = (Sources::default(), Sources::read(folder.path())?);
    let line_of = |file: &str, number: usize| -> Option<String> {
        let name = file.strip_prefix("shaders/").and_then(|file| file.strip_suffix(".wgsl"));
        let text = match name {
            Some(name) => source(name).to_owned(),
            None => fs::read_to_string(file).ok()?,
        };
        Some(text.lines().nth(number - 1)?.to_owned())
    };
    let (mut from_files, mut of_stages) = (0, 0);
    for kernel in kernels() {
        for case in (kernel.cases)() {
            let call = case.call()?;
            let variant = kernel.variants()[0];
            for module in [&built_in, &edited].map(|files| kernel.modules(&call, variant, files)) {
                for module in module {
                    for (number, line) in module.text.lines().enumerate() {
                        let (file, at) = module.place(number + 1).ok_or("no place")?;
                        match line_of(file, at) {
                            Some(found) => {
                                assert_eq!(found, line, "{file}:{at}");
                                from_files += 1;
                            }
                            None => {
                                let written =
                                    format!("the part of {} that is written for it", call.label());
                                assert_eq!(file, written);
                                of_stages += 1;
                            }
                        }
                    }
                    assert_eq!(module.place(module.text.lines().count() + 1), None);
                    assert_eq!(module.edited().is_empty(), !module.text.contains("// Mine."));
                    assert!(module.edited().iter().all(|file| *file == mine));
                }
            }
        }
    }
    assert!(from_files > 10_000 && of_stages > 1000, "{from_files}, {of_stages}");
    Ok(())
}

#[test]
fn only_files_that_differ_are_replaced() -> Outcome {
    let folder = tempfile::tempdir()?;
    for name in sources() {
        let path = folder.path().join(format!("{name}.wgsl"));
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        // As it is kept on Windows.
        fs::write(path, source(name).replace('\n', "\r\n"))?;
    }
    for left_by_editors in [".update.wgsl.swp", "update.wgsl~", ".git"] {
        fs::write(folder.path().join(left_by_editors), "")?;
    }
    assert!(Sources::read(folder.path())?.is_built_in());
    let update = folder.path().join("update.wgsl");
    fs::write(&update, source("update").to_owned() + "// Mine.\n")?;
    let read = Sources::read(folder.path())?;
    assert_eq!(read.replaced().collect::<Vec<_>>(), [("update", update.as_path())]);
    fs::write(folder.path().join("roofs/fma.wgsl"), "// Mine.\n")?;
    let refused = Sources::read(folder.path()).map_err(|error| error.to_string());
    assert!(refused.is_err_and(|error| error.contains("fma.wgsl: expected the built-in")));
    Ok(())
}

/// The text is right, the text is wrong, and the other kernels are as they were.
#[test]
fn an_edited_kernel_runs_and_is_compared() -> Outcome {
    let right = edited("functions/relu", "return select(x", "let y = x;\n    return select(y")?;
    let wrong = edited("functions/relu", "return select(x", "return 2.0 * select(x")?;
    let (stages, sums) = (kernel("stages")?, kernel("row_sum")?);
    for gpu in gpus() {
        for (sources, is_right) in [(&right, true), (&wrong, false)] {
            for row in rows(gpu, sources, stages, "relu")? {
                assert_eq!(row.ok, is_right, "{row:?}");
            }
            for row in rows(gpu, sources, sums, "row_sum")? {
                assert!(row.ok, "{row:?}");
            }
        }
        // The pipelines of one text are not those of another.
        let mut both = gpu.clone();
        for (sources, is_right) in [(&wrong, false), (&Sources::default(), true), (&wrong, false)] {
            both = both.reading(sources.clone());
            let mut session = GpuSession::new(both.clone());
            let rows = verify_calls(&mut session, stages, 1, &|call| call.label() == "relu")?;
            assert!(!rows.is_empty() && rows.iter().all(|row| row.ok == is_right), "{rows:?}");
        }
    }
    Ok(())
}

/// In a file of a kernel, one text becomes another, which is reported by a place and by words.
const FAULTS: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "normal",
        "normal",
        "draw(flat",
        "  draw(flet",
        "normal.wgsl:13:12: ",
        "`flet_index`\n  13 |       draw(flet_index(id, groups));\n     |            ^^^^^^^^^^ unknown",
    ),
    ("normal", "normal", "fn normal(", "fn normal((", "normal.wgsl:9:11: ", "expected identifier"),
    ("normal", "normal", "fn normal(", "fn other(", "normal.wgsl: ", "entry point `normal`"),
    ("normal", "normal", "@binding(0)", "@binding(5)", "normal.wgsl: ", "binding: 5"),
    ("normal", "common/noise", "override ", "override MORE: u32;\noverride ", "noise.wgsl: ", ""),
    ("normal", "common/noise", "fn draw(", "fn drew(", "shaders/normal.wgsl:13:5: ", "noise.wgsl"),
    ("loss_sum", "loss_sum", "COLUMN: u32", "ROW: u32", "loss_sum.wgsl:", "COLUMN"),
    (
        "row_sum",
        "row_sum",
        "fn row_sum(",
        "fn f() -> u32 { return 1.5; }\nfn row_sum(",
        "row_sum.wgsl:",
        "1.5",
    ),
];

#[test]
fn a_fault_is_reported_with_its_file_and_line() -> Outcome {
    let gpu = &gpus()[0];
    for &(name, file, from, to, place, words) in FAULTS {
        let folder = folder(file, from, to)?;
        let sources = Sources::read(folder.path())?;
        let found = rows(gpu, &sources, kernel(name)?, name);
        if words.is_empty() {
            // A constant that nothing uses needs no value.
            assert!(found?.iter().all(|row| row.ok));
            continue;
        }
        let Err(wgvae::Error::Shader { place: found, message, .. }) = found else {
            return Err(format!("{to:?}: {found:?}").into());
        };
        let all = format!("{found}: {message}");
        assert!(all.contains(place) && message.contains(words), "{to:?} was reported as {all}");
        let is_mine = found.starts_with(&*folder.path().to_string_lossy());
        assert!(is_mine || place.starts_with("shaders/"), "{all}");
    }
    Ok(())
}

/// Chooses between two variants that every device has, with choices kept in `file`.
fn choose(gpu: &Gpu, file: &Path) -> Outcome {
    let graph = product()?;
    let variants: Vec<_> = ["tiled_64", "tiled_32"]
        .iter()
        .filter_map(|name| CORES.iter().find(|core| core.name == *name).map(Variant::of))
        .collect();
    let mut tuner = Tuner::new(gpu, Some(file.to_owned()), Choices::new());
    tuner.choose(gpu, &graph, &graph.nodes()[0], &variants)?.ok_or("no choice")?;
    Ok(())
}

/// The time that is kept for each part of the file, by the part's name, of which there may be two.
fn times(file: &Path) -> Result<Vec<(String, f64)>, Box<dyn Error>> {
    let content: serde_json::Value = serde_json::from_slice(&fs::read(file)?)?;
    let call = Call::of(&product()?, &product()?.nodes()[0]).to_string();
    let parts = content["adapters"].as_object().ok_or("no parts")?;
    let time = |(name, part): (&String, &serde_json::Value)| {
        Some((name.clone(), part[&call]["microseconds"].as_f64()?))
    };
    Ok(parts.iter().filter_map(time).collect())
}

/// Has every time of the file be this one, which nothing takes.
fn mark(file: &Path, us: f64) -> Outcome {
    let mut content: serde_json::Value = serde_json::from_slice(&fs::read(file)?)?;
    for part in content["adapters"].as_object_mut().ok_or("no parts")?.values_mut() {
        for tuned in part.as_object_mut().ok_or("no part")?.values_mut() {
            tuned["microseconds"] = us.into();
        }
    }
    Ok(fs::write(file, content.to_string())?)
}

#[test]
fn choices_among_edited_kernels_are_kept_apart() -> Outcome {
    const MARK: f64 = 1.25e9;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tuning.json");
    let gpu = &gpus()[0];
    let of = |sources: &Sources| gpu.clone().reading(sources.clone());
    let [one, two] = ["// One.\n", "// Two.\n"]
        .map(|line| edited("common/product_tiled", "fn ", &format!("{line}fn ")));
    let (one, two) = (one?, two?);
    choose(gpu, &file)?;
    mark(&file, MARK)?;
    choose(gpu, &file)?;
    assert!(times(&file)?.iter().map(|(_, us)| *us).eq([MARK]), "what is known is not measured");

    // Another text is measured, and so is the next, in whose place it is not kept.
    for sources in [&one, &two] {
        choose(&of(sources), &file)?;
        let kept = times(&file)?;
        let is_edited = |(name, _): &&(String, f64)| name.contains(", edited kernels ");
        let (edited, built_in): (Vec<_>, Vec<_>) = kept.iter().partition(is_edited);
        assert!(edited.len() == 1 && built_in.len() == 1, "{kept:?}");
        assert!(built_in[0].1 == MARK && edited[0].1 != MARK, "{kept:?}");
    }
    // The same text is known.
    mark(&file, MARK)?;
    choose(&of(&two), &file)?;
    assert!(times(&file)?.iter().map(|(_, us)| *us).eq([MARK; 2]));
    // What is not in the product changes nothing about it.
    let other = edited("functions/relu", "fn ", "// Mine.\nfn ")?;
    choose(&of(&other), &file)?;
    assert!(times(&file)?.iter().map(|(_, us)| *us).eq([MARK; 2]));
    Ok(())
}

#[test]
fn a_product_that_is_wrong_is_reported_as_the_users() -> Outcome {
    let file = tempfile::tempdir()?;
    let wrong = edited(
        "common/product_tiled",
        "return a_four(corner.y + al",
        "return 0.5 * a_four(corner.y + al",
    )?;
    let gpu = gpus()[0].clone().reading(wrong);
    let refused = choose(&gpu, &file.path().join("tuning.json")).map_err(|error| error.to_string());
    let words = "no variant gives correct results";
    assert!(refused.as_ref().is_err_and(|error| error.contains(words)), "{refused:?}");
    assert!(refused.is_err_and(|error| error.contains("product_tiled.wgsl")));
    Ok(())
}

/// Nobody has checked that the loops of such a text end.
#[test]
fn loops_of_edited_modules_are_bounded() -> Outcome {
    let all = Named::all()?;
    let update = all.iter().find(|named| named.label == "update").ok_or("no update")?;
    let variant = update.variants()[0];
    let edited = edited("update", "fn ", "// Mine.\nfn ")?;
    let bounds = |sources: &Sources, checked| -> Result<usize, Box<dyn Error>> {
        let text = update.stages(variant, sources)[0].emit(Language::Hlsl, checked)?;
        Ok(String::from_utf8(text)?.matches("loop_bound").count())
    };
    assert_eq!(bounds(&Sources::default(), false)?, 0);
    let bounded = bounds(&Sources::default(), true)?;
    assert!(bounded > 0 && bounds(&edited, false)? == bounded);
    Ok(())
}

#[test]
fn the_cpu_runs_no_shaders() -> Outcome {
    let open = |sources| device::open(&Choice::Cpu, Options { sources, ..Options::default() });
    assert_eq!(open(Sources::default())?.description().backend, "CPU");
    let refused = open(edited("update", "fn ", "// Mine.\nfn ")?).map(|_| ());
    let message = refused.map_err(|error| error.to_string());
    assert!(message.is_err_and(|error| error.starts_with("shaders: expected a GPU")));
    Ok(())
}

/// A plan whose shader is wrong leaves a session that can be used.
#[test]
fn a_session_survives_a_fault() -> Outcome {
    let sources = edited("functions/relu", "select(x", "select(z")?;
    let mut session = GpuSession::new(gpus()[0].clone().reading(sources));
    let mut graph = Graph::new();
    let x = graph.data("x", Shape::new(3, 5), Element::F32);
    let [relu, softplus] = [graph.relu(x)?, graph.softplus(x)?];
    let plan = |output| Plan::new(graph.clone(), &[output]);
    assert!(matches!(session.load(plan(relu)), Err(wgvae::Error::Shader { .. })));
    session.load(plan(softplus))?;
    Ok(())
}
