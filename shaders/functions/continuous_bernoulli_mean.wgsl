// The mean of the continuous Bernoulli distribution with logit l: 1 / (1 - exp(-l)) - 1 / l, by a
// series near 0.
fn continuous_bernoulli_mean_value(l: Unit) -> Unit {
    let a = abs(l);
    let square = a * a;
    let high = square * (-1.0 / 1209600.0 + square / 47900160.0);
    let tail = 1.0 / 12.0 + square * (-1.0 / 720.0 + square * (1.0 / 30240.0 + high));
    let large = max(a, Unit(0.5));
    let direct = 1.0 / (1.0 - exp(-large)) - 1.0 / large;
    let mean = select(direct, 0.5 + a * tail, a < Unit(0.5));
    return select(mean, 1.0 - mean, l < Unit(0.0));
}
