//! Built-in functions and operators against values computed here.

use crate::run::{Case, case};

/// Evaluates real expressions of `a` to `d`, which are 0.75, -2.5, 3.0 and 1e-3, at run time.
fn reals(expressions: &[&str]) -> Vec<f32> {
    evaluate("f32", expressions).reals(1)
}

/// Evaluates expressions of type `ty`; `i` to `m` are the words 5, -7, 0x80F0, 3 and 12.
fn evaluate(ty: &str, expressions: &[&str]) -> Case {
    let lines: Vec<_> =
        expressions.iter().enumerate().map(|(i, e)| format!("    result[{i}] = {e};\n")).collect();
    let text = format!(
        "enable f16;
@group(0) @binding(0) var<storage, read> inputs: array<f32, 4>;
@group(0) @binding(1) var<storage, read_write> result: array<{ty}>;
@group(0) @binding(2) var<storage, read> words: array<u32, 5>;
@compute @workgroup_size(1)
fn main() {{
    let a = inputs[0];
    let b = inputs[1];
    let c = inputs[2];
    let d = inputs[3];
    let i = words[0];
    let j = i32(words[1]);
    let k = words[2];
    let l = words[3];
    let m = words[4];
{}    _ = a + b + c + d + f32(i) + f32(j) + f32(k) + f32(l) + f32(m);
}}",
        lines.concat()
    );
    case(&text)
        .buffer(&[0.75f32, -2.5, 3.0, 1e-3])
        .buffer(&vec![0u32; expressions.len()])
        .buffer(&[5, -7i32 as u32, 0x80F0, 3, 12])
}

/// Checks expressions with their values, bit by bit.
fn check(pairs: &[(&str, f64)]) {
    let expressions: Vec<_> = pairs.iter().map(|&(expression, _)| expression).collect();
    for (found, (expression, expected)) in reals(&expressions).iter().zip(pairs) {
        assert_eq!(found.to_bits(), (*expected as f32).to_bits(), "{expression}: {found}");
    }
}

#[test]
fn functions_of_one_real() {
    let (a, b, c) = (0.75f64, -2.5f64, 3.0f64);
    check(&[
        ("abs(b)", 2.5),
        ("-a", -0.75),
        ("sign(b)", -1.0),
        ("sign(a - a)", 0.0),
        ("saturate(b)", 0.0),
        ("saturate(c)", 1.0),
        ("sqrt(c)", c.sqrt()),
        ("inverseSqrt(c)", 1.0 / c.sqrt()),
        ("ceil(b)", -2.0),
        ("floor(b)", -3.0),
        ("round(b)", -2.0),
        ("trunc(b)", -2.0),
        ("fract(b)", 0.5),
        ("exp(b)", b.exp()),
        ("exp2(a)", a.exp2()),
        ("log(c)", c.ln()),
        ("log2(c)", c.log2()),
        ("sin(b)", b.sin()),
        ("cos(b)", b.cos()),
        ("tan(b)", b.tan()),
        ("sinh(b)", b.sinh()),
        ("cosh(b)", b.cosh()),
        ("tanh(b)", b.tanh()),
        ("asin(a)", a.asin()),
        ("acos(a)", a.acos()),
        ("atan(b)", b.atan()),
        ("asinh(b)", b.asinh()),
        ("acosh(c)", c.acosh()),
        ("atanh(a)", a.atanh()),
        ("degrees(a)", a.to_degrees()),
        ("radians(b)", b.to_radians()),
        ("quantizeToF16(d)", 0.001_000_404_357_910_156_3),
        ("f32(f16(d))", 0.001_000_404_357_910_156_3),
    ]);
}

