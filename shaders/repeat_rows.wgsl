// y [r * TIMES, COLUMNS] = each row of x [r, COLUMNS] TIMES times: one invocation per element of y.

#import common/grid

override COLUMNS: u32;
override TIMES: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn repeat_rows(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&y) {
        y[i] = x[i / COLUMNS / TIMES * COLUMNS + i % COLUMNS];
    }
}
