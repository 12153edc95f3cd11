// eps [rows, LATENT] from N(0, 1): Philox words through the Box-Muller transform, four columns per
// invocation. The kernel's own file binds eps.

#import common/scalar
#import common/log1p
#import common/philox

override LATENT: u32;
override NOISE_STREAM: u32;

const QUARTER_TURN = 4194304u; // of 2^24

// Cosine and sine of 2*pi*turn / 2^24, to f32 accuracy on every driver (Vulkan guarantees only an
// absolute error of 2^-11): Taylor series on an eighth of a turn to either side of an axis.
fn cos_sin(turn: u32) -> vec2f {
    let quadrant = (turn + QUARTER_TURN / 2u) / QUARTER_TURN;
    let t = f32(i32(turn) - i32(quadrant * QUARTER_TURN)) * 3.7450703e-7; // 2*pi / 2^24
    let q = t * t;
    let s = t + t * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q / 362880.0)));
    let c = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q / 40320.0)));
    switch quadrant & 3u {
        case 0u: { return vec2f(c, s); }
        case 1u: { return vec2f(-s, c); }
        case 2u: { return vec2f(-c, -s); }
        default: { return vec2f(s, -c); }
    }
}

// sqrt(-2 ln u) * (cos, sin)(2*pi*v) with u in (0, 1], v in [0, 1), 24 bits each.
fn box_muller(first: u32, second: u32) -> vec2f {
    let u = f32((first >> 8u) + 1u) * 5.9604645e-8; // 2^-24
    return sqrt(-2.0 * log_accurate(u)) * cos_sin(second >> 8u);
}

// Draws the block of four columns with this index.
fn draw(i: u32) {
    let blocks = (LATENT + 3u) / 4u;
    let row = i / blocks;
    let block = i % blocks;
    if row >= arrayLength(&eps) / LATENT {
        return;
    }
    let random = words(NOISE_STREAM, args.first_row + row, block);
    let four = vec4f(box_muller(random.x, random.y), box_muller(random.z, random.w));
    for (var j = 0u; j < min(4u, LATENT - 4u * block); j++) {
        eps[row * LATENT + 4u * block + j] = four[j];
    }
}
