//! Every kernel and the first whole training steps, on every device, against the f64 oracle; and
//! proof that a kernel which does nothing or too little is seen.

use crate::devices::sessions;
use crate::tampered::Tampered;
use wgvae::Result;
use wgvae::device::Session;
use wgvae::graph::{Element, Op, Shape};
use wgvae::kernel::{Case, Fill, Input, Variant, Work, kernels};
use wgvae::verify::{Row, verify_case, verify_kernel, verify_steps};

fn assert_ok(session: &dyn Session, row: &Row) {
    let name = &session.description().name;
    assert!(row.ok, "{name}: {row:?}");
}

#[test]
fn every_kernel_agrees_with_the_oracle() -> Result<()> {
    for mut session in sessions() {
        for seed in [1, 1 << 40] {
            for kernel in kernels() {
                for row in verify_kernel(session.as_mut(), kernel, seed)? {
                    assert_ok(session.as_ref(), &row);
                }
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
    for (name, op, inputs) in [
        ("relu", Op::Relu, vec![real(long, Fill::Normal)]),
        ("gaussian_kl", Op::GaussianKl, vec![real(tall, Fill::Normal), real(tall, Fill::Positive)]),
    ] {
        let case = Case { work: Work::Op(op), inputs, targets: Vec::new() };
        for mut session in sessions() {
            for kernel in kernels().filter(|kernel| kernel.name == name) {
                let row = verify_case(session.as_mut(), kernel, &case, Variant::DEFAULT, 1)?;
                assert_ok(session.as_ref(), &row);
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
