// The decoder's last layer and what follows it: logits l = a b + bias [1, N] for hidden units a [M, K]
// and a weight b [K, N]; the log-likelihood of x [M, N] in blocks of four columns; and
// dlogits = DLOG_LIKELIHOOD * (x - sigmoid(l)).

override DLOG_LIKELIHOOD: f32;

@group(0) @binding(2) var<storage, read_write> bias: array<Unit>;
@group(0) @binding(3) var<storage, read_write> x: array<Unit>;
@group(0) @binding(4) var<storage, read_write> log_likelihood: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<Unit>;

const TRANSPOSE_A = false;
const TRANSPOSE_B = false;

// Log-likelihood of a block whose columns begin at `column`; writes their dlogits.
fn block(row: u32, column: u32, sums: vec4f) {
    var sum = Unit(0.0);
    for (var j = 0u; j < 4u / UNIT && column + j * UNIT < product.n; j++) {
        let i = (row * product.n + column) / UNIT + j;
        let l = part(sums, j) + bias[column / UNIT + j];
        sum += log_likelihood_of(l, x[i]);
        dlogits[i] = DLOG_LIKELIHOOD * (x[i] - sigmoid_of(l));
    }
    log_likelihood[row * ((product.n + 3u) / 4u) + column / 4u] = total(sum);
}

fn finish(row: u32, column: u32, first: vec4f, second: vec4f) {
    if has_first(column) {
        block(row, column, first);
    }
    if has_second(column) {
        block(row, column + product.second, second);
    }
}
