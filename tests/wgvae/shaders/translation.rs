//! Every stage, with the constants of every case, through naga's writers as wgpu runs them. Where
//! SPIRV-Tools is installed, its validator checks the SPIR-V. With `WGVAE_WRITE_SHADERS=FOLDER` the
//! texts stay there, for `tests/compilers/check`.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use wgvae::kernel::Passing;
use wgvae::shader::{Fault, METAL, SHADER_MODELS, Specialised, Spirv, VULKAN, bytes, for_browsers};

use super::Outcome;
use super::faults::is_known;
use super::stage::Stage;

/// What one compiler gets for a stage.
struct Translated {
    /// Folder and ending of its file.
    language: &'static str,
    /// Profile, version of the language, or version of Vulkan.
    target: String,
    checked: bool,
    entry_point: String,
    content: Vec<u8>,
}

/// For every target, without and with `--checked`.
fn translated(stage: &Specialised) -> Result<Vec<Translated>, Fault> {
    let mut all = Vec::new();
    for checked in [false, true] {
        let new = |language, target, entry_point, content| Translated {
            language,
            target,
            checked,
            entry_point,
            content,
        };
        for model in SHADER_MODELS.into_iter().skip(usize::from(stage.subgroups)) {
            let text = stage.hlsl(model, checked)?;
            let target = format!("cs_{}", model.to_str());
            all.push(new("hlsl", target, text.entry_point, text.text.into_bytes()));
        }
        for (major, minor) in METAL {
            let text = stage.msl((major, minor), checked)?;
            let target = format!("{major}.{minor}");
            all.push(new("metal", target, text.entry_point, text.text.into_bytes()));
        }
        for device in VULKAN.iter().filter(|device| device.subgroups || !stage.subgroups) {
            let bytes = bytes(&stage.spirv(*device, checked)?);
            all.push(new("spv", target(device), stage.entry_point.to_owned(), bytes));
        }
    }
    Ok(all)
}

/// SPIRV-Tools' name of a version of Vulkan.
fn target(device: &Spirv) -> String {
    format!("vulkan{}.{}", device.vulkan.0, device.vulkan.1)
}

/// A stage in the index.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    label: &'a str,
    entry_point: &'a str,
    constants: BTreeMap<&'a str, f64>,
    subgroups: bool,
    /// Group, binding and whether it is written.
    storages: Vec<(u32, u32, bool)>,
    immediate_bytes: u32,
    wgsl: String,
    /// The same with the arguments in a uniform buffer, if it has any.
    uniform_wgsl: Option<String>,
    texts: Vec<File>,
}

/// A text in the index. Equal texts are one file.
#[derive(Serialize)]
struct File {
    file: String,
    target: String,
    checked: bool,
    entry_point: String,
}

/// A folder of texts.
struct Folder<'a> {
    path: &'a Path,
    /// Names of files by what is in them.
    files: HashMap<Vec<u8>, String>,
}

impl Folder<'_> {
    /// Writes a text, unless it is there.
    fn write(&mut self, stem: &str, ending: &str, content: Vec<u8>) -> std::io::Result<String> {
        if let Some(name) = self.files.get(&content) {
            return Ok(name.clone());
        }
        let name = format!("{ending}/{stem}.{ending}");
        fs::create_dir_all(self.path.join(ending))?;
        fs::write(self.path.join(&name), &content)?;
        self.files.insert(content, name.clone());
        Ok(name)
    }

    fn add<'a>(&mut self, stage: &'a Stage) -> Result<Entry<'a>, Box<dyn Error>> {
        let specialised = stage.specialised()?;
        let mut texts = Vec::new();
        for (number, text) in translated(&specialised)?.into_iter().enumerate() {
            let Translated { language, target, checked, entry_point, content } = text;
            let suffix = if checked { ".checked" } else { "" };
            let stem = format!("{}.{target}{suffix}.{number}", stage.name);
            let file = self.write(&stem, language, content)?;
            texts.push(File { file, target, checked, entry_point });
        }
        let storages = specialised.layout.storages.iter();
        Ok(Entry {
            name: &stage.name,
            label: &stage.label,
            entry_point: stage.entry_point,
            constants: stage.constants.iter().copied().collect(),
            subgroups: stage.subgroups,
            storages: storages.map(|(at, written)| (at.group, at.binding, *written)).collect(),
            immediate_bytes: specialised.layout.immediate_bytes,
            uniform_wgsl: match specialised.layout.immediate_bytes {
                0 => None,
                _ => {
                    let wgsl = Passing::Uniform.adapt(&stage.wgsl);
                    let wgsl = for_browsers(&wgsl, stage.subgroups).into_bytes();
                    Some(self.write(&format!("{}.uniform", stage.name), "wgsl", wgsl)?)
                }
            },
            wgsl: self.write(
                &stage.name,
                "wgsl",
                for_browsers(&stage.wgsl, stage.subgroups).into_bytes(),
            )?,
            texts,
        })
    }
}

#[test]
fn every_stage_is_written_where_asked() -> Outcome {
    let Some(path) = std::env::var_os("WGVAE_WRITE_SHADERS") else { return Ok(()) };
    let mut folder = Folder { path: Path::new(&path), files: HashMap::new() };
    let stages = Stage::all()?;
    let entries = stages
        .iter()
        .map(|stage| folder.add(stage).map_err(|error| format!("{}: {error}", stage.name)));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    fs::write(folder.path.join("index.json"), serde_json::to_vec_pretty(&entries)?)?;
    Ok(())
}

/// Checks SPIR-V for a version of Vulkan; false if the program is not installed.
fn spirv_val(file: &Path, words: &[u32], target: &str) -> Result<bool, Box<dyn Error>> {
    fs::write(file, bytes(words))?;
    match Command::new("spirv-val").args(["--target-env", target]).arg(file).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr);
            if is_known("spirv-val", &message)? {
                return Ok(true);
            }
            Err(format!("{target}: {message}").into())
        }
    }
}

/// Old and new Vulkan without and with robust buffers, with and without bounds on loops.
const CHECKED_HERE: [(Spirv, bool); 2] = [(VULKAN[1], true), (VULKAN[5], false)];

#[test]
fn every_module_translates_for_every_backend() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("stage.spv");
    let mut installed = true;
    for stage in Stage::all()? {
        let named = |error: Box<dyn Error>| format!("{}: {error}", stage.name);
        let specialised = stage.specialised().map_err(|error| named(error.into()))?;
        let sizes: Vec<_> =
            specialised.module.entry_points.iter().map(|entry| entry.workgroup_size).collect();
        assert_eq!(sizes, [[stage.invocations, 1, 1]], "{}", stage.name);
        translated(&specialised).map_err(|fault| named(fault.into()))?;
        for (device, checked) in CHECKED_HERE {
            let words = specialised.spirv(device, checked)?;
            installed = installed && spirv_val(&file, &words, &target(&device)).map_err(named)?;
        }
    }
    if !installed {
        println!("spirv-val is not installed (SPIRV-Tools): naga alone has checked the SPIR-V");
    }
    Ok(())
}

#[test]
fn spirv_that_is_none_is_reported() -> Outcome {
    let folder = tempfile::tempdir()?;
    let none = spirv_val(&folder.path().join("none.spv"), &[0; 5], "vulkan1.1");
    assert!(none.is_err() || none.is_ok_and(|installed| !installed));
    Ok(())
}
