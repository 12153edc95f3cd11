// max(x, 0); NaN is passed on.
fn relu_value(x: Unit) -> Unit {
    return select(x, Unit(0.0), x < Unit(0.0));
}

// As a function of the value.
fn relu_slope(y: Unit) -> Unit {
    return select(Unit(0.0), Unit(1.0), y > Unit(0.0));
}
