//! Pictures of a run: images side by side ([`tiles()`]), the ELBO with its two terms by epoch
//! ([`elbo_curve`]), and the space of two latent units ([`manifold()`]). All are written as PNG,
//! atomically, so that a reader never sees half a picture; their text is set in DejaVu Sans, or GNU
//! Unifont for characters that DejaVu lacks. Both are embedded in the program, so that no font need
//! be installed. The choice of images and numbers, and of the time to draw, is left to the callers.
//! [`tensorboard`] writes pictures and numbers for TensorBoard to draw.

mod axes;
mod curve;
mod devices;
mod glyphs;
mod key;
mod layout;
mod legend;
mod line;
mod manifold;
mod mark;
mod pair;
mod panel;
mod picture;
mod scale;
mod scatter;
#[cfg(feature = "tensorboard")]
pub mod tensorboard;
mod tiles;

pub use curve::{ChangePoint, Curve, EpochPoint, StepPoint, best_epoch, elbo_curve};
pub use devices::device_curves;
pub use layout::{Row, TileLayout, Tiles};
pub use manifold::{Classes, Manifold, grid_latents, manifold};
pub use picture::Png;
pub use scale::{Far, Scale};
pub use tiles::{square_band, tiles, tiles_png};
