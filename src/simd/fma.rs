//! Fused multiply-add for the target that lacks it: mingw-w64's `fmaf` rounds the product, so that
//! [`f32::mul_add`] without vectors would give other bits than with them. This definition replaces
//! that one when a program is linked.

/// x·y + z, rounded once.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn fmaf(x: f32, y: f32, z: f32) -> f32 {
    libm::fmaf(x, y, z)
}
