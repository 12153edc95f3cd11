//! Faults planted in the example kernels, from `faults.toml`: the share that the sanitizer finds,
//! by itself and with the comparison of results.

use crate::examples::Example;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use wgvae::interpret::Error;

#[derive(Deserialize)]
struct Faults {
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    kernel: String,
    fault: String,
    edits: Vec<[String; 2]>,
}

/// How a fault shows.
#[derive(Default, Clone, Copy)]
struct Score {
    planted: u32,
    /// By a finding that is no warning.
    sanitized: u32,
    /// By a finding or by wrong results.
    found: u32,
}

impl Fault {
    fn plant(&self, text: &str) -> String {
        self.edits.iter().fold(text.to_owned(), |text, [from, to]| {
            assert!(text.contains(from.as_str()), "{}: no {from:?}", self.kernel);
            text.replacen(from.as_str(), to, 1)
        })
    }
}

#[test]
fn nearly_all_faults_are_found() {
    let faults: Faults =
        toml::from_str(include_str!("faults.toml")).unwrap_or_else(|e| panic!("{e}"));
    let mut scores = BTreeMap::<_, Score>::new();
    let mut missed = Vec::new();
    let mut examples = BTreeMap::new();
    for fault in &faults.faults {
        let example = examples.entry(&fault.kernel).or_insert_with(|| {
            Example::read(&fault.kernel).unwrap_or_else(|error| panic!("{error}"))
        });
        let score = scores.entry(fault.fault.as_str()).or_default();
        score.planted += 1;
        let (sanitized, wrong) = match example.sanitize(&fault.plant(&example.text)) {
            Ok(report) => {
                let is_error = |finding: &wgvae::interpret::Finding| !finding.kind.is_warning();
                (report.findings.iter().any(is_error), example.wrong(&report))
            }
            // naga's validation may find a fault, too.
            Err(Error::Invalid { .. }) => (true, 0),
            Err(error) => panic!("{:?}: {error}", fault.edits),
        };
        score.sanitized += u32::from(sanitized);
        score.found += u32::from(sanitized || wrong > 0);
        if !sanitized && wrong == 0 {
            missed.push(format!("{} {} {:?}", fault.kernel, fault.fault, fault.edits));
        }
    }
    let table = table(&scores);
    let total = total(&scores);
    println!("{table}missed: {missed:#?}");
    assert!(total.planted >= 80);
    assert!(f64::from(total.found) >= 0.95 * f64::from(total.planted), "{table}{missed:#?}");
    assert!(f64::from(total.sanitized) >= 0.80 * f64::from(total.planted), "{table}");
}

fn total(scores: &BTreeMap<&str, Score>) -> Score {
    scores.values().fold(Score::default(), |sum, score| Score {
        planted: sum.planted + score.planted,
        sanitized: sum.sanitized + score.sanitized,
        found: sum.found + score.found,
    })
}

fn table(scores: &BTreeMap<&str, Score>) -> String {
    let mut table = format!("{:22}{:>8}{:>10}{:>7}\n", "fault", "planted", "sanitized", "found");
    for (name, score) in scores.iter().chain([(&"all", &total(scores))]) {
        let Score { planted, sanitized, found } = score;
        let _ = writeln!(table, "{name:22}{planted:>8}{sanitized:>10}{found:>7}");
    }
    table
}
