//! The order of the crate's modules: each uses only those before it, so that there is no cycle, and a
//! part can be read, built and replaced without what stands on it.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Every module, those first that the others stand on.
const ORDER: &[&str] = &[
    "error",
    "near",
    "file",
    "memory",
    "matrix",
    "random",
    "interpret",
    "vectors",
    "function",
    "optimizer",
    "graph",
    "cpu",
    "kernel",
    "shader",
    "simd",
    "device",
    "model",
    "named",
    "data",
    "verify",
    "eval",
    "checkpoint",
    "profile",
    "report",
    "train",
    "compare",
    "vae",
    "assess",
    "cli",
];

/// The text of a module's files, without comments.
fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            text += &self::text(&entry?.path())?;
        }
    } else if path.extension().is_some_and(|ending| ending == "rs") {
        for line in fs::read_to_string(path)?.lines() {
            text += line.split("//").next().unwrap_or_default();
            text.push('\n');
        }
    }
    Ok(text)
}

/// The modules that a text names behind `crate::`, alone or in braces.
fn used(text: &str) -> BTreeSet<&str> {
    let name = |text: &'_ str| text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut found = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').and_then(|list| Some(&list[..list.find(';')?]));
        let parts: Vec<_> = list.map_or(vec![rest], |list| list.split([',', '{', '}']).collect());
        for part in parts.iter().map(|part| part.trim()) {
            found.insert(&part[..name(part).unwrap_or(part.len())]);
        }
    }
    found
}

#[test]
fn no_module_uses_one_that_stands_on_it() -> Result<(), Box<dyn Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&source)? {
        let name = entry?.path().with_extension("");
        let name = name.file_name().and_then(|name| name.to_str()).ok_or("a name")?;
        let listed = ORDER.contains(&name) || ["lib", "main"].contains(&name);
        assert!(listed, "{name} is not in the order of modules");
    }
    for (place, &module) in ORDER.iter().enumerate() {
        let texts = [source.join(module), source.join(format!("{module}.rs"))];
        let texts = texts.iter().filter(|path| path.exists()).map(|path| text(path));
        let text = texts.collect::<Result<String, _>>()?;
        assert!(!text.is_empty(), "{module} has no files");
        for later in &ORDER[place + 1..] {
            assert!(!used(&text).contains(later), "{module} uses {later}, which stands on it");
        }
    }
    Ok(())
}
