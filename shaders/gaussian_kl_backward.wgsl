// dmean = dkl * mean and dstddev = dkl * (stddev - 1 / stddev); dkl [rows, 1], the others
// [rows, COLUMNS].

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> dkl: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> stddev: array<f32>;
@group(0) @binding(3) var<storage, read_write> dmean: array<f32>;
@group(0) @binding(4) var<storage, read_write> dstddev: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn gaussian_kl_backward(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = flat_index(id, groups);
    if i < arrayLength(&mean) {
        let d = dkl[i / COLUMNS];
        dmean[i] = d * mean[i];
        dstddev[i] = d * (stddev[i] - 1.0 / stddev[i]);
    }
}
