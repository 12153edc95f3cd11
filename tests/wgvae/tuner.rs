//! The choice among variants: wrong ones are dropped, choices are remembered and can be forced, and
//! nothing that is wrong with the file of choices stops a run.

use crate::devices::gpus;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use wgvae::device::Choices;
use wgvae::device::gpu::{Gpu, GpuSession, Tuner};
use wgvae::device::{Device, Tunable};
use wgvae::graph::{Element, Graph, Shape};
use wgvae::kernel::{CORES, Call, Core, Kernel, Variant};

type Outcome = Result<(), Box<dyn Error>>;

/// A product that is worth tuning.
pub(crate) fn product() -> wgvae::Result<Graph> {
    let mut graph = Graph::new();
    let a = graph.data("a", Shape::new(64, 68), Element::F32);
    let b = graph.data("b", Shape::new(68, 72), Element::F32);
    graph.matmul(a, b)?;
    Ok(graph)
}

fn named(name: &str) -> Result<Variant, String> {
    let core = CORES.iter().find(|core| core.name == name);
    core.map(Variant::of).ok_or_else(|| format!("no core {name}"))
}

/// The choice between two variants that work everywhere, and what is said about it.
fn choose(gpu: &Gpu, tuner: &mut Tuner, variants: &[Variant]) -> wgvae::Result<Option<Variant>> {
    let graph = product()?;
    tuner.choose(gpu, &graph, &graph.nodes()[0], variants)
}

/// What something gives, and the warnings of it, a line each.
fn warnings<T>(work: impl FnOnce() -> T) -> (T, String) {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let done = tracing::subscriber::with_default(lines, work);
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    (done, String::from_utf8_lossy(&log).into_owned())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn call() -> wgvae::Result<String> {
    let graph = product()?;
    Ok(Call::of(&graph, &graph.nodes()[0]).to_string())
}

/// A core that leaves most of each tile out, made of one that is right: a workgroup has the lanes of a
/// tile of half the size.
fn broken(name: &str) -> Result<&'static Core, Box<dyn Error>> {
    let right = named(name)?.core().ok_or("no core")?;
    Ok(Box::leak(Box::new(Core {
        name: Box::leak(format!("broken_{name}").into_boxed_str()),
        passes: right.passes,
        unit: right.unit,
        subgroups: right.subgroups,
        lanes: right.lanes,
        tile_lanes: right.tile_lanes,
        rows: 2 * right.rows,
        columns: 2 * right.columns,
        spills_on: right.spills_on,
    })))
}

#[test]
fn no_core_is_tried_where_its_sums_spill() -> Result<(), String> {
    let suits = |name: &str, vendor| -> Result<bool, String> {
        let core = named(name)?.core().ok_or("a variant without a core")?;
        Ok(core.suits(false, vendor))
    };
    let [amd, intel, nvidia] = [0x1002, 0x8086, 0x10de];
    for vendor in [amd, nvidia] {
        assert!(suits("quad_8_vector", vendor)?);
    }
    for unit in ["", "_vector"] {
        assert!(!suits(&format!("quad_8{unit}"), intel)?);
        for name in ["tiled_64", "tiled_32", "sliced_64", "sliced_32"] {
            assert!(suits(&format!("{name}{unit}"), intel)?, "{name}{unit}");
        }
    }
    Ok(())
}

#[test]
fn a_wrong_variant_is_dropped_and_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let right = named("tiled_64")?;
    let variants = [Variant::of(broken("tiled_32")?), right];
    let by_four = [Variant::of(broken("tiled_32_vector")?), right];
    let none = [variants[0], by_four[0]];
    for (index, gpu) in gpus().iter().enumerate() {
        let file = folder.path().join(index.to_string());
        let mut tuner = Tuner::new(gpu, Some(file), Choices::new());
        let (chosen, warnings) = warnings(|| choose(gpu, &mut tuner, &variants));
        assert_eq!(chosen?, Some(right));
        assert_eq!(warnings.lines().count(), 1, "{warnings}");
        assert!(warnings.contains("broken_tiled_32 gives wrong results"), "{warnings}");

        // Those that read one by one are tried where all that read by four are wrong.
        let mut tuner = Tuner::new(gpu, Some(folder.path().join("again")), Choices::new());
        assert_eq!(choose(gpu, &mut tuner, &by_four)?, Some(right));
        let mut tuner = Tuner::new(gpu, Some(folder.path().join("none")), Choices::new());
        let refusal = choose(gpu, &mut tuner, &none).err().ok_or("a wrong one was chosen")?;
        assert!(refusal.to_string().contains("no variant gives correct results"), "{refusal}");
        fs::remove_file(folder.path().join("again"))?;
    }
    Ok(())
}

