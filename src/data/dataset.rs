//! A set of grey images in memory, with labels if it has any.

use super::{CLASSES, Size};
use crate::cpu::gather_batch::{Grey, gather_batch};
use crate::device::Values;
use crate::graph::{Binarize, Pixels, Step};
use crate::{Error, Matrix, Result};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Grey levels of images, in their file's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Levels {
    /// From 0 to 255.
    Bytes(Vec<u8>),
    /// From 0 to 1.
    Reals(Vec<f32>),
}

impl Levels {
    /// The number of levels.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(levels) => levels.len(),
            Self::Reals(levels) => levels.len(),
        }
    }

    /// Whether there are no levels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type that a device stores.
    pub fn pixels(&self) -> Pixels {
        match self {
            Self::Bytes(_) => Pixels::Bytes,
            Self::Reals(_) => Pixels::Reals,
        }
    }

    /// The levels in the form that a session takes.
    pub fn values(&self) -> Values<'_> {
        match self {
            Self::Bytes(levels) => Values::U8(levels),
            Self::Reals(levels) => Values::U32(bytemuck::cast_slice(levels)),
        }
    }

    /// Swaps white and black.
    pub(super) fn invert(&mut self) {
        match self {
            Self::Bytes(levels) => levels.iter_mut().for_each(|level| *level = 255 - *level),
            Self::Reals(levels) => levels.iter_mut().for_each(|level| *level = 1.0 - *level),
        }
    }

    fn grey(&self) -> Grey<'_> {
        match self {
            Self::Bytes(levels) => Grey::Bytes(levels),
            Self::Reals(levels) => Grey::Reals(levels),
        }
    }

    fn truncate(&mut self, count: usize) {
        match self {
            Self::Bytes(levels) => levels.truncate(count),
            Self::Reals(levels) => levels.truncate(count),
        }
    }

    /// Selects the images `which`, of `width` pixels each.
    fn select(&self, which: &[u32], width: usize) -> Self {
        match self {
            Self::Bytes(levels) => Self::Bytes(rows(levels, which, width)),
            Self::Reals(levels) => Self::Reals(rows(levels, which, width)),
        }
    }
}

/// Compares names in natural order: 2 before 10, and -1 before 0.
pub(super) fn by_name(one: &str, other: &str) -> Ordering {
    if let (Ok(one), Ok(other)) = (one.parse::<f64>(), other.parse::<f64>()) {
        return one.total_cmp(&other);
    }
    let mut parts = [one, other].map(Parts);
    let [ones, others] = &mut parts;
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return one.cmp(other),
            (one, other) if one != other => return one.cmp(&other),
            _ => {}
        }
    }
}

/// Iterates over a name's numbers and the text between them. Numbers come before words.
struct Parts<'a>(&'a str);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Text(&'a str),
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let is_digit = |letter: char| letter.is_ascii_digit();
        let digits = self.0.find(|letter| !is_digit(letter)).unwrap_or(self.0.len());
        if let Ok(number) = self.0[..digits].parse() {
            self.0 = &self.0[digits..];
            return Some(Part::Number(number));
        }
        let letters = self.0[digits..].find(is_digit).map_or(self.0.len(), |at| digits + at);
        let (text, rest) = self.0.split_at(letters);
        self.0 = rest;
        (!text.is_empty()).then_some(Part::Text(text))
    }
}

fn rows<T: Copy>(all: &[T], which: &[u32], width: usize) -> Vec<T> {
    which.iter().flat_map(|&row| &all[row as usize * width..][..width]).copied().collect()
}

/// The class of each image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// An index in `names` for each image.
    pub of: Vec<u16>,
    /// The names of the classes.
    pub names: Vec<String>,
}

impl Labels {
    /// Labels that are numbers, named by their digits, from 0 to the largest.
    pub fn numbered(of: Vec<u16>) -> Self {
        let count = of.iter().max().map_or(0, |&most| u32::from(most) + 1);
        Self { of, names: (0..count).map(|number| number.to_string()).collect() }
    }

    /// Labels with the given names, one per image, in the order of the names: numbers by value,
    /// before words. None if there are more than 65,536 names.
    pub(super) fn named(names: impl Iterator<Item = String>) -> Option<Self> {
        let all: Vec<String> = names.collect();
        let numbers: Option<Vec<u16>> = all.iter().map(|name| name.parse::<u16>().ok()).collect();
        if let Some(numbers) = numbers
            && numbers.iter().all(|&number| number < CLASSES)
        {
            return Some(Self::numbered(numbers));
        }
        let mut names = all.clone();
        names.sort_by(|one, other| by_name(one, other));
        names.dedup();
        let place: HashMap<&String, usize> = names.iter().zip(0..).collect();
        let of = all.iter().map(|name| u16::try_from(place[name]).ok()).collect::<Option<_>>()?;
        Some(Self { of, names: names.clone() })
    }

