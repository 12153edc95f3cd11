//! Random valid WGSL: programs of a given seed, with bounded and unbounded loops, branches,
//! functions, vectors, pointers, workgroup memory, barriers and atomics. Programs without floats
//! have results that WGSL prescribes bit by bit.

mod expression;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::fmt::Write;

/// Number of elements of each buffer.
pub(crate) const ELEMENTS: usize = 64;

/// Types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Bool,
    Int,
    Uint,
    Float,
}

/// A scalar, or a vector of two to four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ty {
    base: Base,
    size: u32,
}

impl Ty {
    fn name(self) -> String {
        let base = match self.base {
            Base::Bool => "bool",
            Base::Int => "i32",
            Base::Uint => "u32",
            Base::Float => "f32",
        };
        if self.size == 1 { base.to_owned() } else { format!("vec{}<{base}>", self.size) }
    }
}

/// Kinds of programs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Whether there are floats.
    pub(crate) floats: bool,
    /// Whether there are operations of subgroups and quads.
    pub(crate) subgroups: bool,
    /// Whether programs may race, diverge, leave arrays and loop without end.
    pub(crate) faults: bool,
}

struct Generator {
    rng: ChaCha8Rng,
    style: Style,
    text: String,
    indent: usize,
    /// Variables in scope: name, type, and whether they can be assigned.
    scope: Vec<(String, Ty, bool)>,
    names: u32,
    functions: Vec<(String, Ty, Vec<Ty>)>,
    /// The atomic operation of the program: only equal ones commute.
    atomic: &'static str,
    /// Whether all invocations run the statement together.
    is_uniform: bool,
}

const INT: Ty = Ty { base: Base::Int, size: 1 };
const UINT: Ty = Ty { base: Base::Uint, size: 1 };
const BOOL: Ty = Ty { base: Base::Bool, size: 1 };
const FLOAT: Ty = Ty { base: Base::Float, size: 1 };

/// Returns a program with the buffers `input` (binding 0, read only), `output` (1) and `counters`
/// (2, atomic), all of [`ELEMENTS`] words.
pub(crate) fn program(seed: u64, style: Style) -> String {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut generator = Generator {
        rng,
        style,
        text: String::new(),
        indent: 0,
        scope: Vec::new(),
        names: 0,
        functions: Vec::new(),
        atomic: ["Add", "Max", "Min", "And", "Or", "Xor"][seed as usize % 6],
        is_uniform: false,
    };
    generator.module();
    generator.text
}

impl Generator {
    fn below(&mut self, count: u32) -> u32 {
        self.rng.random_range(0..count)
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:1$}{line}", "", 4 * self.indent);
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn ty(&mut self) -> Ty {
        let bases = if self.style.floats { 4 } else { 3 };
        let base = [Base::Bool, Base::Int, Base::Uint, Base::Float][self.below(bases) as usize];
        let size = if self.below(3) == 0 { 2 + self.below(3) } else { 1 };
        Ty { base, size }
    }

    fn module(&mut self) {
        self.line("struct Pair { head: vec3<u32>, tail: array<i32, 5> }");
        self.line("@group(0) @binding(0) var<storage, read> input: array<u32, 64>;");
        self.line("@group(0) @binding(1) var<storage, read_write> output: array<u32>;");
        self.line(
            "@group(0) @binding(2) var<storage, read_write> counters: array<atomic<u32>, 64>;",
        );
        self.line("var<workgroup> shared_words: array<u32, 16>;");
        self.line("var<private> seen: vec4<u32>;");
        for _ in 0..self.below(4) {
            self.function();
        }
        self.line("@compute @workgroup_size(16)");
        self.line("fn main(@builtin(local_invocation_index) lane: u32, @builtin(global_invocation_id) id: vec3<u32>) {");
        self.scope =
            vec![("lane".to_owned(), UINT, false), ("input[id.x % 64u]".to_owned(), UINT, false)];
        self.indent = 1;
        self.line("var pair: Pair;");
        self.line("var table = array<u32, 4>(lane, 7u, input[lane], 1u);");
        self.scope.push(("pair.head".to_owned(), Ty { base: Base::Uint, size: 3 }, true));
        self.scope.push(("pair.tail[2]".to_owned(), INT, true));
        self.scope.push(("table[1]".to_owned(), UINT, true));
        self.scope.push(("seen".to_owned(), Ty { base: Base::Uint, size: 4 }, true));
        self.is_uniform = true;
        let count = 4 + self.below(8);
        self.statements(count, 3);
        let result = self.expression(UINT, 3);
        self.line(&format!(
            "output[id.x % 64u] = {result} ^ pair.head.x ^ table[lane % 4u] ^ seen.w;"
        ));
        self.indent = 0;
        self.line("}");
    }

