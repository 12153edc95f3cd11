//! Commands that ask something of a run, as a user runs them.

use crate::cli::{short_run, stderr, stdout, wgvae};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use wgvae::assess::{Samples, assess};
use wgvae::data::{Source, Split};
use wgvae::device::{Choice, Options, open};
use wgvae::graph::Binarize;
use wgvae::model::{Architecture, initial_weights};
use wgvae::report::{Classes, Manifold, Row, Tiles, grid_latents, manifold, tiles};
use wgvae::{Matrix, Vae};

type Outcome = Result<(), Box<dyn Error>>;

/// A run, in a folder that goes when it is dropped.
struct Run(tempfile::TempDir);

impl Run {
    fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let output = short_run(&folder.path().join("run"))?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Ok(Self(folder))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command on the run, in whose arguments `@` stands for the folder.
    fn ask(&self, command: &str, arguments: &str) -> Result<std::process::Output, Box<dyn Error>> {
        let folder = self.file("").display().to_string();
        let run = self.file("run").display().to_string();
        let words: Vec<_> = arguments.split(' ').map(|word| word.replace('@', &folder)).collect();
        let words = words.iter().map(String::as_str);
        let all: Vec<_> = [command, &run, "--device", "cpu"].into_iter().chain(words).collect();
        Ok(wgvae(&all)?)
    }

    fn done(&self, command: &str, arguments: &str) -> Outcome {
        let output = self.ask(command, arguments)?;
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
        let written = arguments.split("--output @").nth(1).and_then(|rest| rest.split(' ').next());
        let written = self.file(written.ok_or("no output")?);
        assert_eq!(stdout(&output).trim_end(), written.display().to_string());
        assert!(written.exists());
        Ok(())
    }

    fn refused(&self, command: &str, arguments: &str, words: &str) -> Outcome {
        let before = fs::read_dir(self.0.path())?.count();
        let output = self.ask(command, arguments)?;
        assert_eq!(output.status.code(), Some(2), "{command} {arguments}");
        assert!(stderr(&output).contains(words), "{words}: {}", stderr(&output));
        assert_eq!(fs::read_dir(self.0.path())?.count(), before, "something was written");
        Ok(())
    }
}

#[test]
fn every_command_answers_as_the_library_does() -> Outcome {
    let run = Run::new()?;
    let session = open(&Choice::Cpu, Options::default())?;
    let mut vae = Vae::load(session, &run.file("run/model.safetensors"))?;
    let test = Split::load(&Source::new("mnist"))?.test;

    run.done("encode", "--limit 300 --output @m.npy --stddev @s.csv")?;
    let first: Vec<u32> = (0..300).collect();
    let posterior = vae.encode(&test.matrix(&first, Binarize::Threshold, 0)?)?;
    assert_eq!(Matrix::read(&run.file("m.npy"))?, posterior.mean);
    assert_eq!(Matrix::read(&run.file("s.csv"))?, posterior.stddev);

    run.done(
        "sample",
        "--count 30 --seed 4 --output @x.npy --probabilities @p.npy --latents @z.npy",
    )?;
    let drawn = vae.prior_predictive(30, 4)?;
    assert_eq!(Matrix::read(&run.file("x.npy"))?, drawn.sample);
    assert_eq!(Matrix::read(&run.file("p.npy"))?, drawn.probabilities);
    assert_eq!(Matrix::read(&run.file("z.npy"))?, drawn.z);

    // A model's file does as well as a run, and the latents decode to their probabilities.
    run.done("decode", "--input @z.npy --output @d.npy")?;
    assert_eq!(Matrix::read(&run.file("d.npy"))?, drawn.probabilities);

    let output = run.ask("eval", "--limit 300 --importance-samples 4 --json")?;
    let found: serde_json::Value = serde_json::from_str(&stdout(&output))?;
    let x = test.matrix(&first, Binarize::Threshold, 0)?;
    let expected = assess(&mut vae, &x, Samples { noise: 1, importance: Some(4), seed: 0 }, || ())?;
    assert_eq!(found["elbo"].as_f64(), Some(expected.elbo.mean));
    assert_eq!(found["nll"].as_f64(), expected.nll.map(|nll| nll.mean));
    assert_eq!(found["active_units"], expected.active_units);
    assert_eq!(found["kl_per_unit"].as_array().map(Vec::len), Some(4));
    let text = stdout(&run.ask("eval", "--limit 1")?);
    assert!(text.contains("ELBO") && text.contains("± ?") && text.contains("of 4"), "{text}");

    // Stochastic images follow from the seed.
    run.done("encode", "--limit 5 --binarize stochastic --seed 9 --output @r.npy")?;
    let random = vae.transform(&test.matrix(&first[..5], Binarize::Stochastic, 9)?)?;
    assert_eq!(Matrix::read(&run.file("r.npy"))?, random);
    Ok(())
}

