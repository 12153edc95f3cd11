//! Faults of single invocations and of divergence, each with its corrected twin.

use crate::run::{Case, case};
use wgvae::interpret::Kind;

/// A program of eight invocations that assigns `expression` to its element.
fn assign(expression: &str) -> Case {
    let text = format!(
        "
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> i: array<i32>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {{
    let x = a[lane];
    let n = i[lane];
    {expression}
}}"
    );
    let reals = [1.0f32, 0.0, -1.0, 3e38, 0.5, 100.0, 2.0, 4.0];
    case(&text).buffer(&reals).buffer(&[1i32, 0, -1, i32::MAX, i32::MIN, 40, 2, 3])
}

#[test]
fn indices_past_the_end() {
    assign("a[lane + u32(n >= 0)] = 1.0;").found(Kind::OutOfBounds);
    assign("a[lane + 8u] = 1.0;").check(Kind::OutOfBounds, 8, "lane + 8u", "lane");
    assign("a[lane] = a[n];").found(Kind::OutOfBounds);
    assign("var t = vec4f(); t[lane] = x; a[lane] = t.x;").check(
        Kind::OutOfBounds,
        8,
        "t[lane]",
        "t[lane % 4u]",
    );
    let text = "var t = array<f32, 4>(1, 2, 3, 4); a[lane] = t[lane];";
    assign(text).check(Kind::OutOfBounds, 8, "= t[lane]", "= t[min(lane, 3u)]");
    assign("let t = vec3f(x); a[lane] = t[lane];").found(Kind::OutOfBounds);
    // Reads are limited to the last element, and writes have no effect.
    let report = assign("i[lane] = i[lane + 4u]; i[lane + 8u] = 7;").run();
    let words = crate::run::words(&report, 1);
    assert_eq!(words[4..], [3; 4]);
}

#[test]
fn infinities_and_nan() {
    assign("a[lane] = x * 2.0;").check(Kind::Nonfinite, 8, "x * 2.0", "x * 1.0");
    assign("a[lane] = log(x);").found(Kind::Nonfinite);
    assign("a[lane] = sqrt(x);").check(Kind::Nonfinite, 8, "sqrt(x)", "sqrt(abs(x))");
    assign("a[lane] = 1.0 / x;").found(Kind::Nonfinite);
    assign("a[lane] = exp(x);").check(Kind::Nonfinite, 8, "exp(x)", "exp(-abs(x))");
    assign("let v = vec2f(x, x); a[lane] = dot(v, v);").found(Kind::Nonfinite);
    assign("a[lane] = normalize(vec2f(x) * f32(lane)).x;").found(Kind::Nonfinite);
    assign("a[lane] = (mat2x2f(x, x, x, x) * vec2f(x, 1.0)).x;").found(Kind::Nonfinite);
    // Only the first of a chain is reported: its operands were finite.
    let found = assign("a[lane] = sqrt(log(min(x, 1.0)) + 1.0) * 3.0;").found(Kind::Nonfinite);
    assert!(found.iter().all(|finding| finding.place.column < 40), "{found:?}");
    // f16 overflows early.
    let half = "enable f16;\n@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@compute @workgroup_size(1)
fn main() { a[0] = f32(f16(a[0]) * f16(a[1])); }";
    case(half).buffer(&[300.0f32, 300.0]).found(Kind::Nonfinite);
    case(half).buffer(&[200.0f32, 300.0]).reals(0);
}

#[test]
fn unusual_integers() {
    assign("i[lane] = n + 1;").check(Kind::Integer, 8, "n + 1", "(n | 1) - (n & 1)");
    assign("i[lane] = -n;").found(Kind::Integer);
    assign("i[lane] = n * 3;").found(Kind::Integer);
    assign("i[lane] = 1 << u32(n & 63);").check(Kind::Integer, 8, "& 63", "& 31");
    assign("i[lane] = 7 / n;").check(Kind::Integer, 8, "7 / n", "7 / (n | 1)");
    assign("i[lane] = i32(x);").check(Kind::Integer, 8, "i32(x)", "i32(min(x, 9.0))");
    assign("i[lane] = i32(7u % u32(lane));").found(Kind::Integer);
    let warnings = assign("i[lane] = n + 1;").found(Kind::Integer);
    assert!(warnings.iter().all(|finding| finding.kind.is_warning()));
}

#[test]
fn loops_without_end() {
    let text = "var j = n; while j != 10 { j += 3; } i[lane] = j;";
    assign(text).check(Kind::LoopLimit, 8, "j != 10", "j < 10 && j > 10");
    let report = assign("loop { if x > 3.1e38 { break; } }").sanitize();
    assert!(!report.is_complete);
    // Calls count, too: no program runs without bound.
    let calls =
        (1..20).map(|i| format!("fn f{i}(x: u32) -> u32 {{ return f{0}(x) + f{0}(x); }}\n", i - 1));
    let text = format!(
        "@group(0) @binding(0) var<storage, read_write> a: array<u32>;
fn f0(x: u32) -> u32 {{ return x; }}
{}@compute @workgroup_size(1) fn main() {{ a[0] = f19(1u); }}",
        calls.collect::<String>()
    );
    case(&text).buffer(&[0u32]).found(Kind::LoopLimit);
}

const HALVES: &str = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> words: array<u32, 8>;
fn wait() { workgroupBarrier(); }
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    words[lane] = lane;
    BODY
    result[lane] = words[lane];
}";

fn halves(body: &str) -> Case {
    case(&HALVES.replace("BODY", body)).buffer(&[0u32; 8])
}

#[test]
fn barriers_that_some_miss() {
    halves("if lane < 4u { workgroupBarrier(); }").check(
        Kind::DivergentBarrier,
        8,
        "if lane < 4u { workgroupBarrier(); }",
        "workgroupBarrier();",
    );
    // The same barrier, called from two places.
    let called = "if lane < 4u { wait(); } else { wait(); }";
    halves(called).check(Kind::DivergentBarrier, 4, called, "wait();");
    let returned = "if lane == 5u { return; } workgroupBarrier();";
    halves(returned).check(Kind::DivergentBarrier, 8, "if lane == 5u { return; }", "");
    let looped = "for (var i = 0u; i < lane; i++) { workgroupBarrier(); }";
    halves(looped).check(Kind::DivergentBarrier, 8, "i < lane", "i < 3u");
}

#[test]
fn collective_operations_that_some_miss() {
    let branch = "if lane < 2u { words[lane] = subgroupAdd(lane); }";
    let twin = "words[lane] = subgroupMax(0u);";
    halves(branch).check(Kind::DivergentCollective, 8, branch, twin);
    let returned = "if lane == 7u { return; } words[lane] = quadSwapX(lane);";
    halves(returned).check(Kind::DivergentCollective, 8, "if lane == 7u { return; }", "");
    let small = HALVES.replace("workgroup_size(8)", "workgroup_size(6)");
    case(&small.replace("BODY", "words[lane] = quadSwapY(lane);"))
        .buffer(&[0u32; 8])
        .found(Kind::DivergentCollective);
}
