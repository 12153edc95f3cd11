//! Reference numbers from PyTorch autograd in f64 (`tests/golden/README.md`): every intermediate of
//! the first step, every gradient, and weights and RMSProp state after the first and the last
//! update, on the oracle and on every device, with ops fused and as they are.

mod functions;
mod objectives;

use crate::devices::{gpus, sessions};
use safetensors::{Dtype, SafeTensors};
use std::error::Error;
use std::fs;
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::GpuSession;
use wgvae::device::{ProgramId, Session, Tunable, Values};
use wgvae::graph::{Element, FusionOptions, Graph, Plan, Role, Shape, Step, TensorId, fuse};
use wgvae::kernel::{CORES, Tolerance, Variant};
use wgvae::model::{Architecture, Objective, Training, forward, gradient_squares, training};
use wgvae::optimizer::{ADAM, ADAMW, Optimizer, RMSPROP_CENTERED, RMSPROP_TORCH};
use wgvae::verify::compare;

type Outcome = Result<(), Box<dyn Error>>;

/// Shape and elements.
type Stored = (Vec<usize>, Vec<f64>);

/// The oracle computes what PyTorch computes, up to the order of sums.
const F64: Tolerance = Tolerance { absolute: 1e-13, relative: 1e-9 };

/// The oracle against a file that stores f32.
const F64_STORED_F32: Tolerance = Tolerance { absolute: 1e-9, relative: 6.1e-8 };

struct Golden {
    file: Vec<u8>,
    optimizer: Optimizer,
    learning_rate: f64,
    clip_norm: Option<f64>,
    /// Another file with what the weights become, and the run in it.
    outcome: Option<(Vec<u8>, &'static str)>,
    architecture: Architecture,
    /// Allowed error in f32, relative to the largest element of a tensor.
    f32: f64,
    f64: Tolerance,
}

impl Golden {
    fn open(name: &str, input: usize, hidden: &[usize]) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            file: read(name)?,
            optimizer: Optimizer::default(),
            learning_rate: 1e-3,
            clip_norm: None,
            outcome: None,
            architecture: Architecture::new(input, hidden)?,
            f32: 2e-6,
            f64: F64,
        })
    }

    /// A tensor's shape and elements; none if the file does not have it.
    fn get(&self, name: &str) -> Result<Option<Stored>, Box<dyn Error>> {
        let (file, name) = match &self.outcome {
            Some((file, run)) if name.starts_with("after") => (file, &format!("{run}.{name}")[..]),
            _ => (&self.file, name),
        };
        let tensors = SafeTensors::deserialize(file)?;
        let Ok(view) = tensors.tensor(name) else { return Ok(None) };
        let values = match view.dtype() {
            Dtype::F64 => {
                view.data().as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect()
            }
            Dtype::F32 => {
                view.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect()
            }
            other => return Err(format!("{name} is {other:?}").into()),
        };
        Ok(Some((view.shape().to_vec(), values)))
    }

    fn must(&self, name: &str) -> Result<Stored, Box<dyn Error>> {
        Ok(self.get(name)?.ok_or_else(|| format!("no tensor {name}"))?)
    }

    /// A weight as the graph stores it: [in, out], not PyTorch's [out, in].
    fn parameter(&self, name: &str) -> Result<Option<Vec<f64>>, Box<dyn Error>> {
        Ok(self.get(name)?.map(|(shape, values)| match shape[..] {
            [rows, columns] => {
                (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect()
            }
            _ => values,
        }))
    }
}

fn read(name: &str) -> std::io::Result<Vec<u8>> {
    fs::read(format!("{}/tests/golden/{name}.safetensors", env!("CARGO_MANIFEST_DIR")))
}

/// How the graph is run, and so what of it can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// Op by op: everything.
    Primitives,
    /// Fused: what leaves a phase.
    Fused,
    /// Fused, but for the updates: the gradients too.
    GradientsApart,
}

impl Mode {
    fn intermediates(self) -> &'static [&'static str] {
        match self {
            Self::Primitives => &["mean", "stddev", "z", "logits", "log_likelihood", "kl"],
            _ => &["mean", "stddev", "z"],
        }
    }

    fn plan(self, graph: &Graph) -> Plan {
        let find = |name: &str| graph.find(name);
        let mut outputs: Vec<_> = self.intermediates().iter().copied().filter_map(find).collect();
        match self {
            Self::Primitives => return Plan::keep_all(graph.clone()),
            Self::Fused => (),
            Self::GradientsApart => {
                let parameters = graph.tensors().iter().filter(|t| t.role == Role::Parameter);
                outputs.extend(parameters.filter_map(|t| graph.find(&format!("d{}", t.name))));
            }
        }
        let options = FusionOptions { updates: self == Self::Fused };
        Plan::new(fuse(graph, &outputs, options), &outputs)
    }
}

/// A golden file on a device.
struct Run<'a> {
    golden: &'a Golden,
    session: &'a mut dyn Session,
    program: ProgramId,
    graph: Graph,
    compared: usize,
    exact: bool,
    mode: Mode,
}

