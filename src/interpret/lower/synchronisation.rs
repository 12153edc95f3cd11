//! Barriers, atomics, and operations of subgroups and quads.

use super::place::{Memory, value_type};
use super::{Scope, Value};
use crate::interpret::Result;
use crate::interpret::op::{Atomic, Collective, Exchange, Op, Reduce};
use crate::interpret::types::{Scalar, Type};
use naga::{
    AtomicFunction, Barrier, CollectiveOperation, Direction, Expression, GatherMode, Handle,
    SubgroupOperation,
};
use std::sync::Arc;

impl Scope<'_, '_> {
    pub(super) fn barrier(&mut self, barrier: Barrier) -> Result<()> {
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
    pub(super) fn uniform_load(
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

    pub(super) fn atomic_op(&mut self, function: AtomicFunction) -> Result<Atomic> {
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

    pub(super) fn ballot(
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

    pub(super) fn gather_mode(&mut self, mode: GatherMode) -> Result<Exchange> {
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

    pub(super) fn collective(
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

pub(super) fn collective_operation(
    op: SubgroupOperation,
    collective: CollectiveOperation,
) -> Exchange {
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
