// Updates log [LOG_ROWS, COLUMNS]: the sum of all elements of term goes to the step's row of
// COLUMN. One workgroup.

#import common/arguments
#import common/reduce

override LOG_ROWS: u32;
override COLUMNS: u32;
override COLUMN: u32;

@group(0) @binding(0) var<storage, read_write> term: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss_log: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn loss_sum(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < arrayLength(&term); i += WORKGROUP) {
        sum += term[i];
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        loss_log[(args.index % LOG_ROWS) * COLUMNS + COLUMN] = total;
    }
}
