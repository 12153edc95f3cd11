// y [M, N] = x [M, K] weight [K, N] + bias [1, N], and max(y, 0) if RELU; a NaN passes through.

override RELU: bool;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return x[row * K + k];
}

fn b_at(k: u32, column: u32) -> f32 {
    return weight[k * N + column];
}

fn finish_one(row: u32, column: u32, sum: f32) {
    let value = sum + bias[column];
    y[row * N + column] = select(value, 0.0, RELU && value < 0.0);
}
