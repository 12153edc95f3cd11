// ln p(x) of a normal distribution, given its mean and s: its standard deviation is softplus(s) + 0.01.

#import common/log1p
#import functions/sigmoid
#import functions/softplus

fn gaussian_value(mean: Unit, s: Unit, x: Unit) -> Unit {
    let stddev = softplus_value(s) + 0.01;
    let distance = (x - mean) / stddev;
    return -0.5 * distance * distance - log_accurate(stddev) - 0.9189385332;
}

fn gaussian_slope(mean: Unit, s: Unit, x: Unit) -> Unit {
    let stddev = softplus_value(s) + 0.01;
    return (x - mean) / stddev / stddev;
}

fn gaussian_slope_1(mean: Unit, s: Unit, x: Unit) -> Unit {
    let stddev = softplus_value(s) + 0.01;
    let distance = (x - mean) / stddev;
    return (distance * distance - 1.0) * sigmoid_value(s) / stddev;
}