#[test]
fn functions_of_several_reals() {
    let (a, b, c) = (0.75f32, -2.5f32, 3.0f32);
    check(&[
        ("min(a, b)", -2.5),
        ("max(a, b)", 0.75),
        ("clamp(b, -1.0, c)", -1.0),
        ("pow(c, b)", f64::from(c).powf(-2.5)),
        ("atan2(b, a)", f64::from(b).atan2(0.75)),
        ("step(a, c)", 1.0),
        ("step(c, a)", 0.0),
        ("fma(a, b, c)", 0.75 * -2.5 + 3.0),
        ("mix(b, c, a)", (b * (1.0 - a) + c * a).into()),
        ("smoothstep(b, c, a)", {
            let t = (a - b) / (c - b);
            (t * t * (3.0 - 2.0 * t)).into()
        }),
        ("ldexp(a, j)", 0.75 / 128.0),
        ("b % a", -0.25),
        ("a - d", (a - 1e-3).into()),
        ("a / c", (a / c).into()),
        ("select(a, b, a < c)", -2.5),
        ("modf(b).fract", -0.5),
        ("modf(b).whole", -2.0),
        ("frexp(b).fract", -0.625),
        ("f32(frexp(b).exp)", 2.0),
    ]);
}

#[test]
fn vectors_and_matrices() {
    check(&[
        ("dot(vec3f(a, b, c), vec3f(1, 2, 3))", 0.75 - 5.0 + 9.0),
        ("length(vec2f(c, 4.0))", 5.0),
        ("distance(vec2f(c, 1.0), vec2f(0.0, -3.0))", 5.0),
        ("cross(vec3f(a, b, c), vec3f(1, 2, 3)).y", 3.0 - 2.25),
        ("normalize(vec2f(c, 4.0)).y", 0.8),
        ("reflect(vec2f(a, b), vec2f(0, 1)).y", 2.5),
        ("faceForward(vec2f(a, b), vec2f(0, 1), vec2f(0, 1)).x", -0.75),
        ("refract(vec2f(0, -1), vec2f(0, 1), a).y", -1.0),
        ("transpose(mat2x3f(a, b, c, 4, 5, 6))[2].x", 3.0),
        ("transpose(mat2x3f(a, b, c, 4, 5, 6))[1].y", 5.0),
        ("determinant(mat3x3f(a, 0, 0, 1, b, 0, 2, 3, c))", 0.75 * -2.5 * 3.0),
        ("(mat2x2f(a, b, c, 4) * vec2f(2, 3)).x", 1.5 + 9.0),
        ("(vec2f(2, 3) * mat2x2f(a, b, c, 4)).x", 1.5 - 7.5),
        ("(mat2x3f(a, b, c, 4, 5, 6) * mat3x2f(1, 2, 3, 4, 5, 6))[2].z", 15.0 + 36.0),
        ("(mat2x2f(a, b, c, 4) * 2.0)[1].x", 6.0),
        ("(2.0 * vec2f(a, b)).y", -5.0),
        ("(mat2x2f(a, b, c, 4) - mat2x2f(1, 1, 1, 1))[1].y", 3.0),
        ("vec4f(a, b, c, d).wzyx.y", 3.0),
        ("vec4f(vec2f(a, b), c, d)[j + 8]", -2.5),
        ("f32(all(vec2f(a, b) < vec2f(1, 1)))", 1.0),
        ("f32(any(vec2f(a, b) > vec2f(1, 1)))", 0.0),
        ("select(vec2f(1, 2), vec2f(a, b), vec2<bool>(false, true)).y", -2.5),
    ]);
}

#[test]
fn half_precision() {
    let half = |x: f32| half::f16::from_f32(x).to_f32();
    let x = half(1e-3);
    check(&[
        ("f32(f16(d) + f16(c))", half(x + 3.0).into()),
        ("f32(f16(d) * f16(c))", half(x * 3.0).into()),
        ("f32(f16(c) / f16(7.0))", half(3.0 / 7.0).into()),
        ("f32(exp(f16(a)))", half(0.75f32.exp()).into()),
        ("f32(fma(f16(d), f16(d), f16(c)))", half(x * x + 3.0).into()),
        ("f32(dot(vec2h(f16(a), f16(b)), vec2h(f16(d), f16(d))))", {
            half(half(0.75 * x) + half(-2.5 * x)).into()
        }),
    ]);
}

