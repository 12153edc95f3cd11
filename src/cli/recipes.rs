//! `wgvae recipes`.

use super::Outcome;
use super::shared::{print_json, say};
use super::table::{self, Cell, Column, WideFlag, say_words};
use crate::Result;
use crate::train::{About, Reached, Recipe};
use std::process::ExitCode;

/// List settings of published results, which `wgvae train --recipe NAME` trains with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
                        wgvae recipes\n  \
                        wgvae train --recipe static-adam --run runs/static\n  \
                        wgvae eval runs/static/best.safetensors --importance-samples 200")]
pub(super) struct Arguments {
    #[command(flatten)]
    wide: WideFlag,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let recipes = Recipe::all()?;
    if arguments.json {
        #[derive(serde::Serialize)]
        struct Row<'a> {
            name: &'a str,
            data: &'a str,
            #[serde(flatten)]
            about: &'a About,
        }
        let rows = recipes.iter().map(|Recipe { name, about, config }| Row {
            name,
            data: &config.data,
            about,
        });
        print_json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&recipes, arguments.wide.width())?;
    Ok(ExitCode::SUCCESS)
}

fn print(recipes: &[Recipe], width: Option<usize>) -> Result<()> {
    let columns = vec![
        Column::words("recipe", 0),
        Column::words("data", 2),
        Column::numbers("published", 0),
        Column::numbers("reached", 0),
        Column::numbers("± SE", 1),
        Column::numbers("epochs", 2),
        Column::numbers("minutes", 1),
    ];
    let none = || "-".to_owned();
    let row = |Recipe { about, config, name }: &Recipe| -> Vec<Cell> {
        let reached = |text: fn(&Reached) -> String| about.reached.as_ref().map_or_else(none, text);
        vec![
            name.into(),
            (&config.data).into(),
            about.published.map_or_else(none, |nll| format!("{nll:.2}")).into(),
            reached(|one| format!("{:.2}", one.nll)).into(),
            reached(|one| format!("{:.2}", one.standard_error)).into(),
            reached(|one| one.epochs.to_string()).into(),
            reached(|one| format!("{:.1}", one.seconds / 60.0)).into(),
        ]
    };
    table::print(columns, &recipes.iter().map(row).collect::<Vec<_>>(), width)?;
    say("")?;
    say_words(
        "published, reached: negative log-likelihood of the test images in nats, by importance sampling",
        2,
    )?;
    for Recipe { name, about, .. } in recipes {
        say("")?;
        say_words(&format!("{name}: {} ({})", about.about, about.source), 2)?;
        if let Some(Reached { machine, .. }) = &about.reached {
            say_words(&format!("  reached on {machine}"), 4)?;
        }
    }
    Ok(())
}
