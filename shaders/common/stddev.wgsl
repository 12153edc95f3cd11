// Softplus, and a little more, so that no standard deviation is 0.

fn stddev_of(s: Unit) -> Unit {
    return max(s, Unit(0.0)) + log1p(exp(-abs(s))) + 1e-6;
}
