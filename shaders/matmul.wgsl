// c [M, N] = a b with inner dimension K; a is stored [M, K], or [K, M] if TRANSPOSE_A, and b
// [K, N], or [N, K] if TRANSPOSE_B.

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

@group(0) @binding(2) var<storage, read_write> c: array<Unit>;

fn finish_one(row: u32, column: u32, sum: Unit) {
    c[(row * product.n + column) / UNIT] = sum;
}
