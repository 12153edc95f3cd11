// exp(x).
fn exp_value(x: Unit) -> Unit {
    return exp(x);
}

// By the value.
fn exp_slope(y: Unit) -> Unit {
    return y;
}
