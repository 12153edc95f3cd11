// 1 / (1 + exp(-x)), by an exponential that cannot overflow.
fn sigmoid_value(x: Unit) -> Unit {
    let e = exp(-abs(x));
    return select(Unit(1.0), e, x < Unit(0.0)) / (1.0 + e);
}

// As a function of the value.
fn sigmoid_slope(y: Unit) -> Unit {
    return y * (1.0 - y);
}
