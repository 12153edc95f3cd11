//! Names of flags in other programs, with their counterparts here.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error, builder::StyledStr};

/// Names of flags in other programs, each with the flag here.
const FLAGS: &[(&str, &str)] = &[
    ("batch-size", "batch"),
    ("bs", "batch"),
    ("dataset", "data"),
    ("data-dir", "data"),
    ("data-path", "data"),
    ("dims", "hidden"),
    ("hidden-dim", "hidden"),
    ("hidden-layers", "hidden"),
    ("hidden-size", "hidden"),
    ("input-size", "size"),
    ("image-size", "size"),
    ("eps", "epsilon"),
    ("clip-grad", "clip-norm"),
    ("grad-clip", "clip-norm"),
    ("max-grad-norm", "clip-norm"),
    ("kl-weight", "beta"),
    ("kl-annealing", "kl-warm-up"),
    ("lr-schedule", "schedule"),
    ("lr-scheduler", "schedule"),
    ("gamma", "factor"),
    ("warmup", "warm-up"),
    ("wd", "weight-decay"),
    ("k", "importance-samples"),
    ("latent", "hidden"),
    ("latent-dim", "hidden"),
    ("latent-size", "hidden"),
    ("layers", "hidden"),
    ("log-dir", "run"),
    ("lr", "learning-rate"),
    ("max-epochs", "epochs"),
    ("n", "count"),
    ("num", "count"),
    ("num-epochs", "epochs"),
    ("num-samples", "count"),
    ("num-threads", "threads"),
    ("out", "output"),
    ("out-dir", "run"),
    ("output", "run"),
    ("output-dir", "run"),
    ("save-dir", "run"),
    ("test", "test-data"),
    ("early-stopping", "patience"),
    ("val-data", "test-data"),
    ("val-size", "validation"),
    ("val-split", "validation"),
    ("weight-init", "init"),
    ("workers", "threads"),
    ("z-dim", "hidden"),
];

/// Remedies for flags that have no counterpart here.
const OTHERS: &[(&str, &str)] = &[
    ("cpu", "the flag is '--device cpu'"),
    ("cuda", "the flag is '--device gpu'"),
    ("gpu", "the flag is '--device gpu'"),
    ("momentum", "no optimiser of '--optimizer' has a momentum"),
];

/// Adds the counterpart of an unknown flag to its error.
pub(super) fn with_name(mut error: Error, program: &Command) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let typed = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let typed = typed.trim_start_matches('-').to_lowercase().replace('_', "-");
    let command = std::env::args().skip(1).find_map(|word| program.find_subcommand(word));
    let Some(command) = command else { return error };
    let has = |flag: &str| command.get_arguments().any(|known| known.get_long() == Some(flag));
    let flag = FLAGS.iter().find(|&&(other, flag)| other == typed && has(flag));
    // Only for commands that train or open a device.
    let other = OTHERS.iter().find(|&&(other, text)| {
        other == typed && (has("learning-rate") || text.contains("--device") && has("device"))
    });
    let tip = match (flag, other) {
        (Some((_, flag)), _) => format!("the flag is '--{flag}'"),
        (_, Some((_, text))) => (*text).to_owned(),
        _ => return error,
    };
    error.remove(ContextKind::SuggestedArg);
    // That of the suggested flag.
    error.remove(ContextKind::Usage);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    error
}
