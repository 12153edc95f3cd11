// kl [rows, 1] = sums of -ln(stddev) + (stddev^2 + mean^2) / 2 - 1/2 over the columns of mean and
// stddev [rows, COLUMNS]: one workgroup a row.

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> mean: array<f32>;
@group(0) @binding(1) var<storage, read_write> stddev: array<f32>;
@group(0) @binding(2) var<storage, read_write> kl: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn gaussian_kl(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_row(group, groups);
    if row >= arrayLength(&kl) {
        return;
    }
    var sum = 0.0;
    for (var column = lane; column < COLUMNS; column += WORKGROUP) {
        let i = row * COLUMNS + column;
        sum += kl_of(mean[i], stddev[i]);
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        kl[row] = total;
    }
}
