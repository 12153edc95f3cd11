//! Tests of a device that is lost.

use super::{Adapters, GpuSession};
use crate::device::{Blocking, Device, ProgramId, Values};
use crate::graph::{Element, Graph, Plan, Role, Shape, Step};
use crate::{Error, Result};

#[test]
fn a_device_that_is_lost_is_an_error_from_then_on() -> Result<()> {
    let adapters = Adapters::enumerate();
    assert!(!adapters.list().is_empty(), "no GPU adapter: install a Vulkan driver");
    for info in adapters.list() {
        let gpu = adapters.open(info.index)?;
        let mut session = GpuSession::new(gpu.clone());
        let mut graph = Graph::new();
        let x = graph.add_tensor("x", Shape::new(2, 3), Element::F32, Role::Data);
        let y = graph.relu(x)?;
        let program = session.load(Plan::new(graph, &[y]))?;
        session.write("x", Values::F32(&[-1.0, 2.0, -3.0, 4.0, -5.0, 6.0]))?;
        session.run(program, &[Step::new(0, 0, 0)])?;
        assert_eq!(session.read_output(program, y)?, [0.0, 2.0, 0.0, 4.0, 0.0, 6.0]);
        gpu.device.destroy();
        let mut steps = (1..4).map(|index| -> Result<()> {
            session.run(program, &[Step::new(0, index, 0)])?;
            session.read_output(program, y).map(drop)
        });
        assert!(
            steps.all(|step| matches!(step, Err(Error::Device { .. }))),
            "{}: a step on a device that is lost",
            info.name
        );
        drop(steps);
        assert!(
            matches!(poll_to_end(&mut session, program), Err(Error::Device { .. })),
            "{}: polling a device that is lost",
            info.name
        );
        std::mem::forget(session);
    }
    Ok(())
}

/// Runs steps to the end by polling, like a caller that does not wait.
fn poll_to_end(device: &mut dyn Device, program: ProgramId) -> Result<()> {
    while device.submit(program, &[Step::default()])? == 0 {
        device.poll()?;
    }
    while device.poll()? {}
    Ok(())
}
