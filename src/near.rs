//! Lookup by name, and suggestions for a name that does not exist.

/// Largest number of names that a message suggests.
const MOST: usize = 3;

/// Least similarity of two names, from 0 to 1.
const ALIKE: f64 = 0.75;

/// Largest difference in similarity from the best name.
const LESS: f64 = 0.05;

/// Returns the known names that are similar to `name`, the most similar first, each once.
pub(crate) fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let likeness = |known: &'a str| (strsim::jaro_winkler(name, known), known);
    let mut all: Vec<_> = known.into_iter().map(likeness).collect();
    let best = all.iter().map(|(likeness, _)| *likeness).fold(0.0, f64::max);
    all.retain(|(likeness, _)| *likeness > ALIKE.max(best - LESS));
    // Equal names become adjacent, so that duplicates are removed.
    all.sort_by(|(one, a), (other, b)| other.total_cmp(one).then_with(|| a.cmp(b)));
    all.dedup();
    all.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Returns `similar to update or batch`, for the message about a name that does not exist; none if
/// no name is similar.
pub(crate) fn perhaps<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = near(name, known);
    (!near.is_empty()).then(|| format!("similar to {}", near.join(" or ")))
}

/// Returns the one of `all` whose name is `text`; else the names, separated by commas.
pub(crate) fn find<T: Copy>(
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, String> {
    let all: Vec<T> = all.into_iter().collect();
    let found = all.iter().copied().find(|&one| name(one) == text);
    found.ok_or_else(|| all.iter().map(|&one| name(one)).collect::<Vec<_>>().join(", "))
}

/// Like [`find`], with a message as the error.
pub(crate) fn named<T: Copy>(
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, String> {
    find(all, name, text).map_err(|names| format!("expected one of {names}, found '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::{near, perhaps};

    #[test]
    fn the_most_alike_comes_first_and_once() {
        let known = ["relu", "elu", "update", "relu", "linear+relu"];
        assert_eq!(near("relux", known), ["relu"]);
        let both = ["tiled_32", "tiled_64", "quad_8"];
        assert_eq!(perhaps("tiled_3", both).as_deref(), Some("similar to tiled_32"));
        assert_eq!(perhaps("tiled", both).as_deref(), Some("similar to tiled_32 or tiled_64"));
        assert_eq!(perhaps("xyz", known), None);
    }
}
