// c [M, N] = a b with inner dimension K; a is stored [M, K], or [K, M] if TRANSPOSE_A, and b
// [K, N], or [N, K] if TRANSPOSE_B.

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return a[select(row * K + k, k * M + row, TRANSPOSE_A)];
}

fn b_at(k: u32, column: u32) -> f32 {
    return b[select(k * N + column, column * K + k, TRANSPOSE_B)];
}

fn finish_one(row: u32, column: u32, sum: f32) {
    c[row * N + column] = sum;
}
