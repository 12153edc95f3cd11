//! Data sets with names.

use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A data set that `--data` takes by its name.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The name; the files are in the folder `data/NAME`.
    pub name: &'static str,
    /// Another folder, into which a package of a system puts it.
    pub packaged: Option<&'static str>,
    /// How to get it.
    pub source: &'static str,
}

/// Every data set that has a name.
pub static KNOWN: [Known; 3] = [
    Known {
        name: "mnist",
        packaged: None,
        source: "copy data/mnist of wgvae's repository to data/mnist",
    },
    Known {
        name: "static-mnist",
        packaged: None,
        source: "copy data/static-mnist of wgvae's repository to data/static-mnist",
    },
    Known {
        name: "fashion-mnist",
        packaged: Some("/usr/share/datasets/fashion-mnist"),
        source: "on Debian and Ubuntu `apt-get install dataset-fashion-mnist`; else copy the four \
                 files of https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion \
                 to data/fashion-mnist",
    },
];

impl Known {
    /// Returns the data set with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name == name)
    }

    /// Returns the folder of the files: `data/NAME` below the folder `current`, else in the nearest
    /// folder above the executable file `program` that has one, else that of a package.
    ///
    /// # Errors
    /// [`Error::Data`], with every path that was tried, if there is none.
    pub fn folder(&self, current: &Path, program: &Path) -> Result<PathBuf> {
        let name = Path::new("data").join(self.name);
        let above = std::iter::once(current).chain(program.ancestors().skip(1));
        let packaged = self.packaged.map(PathBuf::from);
        let places: Vec<PathBuf> = above.map(|folder| folder.join(&name)).chain(packaged).collect();
        if let Some(found) = places.iter().find(|folder| folder.is_dir()) {
            return Ok(found.clone());
        }
        let places: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
        Err(Error::Data {
            path: name,
            expected: "a folder below the current one or above the program".to_owned(),
            found: format!("none at {}", places.join(", ")),
            remedy: self.source.to_owned(),
        })
    }
}
