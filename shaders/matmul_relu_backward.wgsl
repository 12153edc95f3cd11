// dinput [M, N] = a b^T where y > 0, else 0, for dy = a [M, K] and the weight b [N, K].

@group(0) @binding(2) var<storage, read_write> y: array<Unit>;
@group(0) @binding(3) var<storage, read_write> dinput: array<Unit>;

const TRANSPOSE_A = false;
const TRANSPOSE_B = true;

fn finish_one(row: u32, column: u32, sum: Unit) {
    let i = (row * product.n + column) / UNIT;
    dinput[i] = select(Unit(0.0), sum, y[i] > Unit(0.0));
}
