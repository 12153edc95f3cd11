// The decoder's last layer and what follows it: logits l = h [M, K] weight [K, N] + bias [1, N];
// the log-likelihood of x [M, N] in blocks of four columns; and dlogits = DLOG_LIKELIHOOD * (x - sigmoid(l)).

override DLOG_LIKELIHOOD: f32;

@group(0) @binding(0) var<storage, read_write> h: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> log_likelihood: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;

fn a_at(row: u32, k: u32) -> f32 {
    return h[row * K + k];
}

fn b_at(k: u32, column: u32) -> f32 {
    return weight[k * N + column];
}

// Log-likelihood of a block whose columns begin at `column`; writes their dlogits.
fn block(row: u32, column: u32, sums: vec4f) {
    var sum = 0.0;
    for (var j = 0u; j < 4u && column + j < N; j++) {
        let i = row * N + column + j;
        let l = sums[j] + bias[column + j];
        sum -= max(l, 0.0) - l * x[i] + log1p(exp(-abs(l)));
        dlogits[i] = DLOG_LIKELIHOOD * (x[i] - sigmoid_of(l));
    }
    log_likelihood[row * ((N + 3u) / 4u) + column / 4u] = sum;
}

fn finish(row: u32, column: u32, first: vec4f, second: vec4f) {
    if has_first(column) {
        block(row, column, first);
    }
    if has_second(column) {
        block(row, column + SECOND, second);
    }
}
