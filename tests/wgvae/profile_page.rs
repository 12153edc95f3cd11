//! The page of a profile: that it has everything, loads nothing, and takes names as text.

use std::error::Error;

use serde_json::{Value, json};
use wgvae::device::cpu::CpuSession;
use wgvae::model::{Architecture, Training};
use wgvae::profile::{Profile, Workload, html, profile};

type Outcome = Result<(), Box<dyn Error>>;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!-- /* data */";

fn tiny(fused: bool) -> wgvae::Result<Profile> {
    let architecture = Architecture::new(9, &[5, 2])?;
    let workload = Workload { architecture, training: Training::default(), batch: 3, fused };
    profile(&mut CpuSession::<f32>::new(), &workload, 60, &[])
}

/// What the page's script reads.
fn data(page: &str) -> Result<Value, Box<dyn Error>> {
    let (_, rest) = page.split_once(r#"id="data">"#).ok_or("no data")?;
    let (json, _) = rest.split_once("</script>").ok_or("the data does not end")?;
    Ok(serde_json::from_str(json)?)
}

#[test]
fn a_page_has_every_kernel_and_every_launch_of_the_last_steps() -> Outcome {
    for fused in [true, false] {
        let profile = tiny(fused)?;
        let data = data(&html(&profile))?;
        let kernels = data["profile"]["kernels"].as_array().ok_or("no kernels")?;
        assert_eq!(kernels.len(), profile.kernels.len());
        for (found, row) in kernels.iter().zip(&profile.kernels) {
            assert_eq!(
                (&found["kernel"], &found["shape"]),
                (&json!(row.kernel), &json!(row.shape))
            );
        }
        let rows = data["rows"].as_array().ok_or("no rows")?;
        assert_eq!(rows.len(), profile.launches.len());
        for (row, launch) in rows.iter().zip(&profile.launches) {
            let row = &profile.kernels[row.as_u64().ok_or("no number")? as usize];
            assert_eq!((&row.kernel, row.variant), (&launch.kernel, launch.variant));
        }
        let steps = data["steps"].as_array().ok_or("no steps")?;
        // Of the last of twenty rounds.
        assert_eq!(steps.len(), 3);
        for (step, spans) in steps.iter().zip(&profile.timed.steps) {
            assert_eq!(step.as_array().map(Vec::len), Some(spans.len()));
            let began = spans[0].began.as_nanos() as f64 * 1e-3;
            let found = step[0][0].as_f64().ok_or("no time")?;
            assert!((found - began).abs() < 1e-3, "{found} for {began}");
        }
    }
    Ok(())
}

#[test]
fn a_page_loads_nothing() -> Outcome {
    let page = html(&tiny(true)?).replace("http://www.w3.org/2000/svg", "");
    for loads in ["http:", "https:", "src=", "href=", "@import", "url(", "fetch("] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(page.contains("default-src 'none'"), "{page}");
    for left in ["/* style */", "/* script */", "/* data */"] {
        assert!(!page.contains(left), "{left}");
    }
    Ok(())
}

#[test]
fn a_hostile_name_is_text() -> Outcome {
    let mut profile = tiny(true)?;
    let scripts = html(&profile).matches("</script>").count();
    profile.adapter = HOSTILE.to_owned();
    profile.driver = HOSTILE.to_owned();
    let page = html(&profile);
    assert_eq!(page.matches("</script>").count(), scripts);
    assert!(!page.contains("<img"));
    let data = data(&page)?;
    assert_eq!(data["profile"]["adapter"], HOSTILE);
    assert_eq!(data["profile"]["driver"], HOSTILE);
    Ok(())
}
