//! The values that results are checked on.

/// The values of an operand of a check. Real numbers are drawn in f32, so that every device and the
/// oracle start from the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// N(0, 1).
    Normal,
    /// N(0, 1), one in eight N(0, 30²), and now and then 0 and ±100, where exponentials overflow.
    Wide,
    /// Positive numbers from 1e-6 to about 20, many near 1.
    Positive,
    /// Numbers from 1 on, most below 8.
    AboveOne,
    /// N(0, 0.1²), as weights are.
    Weight,
    /// N(0, 1e-5²).
    Tiny,
    /// Positive numbers around 1e-10, the squares of tiny ones.
    TinySquare,
    /// 0.
    Zero,
    /// N(0, 1), and now and then infinite or NaN.
    Broken,
    /// Uniform on [0, 1], with both ends.
    Unit,
    /// 0 or 1.
    Binary,
    /// Bytes, or indices below this number.
    Below(u32),
}
