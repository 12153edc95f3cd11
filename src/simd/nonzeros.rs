//! Finds the nonzero elements of a matrix: a small share of pictures, and less than half of a
//! ReLU's outputs.

use super::outer::Left;
use super::transpose::transpose;
use super::{arch, vectorized};
use aligned_vec::{AVec, CACHELINE_ALIGN};
#[cfg(target_arch = "x86_64")]
use pulp::Arch;
use std::array::from_fn;
use std::ops::Range;

/// The share of nonzeros below which skipping zeros is faster: each nonzero costs a load and an
/// addition per vector, while a tile of eight rows loads a vector for eight additions. On an EPYC
/// both ways took equally long for a product of 200 by 64 by 784 at 0.6 to 0.65.
const FEW: f64 = 0.6;

/// Numbers that are examined at once.
const LANES: usize = 16;

/// The maximum number of terms in a block.
pub(super) const TERMS: usize = 7 * LANES;

/// Splits terms into blocks of about equal length: the rows of the other operand for one block stay
/// in the fastest cache while row after row uses them.
pub(super) fn blocks(terms: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let len = terms.div_ceil(terms.div_ceil(TERMS)).next_multiple_of(LANES);
    (0..terms.div_ceil(len)).map(move |block| block * len..terms.min((block + 1) * len))
}

/// A number and the index of its term in the block, in one word: cores load fewer words per cycle
/// than they add products.
#[derive(Clone, Copy, Debug, Default, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(transparent)]
pub(super) struct Nonzero(u64);

impl Nonzero {
    #[inline(always)]
    fn new(term: u32, number: f32) -> Self {
        Self(u64::from(number.to_bits()) << 32 | u64::from(term))
    }

    /// The index of its term in the block.
    #[inline(always)]
    pub(super) fn term(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline(always)]
    pub(super) fn number(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }
}

/// The nonzeros of the rows of a product's left operand: those of the first block of terms row by
/// row, then those of the next block.
#[derive(Debug)]
pub(super) struct Nonzeros {
    all: AVec<Nonzero>,
    /// End of each block's rows in `all`.
    ends: Vec<usize>,
    /// The operand in row order, if it is stored transposed.
    turned: AVec<f32>,
}

impl Default for Nonzeros {
    fn default() -> Self {
        let (all, turned) = (AVec::new(CACHELINE_ALIGN), AVec::new(CACHELINE_ALIGN));
        Self { all, ends: Vec::new(), turned }
    }
}

impl Nonzeros {
    /// Finds the nonzeros of `left`.
    pub(super) fn find(&mut self, left: Left, rows: usize, terms: usize) {
        let most = rows * terms + LANES;
        self.all.resize(most.max(self.all.len()), Nonzero::default());
        self.turned.resize(most.max(self.turned.len()), 0.0);
        match arch() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(simd) => simd.vectorize(
                #[inline(always)]
                || self.keep_all(left, rows, terms, Compress(simd)),
            ),
            _ => vectorized(
                #[inline(always)]
                || self.keep_all(left, rows, terms, OneByOne),
            ),
        }
    }

    #[inline(always)]
    fn keep_all(&mut self, left: Left, rows: usize, terms: usize, keep: impl Keep) {
        let values = match left {
            Left::Rows(values) => values,
            Left::Columns { values, pitch, first } => {
                transpose(values, pitch, first..first + rows, &mut self.turned);
                &self.turned
            }
        };
        self.ends.clear();
        let mut end = 0;
        for block in blocks(terms) {
            for row in values.chunks_exact(terms).take(rows) {
                end += keep.keep(&row[block.clone()], &mut self.all[end..]);
                self.ends.push(end);
            }
        }
    }

    /// Range of row `index` in `all`, counting rows block by block.
    #[inline(always)]
    pub(super) fn span(&self, index: usize) -> Range<usize> {
        let begin = index.checked_sub(1).map_or(0, |previous| self.ends[previous]);
        begin..self.ends[index]
    }

    /// The nonzeros in a range.
    #[inline(always)]
    pub(super) fn of(&self, span: Range<usize>) -> &[Nonzero] {
        &self.all[span]
    }
}

