//! Lowering of naga's IR to the compact form. Each function is lowered once, callees before
//! callers; its values have registers of their own. Pointers are known places plus an address
//! register where an index is known only at run time.

mod call;
mod constant;
mod expression;
mod globals;
mod math;
mod operator;
mod place;
mod statement;
mod synchronisation;
mod types;

use super::code::{Code, Input, Site};
use super::error::limited;
use super::op::{Access, Op, Slot, ZERO};
use super::types::Type;
use super::{Error, Place, Result};
use naga::proc::TypeResolution;
use naga::valid::{FunctionInfo, ModuleInfo};
use naga::{Binding, BuiltIn, Function, GlobalVariable, Handle, Module, Span, TypeInner};
use place::{Memory, Pointer};
use std::collections::HashMap;
use std::sync::Arc;
use types::Types;

/// Most registers of an invocation.
const MOST_REGISTERS: u64 = 1 << 20;

/// Most operations of a program.
const MOST_OPERATIONS: u64 = 1 << 24;

/// Most loads and stores in a program: they are numbered in 16 bits.
const MOST_SITES: u64 = 1 << 16;

/// Lowers entry point `index` of a module without `override` constants.
pub(super) fn lower(module: &Module, info: &ModuleInfo, text: &str, index: usize) -> Result<Code> {
    let mut lowerer = Lowerer::new(module, text);
    let entry = &module.entry_points[index];
    let entry_info = info.get_entry_point(index);
    lowerer.globals(entry_info)?;
    // Functions of other entry points may have what a compute stage does not.
    let called = call::reachable(module, &entry.function);
    for (handle, function) in module.functions.iter() {
        if called.contains(&handle) {
            let lowered = lowerer.function(function, &info[handle], false)?;
            lowerer.functions.insert(handle, lowered);
        }
    }
    let lowered = lowerer.function(&entry.function, entry_info, true)?;
    let mut code = lowerer.code;
    code.start = lowered.start;
    code.depth = lowered.depth;
    code.registers = lowerer.next;
    code.is_ordered |= code.has_ordered_atomics();
    limited("operations", MOST_OPERATIONS, code.ops.len() as u64)?;
    Ok(code)
}

/// A lowered function.
struct Lowered {
    start: u32,
    arguments: Vec<Slot>,
    result: Slot,
    /// Most calls that it nests.
    depth: u32,
}

/// The state of a module's lowering.
struct Lowerer<'a> {
    module: &'a Module,
    text: &'a str,
    types: Types<'a>,
    code: Code,
    /// The next free register.
    next: Slot,
    functions: HashMap<Handle<Function>, Lowered>,
    globals: HashMap<Handle<GlobalVariable>, Pointer>,
    /// Registers of scalar constants: whether a real, and the bits.
    scalars: HashMap<(bool, u64), Slot>,
    places: HashMap<u32, Place>,
}

/// A value in a function.
#[derive(Clone)]
enum Value {
    Registers(Slot, Arc<Type>),
    Pointer(Pointer),
}

/// A loop or switch: the jumps whose targets are not known yet.
#[derive(Default)]
struct Frame {
    is_loop: bool,
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

/// The state of a function's lowering.
struct Scope<'l, 'a> {
    lowerer: &'l mut Lowerer<'a>,
    function: &'a Function,
    info: &'a FunctionInfo,
    is_entry: bool,
    values: Vec<Option<Value>>,
    arguments: Vec<Slot>,
    locals: Vec<Slot>,
    result: Slot,
    frames: Vec<Frame>,
    depth: u32,
    /// The statement, for operations without a span of their own.
    span: Span,
}

impl<'a> Lowerer<'a> {
    fn new(module: &'a Module, text: &'a str) -> Self {
        Self {
            module,
            text,
            types: Types::new(module),
            code: Code::default(),
            next: ZERO + 1,
            functions: HashMap::new(),
            globals: HashMap::new(),
            scalars: HashMap::new(),
            places: HashMap::new(),
        }
    }

    fn place(&mut self, span: Span) -> Place {
        let Some(bytes) = span.to_range() else { return Place::default() };
        let text = self.text;
        *self.places.entry(bytes.start as u32).or_insert_with(|| Place::new(span, text))
    }

    fn unsupported(&mut self, span: Span, feature: impl Into<String>) -> Error {
        Error::Unsupported { place: self.place(span), feature: feature.into() }
    }

