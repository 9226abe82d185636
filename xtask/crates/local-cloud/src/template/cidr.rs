//! `Fn::Cidr`: cuts an IPv4 block into smaller ones.

use std::net::Ipv4Addr;

/// `count` blocks of `2^host_bits` addresses each, from the start of `block`.
pub(super) fn split(block: &str, count: u32, host_bits: u32) -> Result<Vec<String>, String> {
    let wrong = || format!("`{block}` is not an IPv4 block such as 10.0.0.0/16");
    let (address, prefix) = block.split_once('/').ok_or_else(wrong)?;
    let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
    let prefix: u32 = prefix
        .parse()
        .ok()
        .filter(|prefix| *prefix <= 32)
        .ok_or_else(wrong)?;
    let room_bits = 32 - prefix;
    if host_bits > room_bits || u64::from(count) > 1u64 << (room_bits - host_bits.min(room_bits)) {
        return Err(format!(
            "{block} has no room for {count} blocks of {host_bits} bits"
        ));
    }
    let base = u64::from(u32::from(address)) >> room_bits << room_bits;
    (0..u64::from(count))
        .map(|index| {
            let start = u32::try_from(base + (index << host_bits)).map_err(|_| wrong())?;
            Ok(format!("{}/{}", Ipv4Addr::from(start), 32 - host_bits))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn blocks_follow_each_other_and_stay_inside() {
        assert_eq!(
            split("10.20.0.0/16", 3, 8).unwrap(),
            ["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/24"]
        );
        assert_eq!(
            split("10.0.0.0/24", 2, 7).unwrap(),
            ["10.0.0.0/25", "10.0.0.128/25"]
        );
        for (block, count, bits) in [
            ("10.0.0.0/24", 3, 7),
            ("10.0.0.0/24", 1, 9),
            ("10.0.0.0", 1, 1),
            ("x/8", 1, 1),
            ("10.0.0.0/33", 1, 1),
        ] {
            assert!(split(block, count, bits).is_err(), "{block} {count} {bits}");
        }
    }
}
