// dz [M, N] = dy [M, K] weight^T, with weight stored [N, K], and what it comes to at the encoder's
// output [M, 2 N]: dmean = dz + DKL * mean on the left, and on the right
// (dz * eps + DKL * (stddev - 1 / stddev)) * sigmoid(s), the gradient before softplus.

override DKL: f32;

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> eps: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> stddev: array<f32>;
@group(0) @binding(5) var<storage, read_write> s: array<f32>;
@group(0) @binding(6) var<storage, read_write> dencoded: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return dy[row * K + k];
}

fn b_at(k: u32, column: u32) -> f32 {
    return weight[column * K + k];
}

fn finish_one(row: u32, column: u32, dz: f32) {
    let i = row * N + column;
    let dstddev = dz * eps[i] + DKL * (stddev[i] - 1.0 / stddev[i]);
    dencoded[row * 2u * N + column] = dz + DKL * mean[i];
    dencoded[row * 2u * N + N + column] = dstddev * sigmoid_of(s[i]);
}
