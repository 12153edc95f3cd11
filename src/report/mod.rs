//! Pictures of a run: images side by side ([`tiles()`]) and the ELBO with its two terms by epoch
//! ([`elbo_curve`]).
//! Both are written as PNG, in one step, so that a reader never sees half a picture; their text is
//! set in DejaVu Sans, which the program carries, so that no font need be installed. Which images
//! and numbers go into a picture, and when it is drawn, is left to the callers. [`tensorboard`]
//! writes pictures and numbers for that program to draw.

mod axes;
mod curve;
mod layout;
mod line;
mod panel;
mod picture;
mod scale;
pub mod tensorboard;
mod tiles;

pub use curve::{EpochPoint, elbo_curve};
pub use layout::{Row, TileLayout};
pub use picture::Png;
pub use scale::{Far, Scale};
pub use tiles::{tiles, tiles_png};
