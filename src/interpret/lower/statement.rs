//! Statements and control flow.

use super::synchronisation::collective_operation;
use super::{Frame, Scope};
use crate::interpret::Result;
use crate::interpret::op::{Op, Switch};
use naga::{Block, Expression, Handle, Statement, SwitchCase, SwitchValue};

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
}
