//! The kernels in `examples/kernels`: no findings, and the results that their specifications
//! expect.

use std::path::{Path, PathBuf};
use wgvae::interpret::{
    Error, Expected, Files, Finding, Kind, Options, Plan, Report, Result, Specification,
};

pub(crate) const EXAMPLES: [&str; 5] =
    ["naive_product", "tiled_product", "scan", "histogram", "softmax"];

/// Files in a folder.
pub(crate) struct Folder(PathBuf);

impl Folder {
    fn read(&self, path: &Path) -> Result<String> {
        let path = self.0.join(path);
        std::fs::read_to_string(&path)
            .map_err(|error| Error::Specification(format!("{}: {error}", path.display())))
    }
}

impl Files for Folder {
    fn text(&self, path: &Path) -> Result<String> {
        self.read(path)
    }

    fn numbers(&self, path: &Path) -> Result<Vec<f64>> {
        Err(Error::Specification(format!("no numbers in {}", path.display())))
    }
}

/// An example with its inputs and expected results.
pub(crate) struct Example {
    pub(crate) text: String,
    pub(crate) specification: Specification,
    pub(crate) dispatch: wgvae::interpret::Dispatch,
    expected: Vec<Expected>,
}

impl Example {
    pub(crate) fn read(name: &str) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kernels");
        let folder = Folder(root);
        let text = folder.read(format!("{name}.wgsl").as_ref())?;
        let specification = Specification::parse(&folder.read(format!("{name}.toml").as_ref())?)?;
        let dispatch = specification.dispatch(&folder)?;
        let expected = specification.expected(&text, &dispatch, &folder)?;
        Ok(Self { text, specification, dispatch, expected })
    }

    /// Sanitizes another text with the example's inputs.
    pub(crate) fn sanitize(&self, text: &str) -> Result<Report> {
        let options = Options { loop_limit: 20_000, ..Options::default() };
        let plan = Plan { options, ..Plan::default() };
        self.specification.program(text)?.sanitize(&self.dispatch, &plan)
    }

    /// Number of wrong results.
    pub(crate) fn wrong(&self, report: &Report) -> usize {
        let tolerance = self.specification.tolerance;
        let each = |expected: &Expected| {
            let [group, binding] = expected.binding;
            let found = report.buffers.iter().find(|b| (b.group, b.binding) == (group, binding));
            let Some(found) = found else { return expected.values.len() };
            let is_right = |i: usize| {
                let wanted = expected.values[i];
                let bound = tolerance.absolute + tolerance.relative * wanted.abs();
                found.defined.get(i) == Some(&true) && (found.values[i] - wanted).abs() <= bound
            };
            (0..expected.values.len()).filter(|&i| !is_right(i)).count()
        };
        self.expected.iter().map(each).sum()
    }
}

#[test]
fn examples_are_right() {
    for name in EXAMPLES {
        let example = Example::read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let report = example.sanitize(&example.text);
        let report = report.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(report.findings, [], "{name}");
        assert_eq!(example.wrong(&report), 0, "{name}");
        assert!(!example.expected.is_empty());
    }
}

#[test]
fn wrong_results_are_counted() {
    let example = Example::read("naive_product").unwrap_or_else(|error| panic!("{error}"));
    let text = example.text.replace("var sum = 0.0", "var sum = 1.0");
    let report = example.sanitize(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(example.wrong(&report), 27 * 37);
    let kinds = |findings: &[Finding]| findings.iter().map(|f| f.kind).collect::<Vec<Kind>>();
    assert_eq!(kinds(&report.findings), []);
}

#[test]
fn specifications_are_checked() {
    let message = |text: &str| match Specification::parse(text) {
        Ok(found) => panic!("{found:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message("grid = [1, 1]\nbuffers = []").contains("grid"));
    assert!(message("grid = [1, 1, 1]\nbuffer = []").contains("buffer"));
    let unknown = "grid = [1, 1, 1]\n[[buffers]]\nbinding = [0, 0]\ntype = \"f8\"\nshape = [1]\nfill = \"ones\"";
    assert!(message(unknown).contains("f8"));
}

#[test]
fn proposals_are_specifications() {
    for name in EXAMPLES {
        let example = Example::read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = Specification::propose(&example.text, None);
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
        let proposed =
            Specification::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        let names = |of: &Specification| of.buffers.iter().map(|b| b.binding).collect::<Vec<_>>();
        assert_eq!(names(&proposed), names(&example.specification), "{text}");
        let fills =
            |of: &Specification| of.buffers.iter().map(|b| b.fill.clone()).collect::<Vec<_>>();
        if name != "softmax" {
            assert_eq!(fills(&proposed), fills(&example.specification), "{text}");
        }
        assert!(proposed.program(&example.text).is_ok(), "{text}");
    }
}
