// Counts of numbers in BINS ranges of WIDTH, by one invocation.

override BINS: u32 = 16;
override WIDTH: u32 = 16;

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read_write> bins: array<u32>;

@compute @workgroup_size(1)
fn main() {
    for (var i = 0u; i < arrayLength(&numbers); i++) {
        bins[min(numbers[i] / WIDTH, BINS - 1u)] += 1u;
    }
}
