// A sample of the continuous Bernoulli distribution with logit l, of a uniform number: ln(1 + u * (exp(l)
// - 1)) / l, by a series near 0. Negative logits are mirrored.

#import common/log1p

fn continuous_bernoulli_quantile_value(l: Unit, uniform: Unit) -> Unit {
    let u = select(uniform, 1.0 - uniform, l < Unit(0.0));
    let a = abs(l);
    let variance = u * (1.0 - u);
    let skew = variance * (1.0 - 2.0 * u);
    let kurtosis = variance * (1.0 - 6.0 * variance);
    let tail = 0.5 * variance + a * (skew / 6.0 + a * kurtosis / 24.0);
    let large = max(a, Unit(0.02));
    let share = max(u + (1.0 - u) * exp(-large), Unit(1e-30));
    let direct = max(1.0 + log_accurate(share) / large, Unit(0.0));
    let x = select(direct, u + a * tail, a < Unit(0.02));
    return select(x, 1.0 - x, l < Unit(0.0));
}
