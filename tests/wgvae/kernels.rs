//! Every kernel and the first whole training steps, on every device, against the f64 oracle; and
//! proof that a kernel which does nothing or too little is seen.

use crate::devices::{gpus, sessions};
use crate::tampered::Tampered;
use wgvae::Result;
use wgvae::device::gpu::GpuSession;
use wgvae::device::{Blocking, Device, Session, Tunable, Values};
use wgvae::function::RELU;
use wgvae::graph::{Element, Fusion, Graph, Op, Plan, Shape, Step};
use wgvae::kernel::{Call, Case, Fill, Input, Kernel, Passing, Variant, Work, kernels};
use wgvae::verify::{Row, verify_calls, verify_case, verify_kernel, verify_steps};

fn assert_ok(session: &dyn Session, row: &Row) {
    let name = &session.description().name;
    assert!(row.ok, "{name}: {row:?}");
}

/// Noise for two seeds, the second of which has more than 32 bits.
#[test]
fn every_kernel_agrees_with_the_oracle() -> Result<()> {
    let is_noise = |call: &Call| {
        matches!(call.op, Op::Normal { .. } | Op::Uniform { .. } | Op::GatherBatch { .. })
            || call.op == Op::Fused(Fusion::Batch)
    };
    for mut session in sessions() {
        let mut count = 0;
        for kernel in kernels() {
            for row in verify_kernel(session.as_mut(), kernel, 1)? {
                assert_ok(session.as_ref(), &row);
            }
            for row in verify_calls(session.as_mut(), kernel, 1 << 40, &is_noise)? {
                assert_ok(session.as_ref(), &row);
                count += 1;
            }
        }
        assert!(count >= 4, "{count} computations of noise");
    }
    Ok(())
}

/// As browsers have them. A case for each variant: all else is as with immediate data.
#[test]
fn every_kernel_agrees_with_its_arguments_in_a_uniform_buffer() -> Result<()> {
    for gpu in gpus() {
        let mut session = GpuSession::new(gpu.clone().passing_by(Passing::Uniform)?);
        for kernel in kernels() {
            let cases = (kernel.cases)();
            for variant in session.variants(kernel) {
                session.force(Some(variant));
                let serves = |case: &&Case| {
                    let call = case.call();
                    let serves = |call| kernel.tiling(&call, variant).is_some();
                    case.is_for(variant) && call.is_ok_and(serves)
                };
                let case = cases.iter().find(serves);
                let Some(case) = case else { panic!("{} {variant:?} has no case", kernel.name) };
                let row = verify_case(&mut session, kernel, case, variant, 3)?;
                assert_ok(&session, &row);
            }
        }
    }
    Ok(())
}

#[test]
fn the_first_steps_agree_with_the_oracle() -> Result<()> {
    for mut session in sessions() {
        for fused in [true, false] {
            for row in verify_steps(session.as_mut(), 7, fused)? {
                assert_ok(session.as_ref(), &row);
            }
        }
    }
    Ok(())
}

/// A grid has at most 65,535 workgroups along x; beyond that it goes on along y.
#[test]
fn more_workgroups_than_one_row_of_the_grid() -> Result<()> {
    let real = |shape, fill| Input { shape, element: Element::F32, fill };
    let long = Shape::new(1, 65_536 * 64 + 1);
    let tall = Shape::new(65_537, 2);
    for (op, inputs) in [
        (Op::Map(&RELU), vec![real(long, Fill::Normal)]),
        (Op::RowSum, vec![real(tall, Fill::Normal)]),
    ] {
        let (work, targets, is_brief) = (Work::Op(op), Vec::new(), false);
        let case = Case { work, inputs, targets, is_brief };
        let kernel = Kernel::of(&case.call()?);
        for mut session in sessions() {
            let row = verify_case(session.as_mut(), kernel, &case, Variant::DEFAULT, 1)?;
            assert_ok(session.as_ref(), &row);
        }
    }
    Ok(())
}

/// An infinite number in row 2 of a and one in column 3 of b show there and nowhere else: the search for the
/// kernel where numbers went wrong names an element.
#[test]
fn infinite_numbers_stay_in_their_row_and_column() -> Result<()> {
    const SIDE: usize = 68;
    let at = |row: usize, column: usize| row * SIDE + column;
    let with_infinity = |place: usize| {
        let mut numbers = [1.0_f32; SIDE * SIDE];
        numbers[place] = f32::INFINITY;
        numbers
    };
    for gpu in gpus() {
        for (product, a_place, b_place) in [
            (Graph::matmul as fn(&mut _, _, _) -> _, at(2, 5), at(5, 3)),
            (Graph::matmul_transpose_a, at(5, 2), at(5, 3)),
            (Graph::matmul_transpose_b, at(2, 5), at(3, 5)),
        ] {
            let mut graph = Graph::new();
            let [a, b] =
                ["a", "b"].map(|name| graph.data(name, Shape::new(SIDE, SIDE), Element::F32));
            let c = product(&mut graph, a, b)?;
            let call = Call::of(&graph, &graph.nodes()[0]);
            let kernel = Kernel::of(&call);
            for variant in GpuSession::new(gpu.clone()).variants(kernel) {
                let mut session = GpuSession::new(gpu.clone());
                session.force(Some(variant));
                let program = session.load(Plan::new(graph.clone(), &[c]))?;
                session.write("a", Values::F32(&with_infinity(a_place)))?;
                session.write("b", Values::F32(&with_infinity(b_place)))?;
                session.run(program, &[Step::new(0, 0, 0)])?;
                for (i, found) in session.read_output(program, c)?.into_iter().enumerate() {
                    let (row, column) = (i / SIDE, i % SIDE);
                    let is_there = row == 2 || column == 3;
                    let expected = if is_there { f64::INFINITY } else { SIDE as f64 };
                    let name =
                        format!("{} {} on {}", call.label(), variant.name(), session.description());
                    assert!(found == expected, "{name}: {found} in row {row}, column {column}");
                }
            }
        }
    }
    Ok(())
}

/// Outputs keep their poison, updated tensors their old values.
#[test]
fn a_kernel_that_writes_nothing_fails() -> Result<()> {
    for kernel in kernels() {
        let rows = verify_kernel(&mut Tampered::new(|_, _, _| Ok(())), kernel, 1)?;
        assert!(!rows.is_empty() && rows.iter().all(|row| !row.ok), "{rows:?}");
    }
    Ok(())
}
