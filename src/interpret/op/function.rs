//! Built-in functions and operators, by the kind of their operands.

/// Component-wise operations with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    /// Real to real.
    Negate,
    Abs,
    Sign,
    Saturate,
    Sqrt,
    InverseSqrt,
    Ceil,
    Floor,
    Round,
    Fract,
    Trunc,
    Exp,
    Exp2,
    Log,
    Log2,
    Cos,
    Cosh,
    Sin,
    Sinh,
    Tan,
    Tanh,
    Acos,
    Asin,
    Atan,
    Asinh,
    Acosh,
    Atanh,
    Radians,
    Degrees,
    /// Rounds to f16, and back.
    QuantizeToF16,
    /// f32 to f16 or back.
    Convert,
    /// Integer to integer.
    /// The absolute value of a u32.
    Identity,
    NegateInt,
    AbsInt,
    SignInt,
    Not,
    BitNot,
    CountTrailingZeros,
    CountLeadingZeros,
    CountOneBits,
    ReverseBits,
    FirstTrailingBit,
    FirstLeadingBitSigned,
    FirstLeadingBit,
    /// Between kinds.
    RealToInt,
    RealToUint,
    RealToBool,
    IntToReal,
    UintToReal,
    IntToBool,
    BoolToReal,
    /// `bitcast` between f32 and integers.
    RealToBits,
    BitsToReal,
    IsNan,
    IsInf,
}

/// Component-wise operations with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    /// Real to real.
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Min,
    Max,
    Pow,
    Atan2,
    Step,
    /// Real by an integer power of two.
    Ldexp,
    /// Real to bool.
    Equal,
    NotEqual,
    Less,
    LessEqual,
    /// Signed integers.
    AddInt,
    SubtractInt,
    MultiplyInt,
    DivideInt,
    RemainderInt,
    MinInt,
    MaxInt,
    LessInt,
    LessEqualInt,
    ShiftLeftInt,
    ShiftRightInt,
    /// Unsigned integers.
    AddUint,
    SubtractUint,
    MultiplyUint,
    DivideUint,
    RemainderUint,
    MinUint,
    MaxUint,
    LessUint,
    LessEqualUint,
    ShiftLeft,
    ShiftRight,
    /// Bits.
    And,
    Or,
    Xor,
    EqualBits,
    NotEqualBits,
}

/// Component-wise operations with three operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ternary {
    Fma,
    Clamp,
    Mix,
    SmoothStep,
    ClampInt,
    ClampUint,
    ExtractBits,
    ExtractBitsSigned,
}

/// Operations on whole vectors; `size` is that of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Geometry {
    Dot,
    DotInt,
    Cross,
    Distance,
    Length,
    Normalize,
    FaceForward,
    Reflect,
    Refract,
    Modf,
    Frexp,
    Determinant,
    /// To a bool.
    All,
    Any,
    Pack(Pack),
    Unpack(Pack),
    /// Dot product of four bytes of two words.
    DotPacked {
        signed: bool,
    },
}

/// Formats of several numbers in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pack {
    Snorm8,
    Unorm8,
    Snorm16,
    Unorm16,
    Float16,
    Int8,
    Uint8,
    Int8Clamp,
    Uint8Clamp,
}