    /// The name of an image's class.
    ///
    /// # Panics
    /// If `image` is not below the number of images.
    pub fn name(&self, image: usize) -> &str {
        &self.names[usize::from(self.of[image])]
    }
}

/// Share of white, and blank or equal images, as a model sees them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// The mean of all pixels: the share of ones, where pixels are 0 or 1.
    pub white: f64,
    /// The number of images whose pixels are all equal.
    pub blank: usize,
    /// Whether there are several images and all are equal.
    pub is_one: bool,
    /// Whether a pixel is neither 0 nor 1, unless pixels are binarised.
    pub is_grey: bool,
}

/// Grey images of one size; at least one image if they come from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub(crate) levels: Levels,
    pub(crate) labels: Option<Labels>,
    pub(crate) size: Size,
    pub(crate) files: Option<Vec<String>>,
}

impl Dataset {
    /// Images of one size, row by row, without labels.
    ///
    /// # Errors
    /// [`Error::Shape`] if the levels are no whole number of images; [`Error::Setting`] if a real level
    /// is not from 0 to 1.
    pub fn new(levels: Levels, size: Size) -> Result<Self> {
        if !levels.len().is_multiple_of(size.pixels()) {
            let (expected, found) = (format!("whole images of {size}"), levels.len());
            return Err(Error::Shape { op: "images", expected, found: format!("{found} levels") });
        }
        if let Levels::Reals(reals) = &levels
            && let Some(wrong) = reals.iter().find(|level| !(0.0..=1.0).contains(*level))
        {
            let expected = "levels from 0 to 1".to_owned();
            return Err(Error::Setting { setting: "data", expected, found: wrong.to_string() });
        }
        Ok(Self::of_file(levels, size))
    }

    /// Images whose reader has checked them.
    pub(super) fn of_file(levels: Levels, size: Size) -> Self {
        Self { levels, labels: None, size, files: None }
    }

    /// The same images with classes.
    ///
    /// # Errors
    /// [`Error::Shape`] if they are not as many as the images, or one has no name.
    pub fn with_labels(self, labels: Labels) -> Result<Self> {
        let is_named = labels.of.iter().all(|&class| usize::from(class) < labels.names.len());
        if labels.of.len() != self.len() || !is_named {
            let expected = format!("{} labels, each with a name", self.len());
            let found = format!("{} labels and {} names", labels.of.len(), labels.names.len());
            return Err(Error::Shape { op: "labels", expected, found });
        }
        Ok(Self { labels: Some(labels), ..self })
    }

    /// Brightness, `[count, rows * columns]`, row-major.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The classes, if the images have any.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// Returns the classes that one or more images have, each once, in the order of [`Labels::names`];
    /// none if the images have no labels.
    pub fn classes(&self) -> Vec<String> {
        let Some(Labels { of, names }) = &self.labels else { return Vec::new() };
        let mut has_image = vec![false; names.len()];
        of.iter().for_each(|&class| has_image[usize::from(class)] = true);
        let mut seen = HashSet::new();
        let used = names.iter().zip(has_image).filter(|(_, has_image)| *has_image);
        used.map(|(name, _)| name).filter(|&name| seen.insert(name)).cloned().collect()
    }

    /// Returns the place of each image's class in `names`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the images have no labels, or classes that are not in `names`.
    pub fn places(&self, names: &[String]) -> Result<Vec<u32>> {
        let wrong = |expected, found| Err(Error::Shape { op: "labels", expected, found });
        let Some(Labels { of, names: own }) = &self.labels else {
            return wrong("images with labels".to_owned(), "none".to_owned());
        };
        let others: Vec<_> =
            self.classes().into_iter().filter(|class| !names.contains(class)).collect();
        if !others.is_empty() {
            return wrong(format!("labels among {}", names.join(", ")), others.join(", "));
        }
        let place: HashMap<_, u32> = names.iter().zip(0..).collect();
        let places: Vec<_> = own.iter().map(|name| place.get(name).copied().unwrap_or(0)).collect();
        Ok(of.iter().map(|&class| places[usize::from(class)]).collect())
    }

    /// Returns rows with 1 in the column of the class of each of the images `which`, else 0, with a
    /// column for each of `names`: `[which, names]`.
    ///
    /// # Errors
    /// The errors of [`places`](Self::places).
    ///
    /// # Panics
    /// If one of `which` is not below [`Dataset::len`].
    pub fn one_hot(&self, which: &[u32], names: &[String]) -> Result<Matrix> {
        let places = self.places(names)?;
        let of: Vec<_> = which.iter().map(|&image| places[image as usize] as usize).collect();
        Matrix::one_hot(&of, names.len())
    }