/// Whether a product's left operand has so few nonzeros that skipping zeros is faster, estimated
/// from a sample.
pub(super) fn are_few(left: Left, rows: usize, terms: usize) -> bool {
    /// One row in `SAMPLE` is examined.
    const SAMPLE: usize = 4;
    let (values, pitch, used) = match left {
        Left::Rows(values) => (values, terms, 0..terms),
        Left::Columns { values, pitch, first } => (values, pitch, first..first + rows),
    };
    vectorized(
        #[inline(always)]
        || {
            let mut counts = [0; LANES];
            let mut seen = 0;
            for row in values.chunks(SAMPLE * pitch) {
                let row = &row[used.clone()];
                for chunk in row.chunks(LANES) {
                    for (count, &number) in counts.iter_mut().zip(chunk) {
                        *count += is_nonzero(number);
                    }
                }
                seen += row.len();
            }
            f64::from(counts.iter().sum::<u32>()) < FEW * seen as f64
        },
    )
}

/// Returns 1 for a number that is not 0, NaN included.
#[inline(always)]
fn is_nonzero(number: f32) -> u32 {
    u32::from(number.to_bits() << 1 != 0)
}

/// An algorithm that filters nonzeros.
trait Keep {
    /// Writes the nonzeros to the beginning of `kept`, with unspecified values in the next
    /// [`LANES`]; returns the number of nonzeros.
    fn keep(&self, numbers: &[f32], kept: &mut [Nonzero]) -> usize;
}

/// Writes every number at the next free place, and advances that if the number is not 0: this
/// avoids an unpredictable branch.
struct OneByOne;

impl Keep for OneByOne {
    #[inline(always)]
    fn keep(&self, numbers: &[f32], kept: &mut [Nonzero]) -> usize {
        let mut end = 0;
        for (term, &number) in (0..).zip(numbers) {
            kept[end] = Nonzero::new(term, number);
            end += is_nonzero(number) as usize;
        }
        end
    }
}

/// Uses the compress instruction of AVX-512.
#[cfg(target_arch = "x86_64")]
struct Compress(pulp::x86::V4);

#[cfg(target_arch = "x86_64")]
impl Keep for Compress {
    #[inline(always)]
    fn keep(&self, numbers: &[f32], kept: &mut [Nonzero]) -> usize {
        let (chunks, rest) = numbers.as_chunks::<LANES>();
        let mut places: [u32; LANES] = from_fn(|lane| lane as u32);
        let mut end = 0;
        for chunk in chunks {
            end += self.sixteen(*chunk, places, &mut kept[end..]);
            for place in &mut places {
                *place += LANES as u32;
            }
        }
        if !rest.is_empty() {
            let mut chunk = [0.0; LANES];
            chunk[..rest.len()].copy_from_slice(rest);
            end += self.sixteen(chunk, places, &mut kept[end..]);
        }
        end
    }
}

#[cfg(target_arch = "x86_64")]
impl Compress {
    #[inline(always)]
    fn sixteen(&self, numbers: [f32; LANES], places: [u32; LANES], kept: &mut [Nonzero]) -> usize {
        /// Interleaves two vectors of sixteen: indices of the first half of both, then of the
        /// second half.
        const PAIRS: [[u32; LANES]; 2] = {
            let mut pairs = [[0; LANES]; 2];
            let mut index = 0;
            while index < 2 * LANES {
                pairs[index / LANES][index % LANES] = (index / 2 + index % 2 * LANES) as u32;
                index += 1;
            }
            pairs
        };
        use pulp::cast;
        let avx512 = self.0.avx512f;
        let all_but_the_sign = avx512._mm512_set1_epi32(i32::MAX);
        let nonzero = avx512._mm512_test_epi32_mask(cast(numbers), all_but_the_sign);
        let places = avx512._mm512_maskz_compress_epi32(nonzero, cast(places));
        let numbers = avx512._mm512_maskz_compress_epi32(nonzero, cast(numbers));
        for (kept, pairs) in kept[..LANES].as_chunks_mut::<{ LANES / 2 }>().0.iter_mut().zip(PAIRS)
        {
            let pairs = avx512._mm512_permutex2var_epi32(places, cast(pairs), numbers);
            *kept = cast(pairs);
        }
        nonzero.count_ones() as usize
    }
}