#[test]
fn pictures_have_an_image_for_each_thing_asked_for() -> Outcome {
    let run = Run::new()?;
    let width = |name: &str| -> Result<(u32, u32), Box<dyn Error>> {
        let picture = image::open(run.file(name))?;
        Ok((picture.width(), picture.height()))
    };
    run.done("sample", "--count 8 --output @eight.png")?;
    run.done("sample", "--count 9 --output @nine.png")?;
    // A tile is 84 pixels wide, and 8 lie between two.
    assert_eq!(width("nine.png")?.0 - width("eight.png")?.0, 92);
    run.done("reconstruct", "--digit 7 --count 2 --output @once.png")?;
    run.done("reconstruct", "--digit 7 --count 2 --samples 2 --output @twice.png")?;
    // Another pair, and a gap above either of the two.
    assert_eq!(width("twice.png")?.1 - width("once.png")?.1, 2 * 92 + 2 * 20);
    run.done("reconstruct", "--digit 7 --count 2 --columns 1 --output @narrow.png")?;
    assert!(width("narrow.png")?.1 > width("once.png")?.1 + 3 * 84);
    run.done("sample", "--count 2 --latents @z.npy --output @two.png")?;
    run.done("decode", "--input @z.npy --output @decoded.png")?;
    run.done("decode", "--input @z.npy --columns 1 --output @one.png")?;
    assert_eq!(width("one.png")?.1 - width("decoded.png")?.1, 84 + 36);
    run.done("decode", "--input @z.npy --size 14x56 --output @wide.png")?;
    // Its title, which names a file, may make a picture wider than its images do.
    assert!(width("wide.png")?.1 < width("decoded.png")?.1);
    Ok(())
}

#[test]
fn many_samples_are_laid_out_by_the_square_root() -> Outcome {
    let run = Run::new()?;
    let size = |name: &str| -> Result<(u32, u32), Box<dyn Error>> {
        Ok(image::image_dimensions(run.file(name))?)
    };
    run.done("sample", "--count 300 --output @many.png")?;
    let (width, height) = size("many.png")?;
    assert!(width.abs_diff(height) < width / 3, "{width} x {height}");
    run.done("sample", "--count 300 --columns 50 --output @wide.png")?;
    let (wide, low) = size("wide.png")?;
    assert_eq!((wide - width, low < height), (25 * 92, true));
    run.refused("sample", "--columns 0 --output @x.png", "a whole number from 1 on")
}

/// The two images themselves, then the path, each as the library has it.
#[test]
fn a_path_is_between_the_images_that_it_connects() -> Outcome {
    let run = Run::new()?;
    run.done("interpolate", "--from 3 --to 2 --steps 4 --output @path.png")?;
    let session = open(&Choice::Cpu, Options::default())?;
    let mut vae = Vae::load(session, &run.file("run/model.safetensors"))?;
    let test = Split::load(&Source::new("mnist"))?.test;
    let x = test.matrix(&[3, 2], Binarize::Threshold, 0)?;
    let means = vae.transform(&x)?;
    let path = (0..4).flat_map(|step| {
        let t = step as f32 / 3.0;
        let pairs = means.row(0).iter().zip(means.row(1));
        pairs.map(move |(from, to)| from * (1.0 - t) + to * t).collect::<Vec<_>>()
    });
    let path = vae.decode(&Matrix::new(4, 4, path.collect())?)?;
    let expected = [x.row(0), path.values(), x.row(1)].concat();
    let images = [Row { caption: "", images: &expected }];
    let title = format!(
        "From image 3 to image 2, pixel probabilities between them, {}",
        run.file("run").display()
    );
    let labels = ["image 3", "t = 0.00", "t = 0.33", "t = 0.67", "t = 1.00", "image 2"];
    let labels = labels.map(str::to_owned);
    let (size, lines) = ((28, 28), &images);
    let drawn =
        Tiles { title: &title, size, per_band: 6, lines, labels: &labels, ..Tiles::default() };
    tiles(&run.file("expected.png"), &drawn)?;
    assert!(fs::read(run.file("path.png"))? == fs::read(run.file("expected.png"))?);
    run.done("interpolate", "--from 3 --to 2 --steps 1 --columns 2 --output @short.png")?;
    Ok(())
}

