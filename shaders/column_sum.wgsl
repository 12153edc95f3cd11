// sums [1, columns] = column sums of x [rows, columns]: one invocation a column, rows in order.

#import common/grid

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn column_sum(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let column = flat_index(id, groups);
    let columns = arrayLength(&sums);
    if column >= columns {
        return;
    }
    var sum = 0.0;
    for (var i = column; i < arrayLength(&x); i += columns) {
        sum += x[i];
    }
    sums[column] = sum;
}
