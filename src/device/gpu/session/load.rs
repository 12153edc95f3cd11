//! Loading of plans: buffers, variants, pipelines, bind groups.

use super::{GpuSession, Held};
use crate::device::gpu::arena::{Arenas, Place, Region};
use crate::device::gpu::arguments::ArgumentQueue;
use crate::device::gpu::pipeline::Chosen;
use crate::device::gpu::program::{Bound, Dispatch, Log, Program};
use crate::device::gpu::submit_queue::{IN_FLIGHT, MOST_STEPS};
use crate::device::{Device, Memory, ProgramId, Values, memory_check, persistent_names};
use crate::graph::{Element, Graph, Node, Plan, Role, Tensor, TensorId};
use crate::kernel::{Call, Kernel, Table, Variant};
use crate::memory::available;
use crate::{Error, Result};
use rayon::prelude::*;
use std::time::Instant;
use tracing::debug;

impl GpuSession {
    /// Computes the memory that plans would need; see [`Device::check_memory`].
    pub(super) fn memory_of(&self, plans: &[&Plan]) -> Result<Memory> {
        let mut held: Vec<&Tensor> = self.held.iter().map(|held| &held.tensor).collect();
        let mut need = Memory::default();
        for plan in plans {
            let mut arenas = Arenas::new(&self.gpu);
            for &bytes in &plan.slots().bytes {
                arenas.workspace.place(bytes);
                need.workspace += bytes as u64;
            }
            for tensor in plan.persistent().map(|id| plan.graph().tensor(id)) {
                if let Some(other) = held.iter().find(|other| other.name == tensor.name) {
                    other.same_as(tensor)?;
                    continue;
                }
                arenas.place(&self.gpu, tensor);
                *need.class(tensor) += tensor.bytes() as u64;
                held.push(tensor);
            }
            arenas.check(&self.gpu)?;
        }
        if self.gpu.is_software {
            memory_check::check(&self.gpu.description.name, &need, available())?;
        }
        Ok(need)
    }

    /// Creates everything that a plan needs; see [`Device::load`].
    pub(super) fn load_plan(&mut self, plan: Plan) -> Result<ProgramId> {
        plan.check_names()?;
        let began = Instant::now();
        let chosen = plan.nodes().map(|node| self.choose(plan.graph(), node));
        let chosen = chosen.collect::<Result<Vec<_>>>()?;
        let slices = chosen.iter().map(|chosen| chosen.tiling.slice_bytes).max().unwrap_or(0);
        let (slots, slices) = self.make_room(&plan, slices)?;
        let gpu = &self.gpu;
        let bind = |chosen: Chosen| Ok(Bound { pipeline: gpu.pipeline(&chosen)?, chosen });
        let nodes = chosen.into_par_iter().map(bind).collect::<Result<Vec<_>>>()?;
        let launches =
            plan.nodes().zip(&nodes).map(|(node, bound)| bound.chosen.launch(plan.graph(), node));
        let launches = launches.collect();
        let log = self.make_log(&plan)?;
        let mut program =
            Program { plan, slots, slices, nodes, dispatches: Vec::new(), launches, log };
        program.dispatches = self.dispatches(&program)?;
        let id = ProgramId::new();
        let count = program.dispatches.len();
        self.programs.insert(id, program);
        self.make_staging();
        self.gpu.check(self.submits.step())?;
        if self.tuner.is_some() {
            self.gpu.keep_pipelines();
        }
        debug!("plan of {count} ops: ready after {:.2?}", began.elapsed());
        Ok(id)
    }

    /// Frees everything that only this plan needs; see [`Device::unload`].
    pub(super) fn unload_plan(&mut self, id: ProgramId) -> Result<()> {
        let unloaded = self.programs.remove(&id).ok_or(Error::UnknownProgram)?;
        let used = persistent_names(self.programs.values().map(|program| &program.plan));
        let (kept, freed) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<Vec<_>, _>(|held| used.contains(&*held.tensor.name));
        self.held = kept;
        // Remaining tensors of a buffer with freed ones move to a new buffer.
        let buffers: Vec<_> = freed
            .iter()
            .map(|held| &held.region)
            .chain(&unloaded.slots)
            .map(|region| &region.buffer)
            .collect();
        self.allocate(&[], 0, Vec::new(), |held| buffers.contains(&&held.region.buffer))?;
        self.submits.forget(id);
        self.arguments = ArgumentQueue::default();
        self.make_staging();
        self.gpu.check(self.submits.step())
    }

