// ln p(x) of a pixel whose logit is l.

fn log_likelihood_of(l: Unit, x: Unit) -> Unit {
    return -(max(l, Unit(0.0)) - l * x + log1p(exp(-abs(l))));
}
