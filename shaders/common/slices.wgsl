// The first of two passes computes the slices of all tiles: the first slice of every tile, then the
// next.

#import common/arguments
#import common/slicing

fn first_slice(group: u32) -> u32 {
    return group % args.groups;
}

fn slice_begin(group: u32) -> u32 {
    return group / args.groups * args.slice;
}

fn put(group: u32, row: u32, column: u32, first: vec4f, second: vec4f) {
    let at = slice_at(group, row, column);
    slices[at] = first;
    slices[at + 1u] = second;
}