    /// Creates the buffers of a plan: for its slots, for scratch data between split-k passes, and
    /// for tensors that it does not share with earlier plans. Returns the slots and the scratch
    /// buffer.
    fn make_room(&mut self, plan: &Plan, slices: usize) -> Result<(Vec<Region>, Option<Region>)> {
        let mut new = Vec::new();
        for tensor in plan.persistent().map(|id| plan.graph().tensor(id)) {
            match self.find(&tensor.name) {
                Ok(index) => self.held[index].tensor.same_as(tensor)?,
                Err(_) => new.push(tensor.clone()),
            }
        }
        // An update binds all parameters as one buffer, and likewise the optimiser's state.
        let class = |tensor: &Tensor| match tensor.role {
            Role::Parameter => Some(0),
            Role::State(_) => Some(1),
            _ => None,
        };
        let grows: Vec<_> = new.iter().filter_map(class).collect();
        let moves = |held: &Held| class(&held.tensor).is_some_and(|class| grows.contains(&class));
        self.allocate(&plan.slots().bytes, slices, new, moves)
    }

    /// Creates buffers for slots of these sizes, for scratch data between split-k passes, and for
    /// new tensors. Those tensors of other plans that `moves` names move into the same buffers.
    /// Returns the slots and the scratch buffer.
    fn allocate(
        &mut self,
        slots: &[usize],
        slices: usize,
        new: Vec<Tensor>,
        moves: impl Fn(&Held) -> bool,
    ) -> Result<(Vec<Region>, Option<Region>)> {
        let mut arenas = Arenas::new(&self.gpu);
        let slots: Vec<_> = slots.iter().map(|&bytes| arenas.workspace.place(bytes)).collect();
        let slices = (slices > 0).then(|| arenas.workspace.place(slices));
        let moved = self.held.iter().enumerate().filter(|(_, held)| moves(held));
        let moved: Vec<_> =
            moved.map(|(index, held)| (index, arenas.place(&self.gpu, &held.tensor))).collect();
        let new: Vec<_> = new
            .into_iter()
            .map(|tensor| {
                let place = arenas.place(&self.gpu, &tensor);
                (tensor, place)
            })
            .collect();
        let buffers = arenas.make(&self.gpu)?;
        self.traffic.buffers_created += buffers.iter().flatten().count() as u64;
        let region = |(arena, place): (usize, Place)| match &buffers[arena] {
            Some(buffer) => place.of(buffer),
            None => unreachable!("something was placed there"),
        };
        self.relocate(moved.into_iter().map(|(index, place)| (index, region(place))).collect())?;
        for (tensor, place) in new {
            let fill = tensor.fill() as f32;
            let (name, len) = (tensor.name.clone(), tensor.shape.len());
            self.held.push(Held::new(tensor, region(place)));
            if fill != 0.0 {
                self.write(&name, Values::F32(&vec![fill; len]))?;
            }
        }
        let workspace = |place| region((Arenas::WORKSPACE, place));
        Ok((slots.into_iter().map(workspace).collect(), slices.map(workspace)))
    }

    /// Copies tensors to new places, after all previous steps, and updates the plans.
    fn relocate(&mut self, moved: Vec<(usize, Region)>) -> Result<()> {
        if moved.is_empty() {
            return Ok(());
        }
        let mut encoder = self.gpu.encoder("relocation");
        for (index, new) in moved {
            let old = std::mem::replace(&mut self.held[index].region, new.clone());
            let Region { buffer, offset, bytes } = &old;
            encoder.copy_buffer_to_buffer(buffer, *offset, &new.buffer, new.offset, *bytes);
        }
        self.gpu.queue.submit([encoder.finish()]);
        let mut programs = std::mem::take(&mut self.programs);
        let bound = programs.values_mut().try_for_each(|program| {
            program.dispatches = self.dispatches(program)?;
            if let (Some(log), Some(tensor)) = (&mut program.log, program.plan.log()) {
                let name = &program.plan.graph().tensor(tensor).name;
                log.source = self.held[self.find(name)?].region.clone();
            }
            Ok(())
        });
        self.programs = programs;
        bound
    }

    /// Creates the buffers that submits of the loaded plans need, if missing: a staging buffer as
    /// large as the largest tensor that the host may read, and a buffer for arguments.
    fn make_staging(&mut self) {
        let plans = || self.programs.values().map(|program| &program.plan);
        let outputs =
            plans().flat_map(|plan| plan.outputs().iter().map(|&id| plan.graph().tensor(id)));
        let readable = |tensor: &&Tensor| tensor.element == Element::F32;
        let all = self.held.iter().map(|held| &held.tensor).chain(outputs).filter(readable);
        let bytes = all.map(Tensor::bytes).max().unwrap_or(0) as u64;
        if bytes > 0 {
            let (buffer, is_new) = self.submits.take_staging(&self.gpu, bytes);
            self.submits.put_staging(buffer);
            self.traffic.buffers_created += u64::from(is_new);
        }
        let nodes = self.programs.values().map(|program| program.dispatches.len()).max();
        if self.arguments.reserve(&self.gpu, nodes.unwrap_or(0) * MOST_STEPS) {
            self.traffic.buffers_created += 1;
        }
    }

