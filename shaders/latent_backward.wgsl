// dz [M, N] = a b^T, for dy = a [M, K] and the weight b [N, K], and what it comes to at the encoder's
// output [M, 2 N]: dmean = dz + DKL * mean on the left, and on the right
// (dz * eps + DKL * (stddev - 1 / stddev)) * sigmoid(s), the gradient before softplus.

override DKL: f32;

@group(0) @binding(2) var<storage, read_write> eps: array<Unit>;
@group(0) @binding(3) var<storage, read_write> mean: array<Unit>;
@group(0) @binding(4) var<storage, read_write> stddev: array<Unit>;
@group(0) @binding(5) var<storage, read_write> s: array<Unit>;
@group(0) @binding(6) var<storage, read_write> dencoded: array<Unit>;

const TRANSPOSE_A = false;
const TRANSPOSE_B = true;

fn finish_one(row: u32, column: u32, dz: Unit) {
    let i = (row * product.n + column) / UNIT;
    let left = (row * 2u * product.n + column) / UNIT;
    dencoded[left] = dz + DKL * mean[i];
    let dstddev = dz * eps[i] + DKL * (stddev[i] - 1.0 / stddev[i]);
    dencoded[left + product.n / UNIT] = dstddev * sigmoid_of(s[i]);
}
