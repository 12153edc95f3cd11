// The epilogue of a product whose columns do not need their partners.

#import common/product

fn finish(row: u32, column: u32, first: vec4f, second: vec4f) {
    if has_first(column) {
        block(row, column, first, vec4f());
    }
    if has_second(column) {
        block(row, column + args.second, second, vec4f());
    }
}
