// ln p(x) of a pixel from 0 to 1 by the continuous Bernoulli distribution with logit l: its normaliser
// ln(a / (1 - exp(-a))), for a = |l|, by a series near 0.

#import common/log1p
#import functions/continuous_bernoulli_mean

fn continuous_bernoulli_value(l: Unit, x: Unit) -> Unit {
    let a = abs(l);
    let square = a * a;
    let high = square * (1.0 / 9676800.0 - square / 479001600.0);
    let tail = square * (-1.0 / 24.0 + square * (1.0 / 2880.0 + square * (-1.0 / 181440.0 + high)));
    let large = max(a, Unit(0.5));
    let direct = log_accurate(large / (1.0 - exp(-large)));
    let normalizer = select(direct, 0.5 * a + tail, a < Unit(0.5));
    // Near x = 1, the difference is exact where that of products is not.
    return l * (x - select(Unit(0.0), Unit(1.0), l > Unit(0.0))) + normalizer;
}

fn continuous_bernoulli_slope(l: Unit, x: Unit) -> Unit {
    return x - continuous_bernoulli_mean_value(l);
}
