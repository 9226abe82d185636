//! Looks at the bytes of a program before they go anywhere: the right processor, nothing missing at run time, not too big.
//!
//! Five fields of a file: the crate `object` would be 1.8 s of CPU more in the first build of the tool, which never looks at one.

const MACHINE_X86_64: u16 = 62;
const MACHINE_AARCH64: u16 = 183;
const SEGMENT_DYNAMIC: u32 = 2;
const SEGMENT_INTERPRETER: u32 = 3;
const DYNAMIC_END: u64 = 0;
const DYNAMIC_NEEDED: u64 = 1;

const FIX: &str =
    "build it with `cargo xtask build`, which compiles for aarch64-unknown-linux-musl";

/// Checks that a program is a static 64-bit Arm program of at most `bytes_max` bytes.
///
/// # Errors
/// One sentence that names the service, what is wrong and the fix.
pub fn check_program(service: &str, program: &[u8], bytes_max: u64) -> Result<(), String> {
    let file = Elf(program);
    let header = file.header().ok_or_else(|| {
        let first = program.iter().take(4);
        let shown: String = first.map(|byte| byte.escape_ascii().to_string()).collect();
        format!("{service}: this is no 64-bit Linux program (it begins with `{shown}`); {FIX}")
    })?;
    if let Some(machine) = foreign_machine(&header) {
        return Err(format!(
            "{service}: the program is for {machine}, and it will run on 64-bit Arm; {FIX}"
        ));
    }
    let broken = || format!("{service}: the program is cut off; remove it from target/ and {FIX}");
    let needs = file.needs(&header).ok_or_else(broken)?;
    if let Some(needs) = needs {
        return Err(format!(
            "{service}: the program {needs}, which an image from scratch does not have; {FIX}"
        ));
    }
    if program.len() as u64 > bytes_max {
        return Err(format!(
            "{service}: the program has {} MB, more than its budget of {} MB; look for a new dependency with `cargo tree -p {service}`, or raise the budget",
            megabytes(program.len() as u64),
            megabytes(bytes_max)
        ));
    }
    Ok(())
}

/// Checks the processor alone, of a program that need not be static: in an image with a base. What is not a program of Linux is
/// a script, and passes.
pub(crate) fn check_processor(name: &str, start: &[u8]) -> Result<(), String> {
    let foreign = Elf(start)
        .header()
        .and_then(|header| foreign_machine(&header));
    foreign.map_or(Ok(()), |machine| {
        Err(format!(
            "{name} is for {machine}, and it will run on 64-bit Arm; build it for linux/arm64"
        ))
    })
}

/// The processors that a program is for, if they are not the cloud's.
fn foreign_machine(header: &Header) -> Option<String> {
    match header.machine {
        MACHINE_AARCH64 => None,
        MACHINE_X86_64 => Some("64-bit Intel and AMD processors".to_owned()),
        other => Some(format!("processors of type {other}")),
    }
}

/// With one decimal, rounded up, so that what is too big never looks as if it fitted.
pub(crate) fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{}", tenths / 10, tenths % 10)
}

struct Elf<'a>(&'a [u8]);

struct Header {
    machine: u16,
    /// Where the table of segments begins, how long one line of it is, and how many there are.
    segments: (u64, u16, u16),
}