    /// Creates the dispatches of a plan's nodes, with its tensors at their current places.
    fn dispatches(&mut self, program: &Program) -> Result<Vec<Dispatch>> {
        let Program { plan, nodes, .. } = program;
        plan.nodes().zip(nodes).map(|(node, bound)| self.dispatch(program, node, bound)).collect()
    }

    fn dispatch(&mut self, program: &Program, node: &Node, bound: &Bound) -> Result<Dispatch> {
        let Program { plan, slots, slices, .. } = program;
        let region = |&id: &TensorId| -> Result<Region> {
            let tensor = plan.graph().tensor(id);
            Ok(match plan.slot(id) {
                // A slot may be larger than the tensor, and shaders use the length.
                Some(slot) => {
                    Region { bytes: tensor.bytes() as u64, ..slots[slot.index()].clone() }
                }
                None => self.held[self.find(&tensor.name)?].region.clone(),
            })
        };
        let operands = node.inputs.iter().chain(&node.outputs);
        let mut regions = operands.map(region).collect::<Result<Vec<_>>>()?;
        if let Some(table) = &bound.chosen.kernel.table {
            regions = self.tabulate(table, &bound.chosen.call, &regions)?;
        }
        Ok(Dispatch::new(&self.gpu, bound, &regions, slices.as_ref()))
    }

    /// Returns the forced variant, if it supports the call, else the tuner's choice, else the first
    /// that supports the call and suits the adapter.
    fn choose(&mut self, graph: &Graph, node: &Node) -> Result<Chosen> {
        let call = Call::of(graph, node);
        let kernel = Kernel::of(&call);
        let serves =
            |variant: &Variant| self.gpu.has(*variant) && kernel.tiling(&call, *variant).is_some();
        let mut eligible: Vec<_> = kernel.variants().into_iter().filter(serves).collect();
        eligible.sort_by_key(|&variant| !self.gpu.suits(variant));
        let mut chosen = self.forced.filter(serves);
        if let (None, Some(tuner)) = (chosen, &mut self.tuner) {
            chosen = tuner.choose(&self.gpu, graph, node, &eligible)?;
        }
        let chosen = chosen.or_else(|| eligible.first().copied());
        match chosen.and_then(|variant| Some((variant, kernel.tiling(&call, variant)?))) {
            Some((variant, tiling)) => {
                if variant != Variant::DEFAULT {
                    self.choices.insert(call.to_string(), variant.name().to_owned());
                }
                Ok(Chosen { kernel, call, variant, tiling })
            }
            None => unreachable!("some variants serve every shape, on every adapter"),
        }
    }

    /// Returns the whole buffers of a kernel's operands, and the table of the operands' places in
    /// them.
    fn tabulate(&mut self, table: &Table, call: &Call, operands: &[Region]) -> Result<Vec<Region>> {
        let mut buffers = vec![None; table.buffers];
        for (index, operand) in operands.iter().enumerate() {
            let buffer = buffers[(table.buffer)(call, index)].get_or_insert(&operand.buffer);
            if *buffer != &operand.buffer {
                return Err(Error::Unsupported {
                    adapter: self.gpu.description.name.clone(),
                    expected: format!("the operands of {} in one plan", call.op.name()),
                    found: "tensors of an earlier plan".to_owned(),
                });
            }
        }
        let size = Element::F32.bytes() as u64;
        let places: Vec<_> =
            operands.iter().map(|operand| (operand.offset / size) as u32).collect();
        let entries = (table.entries)(call, &places);
        let bytes = (entries.len() * size_of::<u32>()) as u64;
        let region = Region::whole(&self.gpu.storage_buffer(call.op.name(), bytes)?);
        self.traffic.buffers_created += 1;
        self.upload(&region, bytemuck::cast_slice(&entries));
        // A buffer without operands is never accessed, but the binding requires one.
        let nothing = self.gpu.storage_buffer("nothing", size)?;
        let whole = buffers.into_iter().map(|buffer| Region::whole(buffer.unwrap_or(&nothing)));
        Ok(whole.chain([region]).collect())
    }

    fn make_log(&mut self, plan: &Plan) -> Result<Option<Log>> {
        let Some(tensor) = plan.log().map(|log| plan.graph().tensor(log)) else { return Ok(None) };
        self.traffic.buffers_created += IN_FLIGHT as u64;
        let label = format!("{} staging", tensor.name);
        Ok(Some(Log {
            source: self.held[self.find(&tensor.name)?].region.clone(),
            staging: (0..IN_FLIGHT)
                .map(|_| self.gpu.staging_buffer(&label, tensor.bytes() as u64))
                .collect(),
            columns: tensor.shape.columns,
        }))
    }
}
