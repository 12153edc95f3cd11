// dx [M, N] = dy [M, K] weight^T where y > 0, else 0; weight is stored [N, K].

@group(0) @binding(0) var<storage, read_write> dy: array<Unit>;
@group(0) @binding(1) var<storage, read_write> weight: array<Unit>;
@group(0) @binding(2) var<storage, read_write> y: array<Unit>;
@group(0) @binding(3) var<storage, read_write> dx: array<Unit>;

const TRANSPOSE_A = false;
const TRANSPOSE_B = true;

fn a_unit(i: u32) -> Unit {
    return dy[i];
}

fn b_unit(i: u32) -> Unit {
    return weight[i];
}

fn finish_one(row: u32, column: u32, sum: Unit) {
    let i = (row * product.n + column) / UNIT;
    dx[i] = select(Unit(), sum, y[i] > Unit());
}
