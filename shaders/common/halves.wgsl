// The epilogue of a product whose columns have their partners half a row further right.

#import common/product

fn finish(row: u32, column: u32, first: vec4f, second: vec4f) {
    if has_first(column) {
        block(row, column, first, second);
    }
}
