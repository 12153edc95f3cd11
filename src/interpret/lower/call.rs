//! Functions: their registers, arguments and calls.

use super::place::{Memory, Pointer};
use super::{Lowered, Lowerer, Scope, Value, input};
use crate::interpret::Result;
use crate::interpret::op::{Op, Slot, ZERO};
use naga::valid::FunctionInfo;
use naga::{
    Block, Expression, Function, FunctionArgument, Handle, Module, Span, Statement, TypeInner,
};
use std::collections::HashSet;

/// Returns the functions that a function calls, directly or not.
pub(super) fn reachable(module: &Module, function: &Function) -> HashSet<Handle<Function>> {
    let mut found = HashSet::new();
    let mut next = Vec::new();
    calls(&function.body, &mut next);
    while let Some(handle) = next.pop() {
        if found.insert(handle) {
            calls(&module.functions[handle].body, &mut next);
        }
    }
    found
}

/// Appends the functions that a block calls.
fn calls(block: &Block, found: &mut Vec<Handle<Function>>) {
    for statement in block {
        match statement {
            Statement::Call { function, .. } => found.push(*function),
            Statement::Block(block) => calls(block, found),
            Statement::If { accept, reject, .. } => {
                calls(accept, found);
                calls(reject, found);
            }
            Statement::Switch { cases, .. } => {
                cases.iter().for_each(|case| calls(&case.body, found));
            }
            Statement::Loop { body, continuing, .. } => {
                calls(body, found);
                calls(continuing, found);
            }
            _ => {}
        }
    }
}

impl<'a> Lowerer<'a> {
    /// Lowers a function.
    pub(super) fn function(
        &mut self,
        function: &'a Function,
        info: &'a FunctionInfo,
        is_entry: bool,
    ) -> Result<Lowered> {
        let start = self.code.ops.len() as u32;
        let mut scope = Scope {
            lowerer: self,
            function,
            info,
            is_entry,
            values: vec![None; function.expressions.len()],
            arguments: Vec::new(),
            locals: Vec::new(),
            result: ZERO,
            frames: Vec::new(),
            depth: 0,
            span: Span::UNDEFINED,
        };
        scope.reserve()?;
        scope.initialise()?;
        scope.block(&function.body)?;
        scope.push(if is_entry { Op::End } else { Op::Return });
        let (arguments, result, depth) = (scope.arguments, scope.result, scope.depth);
        Ok(Lowered { start, arguments, result, depth })
    }
}

impl Scope<'_, '_> {
    /// Reserves registers for arguments, variables and the result.
    fn reserve(&mut self) -> Result<()> {
        for argument in &self.function.arguments {
            let cells = match &self.lowerer.module.types[argument.ty].inner {
                // A pointer is an address.
                TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. } => 1,
                _ => self.lowerer.ty(argument.ty, self.span)?.cells(),
            };
            let slot = self.lowerer.registers(cells)?;
            self.arguments.push(slot);
            if self.is_entry {
                self.inputs(argument, slot)?;
            }
        }
        for (handle, local) in self.function.local_variables.iter() {
            let span = self.function.local_variables.get_span(handle);
            let ty = self.lowerer.ty(local.ty, span)?;
            let slot = self.lowerer.registers(ty.cells())?;
            self.locals.push(slot);
        }
        if let Some(result) = &self.function.result {
            let ty = self.lowerer.ty(result.ty, self.span)?;
            self.result = self.lowerer.registers(ty.cells())?;
        }
        Ok(())
    }

    /// Notes the built-in values of an argument of the entry point.
    fn inputs(&mut self, argument: &FunctionArgument, slot: Slot) -> Result<()> {
        let mut found = Vec::new();
        match (&argument.binding, &self.lowerer.module.types[argument.ty].inner) {
            (Some(binding), _) => found.push((input(binding), slot)),
            (None, TypeInner::Struct { members, .. }) => {
                let ty = self.lowerer.ty(argument.ty, self.span)?;
                for (i, member) in members.iter().enumerate() {
                    let cell = ty.element(i as u32).map_or(0, |(_, cell)| cell as Slot);
                    found.push((member.binding.as_ref().and_then(input), slot + cell));
                }
            }
            _ => {}
        }
        for (input, slot) in found {
            let Some(input) = input else {
                return Err(self.unsupported("this built-in value"));
            };
            self.lowerer.code.inputs.push((input, slot));
        }
        Ok(())
    }

    /// Initialises the variables.
    fn initialise(&mut self) -> Result<()> {
        for (i, (handle, local)) in self.function.local_variables.iter().enumerate() {
            self.span = self.function.local_variables.get_span(handle);
            let ty = self.lowerer.ty(local.ty, self.span)?;
            let (to, count) = (self.locals[i], ty.cells() as u32);
            match local.init {
                Some(init) => {
                    let (from, _) = self.registers_of(init)?;
                    self.push(Op::Copy { to, from, count });
                }
                None => {
                    self.push(Op::Clear { to, count });
                }
            }
        }
        Ok(())
    }

    /// Returns the value of an argument.
    pub(super) fn argument(&mut self, index: u32) -> Result<Value> {
        let function = self.function;
        let argument = &function.arguments[index as usize];
        let slot = self.arguments[index as usize];
        match &self.lowerer.module.types[argument.ty].inner {
            TypeInner::Pointer { base, .. } => {
                let ty = self.lowerer.ty(*base, self.span)?;
                Ok(Value::Pointer(Pointer {
                    memory: Memory::Local,
                    base: slot,
                    offset: 0,
                    ty,
                    vector: None,
                }))
            }
            TypeInner::ValuePointer { .. } => Err(self.unsupported("pointers to components")),
            _ => {
                let ty = self.lowerer.ty(argument.ty, self.span)?;
                Ok(Value::Registers(slot, ty))
            }
        }
    }

    /// Lowers a call.
    pub(super) fn call(
        &mut self,
        function: Handle<Function>,
        arguments: &[Handle<Expression>],
        result: Option<Handle<Expression>>,
    ) -> Result<()> {
        for (i, &argument) in arguments.iter().enumerate() {
            let (from, count) = match self.value(argument)? {
                Value::Registers(slot, ty) => (slot, ty.cells() as u32),
                Value::Pointer(pointer) => (self.address(&pointer)?, 1),
            };
            let to = self.lowerer.functions[&function].arguments[i];
            self.push(Op::Copy { to, from, count });
        }
        let callee = &self.lowerer.functions[&function];
        let (target, from) = (callee.start, callee.result);
        self.depth = self.depth.max(callee.depth + 1);
        self.push(Op::Call { target });
        if let Some(result) = result {
            let ty = self.type_of(result)?;
            let to = self.lowerer.registers(ty.cells())?;
            self.push(Op::Copy { to, from, count: ty.cells() as u32 });
            self.set(result, Value::Registers(to, ty));
        }
        Ok(())
    }
}