#[test]
fn integers() {
    let pairs = [
        ("countOneBits(k)", 5),
        ("countLeadingZeros(k)", 16),
        ("countTrailingZeros(k)", 4),
        ("reverseBits(i)", 0xA000_0000),
        ("firstLeadingBit(k)", 15),
        ("firstTrailingBit(k)", 4),
        ("u32(firstLeadingBit(j))", 2),
        ("extractBits(k, 4u, l * 3u)", 0x0F),
        ("u32(extractBits(j, 0u, 4u))", -7i32 as u32),
        ("insertBits(k, i, 8u, 4u)", 0x85F0),
        ("u32(j / 2)", -3i32 as u32),
        ("u32(j % 4)", -3i32 as u32),
        ("u32(j >> 1u)", -4i32 as u32),
        ("k >> l", 0x101E),
        ("i << m", 0x5000),
        ("u32(abs(j))", 7),
        ("u32(sign(j))", u32::MAX),
        ("u32(min(j, 3))", -7i32 as u32),
        ("u32(clamp(j, -3, 3))", -3i32 as u32),
        ("clamp(k, l, m)", 12),
        ("~i", !5),
        ("i ^ m | 1u & l", 5 ^ 12 | 1),
        ("u32(dot(vec2i(j, 2), vec2i(3, j)))", (-35i32) as u32),
        ("dot4U8Packed(0x01020304u, i * 0x01010101u)", 50),
        ("u32(dot4I8Packed(u32(j), i))", -35i32 as u32),
        ("pack4x8unorm(vec4f(a, b, c, d))", 0x00FF_00BF),
        ("pack4x8snorm(vec4f(a, b, c, d))", 0x007F_815F),
        ("pack2x16float(vec2f(a, c))", 0x4200_3A00),
        ("pack4xI8(vec4i(j, 1, 2, 3))", 0x0302_01F9),
        ("pack4xU8Clamp(vec4u(k, 1, 2, 3))", 0x0302_01FF),
        ("u32(unpack4xI8(u32(j))[1])", u32::MAX),
        ("bitcast<u32>(a)", 0.75f32.to_bits()),
        ("u32(b < a)", 1),
        ("u32(bool(i) && !bool(j + 7))", 1),
        ("u32(i32(b))", -2i32 as u32),
        ("u32(c)", 3),
        ("k * k * k * k", 0x80F0u32.wrapping_pow(4)),
        ("arrayLength(&result)", 38),
    ];
    let expressions: Vec<_> = pairs.iter().map(|&(expression, _)| expression).collect();
    let found = evaluate("u32", &expressions).clean(1);
    for (found, (expression, expected)) in found.iter().zip(pairs) {
        assert_eq!(*found, expected, "{expression}: {found:#x}");
    }
    assert_eq!(pairs.len(), 38);
}

#[test]
fn unpacking() {
    check(&[
        ("unpack4x8unorm(k).x", 240.0 / 255.0),
        ("unpack4x8snorm(k).y", -1.0),
        ("unpack2x16unorm(k).x", 33008.0 / 65535.0),
        ("unpack2x16snorm(k).x", (f64::from(0x80F0u16 as i16) / 32767.0).max(-1.0)),
        ("unpack2x16float(pack2x16float(vec2f(a, b))).y", -2.5),
        ("bitcast<f32>(bitcast<u32>(c) + 0x800000u)", 6.0),
        ("f32(j)", -7.0),
        ("f32(true)", 1.0),
    ]);
}

#[test]
fn exact_arithmetic_keeps_small_terms() {
    use wgvae::interpret::{Arithmetic, Options};
    let sum = "(1e8 + a) - 1e8";
    let report = evaluate("f32", &[sum, "exp(c)"])
        .run_with(&Options { arithmetic: Arithmetic::F64, ..Options::default() });
    let result = &report.buffers[1].values;
    assert_eq!(result[0], 0.75);
    assert_eq!(result[1], 3.0f64.exp());
    assert_eq!(reals(&[sum]), [0.0]);
}
