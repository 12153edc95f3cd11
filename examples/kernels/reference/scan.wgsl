// Inclusive sums of each block of SIZE numbers, by one invocation.

override SIZE: u32 = 128;

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(1)
fn main() {
    var sum = 0u;
    for (var i = 0u; i < arrayLength(&numbers); i++) {
        sum = select(sum, 0u, i % SIZE == 0u) + numbers[i];
        sums[i] = sum;
    }
}
