// The softmax of each row of x [rows, COLUMNS], one invocation per row.

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
    let row = group.x * COLUMNS;
    var largest = x[row];
    for (var i = 1u; i < COLUMNS; i++) {
        largest = max(largest, x[row + i]);
    }
    var sum = 0.0;
    for (var i = 0u; i < COLUMNS; i++) {
        sum += exp(x[row + i] - largest);
    }
    for (var i = 0u; i < COLUMNS; i++) {
        y[row + i] = exp(x[row + i] - largest) / sum;
    }
}
