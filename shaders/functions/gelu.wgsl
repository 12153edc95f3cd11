// x * P(X < x) for X from N(0, 1).

#import common/erfc

fn gelu_value(x: Unit) -> Unit {
    return x * (0.5 * erfc(-0.70710678 * x));
}

// P(X < x) + x p(x), with the density p.
fn gelu_slope(x: Unit) -> Unit {
    return 0.5 * erfc(-0.70710678 * x) + x * (0.3989423 * exp(-0.5 * x * x));
}
