//! Programs with all buffers in group 0, and buffers of 4-byte elements.

use wgvae::interpret::{Buffer, Dispatch, Finding, Kind, Options, Plan, Program, Report};

/// A run's inputs.
#[derive(Clone, Default)]
pub(crate) struct Case {
    pub(crate) text: String,
    pub(crate) overrides: Vec<(&'static str, f64)>,
    pub(crate) dispatch: Dispatch,
}

/// Returns a case of one workgroup.
pub(crate) fn case(text: &str) -> Case {
    let dispatch = Dispatch { grid: [1, 1, 1], ..Dispatch::default() };
    Case { text: text.to_owned(), overrides: Vec::new(), dispatch }
}

impl Case {
    pub(crate) fn grid(mut self, x: u32) -> Self {
        self.dispatch.grid = [x, 1, 1];
        self
    }

    pub(crate) fn set(mut self, name: &'static str, value: u32) -> Self {
        self.overrides.push((name, value.into()));
        self
    }

    /// Binds the next buffer.
    pub(crate) fn buffer<T: bytemuck::NoUninit>(self, elements: &[T]) -> Self {
        let binding = self.dispatch.buffers.len() as u32;
        let bytes = bytemuck::cast_slice(elements).to_vec();
        self.bind(Buffer::new(0, binding, bytes))
    }

    /// Binds a buffer of undefined words.
    pub(crate) fn undefined(self, words: usize) -> Self {
        let binding = self.dispatch.buffers.len() as u32;
        self.bind(Buffer::new(0, binding, vec![0xCD; 4 * words]).undefined())
    }

    fn bind(mut self, buffer: Buffer) -> Self {
        self.dispatch.buffers.push(buffer);
        self
    }

    pub(crate) fn program(&self) -> Program {
        let program = Program::from_wgsl(&self.text, None, &self.overrides);
        program.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn run_with(&self, options: &Options) -> Report {
        self.program().run(&self.dispatch, options).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn run(&self) -> Report {
        self.run_with(&Options::default())
    }

    pub(crate) fn sanitize(&self) -> Report {
        let plan = Plan { options: limited(), ..Plan::default() };
        self.program().sanitize(&self.dispatch, &plan).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Returns a buffer's words after a run without findings.
    pub(crate) fn clean(&self, binding: u32) -> Vec<u32> {
        let report = self.sanitize();
        assert_eq!(report.findings, [], "{}", self.text);
        assert!(report.is_complete);
        words(&report, binding)
    }

    /// Returns a buffer's numbers after a run without findings.
    pub(crate) fn reals(&self, binding: u32) -> Vec<f32> {
        self.clean(binding).into_iter().map(f32::from_bits).collect()
    }

    /// Returns the findings of a kind, of which there must be one at least.
    pub(crate) fn found(&self, kind: Kind) -> Vec<Finding> {
        let mut findings = self.sanitize().findings;
        let all = format!("{findings:?}");
        findings.retain(|finding| finding.kind == kind);
        assert!(!findings.is_empty(), "no {kind} in {all}\n{}", self.text);
        findings
    }

    /// Checks that a kind is found in this program at a line, and that nothing is found if `from`
    /// in the text is replaced by `to`.
    pub(crate) fn check(&self, kind: Kind, line: u32, from: &str, to: &str) {
        let findings = self.found(kind);
        let lines: Vec<_> = findings.iter().map(|finding| finding.place.line).collect();
        assert!(lines.contains(&line), "{kind} in lines {lines:?}, expected {line}: {findings:?}");
        assert!(self.text.contains(from), "{from}");
        let twin = Self { text: self.text.replacen(from, to, 1), ..self.clone() };
        assert_eq!(twin.sanitize().findings, [], "{}", twin.text);
    }
}

/// Options with a limit that tests of endless loops reach soon.
fn limited() -> Options {
    Options { loop_limit: 10_000, ..Options::default() }
}

pub(crate) fn words(report: &Report, binding: u32) -> Vec<u32> {
    let buffer = report.buffers.iter().find(|buffer| buffer.binding == binding);
    let bytes = &buffer.unwrap_or_else(|| panic!("no buffer {binding}")).bytes;
    bytemuck::pod_collect_to_vec(bytes)
}