impl Elf<'_> {
    fn header(&self) -> Option<Header> {
        // Magic number, 64 bits, little endian.
        if !self.0.starts_with(b"\x7fELF\x02\x01") || self.0.len() < 64 {
            return None;
        }
        Some(Header {
            machine: self.half(18)?,
            segments: (self.long(32)?, self.half(54)?, self.half(56)?),
        })
    }

    /// What the program needs at run time, in words. The outer none: the file is cut off.
    fn needs(&self, header: &Header) -> Option<Option<&'static str>> {
        let (start, length, count) = header.segments;
        let mut found = None;
        for index in 0..u64::from(count) {
            let segment = start.checked_add(index.checked_mul(length.into())?)?;
            match self.word(segment)? {
                SEGMENT_INTERPRETER => return Some(Some("needs a dynamic loader")),
                SEGMENT_DYNAMIC => {
                    let offset = self.long(segment.checked_add(8)?)?;
                    let bytes = self.long(segment.checked_add(32)?)?;
                    if self.has_needed(offset, bytes)? {
                        found = Some("needs shared libraries");
                    }
                }
                _ => {}
            }
        }
        Some(found)
    }

    /// A static program that can be loaded anywhere has a dynamic section too, but names no library in it.
    fn has_needed(&self, offset: u64, bytes: u64) -> Option<bool> {
        for index in 0..bytes / 16 {
            match self.long(offset.checked_add(index.checked_mul(16)?)?)? {
                DYNAMIC_END => return Some(false),
                DYNAMIC_NEEDED => return Some(true),
                _ => {}
            }
        }
        Some(false)
    }

    fn half(&self, at: u64) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn word(&self, at: u64) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn long(&self, at: u64) -> Option<u64> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    fn bytes<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let start = usize::try_from(at).ok()?;
        self.0.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// A program with the given segments; a dynamic one holds the given tags.
    fn program(machine: u16, segments: &[u32], tags: &[u64]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64u64.to_le_bytes());
        file[54..56].copy_from_slice(&56u16.to_le_bytes());
        file[56..58].copy_from_slice(&(segments.len() as u16).to_le_bytes());
        let tags_start = 64 + 56 * segments.len() as u64;
        for kind in segments {
            let mut segment = vec![0; 56];
            segment[..4].copy_from_slice(&kind.to_le_bytes());
            segment[8..16].copy_from_slice(&tags_start.to_le_bytes());
            segment[32..40].copy_from_slice(&(16 * tags.len() as u64).to_le_bytes());
            file.extend(segment);
        }
        for tag in tags {
            file.extend(tag.to_le_bytes());
            file.extend([0; 8]);
        }
        file
    }

    #[track_caller]
    fn check(program: &[u8], bytes_max: u64, expected: Expect) {
        let found = check_program("agent", program, bytes_max);
        expected.assert_eq(&found.map_or_else(|problem| problem, |()| "fine".to_owned()));
    }

    #[test]
    fn a_static_arm_program_passes() {
        check(&program(183, &[1, 1], &[]), 1_000, expect!["fine"]);
        // Position independent, without a library.
        check(&program(183, &[1, 2], &[5, 0, 1]), 1_000, expect!["fine"]);
    }

    #[test]
    fn everything_else_is_named_with_its_fix() {
        check(
            b"#!/bin/sh\n",
            1_000,
            expect![
                "agent: this is no 64-bit Linux program (it begins with `#!/b`); build it with `cargo xtask build`, which compiles for aarch64-unknown-linux-musl"
            ],
        );
        check(
            &program(62, &[1], &[]),
            1_000,
            expect![
                "agent: the program is for 64-bit Intel and AMD processors, and it will run on 64-bit Arm; build it with `cargo xtask build`, which compiles for aarch64-unknown-linux-musl"
            ],
        );
        check(
            &program(183, &[1, 3], &[]),
            1_000,
            expect![
                "agent: the program needs a dynamic loader, which an image from scratch does not have; build it with `cargo xtask build`, which compiles for aarch64-unknown-linux-musl"
            ],
        );
        check(
            &program(183, &[2], &[5, 1, 0]),
            1_000,
            expect![
                "agent: the program needs shared libraries, which an image from scratch does not have; build it with `cargo xtask build`, which compiles for aarch64-unknown-linux-musl"
            ],
        );
        check(
            &program(183, &[1; 30], &[])[..100],
            1_000,
            expect![
                "agent: the program is cut off; remove it from target/ and build it with `cargo xtask build`, which compiles for aarch64-unknown-linux-musl"
            ],
        );
        check(
            &[program(183, &[1], &[]), vec![0; 12_000_000]].concat(),
            12_000_000,
            expect![
                "agent: the program has 12.1 MB, more than its budget of 12.0 MB; look for a new dependency with `cargo tree -p agent`, or raise the budget"
            ],
        );
    }

    proptest! {
        #![proptest_config(crate::executions(256))]

        #[test]
        fn damaged_programs_are_answered(
            segments in prop::collection::vec(0u32..5, 0..6),
            damage in prop::collection::vec((0usize..400, any::<u8>()), 0..20),
            length in 0usize..600
        ) {
            let mut file = program(183, &segments, &[1, 5, 0]);
            for (at, byte) in damage {
                if let Some(place) = file.get_mut(at) {
                    *place = byte;
                }
            }
            file.truncate(length);
            drop(check_program("agent", &file, 1_000));
        }
    }
}
