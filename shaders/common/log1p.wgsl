// ln(1 + x) for x in [-0.5, 1], with small relative error down to the tiniest x: twice the inverse
// hyperbolic tangent of x / (2 + x), whose series needs no logarithm and is safe with fast math.
// The first omitted term is below 2e-8 of the sum.

fn log1p(x: Unit) -> Unit {
    let s = x / (2.0 + x);
    let q = s * s;
    let tail = q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0
        + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0))))));
    return 2.0 * (s + s * tail);
}

// ln(x), because WGSL's log has only absolute accuracy around 1.
fn log_accurate(x: Unit) -> Unit {
    let near_1 = (x > Unit(0.5)) & (x < Unit(2.0));
    return select(log(x), log1p(x - 1.0), near_1);
}
