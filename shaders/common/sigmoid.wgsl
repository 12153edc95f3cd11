// 1 / (1 + exp(-x)), by an exponential that cannot overflow.

fn sigmoid_of(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}
