// The KL divergence of N(m, sd^2) from N(0, 1).

fn kl_of(m: Unit, sd: Unit) -> Unit {
    return 0.5 * (sd * sd + m * m) - 0.5 - log_accurate(sd);
}
