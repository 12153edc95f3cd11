// c [M, N] = a b with inner dimension K; a is stored [M, K], or [K, M] if TRANSPOSE_A, and b
// [K, N], or [N, K] if TRANSPOSE_B.

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

@group(0) @binding(0) var<storage, read_write> a: array<Unit>;
@group(0) @binding(1) var<storage, read_write> b: array<Unit>;
@group(0) @binding(2) var<storage, read_write> c: array<Unit>;

fn a_unit(i: u32) -> Unit {
    return a[i];
}

fn b_unit(i: u32) -> Unit {
    return b[i];
}

fn finish_one(row: u32, column: u32, sum: Unit) {
    c[(row * product.n + column) / UNIT] = sum;
}