    fn function(&mut self) {
        let (name, ty) = (self.name("f"), self.ty());
        let arguments: Vec<_> = (0..self.below(4)).map(|_| self.ty()).collect();
        self.scope = Vec::new();
        let mut list = Vec::new();
        for &argument in &arguments {
            let parameter = self.name("p");
            list.push(format!("{parameter}: {}", argument.name()));
            self.scope.push((parameter, argument, false));
        }
        self.line(&format!("fn {name}({}) -> {} {{", list.join(", "), ty.name()));
        self.indent = 1;
        self.is_uniform = false;
        let count = self.below(4);
        self.statements(count, 2);
        let result = self.expression(ty, 3);
        self.line(&format!("return {result};"));
        self.indent = 0;
        self.line("}");
        self.functions.push((name, ty, arguments));
    }

    /// Writes a block's statements; `depth` limits the nesting.
    fn statements(&mut self, count: u32, depth: u32) {
        let outer = self.scope.len();
        for _ in 0..count {
            self.statement(depth);
        }
        self.scope.truncate(outer.max(if self.indent == 1 { self.scope.len() } else { outer }));
    }

    fn statement(&mut self, depth: u32) {
        let (top, uniform) = (self.indent == 1, self.is_uniform);
        match self.below(if depth == 0 { 4 } else { 12 }) {
            0 | 1 => {
                let (ty, name) = (self.ty(), self.name("local_"));
                let value = self.expression(ty, 3);
                let keyword = if self.below(2) == 0 { "let" } else { "var" };
                self.line(&format!("{keyword} {name}: {} = {value};", ty.name()));
                self.scope.push((name, ty, keyword == "var"));
            }
            2 | 3 => self.assignment(),
            4 | 5 => self.branch(depth),
            6 => self.counted_loop(depth),
            7 => self.switch(depth),
            8 if self.style.faults => self.fault(depth),
            9 if uniform && top && self.style.subgroups => self.collective(),
            9 | 11 if uniform && top => self.exchange(),
            10 if uniform => {
                let place = self.expression(UINT, 2);
                let value = self.expression(UINT, 2);
                let op = self.atomic;
                self.line(&format!("atomic{op}(&counters[({place}) % 64u], {value});"));
            }
            _ => self.assignment(),
        }
    }

    fn assignment(&mut self) {
        let targets: Vec<_> = self.scope.iter().filter(|(.., can)| *can).cloned().collect();
        let Some(last) = targets.len().checked_sub(1) else { return };
        let (name, ty, _) = targets[self.rng.random_range(0..=last)].clone();
        let value = self.expression(ty, 3);
        self.line(&format!("{name} = {value};"));
    }

    fn nested(&mut self, depth: u32) {
        let uniform = std::mem::replace(&mut self.is_uniform, false);
        self.indent += 1;
        let count = 1 + self.below(3);
        self.statements(count, depth - 1);
        self.indent -= 1;
        self.is_uniform = uniform;
    }

