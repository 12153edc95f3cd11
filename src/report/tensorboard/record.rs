//! TFRecord, the framing of TensorFlow's files: bytes and their length have a checksum each.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C.
static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Encodes bytes as a TFRecord: their length in 64 bits, its checksum, the bytes, and their
/// checksum, little-endian. A checksum is the CRC-32C, rotated by 15 bits and increased by
/// 0xa282ead8, since the CRC of bytes that contain CRCs is of little use (`masked_crc32c` of
/// TensorFlow's `record_writer.h`).
pub fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let [length_checksum, checksum] =
        [&length, data].map(|bytes| masked(CRC.checksum(bytes)).to_le_bytes());
    [&length, &length_checksum[..], data, &checksum].concat()
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}
