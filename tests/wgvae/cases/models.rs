//! Models of PyTorch, and tables of latents.

use super::{Outcome, made, path, read, refusal};
use crate::cli::{stderr, stdout, wgvae};
use safetensors::tensor::{Dtype, TensorView};
use std::error::Error;
use std::fs;
use std::path::Path;
use wgvae::Matrix;
use wgvae::model::Scale;

/// What PyTorch saves of the same model in several ways.
#[test]
fn models_of_pytorch_are_read_whatever_wraps_them() -> Outcome {
    let model = |name: &str| {
        let file = path(&format!("safetensors-pytorch/{name}.safetensors"));
        wgvae::model::load_as(Path::new(&file), Some(Scale::Softplus))
    };
    let plain = model("plain")?;
    assert_eq!(plain.architecture.hidden(), [32, 4]);
    for name in ["compiled", "ddp", "dropout", "f64"] {
        let same = model(name).map_err(|error| format!("{name}: {error}"))?;
        assert_eq!(same.architecture, plain.architecture, "{name}");
    }
    let rounded = model("bf16")?;
    assert_eq!(rounded.architecture, plain.architecture);
    let (message, remedy) = refusal(model("bn"));
    assert!(message.contains("encoder.1.bias, which belongs to no such layer"), "{message}");
    assert!(remedy.contains("batch normalisation"), "{remedy}");
    // As github.com/pytorch/examples calls them.
    let folder = tempfile::tempdir()?;
    let examples = folder.path().join("examples.safetensors");
    let zeros = [0; 16];
    let view = || TensorView::new(Dtype::F32, vec![2, 2], &zeros);
    let names = ["fc1.weight", "fc21.weight", "fc22.weight", "fc3.weight", "fc4.weight"];
    let views = names.iter().map(|name| Ok((*name, view()?)));
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    fs::write(&examples, safetensors::serialize(views, None)?)?;
    let (message, remedy) = refusal(wgvae::model::load(&examples));
    assert!(message.contains("fc1.weight, which belongs to no such layer"), "{message}");
    assert!(remedy.contains("rename fc1 to encoder.0"), "{remedy}");
    let (message, _) = refusal(model("nobias"));
    assert!(message.contains("encoder.0.bias"), "{message}");
    Ok(())
}

/// What PyTorch's models have for a standard deviation cannot be told from their weights: nothing is assumed.
#[test]
fn log_variances_are_not_taken_for_what_softplus_takes() -> Outcome {
    let model = path("logvar-model/logvar.safetensors");
    let flags = ["eval", &model, "--device", "cpu", "--input", &path("logvar-model/d.npy.gz")];
    let output = wgvae(&flags)?;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let wanted = "expected metadata with scale = softplus or log-variance, found nothing";
    assert!(said.contains(wanted), "{said}");
    assert!(said.contains("--scale log-variance"), "{said}");
    // In PyTorch: KL 4.758, and ELBO −19.194 by one draw of the latents.
    let output = wgvae(&[&flags[..], &["--scale", "log-variance", "--json"]].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found: serde_json::Value = serde_json::from_str(&stdout(&output))?;
    let near = |key: &str, value: f64, within: f64| {
        assert!(found[key].as_f64().is_some_and(|own| (own - value).abs() < within), "{found}");
    };
    near("kl", 4.758, 6e-4);
    near("elbo", -19.194, 0.1);
    // This is not the ELBO that the model has in PyTorch, but it was asked for.
    let output = wgvae(&[&flags[..], &["--scale", "softplus"]].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("model.safetensors");
    let bytes = fs::read(&model)?;
    let tensors = safetensors::SafeTensors::deserialize(&bytes)?;
    for (scale, is_read) in [("softplus", true), ("log-variance", true), ("exp", false)] {
        let metadata = [("scale".to_owned(), scale.to_owned())].into();
        fs::write(&file, safetensors::serialize(tensors.tensors(), Some(metadata))?)?;
        let (message, _) = refusal(wgvae::model::load(&file));
        let expected = ["found exp", "nothing refused"][usize::from(is_read)];
        assert!(message.contains(expected), "{scale}: {message}");
    }
    Ok(())
}

/// Tables of latents as pandas and R write them.
#[test]
fn latents_have_a_header_where_others_write_one() -> Outcome {
    let folder = tempfile::tempdir()?;
    let table = |text: &str| made(folder.path(), "z.csv", text);
    let rows = |text: &str, header| -> Result<Vec<f32>, Box<dyn Error>> {
        let matrix = Matrix::read_as(Path::new(&table(text)?), header)?;
        Ok(matrix.values().to_vec())
    };
    let found = Matrix::read(Path::new(&path("decode-numeric-header/z.csv")))?;
    assert_eq!((found.columns(), found.row(0)[0]), (4, 0.125_730_22));
    for text in [
        "a,b\n0.5,2\n1.5,3\n",
        ",a,b\n0,0.5,2\n1,1.5,3\n2,2.5,4\n",
        "file,0,1\nx.png,0.5,2\n2.png,1.5,3\n",
        "z1;z2\n0,5;2\n1,5;3\n",
        "0.5\t2\n1.5\t3\n",
    ] {
        assert_eq!(rows(text, None)?[..4], [0.5, 2.0, 1.5, 3.0], "{text}");
    }
    // A grid that somebody wrote, and a header that pandas may have: nothing is assumed.
    assert_eq!(rows("0,1\n1,1\n2,1\n", None)?.len(), 6);
    let (message, remedy) = refusal(Matrix::read(Path::new(&table("0,1\n0.5,0.25\n")?)));
    assert!(message.contains("a first line that may count the columns"), "{message}");
    assert_eq!(remedy, "header = true or header = false");
    assert_eq!(rows("0,1\n0.5,0.25\n", Some(true))?, [0.5, 0.25]);
    assert_eq!(rows("0,1\n0.5,0.25\n", Some(false))?, [0.0, 1.0, 0.5, 0.25]);
    Ok(())
}

/// Rows of latents say whose they are, and decode all the same.
#[test]
fn latents_in_a_table_name_their_pictures() -> Outcome {
    let folder = tempfile::tempdir()?;
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let (run, table, picture) = (inside("run"), inside("z.csv"), inside("x.png"));
    let pictures = path("numbered-names/pics");
    let done = |arguments: &[&str]| -> Outcome {
        let output = wgvae(arguments)?;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        Ok(())
    };
    let small = ["--device", "cpu", "--epochs", "1", "--hidden", "4,2", "--batch", "5"];
    let data = path("decode-numeric-header/d.npy");
    done(&[&["train", "--data", &data, "--run", &run], &small[..]].concat())?;
    let input = ["encode", &run, "--device", "cpu", "--input", &pictures, "--output", &table];
    done(&input)?;
    let text = fs::read_to_string(&table)?;
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(',').next()).collect();
    let files = read("numbered-names/pics")?.0.files().map(<[String]>::to_vec).ok_or("no files")?;
    assert_eq!(
        (names[0], names[1..].to_vec()),
        ("file", files.iter().map(String::as_str).collect())
    );
    assert!(files.iter().all(|file| Path::new(&pictures).join(file).is_file()), "{files:?}");
    // By number, 2 before 10.
    let place = |name: &str| files.iter().position(|file| file == name);
    assert!(place("2.png") < place("10.png"), "{files:?}");
    done(&["decode", &run, "--device", "cpu", "--input", &table, "--output", &picture])
}
