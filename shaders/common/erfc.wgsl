// The complementary error function, with a relative error of 1.2e-7 (Press, Teukolsky, Vetterling
// and Flannery, Numerical Recipes in C, section 6.2), by an exponential that cannot overflow.
fn erfc(x: Unit) -> Unit {
    let z = abs(x);
    let t = 1.0 / (1.0 + 0.5 * z);
    let series = 1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
        + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))));
    let positive = t * exp(-z * z - 1.26551223 + t * series);
    return select(positive, 2.0 - positive, x < Unit(0.0));
}
