//! Devices that fail.

use super::{End, Fallible, config, data};
use crate::tampered::Tampered;
use wgvae::Error;
use wgvae::checkpoint::{Checkpoint, FILE_NAME};
use wgvae::device::{Blocking, Session};
use wgvae::train::{Config, Ended, Run};

/// The CPU, until it is lost after so many runs.
fn failing(mut runs: usize) -> Tampered<'static> {
    Tampered::new(move |cpu, program, steps| {
        if runs == 0 {
            return Err(Error::Device {
                adapter: "a GPU".to_owned(),
                step: steps.first().map(|step| step.index.into()),
                message: "the device was lost".to_owned(),
                fault: wgvae::Fault::Failure,
            });
        }
        runs -= 1;
        cpu.run(program, steps)
    })
}

/// The steps that each device does before it is lost, evaluation and pictures counted, too.
const LOST_AFTER: [usize; 3] = [0, 6, 13];

#[test]
fn a_run_goes_on_when_a_device_is_lost() -> Fallible<()> {
    let (data, folder) = (data()?, tempfile::tempdir()?);
    let config = Config { checkpoint_every: Some("5".parse()?), ..config() };
    let persist = |name: &str, lost_after: &[usize], retries| {
        let folder = folder.path().join(name);
        let run = Run::new(&config, &data, &folder);
        let mut opened = 0;
        let mut is_back = false;
        let open = || {
            // The second time it is not there at first.
            if opened == 1 && !std::mem::replace(&mut is_back, true) {
                let (wanted, found) = ("a GPU".to_owned(), "none".to_owned());
                return Err(Error::NoDevice { wanted, found });
            }
            let runs = lost_after.get(opened).copied().unwrap_or(usize::MAX);
            opened += 1;
            Ok(Box::new(failing(runs)) as Box<dyn Session>)
        };
        (run.persist(false, retries, open, |_| Ok(())), folder)
    };
    let (ended, undisturbed) = persist("undisturbed", &[], 0);
    assert_eq!(ended?, Ended::Finished);
    let (ended, run) = persist("run", &LOST_AFTER, LOST_AFTER.len() as u32 + 1);
    assert_eq!(ended?, Ended::Finished);
    assert!(End::of(&run)? == End::of(&undisturbed)?);
    let (ended, run) = persist("given up", &LOST_AFTER, LOST_AFTER.len() as u32);
    match ended {
        Err(Error::Device { message, .. }) => assert_eq!(message, "the device was lost"),
        other => panic!("{other:?}"),
    }
    assert_eq!(Checkpoint::load(&run.join(FILE_NAME))?.state.position.step, 15);
    Ok(())
}
