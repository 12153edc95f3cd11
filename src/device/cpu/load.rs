//! Loading of plans: locates operands and allocates memory.

use super::program::{Bound, Place, Program, Work};
use super::replicated::Replicated;
use super::{CpuReal, CpuSession, Storage};
use crate::device::{Launch, Memory, ProgramId, memory_check, persistent_names, unknown_tensor};
use crate::graph::{Element, Plan, Tensor, TensorId};
use crate::kernel::{Call, Cost, Kernel, Variant, Vectors};
use crate::memory::available;
use crate::{Error, Result};
use std::collections::HashMap;

impl<T: CpuReal> CpuSession<T> {
    /// Computes the memory that plans would need; see
    /// [`Device::check_memory`](crate::device::Device::check_memory).
    pub(super) fn memory_of(&self, plans: &[&Plan]) -> Result<Memory> {
        let threads = if self.team.len() > 1 { self.team.len() } else { 0 };
        let mut held: Vec<&Tensor> = self.held.iter().map(|(tensor, _)| tensor).collect();
        let mut copies: Vec<_> = self.held.iter().map(|(_, storage)| storage.copies()).collect();
        let mut need = Memory::default();
        for plan in plans {
            for tensor in plan.persistent().map(|id| plan.graph().tensor(id)) {
                match held.iter().find(|other| other.name == tensor.name) {
                    Some(other) => other.same_as(tensor)?,
                    None => {
                        *need.class(tensor) += bytes::<T>(tensor);
                        held.push(tensor);
                        copies.push(1);
                    }
                }
            }
            let find = |name: &str| {
                let place = held.iter().position(|tensor| tensor.name == name);
                place.ok_or_else(|| unknown_tensor(name, std::iter::empty()))
            };
            let (program, own) = self.lay_out((*plan).clone(), &find)?;
            let exchanged = program.exchanged();
            for (index, len) in own.into_iter().enumerate() {
                let is_exchanged = exchanged.contains(&Place::Own(index));
                let copies = 1 + if is_exchanged { threads } else { 0 };
                need.workspace += (copies * len * size_of::<T>()) as u64;
            }
            for (index, tensor) in held.iter().enumerate() {
                if copies[index] == 1 && exchanged.contains(&Place::Held(index)) {
                    copies[index] += threads;
                    *need.class(tensor) += threads as u64 * bytes::<T>(tensor);
                }
            }
        }
        memory_check::check(&self.description.name, &need, available())?;
        Ok(need)
    }

    /// Creates everything that a plan needs; see [`Device::load`](crate::device::Device::load).
    pub(super) fn load_plan(&mut self, plan: Plan) -> Result<ProgramId> {
        plan.check_names()?;
        for tensor in plan.persistent() {
            self.hold(plan.graph().tensor(tensor))?;
        }
        let (mut program, own) = self.lay_out(plan, &|name| self.find(name))?;
        program.own = own.into_iter().map(|len| Replicated::new(len, T::zero())).collect();
        for place in program.exchanged() {
            match place {
                Place::Own(index) => program.own[index].replicate(self.team.len(), T::zero()),
                Place::Held(index) => {
                    if let Storage::Reals(values) = &mut self.held[index].1 {
                        values.replicate(self.team.len(), T::zero());
                    }
                }
            }
        }
        let id = ProgramId::new();
        self.programs.insert(id, program);
        Ok(id)
    }

    /// Frees everything that only this plan needs; see
    /// [`Device::unload`](crate::device::Device::unload).
    pub(super) fn unload_plan(&mut self, id: ProgramId) -> Result<()> {
        self.programs.remove(&id).ok_or(Error::UnknownProgram)?;
        let used = persistent_names(self.programs.values().map(|program| &program.plan));
        // The new place of each tensor.
        let (mut places, mut kept) = (Vec::new(), 0);
        self.held.retain(|(tensor, _)| {
            let is_used = used.contains(&*tensor.name);
            places.push(kept);
            kept += usize::from(is_used);
            is_used
        });
        let mut exchanged = Vec::new();
        for program in self.programs.values_mut() {
            program.move_held(&places);
            exchanged.extend(program.exchanged());
        }
        for (index, (_, storage)) in self.held.iter_mut().enumerate() {
            if let (Storage::Reals(values), false) =
                (storage, exchanged.contains(&Place::Held(index)))
            {
                values.leave_one();
            }
        }
        Ok(())
    }

