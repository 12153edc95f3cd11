// ln(1 + exp(x)), by an exponential that cannot overflow.

#import common/log1p
#import functions/sigmoid

fn softplus_value(x: Unit) -> Unit {
    return max(x, Unit(0.0)) + log1p(exp(-abs(x)));
}

fn softplus_slope(x: Unit) -> Unit {
    return sigmoid_value(x);
}
