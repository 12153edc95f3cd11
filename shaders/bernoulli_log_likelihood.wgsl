// log_likelihood [rows, 1] = sums of -(max(l, 0) - l * x + ln(1 + exp(-|l|))) over the columns of
// logits l and images x [rows, COLUMNS]: one workgroup a row.

override COLUMNS: u32;

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> log_likelihood: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn bernoulli_log_likelihood(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_row(group, groups);
    if row >= arrayLength(&log_likelihood) {
        return;
    }
    var sum = 0.0;
    for (var column = lane; column < COLUMNS; column += WORKGROUP) {
        let i = row * COLUMNS + column;
        sum += log_likelihood_of(logits[i], x[i]);
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        log_likelihood[row] = total;
    }
}
