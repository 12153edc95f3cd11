// ln(x), because WGSL's log has only absolute accuracy around 1.

#import common/log1p

fn log_value(x: Unit) -> Unit {
    return log_accurate(x);
}

fn log_slope(x: Unit) -> Unit {
    return 1.0 / x;
}
