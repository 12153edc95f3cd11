//! Plans made ready to run: buffers, variants, pipelines, bind groups.

use super::GpuSession;
use crate::device::gpu::arena::{Arenas, Place, Region};
use crate::device::gpu::flight::{IN_FLIGHT, MOST_STEPS};
use crate::device::gpu::pipeline::{Chosen, Pipeline};
use crate::device::gpu::program::{Dispatch, Log, Program};
use crate::device::{Memory, ProgramId, Session, Values, room};
use crate::graph::{Element, Graph, Node, Plan, Tensor, TensorId};
use crate::kernel::{Call, Kernel, Table, Variant};
use crate::memory::available;
use crate::{Error, Result};
use rayon::prelude::*;
use std::time::Instant;
use tracing::debug;

impl GpuSession {
    /// What plans would hold; see [`Session::room_for`].
    pub(super) fn room_of(&self, plans: &[&Plan]) -> Result<Memory> {
        let mut held: Vec<&Tensor> = self.held.iter().map(|(tensor, _)| tensor).collect();
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
            room::check(&self.gpu.description.name, &need, available())?;
        }
        Ok(need)
    }

    /// Makes all that a plan needs; see [`Session::load`].
    pub(super) fn load_plan(&mut self, plan: Plan) -> Result<ProgramId> {
        let began = Instant::now();
        let chosen = plan.nodes().map(|node| self.choose(plan.graph(), node));
        let chosen = chosen.collect::<Result<Vec<_>>>()?;
        let slices = chosen.iter().map(|chosen| chosen.tiling.slice_bytes).max().unwrap_or(0);
        let (slots, slices) = self.allocate(&plan, slices)?;
        let gpu = &self.gpu;
        let pipelines = chosen.par_iter().map(|chosen| gpu.pipeline(chosen));
        let pipelines = pipelines.collect::<Result<Vec<_>>>()?;
        let dispatches = plan
            .nodes()
            .zip(chosen.iter().zip(pipelines))
            .map(|(node, made)| self.dispatch(&plan, &slots, slices.as_ref(), node, made))
            .collect::<Result<Vec<_>>>()?;
        let launches =
            plan.nodes().zip(&chosen).map(|(node, chosen)| chosen.launch(plan.graph(), node));
        let launches = launches.collect();
        let log = self.make_log(&plan)?;
        self.make_download(&plan);
        if self.arguments.reserve(&self.gpu, dispatches.len() * MOST_STEPS) {
            self.traffic.buffers_created += 1;
        }
        self.gpu.check(self.flights.step())?;
        if self.tuner.is_some() {
            self.gpu.keep_pipelines();
        }
        debug!("plan of {} ops: ready after {:.2?}", dispatches.len(), began.elapsed());
        self.programs.push(Program { plan, slots, slices, dispatches, launches, log });
        Ok(ProgramId(self.programs.len() - 1))
    }

    /// Makes room for a plan: buffers for its slots, for what first passes leave to second ones, and
    /// for what it does not share with earlier plans. Returns the slots, and that of the passes.
    fn allocate(&mut self, plan: &Plan, slices: usize) -> Result<(Vec<Region>, Option<Region>)> {
        let mut arenas = Arenas::new(&self.gpu);
        let slots: Vec<_> =
            plan.slots().bytes.iter().map(|&bytes| arenas.workspace.place(bytes)).collect();
        let slices = (slices > 0).then(|| arenas.workspace.place(slices));
        let mut new = Vec::new();
        for tensor in plan.persistent().map(|id| plan.graph().tensor(id)) {
            match self.find(&tensor.name) {
                Ok(index) => self.held[index].0.same_as(tensor)?,
                Err(_) => new.push((tensor.clone(), arenas.place(&self.gpu, tensor))),
            }
        }
        let buffers = arenas.make(&self.gpu)?;
        self.traffic.buffers_created += buffers.iter().flatten().count() as u64;
        let region = |(arena, place): (usize, Place)| match &buffers[arena] {
            Some(buffer) => place.of(buffer),
            None => unreachable!("something was placed there"),
        };
        for (tensor, place) in new {
            let fill = tensor.fill();
            let (name, len) = (tensor.name.clone(), tensor.shape.len());
            self.held.push((tensor, region(place)));
            if fill != 0.0 {
                self.write(&name, Values::F32(&vec![fill; len]))?;
            }
        }
        let workspace = |place| region((Arenas::WORKSPACE, place));
        Ok((slots.into_iter().map(workspace).collect(), slices.map(workspace)))
    }

    /// A buffer to read back through, as large as the largest tensor that the host may read.
    fn make_download(&mut self, plan: &Plan) {
        let readable = |tensor: &&Tensor| tensor.element == Element::F32;
        let held = self.held.iter().map(|(tensor, _)| tensor);
        let outputs = plan.outputs().iter().map(|&id| plan.graph().tensor(id));
        let bytes = held.chain(outputs).filter(readable).map(Tensor::bytes).max().unwrap_or(0);
        let bytes = bytes as u64;
        if self.download.as_ref().is_none_or(|buffer| buffer.size() < bytes) {
            self.download = Some(self.gpu.staging_buffer("download", bytes));
            self.traffic.buffers_created += 1;
        }
    }

    /// The dispatch of a node, by its choice and pipeline.
    fn dispatch(
        &mut self,
        plan: &Plan,
        slots: &[Region],
        slices: Option<&Region>,
        node: &Node,
        (chosen, pipeline): (&Chosen, Pipeline),
    ) -> Result<Dispatch> {
        let region = |&id: &TensorId| -> Result<Region> {
            let tensor = plan.graph().tensor(id);
            Ok(match plan.slot(id) {
                // A slot may be larger than the tensor, and shaders ask for the length.
                Some(slot) => {
                    Region { bytes: tensor.bytes() as u64, ..slots[slot.index()].clone() }
                }
                None => self.held[self.find(&tensor.name)?].1.clone(),
            })
        };
        let operands = node.inputs.iter().chain(&node.outputs);
        let mut regions = operands.map(region).collect::<Result<Vec<_>>>()?;
        if let Some(table) = &chosen.kernel.table {
            regions = self.tabulate(table, &chosen.call, &regions)?;
        }
        Ok(Dispatch::new(&self.gpu, chosen, pipeline, &regions, slices))
    }

    /// The forced variant, if it serves the call, else the tuner's choice, else the first of those
    /// that serve it and suit the adapter.
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

    /// The buffers of a kernel's operands as a whole, and the table of where they are in them.
    fn tabulate(&mut self, table: &Table, call: &Call, operands: &[Region]) -> Result<Vec<Region>> {
        let mut buffers = vec![None; table.buffers];
        for (index, operand) in operands.iter().enumerate() {
            let buffer = buffers[(table.buffer)(call, index)].get_or_insert(&operand.buffer);
            if *buffer != &operand.buffer {
                return Err(Error::Unsupported {
                    adapter: self.gpu.description.name.clone(),
                    expected: format!("the operands of {} in one plan", call.op.name()),
                    found: "tensors that an earlier plan had made".to_owned(),
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
        // A buffer that no operand is in is never touched, but something must be bound.
        let nothing = self.gpu.storage_buffer("nothing", size)?;
        let whole = buffers.into_iter().map(|buffer| Region::whole(buffer.unwrap_or(&nothing)));
        Ok(whole.chain([region]).collect())
    }

    fn make_log(&mut self, plan: &Plan) -> Result<Option<Log>> {
        let Some(tensor) = plan.log().map(|log| plan.graph().tensor(log)) else { return Ok(None) };
        self.traffic.buffers_created += IN_FLIGHT as u64;
        let label = format!("{} staging", tensor.name);
        Ok(Some(Log {
            source: self.held[self.find(&tensor.name)?].1.clone(),
            staging: (0..IN_FLIGHT)
                .map(|_| self.gpu.staging_buffer(&label, tensor.bytes() as u64))
                .collect(),
            columns: tensor.shape.columns,
        }))
    }
}
