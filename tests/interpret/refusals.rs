//! Programs and inputs that cannot be run, each with its error.

use crate::run::case;
use wgvae::interpret::{Dispatch, Error, Options, Program};

fn error(text: &str) -> Error {
    match Program::from_wgsl(text, None, &[]) {
        Ok(_) => panic!("no error for {text}"),
        Err(error) => error,
    }
}

const MAIN: &str = "@compute @workgroup_size(1) fn main() {}\n";

#[test]
fn texts() {
    assert_eq!(error("fn f() { x }").to_string().split(':').next(), Some("1"));
    let message =
        error("@compute @workgroup_size(1)\nfn main() { var x: i64; x = 1li; }").to_string();
    assert!(message.contains("INT64"), "{message}");
    let texture = "@group(0) @binding(0) var t: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>;
@compute @workgroup_size(1)
fn main() { a[0] = textureLoad(t, vec2i(), 0); }";
    let message = error(texture).to_string();
    assert!(message.starts_with("1:"), "{message}");
    assert!(message.contains("textures"), "{message}");
    let entries = "@compute @workgroup_size(1) fn other() {}\n";
    assert!(matches!(error(&format!("{MAIN}{entries}")), Error::EntryPoint { .. }));
    let missing = Program::from_wgsl(MAIN, Some("absent"), &[]);
    assert!(matches!(missing, Err(Error::EntryPoint { .. })));
}

#[test]
fn constants() {
    let text = format!("override N: u32;\n{}", MAIN.replace("(1)", "(N)"));
    let with = |values: &[(&str, f64)]| Program::from_wgsl(&text, None, values).map(|_| ());
    assert_eq!(with(&[("N", 4.0)]), Ok(()));
    for values in [&[][..], &[("N", 0.0)], &[("N", -1.0)], &[("N", 1e10)], &[("M", 1.0)]] {
        assert!(matches!(with(values), Err(Error::Invalid { .. })), "{values:?}");
    }
}

#[test]
fn inputs() {
    let text = "@group(0) @binding(0) var<storage, read> a: array<u32, 4>;
@compute @workgroup_size(1) fn main() { _ = a[0]; }";
    let run = |dispatch: &Dispatch, options: &Options| {
        let program = case(text).program();
        program.run(dispatch, options).map(|_| ())
    };
    let options = Options::default();
    let none = case(text).dispatch;
    assert!(matches!(run(&none, &options), Err(Error::Binding { .. })));
    let short = case(text).buffer(&[0u32; 3]).dispatch;
    assert!(matches!(run(&short, &options), Err(Error::Size { found: 12, .. })));
    let more = case(text).buffer(&[0u32; 4]).buffer(&[0u32]).dispatch;
    assert!(matches!(run(&more, &options), Err(Error::Binding { .. })));
    let right = case(text).buffer(&[0u32; 4]);
    assert_eq!(run(&right.dispatch, &options), Ok(()));
    let odd = Options { subgroup_size: 24, ..Options::default() };
    assert_eq!(run(&right.dispatch, &odd), Err(Error::SubgroupSize(24)));
    let mut huge = right.dispatch.clone();
    huge.grid = [u32::MAX; 3];
    assert!(matches!(run(&huge, &options), Err(Error::Limit { .. })));
    huge.grid = [0, 1, 1];
    assert_eq!(run(&huge, &options), Ok(()));
}
