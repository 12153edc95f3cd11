// The gradients of a layer, used where they arise: dweight [M, N] = x^T dy with x [K, M] and
// dy [K, N], dbias = the column sums of dy, and RMSProp on both. No gradient is stored.

override LEARNING_RATE: f32;
override GAIN: f32; // 1 - decay
override EPSILON: f32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> weight_ms: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias_ms: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return x[k * M + row];
}

fn b_at(k: u32, column: u32) -> f32 {
    return dy[k * N + column];
}

fn mean_square(before: f32, gradient: f32) -> f32 {
    return before + (gradient * gradient - before) * GAIN;
}

fn step_of(gradient: f32, ms: f32) -> f32 {
    return LEARNING_RATE * gradient / sqrt(ms + EPSILON);
}

fn update_bias(column: u32) {
    var gradient = 0.0;
    for (var k = 0u; k < K; k++) {
        gradient += dy[k * N + column];
    }
    let ms = mean_square(bias_ms[column], gradient);
    bias_ms[column] = ms;
    bias[column] -= step_of(gradient, ms);
}

fn finish_one(row: u32, column: u32, gradient: f32) {
    let i = row * N + column;
    let ms = mean_square(weight_ms[i], gradient);
    weight_ms[i] = ms;
    weight[i] -= step_of(gradient, ms);
    if row == 0u {
        update_bias(column);
    }
}