    /// Reserves registers.
    fn registers(&mut self, count: u64) -> Result<Slot> {
        let slot = self.next;
        let next = u64::from(slot) + count;
        limited("registers of an invocation", MOST_REGISTERS, next)?;
        self.next = next as u32;
        Ok(slot)
    }

    fn ty(&mut self, handle: Handle<naga::Type>, span: Span) -> Result<Arc<Type>> {
        self.types.get(handle).ok_or_else(|| {
            let name = type_name(&self.module.types[handle].inner);
            self.unsupported(span, name)
        })
    }

    /// Appends an operation.
    fn push(&mut self, op: Op, span: Span) -> usize {
        let place = self.place(span);
        self.code.ops.push(op);
        self.code.places.push(place);
        self.code.ops.len() - 1
    }

    /// Returns the access of a load or store that is the next operation.
    fn access(&mut self, pointer: &Pointer, memory: u16) -> Result<Access> {
        limited("loads and stores", MOST_SITES - 1, self.code.sites.len() as u64)?;
        let (site, pc) = (self.code.sites.len() as u16, self.code.ops.len() as u32);
        self.code.sites.push(Site { pc, bytes: pointer.ty.scalar_bytes() });
        let count = pointer.ty.cells() as u32;
        Ok(Access { base: pointer.base, offset: pointer.offset, count, memory, site })
    }
}

impl<'l, 'a> Scope<'l, 'a> {
    fn push(&mut self, op: Op) -> usize {
        self.lowerer.push(op, self.span)
    }

    fn unsupported(&mut self, feature: impl Into<String>) -> Error {
        self.lowerer.unsupported(self.span, feature)
    }

    /// The next operation.
    fn here(&self) -> u32 {
        self.lowerer.code.ops.len() as u32
    }

    /// Makes a jump lead to `to`.
    fn patch(&mut self, jump: usize, to: u32) {
        match &mut self.lowerer.code.ops[jump] {
            Op::Jump { target } | Op::JumpUnless { target, .. } => {
                *target = to;
            }
            other => unreachable!("{other:?} is no jump"),
        }
    }

    /// The type of an expression that has a value.
    fn type_of(&mut self, handle: Handle<naga::Expression>) -> Result<Arc<Type>> {
        let lowered = match &self.info[handle].ty {
            TypeResolution::Handle(handle) => return self.lowerer.ty(*handle, self.span),
            TypeResolution::Value(inner) => self.lowerer.types.lower(inner),
        };
        match lowered {
            Some(ty) => Ok(Arc::new(ty)),
            None => {
                let inner = self.info[handle].ty.inner_with(&self.lowerer.module.types);
                let name = type_name(inner);
                Err(self.unsupported(name))
            }
        }
    }
}

/// Returns the built-in value of an entry point's argument.
fn input(binding: &Binding) -> Option<Input> {
    let Binding::BuiltIn(built_in) = binding else { return None };
    Some(match built_in {
        BuiltIn::GlobalInvocationId => Input::GlobalInvocationId,
        BuiltIn::LocalInvocationId => Input::LocalInvocationId,
        BuiltIn::LocalInvocationIndex => Input::LocalInvocationIndex,
        BuiltIn::WorkGroupId => Input::WorkgroupId,
        BuiltIn::NumWorkGroups => Input::NumWorkgroups,
        BuiltIn::NumSubgroups => Input::NumSubgroups,
        BuiltIn::SubgroupId => Input::SubgroupId,
        BuiltIn::SubgroupSize => Input::SubgroupSize,
        BuiltIn::SubgroupInvocationId => Input::SubgroupInvocationId,
        _ => return None,
    })
}

/// A type's description in messages.
fn type_name(inner: &TypeInner) -> String {
    match inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => {
            format!("the type {:?} of {} bytes", scalar.kind, scalar.width)
        }
        TypeInner::Vector { scalar, .. } | TypeInner::Matrix { scalar, .. } => {
            format!("vectors of {:?} of {} bytes", scalar.kind, scalar.width)
        }
        TypeInner::Image { .. } | TypeInner::Sampler { .. } => "textures".to_owned(),
        TypeInner::AccelerationStructure { .. } | TypeInner::RayQuery { .. } => {
            "ray queries".to_owned()
        }
        TypeInner::CooperativeMatrix { .. } => "cooperative matrices".to_owned(),
        TypeInner::BindingArray { .. } => "binding arrays".to_owned(),
        _ => "this type".to_owned(),
    }
}
