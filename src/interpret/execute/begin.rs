//! The beginning of workgroups: registers, constants and built-in values.

use super::Worker;
use super::access::Memory;
use super::bank::Banks;
use super::step::{Lane, Stop};
use crate::interpret::Options;
use crate::interpret::code::{Constant, Input};
use crate::interpret::finding::Log;
use crate::interpret::memory::BufferMemory;
use crate::interpret::numbers::Real;
use crate::interpret::program::{Program, split};
use crate::interpret::shadow::Shadow;
use std::marker::PhantomData;

impl<'a, R: Real> Worker<'a, R> {
    pub(crate) fn new(
        program: &'a Program,
        buffers: &'a [BufferMemory],
        options: &'a Options,
        grid: [u32; 3],
        order: Vec<u32>,
    ) -> Self {
        let code = &program.code;
        let size = code.registers as usize;
        let mut template = vec![0; size];
        for &(slot, constant) in &code.constants {
            template[slot as usize] = match constant {
                Constant::Bits(bits) => bits.into(),
                Constant::Real(number) => R::nearest(number, false).register(),
            };
        }
        for (variable, buffer) in code.buffers.iter().zip(buffers) {
            template[variable.length as usize] = buffer.length;
        }
        let lanes = order.len();
        let shadows = |buffer: &BufferMemory| match &buffer.extents {
            Some(extents) => vec![Shadow::default(); extents.len()],
            None => Vec::new(),
        };
        let memory = Memory {
            code,
            buffers,
            shared: vec![0; code.shared_cells as usize],
            shared_shadow: vec![Shadow::default(); code.shared_cells as usize],
            shadows: buffers.iter().map(shadows).collect(),
            subgroup_size: options.subgroup_size,
            undefined_before: None,
        };
        let stopped = Lane { pc: 0, depth: 0, steps: 0, stop: Stop::Ended };
        Self {
            program,
            options,
            grid,
            registers: template.repeat(lanes),
            template,
            lanes: vec![stopped; lanes],
            stacks: vec![0; lanes * code.depth as usize],
            order,
            memory,
            epochs: [0; 3],
            parts: vec![0; lanes.div_ceil(options.subgroup_size as usize)],
            workgroup: 0,
            log: Log::default(),
            counts: vec![0; code.ops.len()],
            barriers: 0,
            banks: options.bank_conflicts.then(|| Banks::new(code, options.subgroup_size)),
            arithmetic: PhantomData,
        }
    }

    /// Prepares the invocations of a workgroup.
    pub(crate) fn begin(&mut self, workgroup: u32) {
        self.workgroup = workgroup;
        self.memory.shared.fill(0);
        self.next_epoch(true, true);
        self.memory.undefined_before = self.options.undefined_workgroup.then_some(self.epochs[0]);
        let size = self.template.len();
        let privates = &self.program.code.privates;
        let privates = privates.start as usize..privates.end as usize;
        for lane in 0..self.lanes.len() {
            let registers = &mut self.registers[lane * size..(lane + 1) * size];
            registers[privates.clone()].copy_from_slice(&self.template[privates.clone()]);
            let pc = self.program.code.start;
            self.lanes[lane] = Lane { pc, depth: 0, steps: 0, stop: Stop::Ready };
            self.set_inputs(lane as u32);
        }
    }

    fn set_inputs(&mut self, lane: u32) {
        let subgroup_size = self.options.subgroup_size;
        let local = split(lane, self.program.workgroup_size);
        let group = split(self.workgroup, self.grid);
        let size = self.program.workgroup_size;
        let scalar = |value: u32| ([value, 0, 0], 1);
        let subgroups = (self.lanes.len() as u32).div_ceil(subgroup_size);
        for &(input, slot) in &self.program.code.inputs {
            let (values, count) = match input {
                Input::GlobalInvocationId => {
                    let along = |i: usize| group[i].wrapping_mul(size[i]).wrapping_add(local[i]);
                    ([along(0), along(1), along(2)], 3)
                }
                Input::LocalInvocationId => (local, 3),
                Input::WorkgroupId => (group, 3),
                Input::NumWorkgroups => (self.grid, 3),
                Input::LocalInvocationIndex => scalar(lane),
                Input::NumSubgroups => scalar(subgroups),
                Input::SubgroupId => scalar(lane / subgroup_size),
                Input::SubgroupSize => scalar(subgroup_size),
                Input::SubgroupInvocationId => scalar(lane % subgroup_size),
            };
            let at = lane as usize * self.template.len() + slot as usize;
            for (register, value) in self.registers[at..].iter_mut().zip(values).take(count) {
                *register = value.into();
            }
        }
    }
}
