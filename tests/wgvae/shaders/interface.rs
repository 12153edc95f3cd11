//! What a module has at its edges, reflected by naga, against what the Rust side gives it: the
//! entry point, the bindings, the `override` constants and the arguments in both forms.

use std::mem::offset_of;

use naga::{
    AddressSpace, ArraySize, GlobalVariable, Module, ScalarKind, StorageAccess, StructMember,
    TypeInner, VectorSize,
};
use wgvae::graph::{Element, MOST_BINDINGS, SUM_COLUMNS};
use wgvae::kernel::{Arguments, Kernel, Passing, SLICES_BINDING, Variant, kernels};

use super::{Applied, Outcome};

/// What the Rust side gives to a kernel's module.
pub(super) struct Interface {
    entry_point: &'static str,
    bindings: Vec<String>,
    constants: Vec<(&'static str, f64)>,
    arguments: Vec<String>,
    unit: usize,
}

impl Interface {
    /// None if the variant does not serve the call.
    pub(super) fn of(kernel: &Kernel, variant: Variant, applied: &Applied) -> Option<Self> {
        let tiling = kernel.tiling(&applied.call, variant)?;
        let texts = kernel.wgsl(&applied.call, variant);
        let elements = match &kernel.table {
            Some(table) => [vec![Element::F32; table.buffers], vec![Element::U32]].concat(),
            None => applied.elements.clone(),
        };
        let bindings = elements.iter().enumerate().map(|(binding, element)| {
            let (access, scalar) = match element {
                Element::F32 => ("read_write", "f32"),
                Element::U32 | Element::U8 => ("read", "u32"),
            };
            format!("group 0, binding {binding}: {access} array<{scalar}>")
        });
        let slices = (tiling.grids.len() == 2)
            .then(|| format!("group 0, binding {SLICES_BINDING}: read_write array<vec4<f32>>"));
        Some(Self {
            entry_point: kernel.entry_point,
            bindings: bindings.chain(slices).collect(),
            constants: tiling.constants,
            arguments: if texts.iter().any(|text| text.contains("args.")) {
                arguments_layout()
            } else {
                Vec::new()
            },
            unit: match (variant.core(), &applied.call.epilogue) {
                (Some(core), _) => core.unit,
                (None, Some(stages)) if stages.width.is_multiple_of(SUM_COLUMNS) => 4,
                _ => 1,
            },
        })
    }

    /// Checks a module in both forms.
    ///
    /// # Errors
    /// The first difference, in words.
    pub(super) fn check(&self, wgsl: &str) -> Result<(), String> {
        let forms = [Passing::Immediate, Passing::Uniform];
        forms.into_iter().try_for_each(|passing| self.check_form(&passing.adapt(wgsl), passing))
    }

    fn check_form(&self, wgsl: &str, passing: Passing) -> Result<(), String> {
        let module =
            naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
        let entry_points = module.entry_points.iter().map(|entry| entry.name.clone()).collect();
        same("entry point", entry_points, vec![self.entry_point.to_owned()])?;
        let mut found = bindings(&module);
        if self.unit == 4 {
            // Sums of blocks stay single numbers.
            let slices = format!("binding {SLICES_BINDING}");
            let operands = found.iter_mut().filter(|text| !text.contains(&slices));
            operands.for_each(|text| *text = text.replace("vec4<f32>", "f32"));
        }
        same("bindings", found, self.bindings.clone())?;
        if self.bindings.len() > MOST_BINDINGS {
            return Err(format!("{} storage buffers", self.bindings.len()));
        }
        let [immediate, uniform] =
            [AddressSpace::Immediate, AddressSpace::Uniform].map(|space| arguments(&module, space));
        let mut expected = [self.arguments.clone(), Vec::new()];
        if passing == Passing::Uniform {
            expected.reverse();
            expected[1].first_mut().into_iter().for_each(|text| *text = format!("1, 0: {text}"));
        }
        same("immediate data", immediate, expected[0].clone())?;
        same("uniform buffer", uniform, expected[1].clone())?;
        self.check_constants(&module)
    }

    fn check_constants(&self, module: &Module) -> Result<(), String> {
        let named = |wanted: &str| {
            let mut all = module.overrides.iter().map(|(_, constant)| constant);
            all.find(|constant| constant.id.is_none() && constant.name.as_deref() == Some(wanted))
        };
        for &(name, value) in &self.constants {
            let constant = named(name).ok_or_else(|| format!("no override {name}"))?;
            let kind = module.types[constant.ty].inner.scalar().map(|scalar| scalar.kind);
            let fits = match kind {
                Some(ScalarKind::Bool) => value == 0.0 || value == 1.0,
                Some(ScalarKind::Uint) => f64::from(value as u32) == value,
                Some(ScalarKind::Float) => (value as f32).is_finite(),
                _ => false,
            };
            if !fits {
                return Err(format!("override {name} of kind {kind:?} is given {value}"));
            }
        }
        for (_, constant) in module.overrides.iter().filter(|(_, constant)| constant.init.is_none())
        {
            let given = |&(name, _): &(&str, f64)| constant.name.as_deref() == Some(name);
            if self.constants.iter().filter(|constant| given(constant)).count() != 1 {
                return Err(format!("override {:?} is not given once", constant.name));
            }
        }
        Ok(())
    }
}

fn same(what: &str, found: Vec<String>, expected: Vec<String>) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}

