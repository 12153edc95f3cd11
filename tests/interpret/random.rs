//! Random programs: none makes the interpreter panic or run without bound, and those without faults
//! have no findings but warnings.

use crate::generator::{ELEMENTS, Style, program};
use crate::run::{Case, case};
use wgvae::interpret::{Arithmetic, Error, Kind, Options, Order};

/// Number of programs of each style.
const PROGRAMS: u64 = 300;

pub(crate) fn bound(text: &str) -> Case {
    let words: Vec<_> =
        (0..ELEMENTS as u32).map(|i| i.wrapping_mul(2_654_435_761) >> (i % 32)).collect();
    case(text).grid(3).buffer(&words).buffer(&[0u32; ELEMENTS]).buffer(&[0u32; ELEMENTS])
}

#[test]
fn programs_without_faults_have_no_findings() {
    for seed in 0..PROGRAMS {
        let text = program(seed, Style { subgroups: seed % 2 == 0, ..Style::default() });
        let case = bound(&text);
        let subgroup_size = 4 << (seed % 6);
        let run = |order| {
            let options =
                Options { order, subgroup_size, loop_limit: 100_000, ..Options::default() };
            let report = case.run_with(&options);
            let errors: Vec<_> = report.findings.iter().filter(|f| !f.kind.is_warning()).collect();
            assert!(errors.is_empty() && report.is_complete, "seed {seed}: {errors:?}\n{text}");
            report.buffers
        };
        let forward = run(Order::Forward);
        for order in [Order::Reverse, Order::Shuffled(seed), Order::Interleaved] {
            assert!(run(order) == forward, "seed {seed}, {order:?}\n{text}");
        }
    }
}

#[test]
fn no_program_runs_without_bound() {
    let mut kinds = std::collections::BTreeMap::<Kind, u32>::new();
    for seed in 0..PROGRAMS {
        let text = program(seed, Style { floats: true, subgroups: true, faults: true });
        let options = Options {
            arithmetic: if seed % 2 == 0 { Arithmetic::Rounded } else { Arithmetic::F64 },
            order: [Order::Forward, Order::Reverse, Order::Interleaved][seed as usize % 3],
            subgroup_size: 4 << (seed % 6),
            loop_limit: 1000,
            ..Options::default()
        };
        let report = bound(&text).run_with(&options);
        report.findings.iter().for_each(|finding| *kinds.entry(finding.kind).or_default() += 1);
    }
    // The programs are worth running only if they have faults.
    assert!(kinds.len() >= 7, "{kinds:?}");
}

#[test]
fn texts_that_are_cut_are_refused_without_a_panic() {
    let text = program(1, Style { floats: true, subgroups: true, faults: true });
    // Without its last brace no part is complete.
    for end in (0..text.trim_end().len()).step_by(37) {
        let Some(part) = text.get(..end) else { continue };
        let result = wgvae::interpret::Program::from_wgsl(part, None, &[]);
        assert!(matches!(result, Err(Error::Invalid { .. } | Error::EntryPoint { .. })), "{end}");
    }
}
