//! Finds the innermost loop in a GPU's assembly, as drivers print it.

use std::collections::{BTreeSet, HashMap};

/// Instruction counts of a loop.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    pub(super) instructions: usize,
    /// How many of the instructions multiply and add.
    pub(super) fmas: usize,
}

impl Loop {
    pub(super) fn share(self) -> f64 {
        self.fmas as f64 / self.instructions as f64
    }
}

/// Name prefixes of multiply-add instructions on AMD's, Intel's and NVIDIA's GPUs.
const FMAS: [&str; 6] = ["v_fma_f32", "v_fmac", "v_pk_fma_f32", "v_dual_fmac", "mad(", "ffma"];

/// A line of an assembly.
enum Line<'a> {
    Label(&'a str),
    Instruction {
        name: &'a str,
        /// The label of a possible jump.
        target: Option<&'a str>,
        /// Whether the next instruction may be executed after this one.
        goes_on: bool,
    },
    Other,
}

/// Among the innermost loops, finds the one with the most multiply-adds.
pub(super) fn inner_loop(assembly: &str) -> Option<Loop> {
    let mut labels = HashMap::new();
    let mut instructions = Vec::new();
    for line in assembly.lines() {
        match read(line) {
            Line::Label(label) => _ = labels.insert(label, instructions.len()),
            Line::Instruction { name, target, goes_on } => {
                instructions.push((name, target, goes_on))
            }
            Line::Other => (),
        }
    }
    let mut before = vec![Vec::new(); instructions.len() + 1];
    let mut jumps_back = Vec::new();
    for (i, &(_, target, goes_on)) in instructions.iter().enumerate() {
        if goes_on {
            before[i + 1].push(i);
        }
        if let Some(&to) = target.and_then(|target| labels.get(target)) {
            before[to].push(i);
            if to <= i {
                jumps_back.push((to, i));
            }
        }
    }
    let loops: Vec<_> = jumps_back.iter().map(|&(head, end)| members(&before, head, end)).collect();
    let is_inner = |outer: &&BTreeSet<usize>| {
        !loops.iter().any(|inner| inner.len() < outer.len() && inner.is_subset(outer))
    };
    let count = |members: &BTreeSet<usize>| Loop {
        instructions: members.len(),
        fmas: members.iter().filter(|&&i| is_fma(instructions[i].0)).count(),
    };
    loops.iter().filter(is_inner).map(count).max_by_key(|found| found.fmas)
}

/// The instructions on the paths from the head of a loop to its end, where it jumps back. A
/// compiler may have put other instructions between the two.
fn members(before: &[Vec<usize>], head: usize, end: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([head, end]);
    let mut open = vec![end];
    while let Some(i) = open.pop() {
        if i != head {
            open.extend(before[i].iter().filter(|&&previous| found.insert(previous)));
        }
    }
    found
}

fn is_fma(name: &str) -> bool {
    FMAS.iter().any(|prefix| name.starts_with(prefix))
}

fn read(line: &str) -> Line<'_> {
    // A condition may come first: `@!p0`, `(+f0.0)`.
    let is_condition = |word: &str| word.starts_with(['@', '(']);
    let has_condition = line.split_whitespace().next().is_some_and(is_condition);
    let mut words = line.split_whitespace().skip(usize::from(has_condition));
    let Some(first) = words.next() else { return Line::Other };
    // A label of NVIDIA's: `block 7 L13 [6] -> {`.
    if first == "block" || first == "block.u" {
        return words.nth(1).map_or(Line::Other, Line::Label);
    }
    if let Some(label) = first.strip_suffix(':') {
        return Line::Label(label);
    }
    // Intel's assembly describes a message on a separate line.
    let is_note = line.contains("MsgDesc:");
    if is_note || ["START", "END", "}", ";", "//"].iter().any(|other| first.starts_with(other)) {
        return Line::Other;
    }
    // NVIDIA's instructions begin with the result: `r1 = ffma r2 r3 r4`.
    let name = line.split_once(" = ").and_then(|(_, right)| right.split_whitespace().next());
    let name = name.unwrap_or(first);
    let is_jump =
        ["s_branch", "s_cbranch", "while", "bra"].iter().any(|jump| name.starts_with(jump));
    let target = words.find(|&word| word != "JIP:").filter(|_| is_jump);
    let ends = ["s_branch", "bra", "exit", "s_endpgm"].contains(&name);
    Line::Instruction { name, target, goes_on: has_condition || !ends }
}
