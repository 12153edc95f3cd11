//! NumPy's `.npy` format, by its specification (numpy.lib.format): magic bytes, a version, a header
//! that is a Python dictionary of `descr`, `fortran_order` and `shape`, then the elements. It is
//! implemented here because the crates that read it panic if the product of the sizes overflows,
//! and a file is not trusted.

use super::Element;
use std::borrow::Cow;

/// The first bytes of every file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The header ends at a multiple of this.
const ALIGNMENT: usize = 64;

/// An array: its element type in NumPy's notation, its sizes, and its elements' bytes in C order,
/// whose number matches the sizes.
#[derive(Debug)]
pub(crate) struct Array<'a> {
    pub(crate) kind: &'a str,
    pub(crate) sizes: Vec<usize>,
    pub(crate) data: Cow<'a, [u8]>,
    pub(crate) element: Element,
}

impl Array<'_> {
    /// The elements, if they are real numbers.
    pub(crate) fn reals(&self) -> Option<Vec<f32>> {
        self.element.reals(&self.data)
    }
}

/// Encodes a file of f32 `[rows, columns]`.
pub(crate) fn write(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, version and length take 10 bytes, and the header ends with a newline.
    let end = (10 + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.extend(std::iter::repeat_n(' ', end - 10 - header.len() - 1));
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [MAGIC, &[1, 0], &length, header.as_bytes(), bytemuck::cast_slice(values)].concat()
}

/// Decodes the array in a file.
///
/// # Errors
/// The expected and the found content.
pub(crate) fn read(bytes: &[u8]) -> Result<Array<'_>, (&'static str, String)> {
    let header = |found: &str| ("a .npy file", found.to_owned());
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| header("another"))?;
    let (text, data) = split(rest).ok_or_else(|| header("one that ends in its header"))?;
    let text = std::str::from_utf8(text).map_err(|_| header("a header that is no text"))?;
    let missing = |name: &str| header(&format!("a header without {name}: {}", text.trim()));
    let kind = value(text, "descr").and_then(quoted).ok_or_else(|| missing("a plain descr"))?;
    let order = value(text, "fortran_order").ok_or_else(|| missing("fortran_order"))?;
    let sizes = value(text, "shape").and_then(sizes).ok_or_else(|| missing("a shape"))?;
    let Some(element) = Element::numpy(kind) else {
        return Err(("elements of a plain type", kind.to_owned()));
    };
    let size = element.size();
    let claimed = sizes.iter().try_fold(size, |product, &size| product.checked_mul(size));
    if claimed != Some(data.len()) {
        let found = format!("{} bytes for {sizes:?} of {kind}", data.len());
        return Err(("as many numbers as the header says", found));
    }
    let data =
        if order.starts_with("True") { in_c_order(data, &sizes, size).into() } else { data.into() };
    Ok(Array { kind, sizes, data, element })
}

/// Reorders the elements, of `size` bytes, of an array in Fortran order.
fn in_c_order(data: &[u8], sizes: &[usize], size: usize) -> Vec<u8> {
    let count = sizes.iter().product();
    let place = |element: usize| {
        let (mut rest, mut place, mut stride) = (element, 0, count);
        for &length in sizes.iter().rev() {
            stride /= length;
            place += rest % length * stride;
            rest /= length;
        }
        place
    };
    (0..count).flat_map(|element| &data[place(element) * size..][..size]).copied().collect()
}

/// Splits the bytes after the magic into header and data; none if the header is cut off.
fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = if version[0] == 1 {
        let (length, rest) = rest.split_first_chunk()?;
        (u16::from_le_bytes(*length).into(), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    rest.split_at_checked(length)
}

/// The text after a key of the dictionary.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let quotes = ['\'', '"'];
    let after = quotes.into_iter().find_map(|quote| {
        let quoted = format!("{quote}{key}{quote}");
        text.find(&quoted).map(|at| &text[at + quoted.len()..])
    });
    Some(after?.trim_start().strip_prefix(':')?.trim_start())
}

/// The content of a quoted text.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    text[1..].split(quote).next()
}

/// Parses a tuple of whole numbers.
fn sizes(text: &str) -> Option<Vec<usize>> {
    let (inner, _) = text.strip_prefix('(')?.split_once(')')?;
    let numbers = inner.split(',').map(str::trim).filter(|number| !number.is_empty());
    // Python 2 wrote an L after long numbers.
    numbers.map(|number| number.trim_end_matches('L').parse().ok()).collect()
}