/// Each field of [`Arguments`] with its offset.
fn arguments_layout() -> Vec<String> {
    let Arguments {
        index,
        first_row,
        seed_low,
        seed_high,
        learning_rate,
        kl_weight,
        gradient_scale,
        m,
        n,
        k,
        first,
        second,
        stride,
        across,
        groups,
        slice,
    } = Arguments::default();
    let _: [u32; 13] = [
        index, first_row, seed_low, seed_high, m, n, k, first, second, stride, across, groups,
        slice,
    ];
    let _: [f32; 3] = [learning_rate, kl_weight, gradient_scale];
    let fields = vec![
        (offset_of!(Arguments, index), "index: u32"),
        (offset_of!(Arguments, first_row), "first_row: u32"),
        (offset_of!(Arguments, seed_low), "seed_low: u32"),
        (offset_of!(Arguments, seed_high), "seed_high: u32"),
        (offset_of!(Arguments, learning_rate), "learning_rate: f32"),
        (offset_of!(Arguments, kl_weight), "kl_weight: f32"),
        (offset_of!(Arguments, gradient_scale), "gradient_scale: f32"),
        (offset_of!(Arguments, m), "m: u32"),
        (offset_of!(Arguments, n), "n: u32"),
        (offset_of!(Arguments, k), "k: u32"),
        (offset_of!(Arguments, first), "first: u32"),
        (offset_of!(Arguments, second), "second: u32"),
        (offset_of!(Arguments, stride), "stride: u32"),
        (offset_of!(Arguments, across), "across: u32"),
        (offset_of!(Arguments, groups), "groups: u32"),
        (offset_of!(Arguments, slice), "slice: u32"),
    ];
    layout(fields, size_of::<Arguments>())
}

/// The fields in order, then the size.
fn layout(mut fields: Vec<(usize, &str)>, size: usize) -> Vec<String> {
    fields.sort_unstable();
    let fields = fields.into_iter().map(|(offset, name)| format!("{name} at {offset}"));
    fields.chain([format!("{size} bytes")]).collect()
}

/// The fields of a struct that begins at an offset, those of structs in it included.
fn fields(module: &Module, members: &[StructMember], start: u32) -> Vec<String> {
    let field = |member: &StructMember| {
        let offset = start + member.offset;
        let name = member.name.as_deref().unwrap_or_default();
        match &module.types[member.ty].inner {
            TypeInner::Struct { members, .. } => fields(module, members, offset),
            _ => vec![format!("{name}: {} at {offset}", type_name(module, member.ty))],
        }
    };
    members.iter().flat_map(field).collect()
}

/// The same of the module's variables of an address space, after group and binding if they have those;
/// nothing if there are none.
fn arguments(module: &Module, space: AddressSpace) -> Vec<String> {
    let of_space = |global: &&GlobalVariable| global.space == space;
    let globals = module.global_variables.iter().map(|(_, global)| global).filter(of_space);
    let layouts = globals.map(|global| {
        let mut layout = match &module.types[global.ty].inner {
            TypeInner::Struct { members, span } => {
                let fields = fields(module, members, 0);
                fields.into_iter().chain([format!("{span} bytes")]).collect()
            }
            other => vec![format!("{other:?}")],
        };
        if let (Some(at), Some(first)) = (&global.binding, layout.first_mut()) {
            *first = format!("{}, {}: {first}", at.group, at.binding);
        }
        layout
    });
    layouts.collect::<Vec<_>>().concat()
}

/// Every storage buffer, in the order of the bindings.
fn bindings(module: &Module) -> Vec<String> {
    let bound = module.global_variables.iter().filter_map(|(_, global)| {
        let binding = global.binding.as_ref()?;
        let access = match global.space {
            AddressSpace::Uniform => return None,
            AddressSpace::Storage { access } if access == StorageAccess::LOAD => "read".to_owned(),
            AddressSpace::Storage { access }
                if access == StorageAccess::LOAD | StorageAccess::STORE =>
            {
                "read_write".to_owned()
            }
            other => format!("{other:?}"),
        };
        Some((binding.group, binding.binding, access, type_name(module, global.ty)))
    });
    let mut bound: Vec<_> = bound.collect();
    bound.sort();
    let texts = bound.into_iter().map(|(group, binding, access, element)| {
        format!("group {group}, binding {binding}: {access} {element}")
    });
    texts.collect()
}

fn type_name(module: &Module, ty: naga::Handle<naga::Type>) -> String {
    match &module.types[ty].inner {
        TypeInner::Array { base, size: ArraySize::Dynamic, .. } => {
            format!("array<{}>", type_name(module, *base))
        }
        TypeInner::Vector { size: VectorSize::Quad, scalar } if *scalar == naga::Scalar::F32 => {
            "vec4<f32>".to_owned()
        }
        TypeInner::Scalar(scalar) if *scalar == naga::Scalar::F32 => "f32".to_owned(),
        TypeInner::Scalar(scalar) if *scalar == naga::Scalar::U32 => "u32".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_module_fits_its_row() -> Outcome {
    for kernel in kernels() {
        for case in (kernel.cases)() {
            let applied = Applied::new(&case)?;
            for variant in kernel.variants().into_iter().filter(|variant| case.is_for(*variant)) {
                let Some(interface) = Interface::of(kernel, variant, &applied) else {
                    continue;
                };
                for wgsl in kernel.wgsl(&applied.call, variant) {
                    let checked = interface.check(&wgsl);
                    checked.map_err(|error| format!("{} {variant:?}: {error}", kernel.name))?;
                }
            }
        }
    }
    Ok(())
}