    /// Rows and columns of an image, each at least 1.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The path of each image's file below the set's folder, if each image has its own file.
    pub fn files(&self) -> Option<&[String]> {
        self.files.as_deref()
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.levels.len() / self.width()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// The pixels of one image: rows times columns.
    pub fn width(&self) -> usize {
        self.size.pixels()
    }

    /// Measures how much of the images is white once they are binarised; a pixel that is drawn at
    /// random counts as its probability.
    pub fn coverage(&self, binarize: Binarize) -> Coverage {
        let (mut sum, mut blank, mut is_one, mut is_grey) = (0.0, 0, self.len() > 1, false);
        let mut first = Vec::new();
        self.for_each_image(binarize, |image| {
            if first.is_empty() {
                first = image.to_vec();
            }
            sum += image.iter().sum::<f64>();
            blank += usize::from(image.iter().all(|&level| level == image[0]));
            is_one = is_one && image == first;
            is_grey = is_grey || image.iter().any(|level| ![0.0, 1.0].contains(level));
        });
        let white = sum / self.levels.len().max(1) as f64;
        Coverage { white, blank, is_one, is_grey: is_grey && binarize == Binarize::None }
    }

    /// Calls `on_image` for every image, once they are binarised; a pixel that is drawn at random is
    /// its probability.
    fn for_each_image(&self, binarize: Binarize, mut on_image: impl FnMut(&[f64])) {
        fn levels<T: Copy>(
            levels: &[T],
            width: usize,
            seen: impl Fn(T) -> f64,
            f: &mut dyn FnMut(&[f64]),
        ) {
            let mut image = vec![0.0; width];
            for levels in levels.chunks_exact(width) {
                image.iter_mut().zip(levels).for_each(|(pixel, &level)| *pixel = seen(level));
                f(&image);
            }
        }
        let (width, on_image) = (self.width(), &mut on_image);
        match (&self.levels, binarize == Binarize::Threshold) {
            (Levels::Bytes(all), true) => {
                levels(all, width, |level| f64::from(level > 127), on_image)
            }
            (Levels::Bytes(all), false) => {
                levels(all, width, |level| f64::from(level) / 255.0, on_image)
            }
            (Levels::Reals(all), true) => {
                levels(all, width, |level| f64::from(level > 0.5), on_image)
            }
            (Levels::Reals(all), false) => levels(all, width, f64::from, on_image),
        }
    }

    /// Computes the mean image once they are binarised; a pixel that is drawn at random counts as its
    /// probability.
    pub fn mean(&self, binarize: Binarize) -> Vec<f64> {
        let mut mean = vec![0.0; self.width()];
        self.for_each_image(binarize, |image| {
            mean.iter_mut().zip(image).for_each(|(mean, level)| *mean += level);
        });
        let count = self.len().max(1) as f64;
        mean.iter_mut().for_each(|mean| *mean /= count);
        mean
    }

    /// Keeps the first `count` images, or all if there are fewer.
    pub fn truncate(&mut self, count: usize) {
        self.levels.truncate(count.saturating_mul(self.width()));
        if let Some(labels) = &mut self.labels {
            labels.of.truncate(count);
        }
        if let Some(files) = &mut self.files {
            files.truncate(count);
        }
    }

    /// Selects the images `which`, in this order.
    ///
    /// # Panics
    /// If one of `which` is not below [`Dataset::len`].
    pub fn select(&self, which: &[u32]) -> Self {
        let of = |labels: &Labels| which.iter().map(|&row| labels.of[row as usize]).collect();
        let named = |labels: &Labels| Labels { of: of(labels), names: labels.names.clone() };
        let called =
            |files: &Vec<String>| which.iter().map(|&row| files[row as usize].clone()).collect();
        Self {
            levels: self.levels.select(which, self.width()),
            labels: self.labels.as_ref().map(named),
            size: self.size,
            files: self.files.as_ref().map(called),
        }
    }

    /// The images `which` as a model sees them, `[which, rows * columns]`; a stochastic draw is
    /// determined by the seed and the index in `which`.
    ///
    /// # Errors
    /// [`Error::Shape`] if `which` is empty.
    ///
    /// # Panics
    /// If one of `which` is not below [`Dataset::len`].
    pub fn matrix(&self, which: &[u32], binarize: Binarize, seed: u64) -> Result<Matrix> {
        if which.is_empty() {
            let (expected, found) = ("at least one image".to_owned(), "none".to_owned());
            return Err(Error::Shape { op: "images", expected, found });
        }
        let mut x = vec![0.0; which.len() * self.width()];
        let step = Step::new(seed, 0, 0);
        gather_batch(step, binarize, self.width(), self.levels.grey(), which, &mut x);
        Matrix::new(which.len(), self.width(), x)
    }
}
