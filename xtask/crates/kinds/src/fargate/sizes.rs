//! The pairs of CPU and memory that Fargate sells.
//! https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html

use crate::{Size, SizeProblem};

/// The memory that is sold with a number of CPU units, in MiB: from, to, in steps of.
pub fn memory(cpu_units: u32) -> Option<(u32, u32, u32)> {
    Some(match cpu_units {
        256 => (512, 2_048, 512),
        512 => (1_024, 4_096, 1_024),
        1_024 => (2_048, 8_192, 1_024),
        2_048 => (4_096, 16_384, 1_024),
        4_096 => (8_192, 30_720, 1_024),
        8_192 => (16_384, 61_440, 4_096),
        16_384 => (32_768, 122_880, 8_192),
        _ => return None,
    })
}

/// True for a pair that is sold.
pub fn sells(cpu_units: u32, memory_mib: u32) -> bool {
    memory(cpu_units).is_some_and(|(low, high, step)| {
        let fits = (low..=high).contains(&memory_mib) && memory_mib.is_multiple_of(step);
        // The smallest size has no step between one and two GB.
        fits && !(cpu_units == 256 && memory_mib == 1_536)
    })
}

pub(crate) fn problems(size: &Size) -> Vec<SizeProblem> {
    let problem = match memory(size.cpu_units) {
        None => SizeProblem {
            key: "cpu_units",
            text: format!("cpu_units is {}", size.cpu_units),
            fix: "Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384".to_owned(),
        },
        Some((low, high, step)) if !sells(size.cpu_units, size.memory_mib) => SizeProblem {
            key: "memory_mib",
            text: format!(
                "memory_mib is {}, and Fargate does not sell that with {} CPU units",
                size.memory_mib, size.cpu_units
            ),
            fix: format!("choose {low} to {high}, in steps of {step}"),
        },
        Some(_) => return Vec::new(),
    };
    vec![problem]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sold_is_told_from_what_is_not() {
        assert!(sells(256, 512) && sells(1_024, 3_072));
        assert!(!sells(256, 1_536) && !sells(256, 4_096) && !sells(300, 512));
    }
}
