//! `wgvae recipes` and `train --recipe`: every file in `recipes/` is one, and flags win over it.

use crate::cli::{stderr, stdout, wgvae};
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::path::Path;
use wgvae::train::{ConfigFile, Recipe};

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn every_file_is_a_recipe() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let recipes = Recipe::all()?;
    assert_eq!(recipes.len(), fs::read_dir(&folder)?.count());
    for Recipe { name, config, about } in &recipes {
        config.check()?;
        config.architecture(784)?;
        // The same settings as by --config.
        let path = folder.join(format!("{name}.toml"));
        assert_eq!(ConfigFile::read(&path)?.config, *config, "{name}");
        assert!(about.importance_samples > 0 && !about.source.is_empty(), "{name}");
    }
    Ok(())
}

#[test]
fn the_table_has_every_recipe() -> Outcome {
    let output = wgvae(&["recipes", "--json"])?;
    let rows: Vec<Value> = serde_json::from_str(&stdout(&output))?;
    let table = stdout(&wgvae(&["recipes"])?);
    let recipes = Recipe::all()?;
    assert_eq!(rows.len(), recipes.len());
    for (row, Recipe { name, about, config }) in rows.iter().zip(&recipes) {
        assert_eq!(row["name"], *name);
        assert_eq!(row["data"], config.data);
        assert_eq!(row["published"].as_f64(), about.published);
        assert!(table.contains(&format!("\n{name} ")), "{name}: {table}");
        assert!(table.contains(&about.about), "{name}: {table}");
    }
    Ok(())
}

#[test]
fn flags_win_over_a_recipe() -> Outcome {
    let output = wgvae(&["train", "--print-config", "--recipe", "static-adam", "--epochs", "2"])?;
    let found: toml::Table = stdout(&output).parse()?;
    assert_eq!(found["epochs"].as_integer(), Some(2), "{}", stderr(&output));
    assert_eq!(found["data"].as_str(), Some("static-mnist"));
    assert_eq!(found["validation"].as_str(), Some("own"));
    assert_eq!(found["optimizer"]["name"].as_str(), Some("adam"));
    let refused = wgvae(&["train", "--recipe", "static-adm"])?;
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(said.contains("--recipe: expected one of") && said.contains("static-adam"), "{said}");
    Ok(())
}

/// A recipe's run: its data's own validation images, and settings with which it goes on.
#[test]
fn a_recipe_trains() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small = ["--device", "cpu", "--limit", "500", "--hidden", "12,3", "--epochs", "1"];
    let output =
        wgvae(&[&["train", "--recipe", "static-rmsprop", "--run", &run], &small[..]].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("10000 validation images"), "{}", stderr(&output));
    assert!(stdout(&output).contains("  valid "), "{}", stdout(&output));
    let more = wgvae(&["train", "--resume", &run, "--epochs", "2"])?;
    assert_eq!(more.status.code(), Some(0), "{}", stderr(&more));
    // Its best model is evaluated on the run's test images.
    let best = format!("{run}/best.safetensors");
    let output = wgvae(&["eval", &best, "--device", "cpu", "--limit", "20"])?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("best validation ELBO"), "{}", stdout(&output));
    Ok(())
}

#[test]
fn data_that_is_not_there_says_where_to_get_it() -> Outcome {
    let empty = tempfile::tempdir()?;
    let known = wgvae::data::Known::named("fashion-mnist").ok_or("no such data")?;
    let elsewhere = wgvae::data::Known { packaged: None, ..*known };
    match elsewhere.folder(empty.path(), &empty.path().join("wgvae")) {
        Err(wgvae::Error::Data { remedy, .. }) => {
            assert!(remedy.contains("dataset-fashion-mnist"), "{remedy}");
            Ok(())
        }
        other => Err(format!("{other:?}").into()),
    }
}
