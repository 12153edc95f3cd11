//! Finding what is not 0 in a matrix: in pictures little is, and of what comes out of a ReLU the
//! smaller part.

use super::outer::Left;
use super::transpose::transpose;
use super::{arch, vectorized};
use aligned_vec::{AVec, CACHELINE_ALIGN};
#[cfg(target_arch = "x86_64")]
use pulp::Arch;
use std::array::from_fn;
use std::ops::Range;

/// The share of numbers that are not 0 below which leaving the others out is faster: each costs a load
/// and an addition a vector, where a tile of eight rows loads a vector for eight additions. On an EPYC
/// a product of 200 by 64 by 784 took as long either way at 0.6 to 0.65.
const FEW: f64 = 0.6;

/// Numbers that are looked at at once.
const LANES: usize = 16;

/// The most terms of a block.
pub(super) const TERMS: usize = 7 * LANES;

/// Blocks of terms, about as long: so much of the other operand stays in the fastest cache while row
/// after row takes what it needs.
pub(super) fn blocks(terms: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let len = terms.div_ceil(terms.div_ceil(TERMS)).next_multiple_of(LANES);
    (0..terms.div_ceil(len)).map(move |block| block * len..terms.min((block + 1) * len))
}

/// A number and which term of its block it is, in one word: cores load fewer words than they add
/// products.
#[derive(Clone, Copy, Debug, Default, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(transparent)]
pub(super) struct Nonzero(u64);

impl Nonzero {
    #[inline(always)]
    fn new(term: u32, number: f32) -> Self {
        Self(u64::from(number.to_bits()) << 32 | u64::from(term))
    }

    /// Which term of its block it is.
    #[inline(always)]
    pub(super) fn term(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline(always)]
    pub(super) fn number(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }
}

/// What is not 0 of the rows of a product's left operand: of the first block of terms row by row, then
/// of the next block.
#[derive(Debug)]
pub(super) struct Nonzeros {
    all: AVec<Nonzero>,
    /// Where those of each row and block end.
    ends: Vec<usize>,
    /// The operand, if it is stored transposed, as it is meant.
    turned: AVec<f32>,
}

impl Default for Nonzeros {
    fn default() -> Self {
        let (all, turned) = (AVec::new(CACHELINE_ALIGN), AVec::new(CACHELINE_ALIGN));
        Self { all, ends: Vec::new(), turned }
    }
}

impl Nonzeros {
    /// Finds them.
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

    /// Where those of the so-manyth row are, of all blocks' rows.
    #[inline(always)]
    pub(super) fn span(&self, index: usize) -> Range<usize> {
        let begin = index.checked_sub(1).map_or(0, |previous| self.ends[previous]);
        begin..self.ends[index]
    }

    /// Those of a span.
    #[inline(always)]
    pub(super) fn of(&self, span: Range<usize>) -> &[Nonzero] {
        &self.all[span]
    }
}

/// Whether so much of a product's left operand is 0 that leaving that out is faster, by a sample.
pub(super) fn are_few(left: Left, rows: usize, terms: usize) -> bool {
    /// One row of so many is looked at.
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

/// 1 for a number that is not 0, NaN among them.
#[inline(always)]
fn is_nonzero(number: f32) -> u32 {
    u32::from(number.to_bits() << 1 != 0)
}

/// A way to keep what is not 0.
trait Keep {
    /// Puts those at the beginning, with anything in the [`LANES`] behind them; returns how many there
    /// are.
    fn keep(&self, numbers: &[f32], kept: &mut [Nonzero]) -> usize;
}

/// Every number is put down where the next one belongs, and stays there if it is not 0: without a
/// branch that no CPU could foresee.
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

/// By an instruction for it.
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
        /// Which of two times sixteen come side by side: the first of both, the second of both.
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
