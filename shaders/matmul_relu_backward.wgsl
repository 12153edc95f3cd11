// dx [M, N] = dy [M, K] weight^T where y > 0, else 0; weight is stored [N, K].

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return dy[row * K + k];
}

fn b_at(k: u32, column: u32) -> f32 {
    return weight[column * K + k];
}

fn finish_one(row: u32, column: u32, sum: f32) {
    let i = row * N + column;
    dx[i] = select(0.0, sum, y[i] > 0.0);
}
