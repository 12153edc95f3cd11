// y [M, N] = a b + bias [1, N] for inputs a [M, K] and a weight b [K, N], and max(y, 0) if RELU; a NaN
// passes through.

override RELU: bool;

@group(0) @binding(2) var<storage, read_write> bias: array<Unit>;
@group(0) @binding(3) var<storage, read_write> y: array<Unit>;

const TRANSPOSE_A = false;
const TRANSPOSE_B = false;

fn finish_one(row: u32, column: u32, sum: Unit) {
    var value = sum + bias[column / UNIT];
    if RELU {
        value = select(value, Unit(0.0), value < Unit(0.0));
    }
    y[(row * product.n + column) / UNIT] = value;
}
