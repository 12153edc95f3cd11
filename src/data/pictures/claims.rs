//! Checks of picture headers that a decoder would trust.

/// Returns what a picture's header claims that its bytes do not contain, if anything.
pub(super) fn beyond(bytes: &[u8]) -> Option<&'static str> {
    if !has_whole_palettes(bytes) {
        return Some("a palette that is cut off within a colour");
    }
    (!has_values_within(bytes)).then_some("values beyond its end")
}

/// Whether each palette of a PNG file has whole colours. `png` 0.18.1 panics at others
/// (github.com/image-rs/image-png/pull/682, which is in no release yet).
fn has_whole_palettes(bytes: &[u8]) -> bool {
    let mut chunks = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap_or_default();
    while let Some(([a, b, c, d, kind @ ..], rest)) = chunks.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if kind == b"PLTE" && !length.is_multiple_of(3) {
            return false;
        }
        // Skips the data and its checksum.
        chunks = rest.get(length..).and_then(|rest| rest.get(4..)).unwrap_or_default();
    }
    true
}

/// Bytes per number of each TIFF type, from type 1 on, in TIFF version 6 and in BigTIFF.
const SIZES: [u64; 18] = [1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/// Whether the values of a TIFF file's first directory are no longer than the file: `tiff` 0.11.3
/// allocates 32 bytes for each number that an entry claims, up to 256 MiB, before it reads one.
fn has_values_within(bytes: &[u8]) -> bool {
    let (is_little, is_big) = match bytes.get(..4) {
        Some(b"II*\0") => (true, false),
        Some(b"II+\0") => (true, true),
        Some(b"MM\0*") => (false, false),
        Some(b"MM\0+") => (false, true),
        _ => return true,
    };
    let number = |at: u64, size: usize| -> Option<u64> {
        let bytes = bytes.get(usize::try_from(at).ok()?..)?.get(..size)?;
        let shift = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if is_little {
            bytes.iter().rev().fold(0, shift)
        } else {
            bytes.iter().fold(0, shift)
        })
    };
    // The directory's position, then the sizes of its count, of an entry, and of an entry's count.
    let (place, place_size, count_size, entry, length) =
        if is_big { (8, 8, 8, 20, 8) } else { (4, 4, 2, 12, 4) };
    let values = || {
        let start = number(place, place_size)?;
        let first = start.checked_add(count_size as u64)?;
        let entries = number(start, count_size)?;
        let mut most = 0;
        for index in 0..entries {
            let at = first.checked_add(index.checked_mul(entry)?)?;
            // The file ends before this entry; the decoder reports that.
            let Some(count) = number(at.checked_add(4)?, length) else { break };
            let size = number(at + 2, 2)?.checked_sub(1).and_then(|kind| SIZES.get(kind as usize));
            most = count.saturating_mul(size.copied().unwrap_or(0)).max(most);
        }
        Some(most)
    };
    values().is_none_or(|most| most <= bytes.len() as u64)
}
