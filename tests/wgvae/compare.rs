//! The comparison helper, shown to fail.

use wgvae::kernel::Tolerance;
use wgvae::verify::compare;

const TOLERANCE: Tolerance = Tolerance { absolute: 0.5, relative: 0.1 };

#[test]
fn equal_lists_pass() {
    let result = compare(&[1.0, -2.0, 0.0], &[1.0, -2.0, 0.0], Tolerance::EXACT);
    assert!(result.ok);
    assert_eq!((result.max_abs, result.max_rel, result.score), (0.0, 0.0, 0.0));
}

#[test]
fn the_bound_is_absolute_plus_relative() {
    // 0.5 + 0.1·10 = 1.5
    assert!(compare(&[11.5], &[10.0], TOLERANCE).ok);
    assert!(!compare(&[11.5001], &[10.0], TOLERANCE).ok);
    assert!(compare(&[-0.5], &[0.0], TOLERANCE).ok);
    assert!(!compare(&[-0.5001], &[0.0], TOLERANCE).ok);
}

#[test]
fn one_wrong_element_fails_and_is_named() {
    let result = compare(&[1.0, 9.0, 3.0, 4.7], &[1.0, 2.0, 3.0, 4.0], TOLERANCE);
    assert!(!result.ok);
    assert_eq!(result.worst_index, Some(1));
    assert_eq!((result.max_abs, result.max_rel), (7.0, 3.5));
}

#[test]
fn nan_fails_wherever_it_is() {
    for (found, expected) in [
        ([f64::NAN, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [1.0, f64::NAN]),
        ([f64::NAN, 1.0], [f64::NAN, 1.0]),
    ] {
        let result = compare(&found, &expected, TOLERANCE);
        assert!(!result.ok && result.max_abs.is_nan(), "{found:?} {expected:?}");
        assert_eq!(
            result.worst_index,
            found.iter().zip(&expected).position(|(a, b)| (a - b).is_nan())
        );
    }
}

#[test]
fn infinity_fails() {
    assert!(!compare(&[f64::INFINITY], &[1.0], TOLERANCE).ok);
    assert!(!compare(&[1.0], &[f64::NEG_INFINITY], Tolerance::EXACT).ok);
}

#[test]
fn wrong_lengths_and_empty_lists_fail() {
    assert!(!compare(&[1.0], &[1.0, 1.0], TOLERANCE).ok);
    assert!(!compare(&[1.0, 1.0], &[1.0], TOLERANCE).ok);
    assert!(!compare(&[], &[1.0], TOLERANCE).ok);
    assert!(!compare(&[], &[], TOLERANCE).ok);
}

#[test]
fn an_exact_tolerance_allows_nothing() {
    assert!(!compare(&[1.0 + f64::EPSILON], &[1.0], Tolerance::EXACT).ok);
}
