//! Files that users have results written to.

use std::error::Error;
use std::fs;
use wgvae::file::replace;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_name_may_be_as_long_as_the_system_allows() -> Outcome {
    let folder = tempfile::tempdir()?;
    for name in ["a".repeat(250) + ".npy", "猫".repeat(83) + ".npy", "b".repeat(129)] {
        let path = folder.path().join(&name);
        replace(&path, b"first")?;
        replace(&path, b"second")?;
        assert_eq!(fs::read(&path)?, b"second");
    }
    assert_eq!(fs::read_dir(folder.path())?.count(), 3, "a draft was left behind");
    Ok(())
}

#[test]
fn a_missing_folder_is_made() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("some/where/z.npy");
    replace(&path, b"numbers")?;
    assert_eq!(fs::read(&path)?, b"numbers");
    let below = path.join("z.npy");
    assert!(replace(&below, b"numbers").is_err(), "below a file");
    Ok(())
}

#[test]
#[cfg(unix)]
fn a_link_is_followed() -> Outcome {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("elsewhere"))?;
    fs::write(path("elsewhere/old.npy"), "old")?;
    symlink("elsewhere/old.npy", path("link.npy"))?;
    symlink("link.npy", path("second.npy"))?;
    symlink(path("elsewhere/new.npy"), path("dangling.npy"))?;
    for (link, target) in [("second.npy", "old.npy"), ("dangling.npy", "new.npy")] {
        replace(&path(link), b"numbers")?;
        assert!(path(link).is_symlink(), "{link}");
        assert_eq!(fs::read(path("elsewhere").join(target))?, b"numbers", "{link}");
    }
    symlink("round.npy", path("round.npy"))?;
    let error = replace(&path("round.npy"), b"numbers").map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.contains("too many links")));
    Ok(())
}

/// A device stays one.
#[test]
#[cfg(target_os = "linux")]
fn a_device_is_written_to() -> Outcome {
    use std::os::unix::fs::FileTypeExt;
    replace("/dev/null".as_ref(), b"numbers")?;
    assert!(fs::metadata("/dev/null")?.file_type().is_char_device());
    let full = replace("/dev/full".as_ref(), b"numbers").map_err(|error| error.to_string());
    assert!(full.is_err_and(|error| error.contains("No space left")));
    Ok(())
}
