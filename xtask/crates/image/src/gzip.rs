//! Deflate with one encoder at one level, so that the same bytes have the same digest on every machine.
//!
//! The encoder is named here and not behind `flate2`, where any crate of the build could switch it for another.

use std::thread;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::decompress_to_vec;

/// Level 4 takes a third of the time of level 6 for 3 % more bytes (measured on an 8 MB program).
const LEVEL: i32 = 4;
/// Parts are packed at the same time. Their size is fixed: the bytes must not depend on how many processors there are.
const PART_BYTES: usize = 1 << 20;

/// A deflate stream without a header.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = bytes.chunks(PART_BYTES).collect();
    // No bytes at all still have an end.
    let last = parts.len().saturating_sub(1);
    let pack = |index: usize| part(parts.get(index).unwrap_or(&&[][..]), index == last);
    let lanes = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(last + 1);
    if lanes == 1 {
        return (0..=last).map(pack).collect::<Vec<_>>().concat();
    }
    let mut packed: Vec<Vec<u8>> = vec![Vec::new(); last + 1];
    thread::scope(|scope| {
        let pack = &pack;
        let lane =
            |first: usize| scope.spawn(move || (first..=last).step_by(lanes).map(pack).collect());
        let workers: Vec<thread::ScopedJoinHandle<'_, Vec<Vec<u8>>>> =
            (0..lanes).map(lane).collect();
        for (first, worker) in workers.into_iter().enumerate() {
            let parts = worker.join().expect("packing has nothing to panic about");
            for (index, part) in (first..=last).step_by(lanes).zip(parts) {
                packed[index] = part;
            }
        }
    });
    packed.concat()
}

/// One part of a stream, which ends at a whole byte and looks back to no part before it.
fn part(mut bytes: &[u8], is_last: bool) -> Vec<u8> {
    let mut encoder = CompressorOxide::new(create_comp_flags_from_zip_params(LEVEL, 0, 0));
    let flush = if is_last {
        TDEFLFlush::Finish
    } else {
        TDEFLFlush::Sync
    };
    let mut packed = vec![0; bytes.len() + 1_024];
    let mut length = 0;
    loop {
        let (status, taken, written) = compress(&mut encoder, bytes, &mut packed[length..], flush);
        bytes = &bytes[taken..];
        length += written;
        let full = length == packed.len();
        let done = status == TDEFLStatus::Done || (!is_last && bytes.is_empty() && !full);
        if done {
            packed.truncate(length);
            return packed;
        }
        packed.resize(packed.len() * 2, 0);
    }
}

/// A gzip file: no name, no time, unknown system.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let body = deflate(bytes);
    let mut file = Vec::with_capacity(body.len() + 18);
    file.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    file.extend_from_slice(&body);
    file.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    // The length is kept modulo 2^32.
    file.extend_from_slice(&(bytes.len() as u64 as u32).to_le_bytes());
    file
}

/// What is in a gzip file of one member; none when it is damaged.
pub(crate) fn gunzip(file: &[u8]) -> Option<Vec<u8>> {
    let flags = *file.get(3)?;
    let mut rest = file.get(10..)?;
    if flags & 4 != 0 {
        let length = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        rest = rest.get(2 + length..)?;
    }
    // A name and a comment end in a zero byte.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    decompress_to_vec(rest).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8]) {
        let packed = gzip(bytes);
        assert_eq!(packed, gzip(bytes));
        let mut found = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut found)
            .unwrap();
        assert!(found == bytes, "{} bytes came back", found.len());
        assert!(gunzip(&packed).unwrap() == bytes);
    }

    #[test]
    fn a_name_in_the_header_is_passed_over() {
        let mut encoder = flate2::GzBuilder::new()
            .filename("layer.tar")
            .comment("none")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, b"turnpike").unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(gunzip(&packed).unwrap(), b"turnpike");
        for length in 0..packed.len() - 8 {
            assert_ne!(
                gunzip(&packed[..length]).as_deref(),
                Some(b"turnpike".as_slice())
            );
        }
    }

    #[test]
    fn another_decoder_reads_it() {
        check(b"");
        check(b"a");
        check("turnpike ".repeat(500_000).as_bytes());
        // Bytes that cannot be packed, around the ends of parts.
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(3 * PART_BYTES + 1)
        .collect();
        for length in [
            1,
            1_023,
            1_024,
            1_025,
            PART_BYTES - 1,
            PART_BYTES,
            PART_BYTES + 1,
            noise.len(),
        ] {
            check(&noise[..length]);
        }
    }
}
