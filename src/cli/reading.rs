//! Flags that set how files are read, and messages about the result.

use crate::data::{Account, Coverage, Dataset, LabelColumn, Reading};
use crate::graph::Binarize;
use crate::{Error, Result};
use clap::ValueEnum;
use std::path::Path;
use tracing::{debug, info, warn};

/// The heading of these flags.
const READING: &str = "How files are read";

/// How files are to be read where they can be read in several ways.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ReadingFlags {
    /// The label column of a table: none, first, last, its number or its name [default: detected by
    /// the header or the values]
    #[arg(long, help_heading = READING, value_name = "COLUMN")]
    label_column: Option<LabelColumn>,
    /// Whether a table's first line has the names of its columns [default: detected]
    #[arg(long, help_heading = READING, value_enum, value_name = "YES|NO")]
    header: Option<Answer>,
    /// The number that is white; black is 0 [default: 255, or 1 if no number is above 1]
    #[arg(long, help_heading = READING, value_name = "NUMBER")]
    white: Option<f32>,
    /// Exchange black and white
    #[arg(long, help_heading = READING)]
    invert: bool,
    /// The grey behind transparent pixels, from 0 (black) to 255 (white) [default: 255]
    #[arg(long, help_heading = READING, value_name = "GREY")]
    background: Option<u8>,
    /// The array of images in a .npz file [default: detected by its name]
    #[arg(long, help_heading = READING, value_name = "NAME")]
    array: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Answer {
    Yes,
    No,
}

impl Answer {
    pub(super) fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

impl ReadingFlags {
    /// Returns the settings of the flags, with those of `before` for flags that are not given.
    pub(super) fn over(&self, before: Reading) -> Reading {
        let flags = Reading {
            label_column: self.label_column.clone(),
            header: self.header.map(Answer::is_yes),
            white: self.white,
            invert: self.invert.then_some(true),
            background: self.background,
            array: self.array.clone(),
        };
        flags.or(before)
    }
}

/// Prints the format that was found and the resulting images.
pub(super) fn tell(
    data: &str,
    account: &Account,
    images: &Dataset,
    coverage: Coverage,
    binarize: Binarize,
) {
    info!("{data}: {}", account.found.join(", "));
    let made = account.made.join(", ");
    let white = 100.0 * coverage.white;
    let pixels = images.size;
    if binarize == Binarize::None {
        info!("images of {pixels}: {made}; {white:.1} % of white on average");
    } else {
        info!("images of {pixels}: {made}; {white:.1} % of pixels are 1");
    }
    for detail in &account.details {
        debug!("{detail}");
    }
}

/// Refuses images that are all the same or blank for a model, and warns if many are. Returns the
/// share of white.
pub(super) fn check(
    data: &str,
    account: &Account,
    images: &Dataset,
    binarize: Binarize,
) -> Result<Coverage> {
    let coverage = images.coverage(binarize);
    if coverage.is_one || coverage.blank == images.len() {
        let largest = account.range.map_or(0.0, |(_, most)| most);
        let white = account.reading.white.unwrap_or(1.0);
        let what = if coverage.is_one { "the same" } else { "of one grey" };
        let of = match binarize {
            Binarize::Threshold => format!(" after the threshold at {}", white / 2.0),
            _ => String::new(),
        };
        // Before binarisation they may differ.
        let is_one = images.coverage(Binarize::None).is_one;
        let is_dark = !is_one && largest > 0.0 && largest < white;
        let white = format!("--white {largest}, the largest number");
        let others =
            if binarize == Binarize::Threshold { "; or --binarize stochastic or none" } else { "" };
        let remedy = if is_dark { white + others } else { "other images".to_owned() };
        return Err(Error::Data {
            path: Path::new(data).to_owned(),
            expected: "images that differ".to_owned(),
            found: format!("all {} {what}{of}", images.len()),
            remedy,
        });
    }
    if coverage.blank * 10 > images.len() {
        warn!("{} of {} training images have a single grey", coverage.blank, images.len());
    }
    Ok(coverage)
}
