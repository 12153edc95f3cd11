// The encoder's last layer and what follows it, for N / 2 latent units: mean and s are the halves
// of a b + bias [1, N] for hidden units a [M, K] and a weight b [K, N]; stddev = ln(1 + exp(s)) + 1e-6;
// z = mean + stddev * eps; and the KL divergence of blocks of four units. A unit's mean and s are
// partners, so one invocation has both.

@group(0) @binding(2) var<storage, read_write> bias: array<Unit>;
@group(0) @binding(3) var<storage, read_write> eps: array<Unit>;
@group(0) @binding(4) var<storage, read_write> mean: array<Unit>;
@group(0) @binding(5) var<storage, read_write> s: array<Unit>;
@group(0) @binding(6) var<storage, read_write> stddev: array<Unit>;
@group(0) @binding(7) var<storage, read_write> z: array<Unit>;
@group(0) @binding(8) var<storage, read_write> kl: array<f32>;

const TRANSPOSE_A = false;
const TRANSPOSE_B = false;

fn finish(row: u32, column: u32, means: vec4f, others: vec4f) {
    var sum = Unit(0.0);
    for (var j = 0u; j < 4u / UNIT && has_first(column + j * UNIT); j++) {
        let i = (row * product.first + column) / UNIT + j;
        let m = part(means, j) + bias[column / UNIT + j];
        let before = part(others, j) + bias[(column + product.second) / UNIT + j];
        let sd = stddev_of(before);
        mean[i] = m;
        s[i] = before;
        stddev[i] = sd;
        z[i] = m + sd * eps[i];
        sum += kl_of(m, sd);
    }
    if has_first(column) {
        kl[row * ((product.first + 3u) / 4u) + column / 4u] = total(sum);
    }
}
