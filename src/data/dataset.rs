//! A set of grey images in memory, with labels if it has any.

use super::Size;
use crate::cpu::gather_batch::{Grey, gather_batch};
use crate::device::Values;
use crate::graph::{Binarize, Pixels};
use crate::kernel::Step;
use crate::{Error, Matrix, Result};

/// Grey levels of images, as their file has them.
#[derive(Clone, Debug, PartialEq)]
pub enum Levels {
    /// From 0 to 255.
    Bytes(Vec<u8>),
    /// From 0 to 1.
    Reals(Vec<f32>),
}

impl Levels {
    /// Bytes, as a file has them: from 0 to 255, or, if none is above 1, from 0 to 1.
    pub fn of_bytes(mut bytes: Vec<u8>) -> Self {
        if bytes.iter().all(|&byte| byte <= 1) {
            bytes.iter_mut().for_each(|byte| *byte *= 255);
        }
        Self::Bytes(bytes)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(levels) => levels.len(),
            Self::Reals(levels) => levels.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How a device holds them.
    pub fn pixels(&self) -> Pixels {
        match self {
            Self::Bytes(_) => Pixels::Bytes,
            Self::Reals(_) => Pixels::Reals,
        }
    }

    /// As a session takes them.
    pub fn values(&self) -> Values<'_> {
        match self {
            Self::Bytes(levels) => Values::U8(levels),
            Self::Reals(levels) => Values::U32(bytemuck::cast_slice(levels)),
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

    /// The images `which`, of so many pixels each.
    fn select(&self, which: &[u32], width: usize) -> Self {
        match self {
            Self::Bytes(levels) => Self::Bytes(rows(levels, which, width)),
            Self::Reals(levels) => Self::Reals(rows(levels, which, width)),
        }
    }
}

fn rows<T: Copy>(all: &[T], which: &[u32], width: usize) -> Vec<T> {
    which.iter().flat_map(|&row| &all[row as usize * width..][..width]).copied().collect()
}

/// The class of each image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// A place in `names` for each image.
    pub of: Vec<u16>,
    /// What the classes are called.
    pub names: Vec<String>,
}

impl Labels {
    /// Labels that are numbers, and called so.
    pub fn numbered(of: Vec<u16>) -> Self {
        let count = of.iter().max().map_or(0, |&most| u32::from(most) + 1);
        Self { of, names: (0..count).map(|number| number.to_string()).collect() }
    }

    /// What an image's class is called.
    ///
    /// # Panics
    /// If there are not so many images.
    pub fn name(&self, image: usize) -> &str {
        &self.names[usize::from(self.of[image])]
    }
}

/// Grey images of one size, at least one of them where it comes from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Brightness, `[count, rows * columns]`, row-major.
    pub levels: Levels,
    /// The classes, where the images have any.
    pub labels: Option<Labels>,
    /// Rows and columns of an image, each at least 1.
    pub size: Size,
}

impl Dataset {
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

    /// Keeps the first `count` images, or all where there are fewer.
    pub fn truncate(&mut self, count: usize) {
        self.levels.truncate(count.saturating_mul(self.width()));
        if let Some(labels) = &mut self.labels {
            labels.of.truncate(count);
        }
    }

    /// These images, in this order.
    ///
    /// # Panics
    /// If one of `which` is not below [`Dataset::len`].
    pub fn select(&self, which: &[u32]) -> Self {
        let of = |labels: &Labels| which.iter().map(|&row| labels.of[row as usize]).collect();
        let named = |labels: &Labels| Labels { of: of(labels), names: labels.names.clone() };
        Self {
            levels: self.levels.select(which, self.width()),
            labels: self.labels.as_ref().map(named),
            size: self.size,
        }
    }

    /// These images as a model sees them, `[which, rows * columns]`; a stochastic draw follows from
    /// the seed and the place in `which`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are none.
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
