// exp(x).
fn exp_value(x: Unit) -> Unit {
    return exp(x);
}

// As a function of the value.
fn exp_slope(y: Unit) -> Unit {
    return y;
}
