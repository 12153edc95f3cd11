//! Tensors side by side in one buffer. Most kernels bind each operand separately; a kernel with as
//! many operands as the model has layers binds the whole buffers and gets a table of the places.

use super::context::Gpu;
use crate::Result;
use crate::device::memory_check;
use crate::graph::{Element, Role, Tensor};

/// A part of a buffer.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) buffer: wgpu::Buffer,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl Region {
    /// Returns the region of the whole buffer.
    pub(super) fn whole(buffer: &wgpu::Buffer) -> Self {
        Self { buffer: buffer.clone(), offset: 0, bytes: buffer.size() }
    }
}

/// The place of a tensor in an [`Arena`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: u64,
    bytes: u64,
}

/// A buffer that is planned but not created yet.
#[derive(Debug)]
pub(super) struct Arena {
    label: String,
    alignment: u64,
    bytes: u64,
}

impl Arena {
    pub(super) fn new(gpu: &Gpu, label: &str) -> Self {
        let alignment = gpu.device.limits().min_storage_buffer_offset_alignment.into();
        Self { label: label.to_owned(), alignment, bytes: 0 }
    }

    /// Reserves bytes and returns their place.
    pub(super) fn place(&mut self, bytes: usize) -> Place {
        let place = Place { offset: self.bytes, bytes: bytes as u64 };
        self.bytes = (self.bytes + place.bytes).next_multiple_of(self.alignment);
        place
    }

    /// Creates the buffer; none if it would be empty.
    pub(super) fn make(self, gpu: &Gpu) -> Result<Option<wgpu::Buffer>> {
        if self.bytes == 0 {
            return Ok(None);
        }
        gpu.storage_buffer(&self.label, self.bytes).map(Some)
    }
}

impl Place {
    /// Returns the region of this place in the buffer.
    pub(super) fn of(self, buffer: &wgpu::Buffer) -> Region {
        Region { buffer: buffer.clone(), offset: self.offset, bytes: self.bytes }
    }
}

/// The buffers of one plan during planning: one each for its slots with the real numbers that the
/// host fills, its parameters and the optimiser's state, and one for each other tensor.
#[derive(Debug)]
pub(super) struct Arenas {
    pub(super) workspace: Arena,
    parameters: Arena,
    state: Arena,
    others: Vec<Arena>,
}

impl Arenas {
    pub(super) const WORKSPACE: usize = 0;

    pub(super) fn new(gpu: &Gpu) -> Self {
        let [workspace, parameters, state] =
            ["workspace", "parameters", "optimizer state"].map(|label| Arena::new(gpu, label));
        Self { workspace, parameters, state, others: Vec::new() }
    }

    /// Reserves a tensor's place; returns the index of the arena and the place in it.
    pub(super) fn place(&mut self, gpu: &Gpu, tensor: &Tensor) -> (usize, Place) {
        let (arena, index) = match (tensor.role, tensor.element) {
            (Role::Data, Element::F32) => (&mut self.workspace, Self::WORKSPACE),
            (Role::Parameter, _) => (&mut self.parameters, 1),
            (Role::State(_), _) => (&mut self.state, 2),
            _ => {
                // Real numbers as bits ([`Pixels::Reals`](crate::graph::Pixels)).
                let is_reals = tensor.element == Element::U32 && tensor.name.ends_with(".images");
                let kind = if is_reals { " as float32" } else { "" };
                self.others.push(Arena::new(gpu, &format!("{}{kind}", tensor.name)));
                let last = self.others.len() - 1;
                (&mut self.others[last], 3 + last)
            }
        };
        (index, arena.place(tensor.bytes()))
    }

    /// Checks that no buffer exceeds the adapter's limit.
    pub(super) fn check(&self, gpu: &Gpu) -> Result<()> {
        // In this order: if there are too many units, they are also what makes the workspace too
        // large.
        let shared =
            [("hidden", &self.parameters), ("hidden", &self.state), ("batch", &self.workspace)];
        let images = self.others.iter().map(|arena| {
            let is_test = arena.label.starts_with("test.");
            (if is_test { "test_data" } else { "limit" }, arena)
        });
        shared.into_iter().chain(images).try_for_each(|(flag, Arena { label, bytes, .. })| {
            let adapter = &gpu.description.name;
            memory_check::check_buffer(adapter, flag, label, *bytes, gpu.largest_buffer())
        })
    }

    pub(super) fn make(self, gpu: &Gpu) -> Result<Vec<Option<wgpu::Buffer>>> {
        let arenas = [self.workspace, self.parameters, self.state].into_iter().chain(self.others);
        arenas.map(|arena| arena.make(gpu)).collect()
    }
}
