//! What the program refuses, and in which words: a table of wrong command lines and broken files,
//! each run as a user runs it, and what it exits with and says, in `refusals/table.snap`.
//!
//! After a change of words, `INSTA_UPDATE=always cargo test refusals` writes that file anew; its
//! `git diff` is what to read then.

mod commands;
mod data;
mod files;
mod models;
mod runs;
mod train;

use crate::cli::stderr;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{Display, Formatter};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// A part of the table: its heading, and its rows.
type Part = (&'static str, &'static [Row]);

/// What is wrong, and the command line in which it is. Words have blanks between them, and `''` is an
/// empty one.
type Row = (&'static str, &'static str);

/// The most lines that a message has: the line of a file that is wrong may be among them, with a mark
/// below it, or the usage of a command.
const LINES: usize = 8;

#[test]
fn every_refusal_says_what_is_wrong_and_leaves_nothing_behind() -> Outcome {
    let folder = tempfile::tempdir()?;
    files::write(folder.path())?;
    let _busy = runs::write(folder.path(), &|words| {
        let output = wgvae(folder.path(), words).output()?;
        output.status.success().then_some(()).ok_or_else(|| stderr(&output).into())
    })?;
    models::write(folder.path())?;
    let before = listing(folder.path())?;
    let parts = train::PARTS.iter().chain(data::PARTS).chain(models::PARTS).chain(runs::PARTS);
    let parts: Vec<_> = parts.chain(commands::PARTS).collect();
    let (mut table, mut faults) = (String::new(), Vec::new());
    for (heading, rows) in parts {
        table += &format!("# {heading}\n\n");
        let refusals: Vec<_> = rows.par_iter().map(|row| refusal(folder.path(), row)).collect();
        for refusal in refusals {
            let refusal = refusal?;
            table += &refusal.to_string();
            faults.extend(refusal.fault(folder.path()).map(|fault| format!("{fault}: {refusal}")));
        }
    }
    let now = listing(folder.path())?;
    let left: Vec<_> = now.difference(&before).collect();
    assert!(before == now, "left behind: {left:?}");
    insta::with_settings!({
        snapshot_path => "refusals",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("table", table);
    });
    assert!(faults.is_empty(), "{}", faults.concat());
    Ok(())
}

/// What became of a row.
struct Refusal {
    row: Row,
    code: Option<i32>,
    message: String,
}

fn refusal(folder: &Path, &row: &Row) -> Outcome<Refusal> {
    let output = wgvae(folder, row.1).output()?;
    let message = without_system(folder, &stderr(&output));
    Ok(Refusal { row, code: output.status.code(), message })
}

impl Refusal {
    /// What no message may be, whatever its words.
    fn fault(&self, folder: &Path) -> Option<&'static str> {
        let is_short = (1..=LINES).contains(&self.message.lines().count());
        [
            (!matches!(self.code, Some(1 | 2)), "the exit code is neither 1 nor 2"),
            (self.message.contains("panicked"), "it panicked"),
            (!is_short, "the message is not of a few lines"),
            (!names(folder, self.row.1, &self.message), "the message names no flag and no file"),
        ]
        .into_iter()
        .find_map(|(is_so, fault)| is_so.then_some(fault))
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let Self { row: (what, words), code, message } = self;
        let code = code.map_or("none".to_owned(), |code| code.to_string());
        writeln!(f, "{what}\n    $ wgvae {words}\n    exit code {code}")?;
        let mut lines = message.lines().filter(|line| !line.is_empty());
        lines.try_for_each(|line| writeln!(f, "    {line}"))?;
        writeln!(f)
    }
}

/// Whether a message names a flag, a device, a file in the folder, or a word of the command line.
fn names(folder: &Path, words: &str, message: &str) -> bool {
    let is_word = |word: &&str| word.len() > 2 && *word != "run" && word.parse::<f64>().is_err();
    let is_name = |word: &str| {
        let word = word.trim_matches([':', ',', '\'']);
        let is_file = || word.ends_with(".npy") || !word.is_empty() && folder.join(word).exists();
        ["--", "<", "\""].iter().any(|mark| word.starts_with(mark)) || is_file()
    };
    let mut given = words.split(' ').skip(1).filter(is_word);
    given.any(|word| message.contains(word)) || message.split_whitespace().any(is_name)
}

/// The program in a folder, on the CPU.
fn wgvae(folder: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    let words = words.split(' ').map(|word| if word == "''" { "" } else { word });
    command.args(words).current_dir(folder).stdin(Stdio::null());
    // Messages list the adapters that there are.
    command.env("WGPU_BACKEND", "none").env_remove("CLICOLOR_FORCE");
    command
}

/// The same message, whatever the system says of a path that cannot be, and however it separates
/// folders.
fn without_system(folder: &Path, message: &str) -> String {
    let [absent, below] = ["absent/file", "text.txt/file"].map(|path| folder.join(path));
    let reasons = [
        (fs::read(&absent).err(), "[no such path]"),
        (fs::read(folder.join("absent")).err(), "[no such path]"),
        (fs::write(&absent, "").err(), "[no such path]"),
        (fs::read(&below).err(), "[no such path]"),
        (fs::create_dir_all(&below).err(), "[no such path]"),
        (fs::read(folder).err(), "[a folder]"),
    ];
    let reasons = reasons.into_iter().filter_map(|(error, name)| Some((error?.to_string(), name)));
    // Of data that a run names by its whole path, where it is from the folder.
    let here = format!("{}/", folder.display()).replace('\\', "/");
    let message = message.replace('\\', "/").replace(&here, "");
    reasons.fold(message, |message, (reason, name)| message.replace(&reason, name))
}

/// Every file and folder in a folder, but for a run's lock, which it keeps.
fn listing(folder: &Path) -> Outcome<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(listing(&path)?);
        }
        all.insert(path.display().to_string());
    }
    all.retain(|path| !path.ends_with(".lock"));
    Ok(all)
}