#[test]
fn choices_are_remembered_by_adapter() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("new/tuning.json");
    let variants = [named("tiled_32")?, named("tiled_64")?];
    for gpu in gpus() {
        let mut tuner = Tuner::new(gpu, Some(file.clone()), Choices::new());
        let chosen = choose(gpu, &mut tuner, &variants)?.ok_or("no choice")?;
        // What the file says is believed: here, that the other one was faster.
        let other = if chosen == variants[0] { variants[1] } else { variants[0] };
        let text = fs::read_to_string(&file)?;
        assert!(text.contains(&call()?) && text.contains(chosen.name()), "{text}");
        fs::write(&file, text.replace(chosen.name(), other.name()))?;
        let (chosen, warnings) = warnings(|| {
            choose(gpu, &mut Tuner::new(gpu, Some(file.clone()), Choices::new()), &variants)
        });
        assert_eq!((chosen?, warnings), (Some(other), String::new()));
    }
    let content: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let adapters = content["adapters"].as_object().ok_or("no adapters")?;
    assert_eq!(adapters.len(), gpus().len());
    Ok(())
}

fn warnings_on(file: &Path) -> Result<String, Box<dyn Error>> {
    let gpu = &gpus()[0];
    let variants = [named("tiled_32")?, named("tiled_64")?];
    let (chosen, warnings) = warnings(|| {
        choose(gpu, &mut Tuner::new(gpu, Some(file.to_owned()), Choices::new()), &variants)
    });
    assert!(chosen?.is_some());
    Ok(warnings)
}

#[test]
fn a_damaged_file_is_complained_about_and_replaced() -> Outcome {
    let folder = tempfile::tempdir()?;
    for (name, content, words) in [
        ("words", "nonsense", "expected ident"),
        ("empty", "", "EOF"),
        ("other", r#"{"version": 1}"#, "adapters"),
        ("newer", r#"{"version": 99, "adapters": {}}"#, "expected version 1, found 99"),
    ] {
        // A file is warned of once.
        let file = folder.path().join(name);
        fs::write(&file, content)?;
        let note = warnings_on(&file)?;
        assert!(note.contains(words) && note.contains("measured again"), "{content}: {note}");
        assert_eq!(warnings_on(&file)?, "", "the file was not replaced");
    }
    // A folder can be neither read nor replaced; the choice is made all the same, with one word of it.
    let note = warnings_on(folder.path())?;
    assert!(note.contains("measured again") && note.lines().count() == 1, "{note}");
    assert_eq!(warnings_on(folder.path())?, "");
    Ok(())
}

#[test]
fn compiled_pipelines_are_kept_and_a_damaged_file_is_replaced() -> Outcome {
    let folder = tempfile::tempdir()?;
    for gpu in gpus().iter().filter(|gpu| gpu.has_pipeline_cache()) {
        let load = || -> Outcome {
            let gpu = gpu.clone().remembering(Some(folder.path().to_owned()));
            let tuner = Tuner::new(&gpu, Some(folder.path().join("tuning")), Choices::new());
            let mut session = GpuSession::tuned(gpu, tuner);
            let graph = product()?;
            let c = graph.nodes()[0].outputs[0];
            session.load(wgvae::graph::Plan::new(graph, &[c]))?;
            Ok(())
        };
        load()?;
        fs::remove_file(folder.path().join("tuning"))?;
        let files = fs::read_dir(folder.path())?.collect::<Result<Vec<_>, _>>()?;
        assert_eq!(files.len(), 1);
        let (file, kept) = (files[0].path(), fs::read(files[0].path())?);
        assert!(kept.len() > 4);
        let mut flipped = kept.clone();
        flipped[4] ^= 1;
        for damaged in [&flipped[..], &kept[..kept.len() - 1], &kept[..3], b""] {
            fs::write(&file, damaged)?;
            load()?;
            assert_eq!(fs::read(&file)?, kept);
        }
        fs::remove_file(file)?;
    }
    Ok(())
}

#[test]
fn a_forced_choice_comes_first() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tuning.json");
    let gpu = &gpus()[0];
    let variants = [named("tiled_32")?, named("tiled_64")?];
    for variant in variants {
        let forced = Choices::from([(call()?, variant.name().to_owned())]);
        let mut tuner = Tuner::new(gpu, Some(file.clone()), forced);
        let (chosen, warnings) = warnings(|| choose(gpu, &mut tuner, &variants));
        assert_eq!((chosen?, warnings), (Some(variant), String::new()));
    }
    let forced = Choices::from([(call()?, "quad_32".to_owned())]);
    let mut tuner = Tuner::new(gpu, Some(file), forced);
    let (chosen, warnings) = warnings(|| choose(gpu, &mut tuner, &variants));
    assert!(chosen?.is_some());
    assert!(warnings.contains("no variant quad_32 on this adapter"), "{warnings}");
    Ok(())
}

#[test]
fn every_variant_can_be_forced_on_a_session() -> Outcome {
    let graph = product()?;
    let kernel = Kernel::of(&Call::of(&graph, &graph.nodes()[0]));
    let c = graph.nodes()[0].outputs[0];
    for gpu in gpus() {
        let variants = GpuSession::new(gpu.clone()).variants(kernel);
        assert!(variants.len() >= 4);
        for variant in variants {
            let mut session = GpuSession::new(gpu.clone());
            session.force(Some(variant));
            session.load(wgvae::graph::Plan::new(graph.clone(), &[c]))?;
            let chosen: Vec<_> = session.choices().into_values().collect();
            assert_eq!(chosen, [variant.name()]);
        }
    }
    Ok(())
}
