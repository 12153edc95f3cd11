// The softmax of each row of x [rows, COLUMNS], one workgroup per row. The largest number is
// subtracted first, so that no exponential overflows.

override COLUMNS: u32;
override SIZE: u32 = 64; // a power of two

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

var<workgroup> partial: array<f32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group.x * COLUMNS;
    var largest = x[row];
    for (var i = lane; i < COLUMNS; i += SIZE) {
        largest = max(largest, x[row + i]);
    }
    partial[lane] = largest;
    workgroupBarrier();
    for (var half = SIZE / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[lane] = max(partial[lane], partial[lane + half]);
        }
        workgroupBarrier();
    }
    largest = partial[0];
    workgroupBarrier();
    var sum = 0.0;
    for (var i = lane; i < COLUMNS; i += SIZE) {
        sum += exp(x[row + i] - largest);
    }
    partial[lane] = sum;
    workgroupBarrier();
    for (var half = SIZE / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    for (var i = lane; i < COLUMNS; i += SIZE) {
        y[row + i] = exp(x[row + i] - largest) / partial[0];
    }
}
