//! Random expressions. Where naga would evaluate an operation on constants and refuse its result,
//! an operand is read at run time.

use super::{Base, FLOAT, Generator, Ty};
use rand::RngExt;

impl Generator {
    fn literal(&mut self, base: Base) -> String {
        match base {
            Base::Bool => ["true", "false"][self.below(2) as usize].to_owned(),
            Base::Int => format!("i32({})", self.rng.random_range(-100..100)),
            Base::Uint => {
                format!("{}u", [0, 1, 2, 31, 255, 65_537, u32::MAX][self.below(7) as usize])
            }
            Base::Float => format!("{:.3}f", self.rng.random_range(-8.0..8.0)),
        }
    }

    /// Returns an expression of a type; `depth` limits the nesting.
    pub(super) fn expression(&mut self, ty: Ty, depth: u32) -> String {
        if depth == 0 || self.below(5) == 0 {
            return self.leaf(ty);
        }
        if self.below(8) == 0
            && let Some(call) = self.call(ty, depth)
        {
            return call;
        }
        if ty.size > 1 && self.below(4) == 0 {
            let scalar = Ty { size: 1, ..ty };
            let parts: Vec<_> = (0..ty.size).map(|_| self.expression(scalar, depth - 1)).collect();
            return format!("{}({})", ty.name(), parts.join(", "));
        }
        if self.below(6) == 0 {
            let condition = self.expression(Ty { base: Base::Bool, ..ty }, depth - 1);
            let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
            return format!("select({a}, {b}, {condition})");
        }
        match ty.base {
            Base::Bool => self.condition(ty, depth),
            Base::Float => self.real(ty, depth),
            Base::Int | Base::Uint => self.integer(ty, depth),
        }
    }

    fn leaf(&mut self, ty: Ty) -> String {
        let known: Vec<_> =
            self.scope.iter().filter(|(_, known, _)| *known == ty).cloned().collect();
        if !known.is_empty() && self.below(4) > 0 {
            return known[self.below(known.len() as u32) as usize].0.clone();
        }
        if ty.size == 1 {
            return self.literal(ty.base);
        }
        let parts: Vec<_> = (0..ty.size).map(|_| self.literal(ty.base)).collect();
        format!("{}({})", ty.name(), parts.join(", "))
    }

    fn call(&mut self, ty: Ty, depth: u32) -> Option<String> {
        let known: Vec<_> =
            self.functions.iter().filter(|(_, result, _)| *result == ty).cloned().collect();
        let last = known.len().checked_sub(1)?;
        let (name, _, arguments) = known[self.rng.random_range(0..=last)].clone();
        let values: Vec<_> = arguments.iter().map(|&ty| self.expression(ty, depth - 1)).collect();
        Some(format!("{name}({})", values.join(", ")))
    }

    fn condition(&mut self, ty: Ty, depth: u32) -> String {
        if self.below(3) == 0 {
            let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
            return match self.below(3) {
                0 => format!("({a} & {b})"),
                1 => format!("({a} | {b})"),
                _ => format!("!({a})"),
            };
        }
        let bases = [Base::Int, Base::Uint, Base::Float];
        let base = bases[self.below(if self.style.floats { 3 } else { 2 }) as usize];
        let operand = Ty { base, ..ty };
        let (a, b) = (self.expression(operand, depth - 1), self.expression(operand, depth - 1));
        let op = ["<", "<=", "==", "!=", ">", ">="][self.below(6) as usize];
        format!("({a} {op} {b})")
    }

    fn integer(&mut self, ty: Ty, depth: u32) -> String {
        let a = self.expression(ty, depth - 1);
        let unary =
            ["abs", "countOneBits", "reverseBits", "firstLeadingBit", "countLeadingZeros", "~"];
        let name = ty.name();
        match self.below(6) {
            0 => format!("{}({a})", unary[self.below(6) as usize]),
            1 => {
                let shift = self.expression(Ty { base: Base::Uint, ..ty }, depth - 1);
                let op = ["<<", ">>"][self.below(2) as usize];
                // A constant shift by 32 or more is not valid.
                let dynamic = if ty.size == 1 {
                    "input[5]".to_owned()
                } else {
                    format!("vec{}<u32>(input[5])", ty.size)
                };
                format!("({a} {op} (({shift} ^ {dynamic}) & {}))", self.mask(ty))
            }
            2 => {
                let from =
                    Ty { base: if ty.base == Base::Int { Base::Uint } else { Base::Int }, ..ty };
                format!("{name}({})", self.expression(from, depth - 1))
            }
            3 => {
                let b = self.expression(ty, depth - 1);
                let function = ["min", "max"][self.below(2) as usize];
                format!("{function}({a}, {b})")
            }
            _ => {
                let b = self.expression(ty, depth - 1);
                let op = ["+", "-", "*", "/", "%", "&", "|", "^"][self.below(8) as usize];
                // Constant operands must not overflow, so one is read at run time.
                let dynamic = format!("{name}({}(input[3]))", Ty { size: 1, ..ty }.name());
                format!("({a} {op} ({b} ^ {dynamic}))")
            }
        }
    }

    fn mask(&self, ty: Ty) -> String {
        if ty.size == 1 { "31u".to_owned() } else { format!("vec{}<u32>(31u)", ty.size) }
    }

    fn real(&mut self, ty: Ty, depth: u32) -> String {
        let a = self.expression(ty, depth - 1);
        let unary =
            ["abs", "sqrt", "exp", "sin", "floor", "fract", "tanh", "-", "sign", "saturate"];
        let name = ty.name();
        match self.below(5) {
            0 => {
                let dynamic = format!("{name}(f32(input[3]) * 0.0)");
                format!("{}({a} + {dynamic})", unary[self.below(10) as usize])
            }
            1 => {
                let from =
                    Ty { base: if self.below(2) == 0 { Base::Int } else { Base::Uint }, ..ty };
                format!("{name}({})", self.expression(from, depth - 1))
            }
            2 if ty == FLOAT => {
                let vector = Ty { size: 3, ..ty };
                let (a, b) =
                    (self.expression(vector, depth - 1), self.expression(vector, depth - 1));
                let function = ["dot", "distance"][self.below(2) as usize];
                format!("{function}({a}, {b} + vec3<f32>(f32(input[3]) * 0.0))")
            }
            3 => {
                let (b, c) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                let function = ["fma", "mix"][self.below(2) as usize];
                format!("{function}({a}, {b}, {c} + {name}(f32(input[3]) * 0.0))")
            }
            _ => {
                let b = self.expression(ty, depth - 1);
                let op = ["+", "-", "*", "/"][self.below(4) as usize];
                format!("({a} {op} ({b} + {name}(f32(input[3]) * 0.0)))")
            }
        }
    }
}