impl<'a> Run<'a> {
    fn new(
        golden: &'a Golden,
        session: &'a mut dyn Session,
        exact: bool,
        mode: Mode,
    ) -> Result<Self, Box<dyn Error>> {
        let Golden { ref architecture, optimizer, clip_norm, .. } = *golden;
        let batch = golden.must("x")?.0[1];
        let mut graph = Graph::new();
        let x = graph.data("x", Shape::new(batch, architecture.input()), Element::F32);
        let eps = graph.data("eps", Shape::new(batch, architecture.latent()), Element::F32);
        let pass = forward(&mut graph, architecture, x, eps)?;
        training(&mut graph, &pass, Training { optimizer, clip_norm, ..Training::default() })?;
        let program = session.load(mode.plan(&graph))?;
        for parameter in architecture.parameters() {
            let values = golden.parameter(&format!("init.{}", parameter.name))?;
            session.write(&parameter.name, Values::F64(&values.ok_or("no init")?))?;
        }
        Ok(Self { golden, session, program, graph, compared: 0, exact, mode })
    }

    fn step(&mut self, step: usize) -> Outcome {
        for name in ["x", "eps"] {
            let (shape, values) = self.golden.must(name)?;
            let size = shape[1] * shape[2];
            self.session.write(name, Values::F64(&values[step * size..][..size]))?;
        }
        let rate = self.golden.learning_rate;
        let step_of = Step::new(0, step as u32, 0).with_learning_rate(rate);
        self.session.run(self.program, &[step_of])?;
        let rows = self.session.take_log(true)?;
        if self.golden.outcome.is_some() {
            return Ok(());
        }
        let elbo: Vec<f64> = rows.iter().map(|row| row.values[0] - row.values[1]).collect();
        let expected = self.golden.must("elbo")?.1;
        self.compare("elbo", &elbo, &expected[step..=step])
    }

    fn intermediates(&mut self) -> Outcome {
        for name in self.mode.intermediates() {
            let expected = self.golden.must(&format!("step0.{name}"))?.1;
            let found = self.output(name)?;
            self.compare(name, &found, &expected)?;
        }
        Ok(())
    }

    fn gradients(&mut self) -> Outcome {
        for parameter in self.golden.architecture.parameters() {
            let expected = self.golden.parameter(&format!("step0.grad.{}", parameter.name))?;
            let found = self.output(&format!("d{}", parameter.name))?;
            self.compare(&parameter.name, &found, &expected.ok_or("no gradient")?)?;
        }
        Ok(())
    }

    fn state(&mut self, prefix: &str) -> Outcome {
        for parameter in self.golden.architecture.parameters() {
            let states = self.golden.optimizer.rule().states.iter();
            let names = states.map(|state| format!("{}{}", state.prefix, parameter.name));
            for name in [parameter.name.clone()].into_iter().chain(names) {
                let key = format!("{prefix}.{name}");
                if let Some(expected) = self.golden.parameter(&key)? {
                    let found = self.session.read(&name)?;
                    self.compare(&key, &found, &expected)?;
                }
            }
        }
        Ok(())
    }

    fn output(&mut self, name: &str) -> Result<Vec<f64>, Box<dyn Error>> {
        let id: TensorId = self.graph.find(name).ok_or_else(|| format!("no tensor {name}"))?;
        Ok(self.session.read_output(self.program, id)?)
    }

    fn compare(&mut self, what: &str, found: &[f64], expected: &[f64]) -> Outcome {
        let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let tolerance = if self.exact {
            self.golden.f64
        } else {
            Tolerance { absolute: self.golden.f32 * largest, relative: 1.3e-6 }
        };
        let result = compare(found, expected, tolerance);
        self.compared += 1;
        let device = self.session.description();
        assert!(result.ok, "{what} on {} {}: {result:?}", device.name, device.driver);
        Ok(())
    }
}

/// Compares everything, and returns how many tensors that was.
fn check(
    golden: &Golden,
    session: &mut dyn Session,
    exact: bool,
    mode: Mode,
) -> Result<usize, Box<dyn Error>> {
    let steps = golden.must("x")?.0[0];
    let mut run = Run::new(golden, session, exact, mode)?;
    for step in 0..steps {
        run.step(step)?;
        if step == 0 {
            run.intermediates()?;
            if mode != Mode::Fused {
                run.gradients()?;
            }
            run.state("after1")?;
        }
    }
    run.state("after10")?;
    Ok(run.compared)
}

/// `shared` tensors are seen in every mode: ELBOs, and states after updates.
fn check_everywhere(golden: &Golden, shared: usize) -> Outcome {
    let gradients = golden.architecture.parameters().len();
    for (mode, seen) in
        [(Mode::Primitives, 6 + gradients), (Mode::Fused, 3), (Mode::GradientsApart, 3 + gradients)]
    {
        let oracle = &mut CpuSession::<f64>::new();
        assert_eq!(check(golden, oracle, true, mode)?, shared + seen, "{mode:?}");
        for mut session in sessions() {
            assert_eq!(check(golden, session.as_mut(), false, mode)?, shared + seen, "{mode:?}");
        }
    }
    Ok(())
}

