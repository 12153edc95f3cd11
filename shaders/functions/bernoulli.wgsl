// ln p(x) of a pixel x whose logit is l.

#import common/log1p
#import functions/sigmoid

fn bernoulli_value(l: Unit, x: Unit) -> Unit {
    return -(max(l, Unit(0.0)) - l * x + log1p(exp(-abs(l))));
}

fn bernoulli_slope(l: Unit, x: Unit) -> Unit {
    return x - sigmoid_value(l);
}
