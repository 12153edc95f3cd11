//! Statements and control flow.

use super::place::{Memory, value_type};
use super::{Frame, Scope, Value};
use crate::interpret::Result;
use crate::interpret::op::{Atomic, Collective, Exchange, Op, Reduce, Switch};
use crate::interpret::types::{Scalar, Type};
use naga::{
    AtomicFunction, Barrier, Block, CollectiveOperation, Direction, Expression, GatherMode, Handle,
    Statement, SubgroupOperation, SwitchCase, SwitchValue,
};
use std::sync::Arc;

impl Scope<'_, '_> {
    /// Lowers a block.
    pub(super) fn block(&mut self, block: &Block) -> Result<()> {
        for (statement, &span) in block.span_iter() {
            self.span = span;
            self.statement(statement)?;
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::Emit(range) => {
                let statement = self.span;
                for handle in range.clone() {
                    let span = self.function.expressions.get_span(handle);
                    self.span = if span.is_defined() { span } else { statement };
                    self.emit(handle)?;
                }
            }
            Statement::Block(block) => self.block(block)?,
            Statement::If { condition, accept, reject } => {
                self.branch(*condition, accept, reject)?
            }
            Statement::Switch { selector, cases } => self.switch(*selector, cases)?,
            Statement::Loop { body, continuing, break_if } => {
                self.repeat(body, continuing, *break_if)?;
            }
            Statement::Break => self.leave(true)?,
            Statement::Continue => self.leave(false)?,
            Statement::Return { value } => self.leave_function(*value)?,
            Statement::ControlBarrier(barrier) => self.barrier(*barrier)?,
            Statement::Store { pointer, value } => {
                let pointer = self.pointer(*pointer)?;
                let (from, _) = self.registers_of(*value)?;
                self.store(&pointer, from)?;
            }
            Statement::Atomic { pointer, fun, value, result } => {
                let op = self.atomic_op(*fun)?;
                self.atomic(*pointer, op, *value, *result)?;
            }
            Statement::WorkGroupUniformLoad { pointer, result } => {
                self.uniform_load(*pointer, *result)?;
            }
            Statement::Call { function, arguments, result } => {
                self.call(*function, arguments, *result)?;
            }
            Statement::SubgroupBallot { result, predicate } => self.ballot(*result, *predicate)?,
            Statement::SubgroupGather { mode, argument, result } => {
                let exchange = self.gather_mode(*mode)?;
                self.collective(exchange, *argument, *result)?;
            }
            Statement::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                let exchange = collective_operation(*op, *collective_op);
                self.collective(exchange, *argument, *result)?;
            }
            other => {
                let text = format!("{other:?}");
                let name = text.split([' ', '(', '{']).next().unwrap_or_default();
                return Err(self.unsupported(format!("the statement {name}")));
            }
        }
        Ok(())
    }

    fn branch(
        &mut self,
        condition: Handle<Expression>,
        accept: &Block,
        reject: &Block,
    ) -> Result<()> {
        let (condition, _) = self.registers_of(condition)?;
        let unless = self.push(Op::JumpUnless { condition, target: 0 });
        self.block(accept)?;
        if reject.is_empty() {
            let end = self.here();
            self.patch(unless, end);
            return Ok(());
        }
        let over = self.push(Op::Jump { target: 0 });
        let start = self.here();
        self.patch(unless, start);
        self.block(reject)?;
        let end = self.here();
        self.patch(over, end);
        Ok(())
    }

    fn switch(&mut self, selector: Handle<Expression>, cases: &[SwitchCase]) -> Result<()> {
        let (selector, _) = self.registers_of(selector)?;
        let table = self.lowerer.code.switches.len();
        self.lowerer.code.switches.push(Switch::default());
        self.push(Op::Switch { selector, table: table as u32 });
        self.frames.push(Frame::default());
        let mut targets = Vec::new();
        for case in cases {
            targets.push((case.value, self.here()));
            self.block(&case.body)?;
            if !case.fall_through {
                self.leave(true)?;
            }
        }
        let end = self.here();
        let frame = self.frames.pop().unwrap_or_default();
        frame.breaks.into_iter().for_each(|jump| self.patch(jump, end));
        let mut switch = Switch { cases: Vec::new(), default: end };
        for (value, target) in targets {
            match value {
                SwitchValue::I32(value) => switch.cases.push((value as u32, target)),
                SwitchValue::U32(value) => switch.cases.push((value, target)),
                SwitchValue::Default => switch.default = target,
            }
        }
        switch.cases.sort_unstable();
        self.lowerer.code.switches[table] = switch;
        Ok(())
    }

    fn repeat(
        &mut self,
        body: &Block,
        continuing: &Block,
        break_if: Option<Handle<Expression>>,
    ) -> Result<()> {
        let start = self.here();
        self.push(Op::Loop);
        self.frames.push(Frame { is_loop: true, ..Frame::default() });
        self.block(body)?;
        let next = self.here();
        // Every continue is known: the continuing block has none.
        let continues = self.frames.last_mut().map(|frame| std::mem::take(&mut frame.continues));
        continues.into_iter().flatten().for_each(|jump| self.patch(jump, next));
        self.block(continuing)?;
        match break_if {
            Some(condition) => {
                let (condition, _) = self.registers_of(condition)?;
                self.push(Op::JumpUnless { condition, target: start });
            }
            None => {
                self.push(Op::Jump { target: start });
            }
        }
        let end = self.here();
        let frame = self.frames.pop().unwrap_or_default();
        frame.breaks.into_iter().for_each(|jump| self.patch(jump, end));
        Ok(())
    }

    /// Lowers a break out of the innermost loop or switch, or a continue of the innermost loop.
    fn leave(&mut self, is_break: bool) -> Result<()> {
        let jump = self.push(Op::Jump { target: 0 });
        let frame = self.frames.iter_mut().rfind(|frame| is_break || frame.is_loop);
        match frame {
            Some(frame) if is_break => frame.breaks.push(jump),
            Some(frame) => frame.continues.push(jump),
            None => return Err(self.unsupported("a jump outside of a loop")),
        }
        Ok(())
    }

    fn leave_function(&mut self, value: Option<Handle<Expression>>) -> Result<()> {
        if let Some(value) = value {
            let (from, ty) = self.registers_of(value)?;
            let (to, count) = (self.result, ty.cells() as u32);
            self.push(Op::Copy { to, from, count });
        }
        self.push(if self.is_entry { Op::End } else { Op::Return });
        Ok(())
    }

    fn barrier(&mut self, barrier: Barrier) -> Result<()> {
        if barrier.contains(Barrier::TEXTURE) {
            return Err(self.unsupported("textureBarrier"));
        }
        let storage = barrier.contains(Barrier::STORAGE);
        let workgroup = barrier.contains(Barrier::WORK_GROUP);
        let subgroup = barrier.contains(Barrier::SUB_GROUP);
        self.lowerer.code.has_subgroup_barrier |= subgroup;
        self.push(Op::Barrier { storage, workgroup, subgroup });
        Ok(())
    }

    /// Lowers `workgroupUniformLoad`: a load between two barriers.
    fn uniform_load(
        &mut self,
        pointer: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Result<()> {
        let pointer = self.pointer(pointer)?;
        if !matches!(pointer.memory, Memory::Shared(_)) {
            return Err(self.unsupported("this workgroupUniformLoad"));
        }
        self.barrier(Barrier::WORK_GROUP)?;
        let value = self.load(&pointer)?;
        self.barrier(Barrier::WORK_GROUP)?;
        self.set(result, value);
        Ok(())
    }

    fn atomic_op(&mut self, function: AtomicFunction) -> Result<Atomic> {
        Ok(match function {
            AtomicFunction::Add => Atomic::Add,
            AtomicFunction::Subtract => Atomic::Subtract,
            AtomicFunction::And => Atomic::And,
            AtomicFunction::ExclusiveOr => Atomic::Xor,
            AtomicFunction::InclusiveOr => Atomic::Or,
            AtomicFunction::Min => Atomic::Min,
            AtomicFunction::Max => Atomic::Max,
            AtomicFunction::Exchange { compare: None } => Atomic::Exchange,
            AtomicFunction::Exchange { compare: Some(compare) } => {
                let (compare, _) = self.registers_of(compare)?;
                Atomic::CompareExchange { compare }
            }
        })
    }

    fn ballot(
        &mut self,
        result: Handle<Expression>,
        predicate: Option<Handle<Expression>>,
    ) -> Result<()> {
        let from = match predicate {
            Some(predicate) => self.registers_of(predicate)?.0,
            None => self.integer(1)?,
        };
        let to = self.lowerer.registers(4)?;
        self.push_collective(Collective {
            exchange: Exchange::Ballot,
            scalar: Scalar::U32,
            to,
            from,
            count: 4,
        });
        let ty = Type::Vector { scalar: Scalar::U32, size: 4 };
        self.set(result, Value::Registers(to, Arc::new(ty)));
        Ok(())
    }

    fn gather_mode(&mut self, mode: GatherMode) -> Result<Exchange> {
        let mut slot = |index| self.registers_of(index).map(|(slot, _)| slot);
        Ok(match mode {
            GatherMode::BroadcastFirst => Exchange::BroadcastFirst,
            GatherMode::Broadcast(index) => Exchange::Broadcast(slot(index)?),
            GatherMode::Shuffle(index) => Exchange::Shuffle(slot(index)?),
            GatherMode::ShuffleDown(delta) => Exchange::ShuffleDown(slot(delta)?),
            GatherMode::ShuffleUp(delta) => Exchange::ShuffleUp(slot(delta)?),
            GatherMode::ShuffleXor(mask) => Exchange::ShuffleXor(slot(mask)?),
            GatherMode::QuadBroadcast(index) => Exchange::QuadBroadcast(slot(index)?),
            GatherMode::QuadSwap(direction) => Exchange::QuadSwap {
                mask: match direction {
                    Direction::X => 1,
                    Direction::Y => 2,
                    Direction::Diagonal => 3,
                },
            },
        })
    }

    fn collective(
        &mut self,
        exchange: Exchange,
        argument: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Result<()> {
        let (from, ty) = self.registers_of(argument)?;
        let Some(scalar) = ty.scalar() else {
            return Err(self.unsupported("a collective operation on this type"));
        };
        let to = self.lowerer.registers(ty.cells())?;
        let count = ty.cells() as u32;
        self.push_collective(Collective { exchange, scalar, to, from, count });
        self.set(result, Value::Registers(to, value_type(&ty)));
        Ok(())
    }

    fn push_collective(&mut self, collective: Collective) {
        let index = self.lowerer.code.collectives.len() as u32;
        self.lowerer.code.collectives.push(collective);
        self.push(Op::Collective { collective: index });
    }
}

fn collective_operation(op: SubgroupOperation, collective: CollectiveOperation) -> Exchange {
    let reduce = match op {
        SubgroupOperation::All => Reduce::All,
        SubgroupOperation::Any => Reduce::Any,
        SubgroupOperation::Add => Reduce::Add,
        SubgroupOperation::Mul => Reduce::Mul,
        SubgroupOperation::Min => Reduce::Min,
        SubgroupOperation::Max => Reduce::Max,
        SubgroupOperation::And => Reduce::And,
        SubgroupOperation::Or => Reduce::Or,
        SubgroupOperation::Xor => Reduce::Xor,
    };
    match collective {
        CollectiveOperation::Reduce => Exchange::Reduce(reduce),
        CollectiveOperation::InclusiveScan => Exchange::Inclusive(reduce),
        CollectiveOperation::ExclusiveScan => Exchange::Exclusive(reduce),
    }
}
