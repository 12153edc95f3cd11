// Loads four numbers of a product's operand, from number i on, for any unit.

fn a_load(i: u32) -> vec4f {
    if UNIT == 4u {
        return vec4f(a_unit(i >> 2u));
    }
    return vec4f(total(a_unit(i)), total(a_unit(i + 1u)), total(a_unit(i + 2u)), total(a_unit(i + 3u)));
}

fn b_load(i: u32) -> vec4f {
    if UNIT == 4u {
        return vec4f(b_unit(i >> 2u));
    }
    return vec4f(total(b_unit(i)), total(b_unit(i + 1u)), total(b_unit(i + 2u)), total(b_unit(i + 3u)));
}
