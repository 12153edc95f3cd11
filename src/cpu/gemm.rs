//! The f32 twin of the matrix products: the `gemm` crate, whose kernels are chosen by the CPU's
//! features at run time. It is checked against the plain loops of [`matmul`](super::matmul) like
//! any device.

use crate::graph::Transpose;
use gemm::Parallelism;

/// As [`matmul`](super::matmul::matmul), in f32, on all threads where the product is large.
///
/// # Panics
/// If a slice has another length than its shape says.
pub fn gemm(transpose: Transpose, [m, n, k]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    assert_eq!([a.len(), b.len(), c.len()], [m * k, k * n, m * n], "operands of a product");
    let [a_row, a_k] = if transpose == Transpose::A { [1, m] } else { [k, 1] };
    let [b_k, b_column] = if transpose == Transpose::B { [1, k] } else { [n, 1] };
    #[allow(unsafe_code)]
    // SAFETY: every element that the strides reach, i·a_row + l·a_k and so on for i < m, j < n and
    // l < k, lies inside its slice by the lengths checked above; c is borrowed mutably, so it
    // overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            a_k as isize,
            a_row as isize,
            b.as_ptr(),
            b_column as isize,
            b_k as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
}
