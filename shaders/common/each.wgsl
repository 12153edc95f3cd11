// For kernels whose columns do not need their partners: hands each sum to finish_one.

fn finish(row: u32, column: u32, first: vec4f, second: vec4f) {
    for (var j = 0u; j < 4u; j++) {
        if has_first(column + j) {
            finish_one(row, column + j, first[j]);
        }
        if has_second(column + j) {
            finish_one(row, column + j + SECOND, second[j]);
        }
    }
}
