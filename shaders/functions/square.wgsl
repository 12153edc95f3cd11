// x * x.
fn square_value(x: Unit) -> Unit {
    return x * x;
}

fn square_slope(x: Unit) -> Unit {
    return 2.0 * x;
}
