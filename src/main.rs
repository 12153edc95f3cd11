//! wgvae
fn main() {}