#[test]
fn what_cannot_be_answered_is_refused_and_nothing_is_written() -> Outcome {
    let run = Run::new()?;
    fs::write(run.file("z.csv"), "1,2,3,4\n1,2,3\n")?;
    fs::write(run.file("w.csv"), "1,2,3\n")?;
    run.refused("decode", "--input @z.csv --output @x.png", "4 cells in row 2")?;
    run.refused(
        "decode",
        "--input @w.csv --output @x.png",
        "rows of 4 numbers, the model's latent",
    )?;
    run.refused("decode", "--input @none.npy --output @x.png", "cannot read")?;
    run.refused("sample", "--output @x.txt", "ends with .png, .npy or .csv")?;
    run.refused("sample", "--output @x.png --latents @x.txt", "ends with .npy or .csv")?;
    run.refused("sample", "--count 0 --output @x.png", "a whole number from 1 on")?;
    run.refused("sample", "--size 28x29 --output @x.png", "784 pixels in all, found 28x29")?;
    run.refused("encode", "--output @x.png", "ends with .npy or .csv")?;
    run.refused(
        "encode",
        "--input @run --output @x.npy",
        "a folder of images, found the folder of a run",
    )?;
    run.refused("reconstruct", "--output @x.npy", "ends with .png")?;
    run.refused("reconstruct", "--digit 10 --output @x.png", "5, 6, 7, 8, 9, found 10")?;
    run.refused(
        "interpolate",
        "--from 0 --to 10000 --output @x.png",
        "from 0 to 9999, found 10000",
    )?;
    fs::write(run.file("run/config.toml"), "hidden = 3\n")?;
    run.refused("sample", "--output @x.png", "the settings of a run")
}

#[test]
fn a_manifold_is_drawn_of_two_latent_units_alone() -> Outcome {
    let four = Run::new()?;
    let refused = four.ask("manifold", "--output @m.png")?;
    assert_eq!(refused.status.code(), Some(2));
    let said = "RUN: expected a model with 2 latent units, found 784-[16, 4], with 4\n  \
                try: `wgvae train --hidden 200,100,2`";
    assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    assert!(!four.file("m.png").exists());

    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let session = open(&Choice::Cpu, Options::default())?;
    let weights = initial_weights(&Architecture::new(784, &[20, 2])?, 3);
    let mut vae = Vae::new(session, &weights)?;
    vae.save(path("flat.safetensors").as_ref())?;
    let flags = ["manifold", &path("flat.safetensors"), "--device", "cpu", "--limit", "200"];
    let more = ["--side", "3", "--range", "2", "--output", &path("m.png")];
    let output = wgvae(&[&flags[..], &more].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // The same as by the library, but for the title.
    let test = Split::load(&Source::new("mnist"))?.test;
    let first: Vec<u32> = (0..200).collect();
    let means = vae.transform(&test.matrix(&first, Binarize::Threshold, 0)?)?;
    let labels = test.labels().cloned().ok_or("no labels")?;
    let images = vae.decode(&grid_latents(3, 2.0)?)?;
    let parts = Manifold {
        side: 3,
        range: 2.0,
        size: (28, 28),
        images: images.values(),
        means: means.values(),
        classes: Some(Classes { names: &labels.names, labels: &labels.of[..200] }),
    };
    let title = format!("Latent space, {}", path("flat.safetensors"));
    manifold(path("n.png").as_ref(), &title, &parts)?;
    assert!(fs::read(path("m.png"))? == fs::read(path("n.png"))?);
    for wrong in ["--range=0", "--range=-1", "--range=nan", "--side=0", "--side=101"] {
        let output = wgvae(&[&flags[..], &["--output", &path("w.png"), wrong]].concat())?;
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", stderr(&output));
        assert!(!folder.path().join("w.png").exists());
    }
    Ok(())
}
