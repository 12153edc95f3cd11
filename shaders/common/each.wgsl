// For kernels whose columns do not need their partners: passes each unit of the sums to finish_one.

#import common/product

fn finish(row: u32, column: u32, first: vec4f, second: vec4f) {
    for (var i = 0u; i < 4u / UNIT; i++) {
        let at = column + i * UNIT;
        if has_first(at) {
            finish_one(row, at, part(first, i));
        }
        if has_second(at) {
            finish_one(row, at + args.second, part(second, i));
        }
    }
}
