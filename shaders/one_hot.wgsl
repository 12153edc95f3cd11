// x [batch, COLUMNS]: 1 in the column of a row's label, else 0: one invocation per element. Rows
// are the labels at the indices from first_row on; past the end of the indices, the last one is
// repeated.

#import common/arguments
#import common/grid

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read> labels: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn one_hot(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&x) {
        let row = min(args.first_row + i / COLUMNS, arrayLength(&indices) - 1u);
        x[i] = select(0.0, 1.0, labels[indices[row]] == i % COLUMNS);
    }
}
