// dbias [1, columns] = column sums of dy [rows, columns]: one invocation a column, rows in order.

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn bias_backward(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let column = flat_index(id, groups);
    let columns = arrayLength(&dbias);
    if column >= columns {
        return;
    }
    var sum = 0.0;
    for (var i = column; i < arrayLength(&dy); i += columns) {
        sum += dy[i];
    }
    dbias[column] = sum;
}