    /// Shares a tensor with earlier plans, or creates it.
    fn hold(&mut self, tensor: &Tensor) -> Result<usize> {
        if let Ok(index) = self.find(&tensor.name) {
            self.held[index].0.same_as(tensor)?;
            return Ok(index);
        }
        let len = tensor.shape.len();
        let storage = match tensor.element {
            Element::U8 => Storage::Bytes(vec![0; len]),
            Element::U32 => Storage::Words(vec![0; len]),
            Element::F32 => Storage::Reals(Replicated::new(len, T::of(tensor.fill()))),
        };
        self.held.push((tensor.clone(), storage));
        Ok(self.held.len() - 1)
    }

    /// Returns a plan's nodes with their operands located, and the lengths of the plan's own
    /// tensors; `find` returns the places of the others.
    fn lay_out(
        &self,
        plan: Plan,
        find: &dyn Fn(&str) -> Result<usize>,
    ) -> Result<(Program<T>, Vec<usize>)> {
        let mut own = Vec::new();
        let mut places = HashMap::new();
        let mut place = |&id: &TensorId| -> Result<Place> {
            let tensor = plan.graph().tensor(id);
            if !tensor.is_workspace() {
                return Ok(Place::Held(find(&tensor.name)?));
            }
            // Every tensor has memory of its own, instead of the plan's shared slots: threads do
            // not wait for each other after each node.
            Ok(*places.entry(id).or_insert_with(|| {
                own.push(tensor.shape.len());
                Place::Own(own.len() - 1)
            }))
        };
        let widest = crate::vectors::vectors().next_back().unwrap_or(Vectors::Portable);
        let vectors = self.forced.unwrap_or(widest);
        let nodes = plan
            .nodes()
            .flat_map(|node| {
                let call = Call::of(plan.graph(), node);
                match T::kernel(&call) {
                    Some(_) => vec![(node, call)],
                    None => {
                        let primitives = node.primitives().iter();
                        primitives.map(|part| (part, Call::of(plan.graph(), part))).collect()
                    }
                }
            })
            .map(|(node, call)| {
                let kernel = Kernel::of(&call);
                let (work, variant) = match (T::kernel(&call), &kernel.twins) {
                    (Some(kernel), _) => {
                        (Work::Kernel(kernel, vectors), Variant::of_vectors(vectors))
                    }
                    (None, Some(twins)) => (Work::Twin(T::twin(twins)), Variant::DEFAULT),
                    (None, None) => {
                        unreachable!(
                            "{} is a primitive, and every primitive has a twin",
                            kernel.name
                        )
                    }
                };
                Ok(Bound {
                    work,
                    split: (kernel.split)(&call),
                    layout: call.update(),
                    reads: node.inputs.iter().map(&mut place).collect::<Result<_>>()?,
                    writes: node.outputs.iter().map(&mut place).collect::<Result<_>>()?,
                    launch: Launch {
                        kernel: call.label(),
                        call,
                        variant: variant.name(),
                        workgroup: 1,
                        workgroups: Vec::new(),
                        cost: Cost::of(plan.graph(), node),
                    },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let outputs = plan.outputs().iter().map(|id| Ok((*id, place(id)?)));
        let outputs = outputs.collect::<Result<HashMap<_, _>>>()?;
        let log = plan.log().map(|log| find(&plan.graph().tensor(log).name)).transpose()?;
        Ok((Program::new(plan, nodes, outputs, log), own))
    }
}

/// Returns the bytes of one copy of a tensor.
fn bytes<T>(tensor: &Tensor) -> u64 {
    let size = match tensor.element {
        Element::F32 => size_of::<T>(),
        other => other.bytes(),
    };
    (tensor.shape.len() * size) as u64
}
