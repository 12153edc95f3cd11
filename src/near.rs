//! Names that were probably meant by one that does not exist.

/// The most names that a message suggests.
const MOST: usize = 3;

/// How alike two names have to be, from 0 to 1.
const ALIKE: f64 = 0.75;

/// How much less alike than the best a name may be.
const LESS: f64 = 0.05;

/// The known names that are like `name`, the most alike first, each once.
pub(crate) fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let likeness = |known: &'a str| (strsim::jaro_winkler(name, known), known);
    let mut all: Vec<_> = known.into_iter().map(likeness).collect();
    let best = all.iter().map(|(likeness, _)| *likeness).fold(0.0, f64::max);
    all.retain(|(likeness, _)| *likeness > ALIKE.max(best - LESS));
    // Equal names follow each other, so that one of them is left.
    all.sort_by(|(one, a), (other, b)| other.total_cmp(one).then_with(|| a.cmp(b)));
    all.dedup();
    all.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// `perhaps for update or batch`, after a name that does not exist; none if no name is like it.
pub(crate) fn perhaps<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = near(name, known);
    (!near.is_empty()).then(|| format!("perhaps for {}", near.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::{near, perhaps};

    #[test]
    fn the_most_alike_comes_first_and_once() {
        let known = ["relu", "elu", "update", "relu", "linear+relu"];
        assert_eq!(near("relux", known), ["relu"]);
        let both = ["tiled_32", "tiled_64", "quad_8"];
        assert_eq!(perhaps("tiled_3", both).as_deref(), Some("perhaps for tiled_32"));
        assert_eq!(perhaps("tiled", both).as_deref(), Some("perhaps for tiled_32 or tiled_64"));
        assert_eq!(perhaps("xyz", known), None);
    }
}
