//! Reads of memory that nothing wrote.

use crate::run::case;
use wgvae::interpret::Kind;

#[test]
fn undefined_elements() {
    let text = "
@group(0) @binding(0) var<storage, read_write> a: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) lane: u32) {
    if lane < 3u {
        a[lane].x = lane;
    }
    result[lane] = a[lane].x;
}";
    let case = case(text).undefined(8).undefined(4);
    case.check(Kind::UndefinedRead, 9, "lane < 3u", "lane < 4u");
    let found = case.found(Kind::UndefinedRead);
    assert_eq!((found.len(), found[0].count), (1, 1));
    assert_eq!(found[0].invocation, [3, 0, 0]);
    assert!(found[0].message.ends_with("a[3].x"), "{found:?}");
}

#[test]
fn undefined_workgroup_memory() {
    use wgvae::interpret::{Finding, Options};
    let text = "
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
var<workgroup> words: array<u32, 8>;
var<workgroup> total: atomic<u32>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    if lane < 7u {
        words[lane] = lane;
    }
    workgroupBarrier();
    atomicAdd(&total, words[lane]);
    result[lane] = 1u;
}";
    let strict = Options { undefined_workgroup: true, ..Options::default() };
    let lines = |text: &str, options: &Options| -> Vec<_> {
        let report = case(text).grid(2).buffer(&[0u32; 8]).run_with(options);
        let of = |f: &Finding| (f.kind == Kind::UndefinedRead).then_some((f.place.line, f.count));
        report.findings.iter().filter_map(of).collect()
    };
    // The last word of each of two workgroups, and the total that begins undefined.
    assert_eq!(lines(text, &strict), [(11, 2), (11, 2)]);
    assert_eq!(lines(text, &Options::default()), []);
    let twin = text.replace("lane < 7u", "lane < 8u").replace(
        "    workgroupBarrier",
        "    if lane == 0u { atomicStore(&total, 0u); }\n    workgroupBarrier",
    );
    assert_eq!(lines(&twin, &strict), []);
}

#[test]
fn definedness_is_passed_on() {
    let text = "
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) lane: u32) {
    let word = a[lane + 4u];
    storageBarrier();
    a[lane + 1u] = word;
}";
    let mut case = case(text).undefined(8);
    case.dispatch.buffers[0].defined = Some([vec![false; 4], vec![true; 3]].concat());
    let report = case.run();
    let undefined = &report.findings[0];
    assert_eq!((undefined.kind, undefined.count), (Kind::UndefinedRead, 1));
    assert_eq!(undefined.element, Some(("a".to_owned(), 7)));
    let expected = [false, true, true, true, true, true, true, false];
    assert_eq!(report.buffers[0].defined, expected);
}
