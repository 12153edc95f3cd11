// x above 0, x / 100 below.
fn leaky_relu_value(x: Unit) -> Unit {
    return select(x, 0.01 * x, x < Unit(0.0));
}

// As a function of the value.
fn leaky_relu_slope(y: Unit) -> Unit {
    return select(Unit(0.01), Unit(1.0), y > Unit(0.0));
}
