// The encoder's last layer and what follows it, for FIRST = N / 2 latent units: mean and s are the
// halves of h [M, K] weight [K, N] + bias [1, N]; stddev = ln(1 + exp(s)) + 1e-6;
// z = mean + stddev * eps; and the KL divergence of blocks of four units. A unit's mean and s are
// partners, so one invocation has both.

@group(0) @binding(0) var<storage, read_write> h: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> eps: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> s: array<f32>;
@group(0) @binding(6) var<storage, read_write> stddev: array<f32>;
@group(0) @binding(7) var<storage, read_write> z: array<f32>;
@group(0) @binding(8) var<storage, read_write> kl: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return h[row * K + k];
}

fn b_at(k: u32, column: u32) -> f32 {
    return weight[k * N + column];
}

fn finish(row: u32, column: u32, means: vec4f, others: vec4f) {
    var sum = 0.0;
    for (var j = 0u; j < 4u && has_first(column + j); j++) {
        let i = row * FIRST + column + j;
        let m = means[j] + bias[column + j];
        let before = others[j] + bias[column + j + SECOND];
        let sd = max(before, 0.0) + log1p(exp(-abs(before))) + 1e-6;
        mean[i] = m;
        s[i] = before;
        stddev[i] = sd;
        z[i] = m + sd * eps[i];
        sum += 0.5 * (sd * sd + m * m) - 0.5 - log_accurate(sd);
    }
    if has_first(column) {
        kl[row * ((FIRST + 3u) / 4u) + column / 4u] = sum;
    }
}
