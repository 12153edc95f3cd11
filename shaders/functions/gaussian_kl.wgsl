// The KL divergence of N(mean, stddev^2) from N(0, 1).

#import common/log1p

fn gaussian_kl_value(mean: Unit, stddev: Unit) -> Unit {
    return 0.5 * (stddev * stddev + mean * mean) - 0.5 - log_accurate(stddev);
}

fn gaussian_kl_slope_1(mean: Unit, stddev: Unit) -> Unit {
    return stddev - 1.0 / stddev;
}
