//! Subgroup and quad operations at every size, and programs that take a size for granted.

use crate::run::{Case, case, words};
use wgvae::interpret::{Kind, Options, SUBGROUP_SIZES};

/// Runs `expression` of `lane` with subgroups of `size` in a workgroup of `count`.
fn each(expression: &str, size: u32, count: u32) -> Vec<u32> {
    let text = format!(
        "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@compute @workgroup_size({count})
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) id: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(num_subgroups) groups: u32,
) {{
    result[lane] = {expression};
}}"
    );
    let options = Options { subgroup_size: size, ..Options::default() };
    let report = case(&text).buffer(&vec![0u32; count as usize]).run_with(&options);
    assert_eq!(report.findings, [], "{expression}");
    words(&report, 0)
}

/// Checks an expression against the values of each invocation: its index, the first invocation of
/// its subgroup, and the end of the subgroup.
fn check(expression: &str, expected: impl Fn(u32, u32, u32) -> u32) {
    for (size, count) in SUBGROUP_SIZES.into_iter().flat_map(|s| [(s, 128), (s, 60), (s, 4)]) {
        let wanted: Vec<_> = (0..count)
            .map(|lane| {
                let start = lane / size * size;
                expected(lane, start, (start + size).min(count))
            })
            .collect();
        assert_eq!(each(expression, size, count), wanted, "{expression}, size {size} of {count}");
    }
}

#[test]
fn reductions_and_scans() {
    check("subgroupAdd(lane)", |_, start, end| (start..end).sum());
    check("subgroupInclusiveAdd(lane)", |lane, start, _| (start..=lane).sum());
    check("subgroupExclusiveAdd(lane)", |lane, start, _| (start..lane).sum());
    check("subgroupMax(lane % 7u)", |_, start, end| (start..end).map(|l| l % 7).max().unwrap_or(0));
    check("subgroupMin(200u - lane)", |_, _, end| 200 - (end - 1));
    check("subgroupXor(lane)", |_, start, end| (start..end).fold(0, |a, b| a ^ b));
    check("subgroupOr(1u << (lane & 7u))", |_, start, end| {
        (start..end).fold(0, |bits, lane| bits | 1 << (lane & 7))
    });
    check("u32(subgroupAdd(f32(lane) * 0.5) * 2.0)", |_, start, end| (start..end).sum());
    check("subgroupExclusiveMul(2u) >> 1u", |lane, start, _| {
        1u32.checked_shl(lane - start).unwrap_or(0) >> 1
    });
    check("u32(subgroupAll(lane < 30u))", |_, _, end| u32::from(end <= 30));
    check("u32(subgroupAny(lane == 30u))", |_, start, end| (start..end).contains(&30).into());
}

#[test]
fn exchanges() {
    check("subgroupBroadcastFirst(lane)", |_, start, _| start);
    check("subgroupBroadcast(lane, 2u)", |_, start, _| start + 2);
    check("subgroupShuffle(lane, (id + 1u) % 4u)", |lane, start, _| start + (lane - start + 1) % 4);
    check("subgroupShuffleXor(lane, 1u)", |lane, _, _| lane ^ 1);
    check("select(lane, subgroupShuffleDown(lane, 1u), id % 4u < 3u)", |lane, _, _| {
        if lane % 4 < 3 { lane + 1 } else { lane }
    });
    check("select(lane, subgroupShuffleUp(lane, 2u), id % 4u > 1u)", |lane, _, _| {
        if lane % 4 > 1 { lane - 2 } else { lane }
    });
    check("quadSwapX(lane)", |lane, _, _| lane ^ 1);
    check("quadSwapY(lane)", |lane, _, _| lane ^ 2);
    check("quadSwapDiagonal(lane)", |lane, _, _| lane ^ 3);
    check("quadBroadcast(lane, 2u)", |lane, _, _| lane / 4 * 4 + 2);
}

#[test]
fn ballots_and_built_in_values() {
    check("subgroupBallot(lane % 3u == 0u).x", |_, start, end| {
        (start..end.min(start + 32))
            .filter(|l| l % 3 == 0)
            .fold(0, |bits, l| bits | 1 << (l - start))
    });
    check("subgroupBallot(true).y", |_, start, end| match end - start {
        0..=32 => 0,
        60 => (1 << 28) - 1,
        _ => u32::MAX,
    });
    check("size * group + id", |lane, _, _| lane);
    assert_eq!(each("groups", 16, 60)[0], 4);
}

/// A sum over 64 invocations of which only the first stores.
fn sum(body: &str) -> Case {
    let text = format!(
        "
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
var<workgroup> partial: array<f32, 64>;
@compute @workgroup_size(64)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(num_subgroups) groups: u32,
) {{
    var sum = a[lane];
    {body}
    if lane == 0u {{ result[0] = sum; }}
}}"
    );
    let numbers: Vec<_> = (0..64).map(|i| 0.1 + i as f32).collect();
    case(&text).buffer(&numbers).buffer(&[0.0f32])
}

const PARTIAL: &str = "sum = subgroupAdd(sum);
    partial[group] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < GROUPS; i++) { sum += partial[i]; }";

#[test]
fn a_size_taken_for_granted() {
    sum("sum = subgroupAdd(sum);").found(Kind::SubgroupSizeDependent);
    sum(&PARTIAL.replace("GROUPS", "2u")).found(Kind::SubgroupSizeDependent);
    let shuffles = "for (var d = 16u; d > 0u; d /= 2u) { sum += subgroupShuffleDown(sum, d); }";
    sum(shuffles).found(Kind::SubgroupSizeDependent);
    // Different roundings are no finding.
    let total = sum(&PARTIAL.replace("GROUPS", "groups"));
    let twin = total
        .text
        .replace("partial[group] = sum;", "if lane % size == 0u { partial[group] = sum; }");
    let numbers = Case { text: twin, ..total }.reals(1);
    assert!((numbers[0] - 2022.4).abs() < 1e-3, "{numbers:?}");
}