    fn branch(&mut self, depth: u32) {
        let condition = self.expression(BOOL, 3);
        self.line(&format!("if {condition} {{"));
        self.nested(depth);
        if self.below(2) == 0 {
            self.line("} else {");
            self.nested(depth);
        }
        self.line("}");
    }

    fn counted_loop(&mut self, depth: u32) {
        let (i, end) = (self.name("index_"), 1 + self.below(5));
        self.line(&format!("for (var {i} = 0u; {i} < {end}u; {i}++) {{"));
        self.scope.push((i.clone(), UINT, false));
        self.nested(depth);
        if self.below(3) == 0 {
            let condition = self.expression(BOOL, 2);
            let jump = if self.below(2) == 0 { "break" } else { "continue" };
            self.line(&format!("    if {condition} {{ {jump}; }}"));
        }
        self.scope.retain(|(name, ..)| *name != i);
        self.line("}");
    }

    fn switch(&mut self, depth: u32) {
        let selector = self.expression(UINT, 2);
        self.line(&format!("switch ({selector}) % 5u {{"));
        for case in ["case 0u, 3u", "case 1u", "default"] {
            self.line(&format!("{case}: {{"));
            self.nested(depth);
            self.line("}");
        }
        self.line("}");
    }

    /// Exchanges values through workgroup memory, without a race.
    fn exchange(&mut self) {
        let value = self.expression(UINT, 2);
        let (name, shift) = (self.name("word_"), self.below(16));
        self.line("workgroupBarrier();");
        self.line(&format!("shared_words[lane] = {value};"));
        self.line("workgroupBarrier();");
        self.line(&format!("let {name} = shared_words[(lane + {shift}u) % 16u];"));
        self.scope.push((name, UINT, false));
    }

    /// Exchanges values within subgroups. Every invocation finds a partner: subgroups have at least
    /// four.
    fn collective(&mut self) {
        let value = self.expression(UINT, 2);
        let condition = self.expression(BOOL, 2);
        let (name, id) = (self.name("word_"), self.below(4));
        let reductions = ["Add", "Mul", "Max", "Min", "And", "Or", "Xor", "InclusiveAdd"];
        let other = ["ExclusiveAdd", "InclusiveMul", "ExclusiveMul", "BroadcastFirst"];
        let function = [&reductions[..], &other].concat()[self.below(12) as usize];
        let operation = match self.below(8) {
            0 => format!("subgroupShuffleXor({value}, {id}u)"),
            1 => format!("subgroupShuffle({value}, (lane + {id}u) % 4u)"),
            2 => format!("subgroupBroadcast({value}, {id}u)"),
            3 => format!("quadBroadcast({value}, {id}u)"),
            4 => format!("quadSwap{}({value})", ["X", "Y", "Diagonal"][id as usize % 3]),
            5 => format!("subgroupBallot({condition}).x"),
            _ => format!("subgroup{function}({value})"),
        };
        self.line(&format!("let {name} = {operation};"));
        self.scope.push((name, UINT, false));
    }

    /// Writes a statement that may be a fault.
    fn fault(&mut self, depth: u32) {
        let index = self.expression(UINT, 2);
        let value = self.expression(UINT, 2);
        let condition = self.expression(BOOL, 2);
        let names: Vec<_> = self.scope.iter().map(|(name, ..)| name.clone()).collect();
        let has = |name: &str| names.iter().any(|known| known == name);
        match self.below(6) {
            // A constant index past the end is not valid.
            0 if has("table[1]") => self.line(&format!("table[{index} ^ input[3]] = {value};")),
            1 => self.line(&format!("output[{index} ^ input[3]] = {value};")),
            2 => self.line(&format!("shared_words[({index}) % 16u] += {value};")),
            3 => self.line(&format!("if {condition} {{ workgroupBarrier(); }}")),
            4 => {
                self.line(&format!("while {condition} {{"));
                self.nested(depth);
                self.line("}");
            }
            _ => self.line(&format!("output[0] = subgroupAdd({value});")),
        }
    }
}
