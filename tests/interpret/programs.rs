//! Whole programs at awkward sizes, against plain loops.

use crate::run::case;
use wgvae::interpret::{Arithmetic, Options};

/// Numbers from -1 to 1 that are neither regular nor round.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

const TILED: &str = "
override M: u32;
override N: u32;
override K: u32;
override TILE: u32 = 8u;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
var<workgroup> a_tile: array<f32, TILE * TILE>;
var<workgroup> b_tile: array<f32, TILE * TILE>;
@compute @workgroup_size(TILE, TILE)
fn main(@builtin(local_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
    let across = (N + TILE - 1u) / TILE;
    let row = group.x / across * TILE + id.y;
    let column = group.x % across * TILE + id.x;
    var sum = 0.0;
    for (var k = 0u; k < K; k += TILE) {
        a_tile[id.y * TILE + id.x] = 0.0;
        b_tile[id.y * TILE + id.x] = 0.0;
        if row < M && k + id.x < K { a_tile[id.y * TILE + id.x] = a[row * K + k + id.x]; }
        if column < N && k + id.y < K { b_tile[id.y * TILE + id.x] = b[(k + id.y) * N + column]; }
        workgroupBarrier();
        for (var i = 0u; i < TILE; i++) { sum = fma(a_tile[id.y * TILE + i], b_tile[i * TILE + id.x], sum); }
        workgroupBarrier();
    }
    if row < M && column < N { c[row * N + column] = sum; }
}";

#[test]
fn tiled_products() {
    for [m, n, k] in [[1, 1, 1], [7, 9, 8], [8, 8, 8], [17, 5, 31], [3, 64, 65], [63, 13, 1]] {
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let groups = m.div_ceil(8) * n.div_ceil(8);
        let product = case(TILED)
            .set("M", m as u32)
            .set("N", n as u32)
            .set("K", k as u32)
            .grid(groups as u32)
            .buffer(&a)
            .buffer(&b)
            .undefined(m * n);
        let each = |i: usize| {
            (0..k).fold(0.0f32, |sum, l| a[i / n * k + l].mul_add(b[l * n + i % n], sum))
        };
        let expected: Vec<_> = (0..m * n).map(each).collect();
        assert_eq!(product.reals(2), expected, "{m} x {n} x {k}");
        let report =
            product.run_with(&Options { arithmetic: Arithmetic::F64, ..Options::default() });
        let exact = |i: usize| -> f64 {
            (0..k).map(|l| f64::from(a[i / n * k + l]) * f64::from(b[l * n + i % n])).sum()
        };
        for (i, value) in report.buffers[2].values.iter().enumerate() {
            assert!((value - exact(i)).abs() < 1e-14, "{value}, {}", exact(i));
        }
    }
}

const SCAN: &str = "
override SIZE: u32 = 64u;
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
var<workgroup> sums: array<u32, 2u * SIZE>;
@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&a) { sums[lane] = a[id.x]; }
    var begin = 0u;
    for (var step = 1u; step < SIZE; step *= 2u) {
        workgroupBarrier();
        var sum = sums[begin + lane];
        if lane >= step { sum += sums[begin + lane - step]; }
        begin = SIZE - begin;
        sums[begin + lane] = sum;
    }
    if id.x < arrayLength(&a) { a[id.x] = sums[begin + lane]; }
}";

#[test]
fn scans() {
    for size in [1, 2, 64, 256] {
        for count in [1usize, 63, 64, 65, 257, 499] {
            let input: Vec<_> = (0..count as u32).map(|i| i * i % 101).collect();
            let groups = count.div_ceil(size) as u32;
            let found = case(SCAN).set("SIZE", size as u32).grid(groups).buffer(&input).clean(0);
            for (block, found) in input.chunks(size).zip(found.chunks(size)) {
                let scan = block.iter().scan(0, |sum, &x| {
                    *sum += x;
                    Some(*sum)
                });
                assert_eq!(found, scan.collect::<Vec<_>>(), "{count} in blocks of {size}");
            }
        }
    }
}

const HISTOGRAM: &str = "
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> bins: array<atomic<u32>, 16>;
var<workgroup> local: array<atomic<u32>, 16>;
@compute @workgroup_size(32)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&a) { atomicAdd(&local[a[id.x] % 16u], 1u); }
    workgroupBarrier();
    if lane < 16u { atomicAdd(&bins[lane], atomicLoad(&local[lane])); }
}";

#[test]
fn histograms() {
    for count in [1usize, 31, 33, 1009] {
        let input: Vec<_> = (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 7).collect();
        let mut expected = [0; 16];
        input.iter().for_each(|&word| expected[word as usize % 16] += 1);
        let groups = count.div_ceil(32) as u32;
        let found = case(HISTOGRAM).grid(groups).buffer(&input).buffer(&[0u32; 16]).clean(1);
        assert_eq!(found, expected);
    }
}