#[test]
fn tiny() -> Outcome {
    // 10 ELBOs, 2 × 16 states
    check_everywhere(&Golden::open("tiny-5-3-2", 5, &[3, 2])?, 10 + 32)
}

#[test]
fn other_optimizers() -> Outcome {
    let adam = Optimizer::of(&ADAM);
    let set = adam.with("beta1", 0.8)?.with("beta2", 0.95)?.with("epsilon", 0.02)?;
    let decaying = Optimizer::of(&ADAMW).with("weight_decay", 0.3)?;
    let torch = Optimizer::of(&RMSPROP_TORCH);
    for (run, optimizer, learning_rate) in [
        ("adam", adam, 1e-3),
        ("adam_set", set.with("initial", 0.5)?, 0.01),
        ("adamw", decaying, 1e-3),
        ("rmsprop_torch", torch.with("decay", 0.9)?.with("initial", 0.25)?, 0.01),
        ("rmsprop_centered", Optimizer::of(&RMSPROP_CENTERED), 0.01),
        ("clipped", torch.with("initial", 1.0)?, 0.01),
    ] {
        let golden = Golden {
            optimizer,
            learning_rate,
            clip_norm: (run == "clipped").then_some(4.0),
            outcome: Some((read("optimizers")?, run)),
            ..Golden::open("tiny-5-3-2", 5, &[3, 2])?
        };
        // The weights and each state, 8 tensors each, after the first and the last step.
        check_everywhere(&golden, 16 * (1 + optimizer.rule().states.len()))?;
    }
    Ok(())
}

/// The sum of the squares of all gradients is that of PyTorch's gradients.
#[test]
fn gradient_norm() -> Outcome {
    let golden = Golden::open("tiny-5-3-2", 5, &[3, 2])?;
    let architecture = &golden.architecture;
    let mut expected = 0.0;
    for parameter in architecture.parameters() {
        let gradient = golden.parameter(&format!("step0.grad.{}", parameter.name))?;
        expected += gradient.ok_or("no gradient")?.iter().map(|d| d * d).sum::<f64>();
    }
    let mut graph = Graph::new();
    let (x, eps) = (golden.must("x")?, golden.must("eps")?);
    let batch = x.0[1];
    let [of_x, of_eps] = [("x", architecture.input()), ("eps", architecture.latent())]
        .map(|(name, width)| graph.data(name, Shape::new(batch, width), Element::F32));
    let pass = forward(&mut graph, architecture, of_x, of_eps)?;
    let squares = gradient_squares(&mut graph, &pass, Objective::default())?;
    let check = |session: &mut dyn Session, tolerance: f64| -> Outcome {
        let options = FusionOptions::default();
        let program = session.load(Plan::new(fuse(&graph, &[squares], options), &[squares]))?;
        for parameter in architecture.parameters() {
            let values = golden.parameter(&format!("init.{}", parameter.name))?;
            session.write(&parameter.name, Values::F64(&values.ok_or("no init")?))?;
        }
        for (name, (shape, values)) in [("x", &x), ("eps", &eps)] {
            session.write(name, Values::F64(&values[..shape[1] * shape[2]]))?;
        }
        session.run(program, &[Step::new(0, 0, 0)])?;
        let found = session.read_output(program, squares)?[0];
        let name = session.description().name.clone();
        let near = (found - expected).abs() <= tolerance * expected;
        assert!(near, "{found} instead of {expected} on {name}");
        Ok(())
    };
    check(&mut CpuSession::<f64>::new(), 1e-9)?;
    sessions().into_iter().try_for_each(|mut session| check(session.as_mut(), 1e-5))
}

#[test]
fn deep() -> Outcome {
    check_everywhere(&Golden::open("deep-12-9-7-3", 12, &[9, 7, 3])?, 10 + 48)
}

#[test]
fn mnist() -> Outcome {
    let mut golden = Golden::open("mnist-784-200-100", 784, &[200, 100])?;
    golden.f64 = F64_STORED_F32;
    check_everywhere(&golden, 2)
}

#[test]
fn mnist_by_each_variant() -> Outcome {
    let mut golden = Golden::open("mnist-784-200-100", 784, &[200, 100])?;
    golden.f64 = F64_STORED_F32;
    for core in CORES {
        for gpu in gpus().iter().filter(|gpu| gpu.has(Variant::of(core))) {
            for mode in [Mode::Fused, Mode::Primitives] {
                let mut session = GpuSession::new(gpu.clone());
                session.force(Some(Variant::of(core)));
                check(&golden, &mut session, false, mode)?;
                assert!(session.choices().values().any(|name| name == core.name), "{}", core.name);
            }
        }
    }
    Ok(())
}
