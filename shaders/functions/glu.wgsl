// A gated linear unit: a * sigmoid(b).

#import functions/sigmoid

fn glu_value(a: Unit, b: Unit) -> Unit {
    return a * sigmoid_value(b);
}

fn glu_slope(a: Unit, b: Unit) -> Unit {
    return sigmoid_value(b);
}

fn glu_slope_1(a: Unit, b: Unit) -> Unit {
    let e = exp(-abs(b));
    return a * e / ((1.0 + e) * (1.0 + e));
}
