// x above 0, exp(x) - 1 below.
fn elu_value(x: Unit) -> Unit {
    return select(x, exp(min(x, Unit(0.0))) - 1.0, x < Unit(0.0));
}

// As a function of the value.
fn elu_slope(y: Unit) -> Unit {
    return select(Unit(1.0), y + 1.0, y < Unit(0.0));
}
