//! Blocks of IPv4 addresses, as far as a template says them.

use template::{Kind, Node};

use super::model::{Stack, shown};

/// From the first address to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    first: u32,
    last: u32,
}

impl Block {
    /// `10.20.0.0/16`.
    fn read(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let first = u32::from(address);
        let size = u32::MAX.checked_shr(length).unwrap_or(0);
        Some(Self {
            first: first & !size,
            last: first | size,
        })
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The blocks of this many host bits in it: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html>.
    fn part(&self, index: u32, bits: u32) -> Option<Self> {
        let size = 1_u32.checked_shl(bits)?;
        let first = self.first.checked_add(size.checked_mul(index)?)?;
        let last = first.checked_add(size - 1)?;
        (last <= self.last).then_some(Self { first, last })
    }
}

/// What a CidrBlock comes to: a literal, or one of the parts of another resource's.
pub(crate) fn of(stack: &Stack<'_>, node: &Node) -> Option<Block> {
    match &node.kind {
        Kind::Call("Select", argument) => {
            let [index, parts] = argument.items() else {
                return None;
            };
            let Kind::Call("Cidr", cidr) = &parts.kind else {
                let listed = parts.items().get(shown(index).parse::<usize>().ok()?)?;
                return of(stack, listed);
            };
            let [whole, _, bits] = cidr.items() else {
                return None;
            };
            let whole = of(stack, whole)?;
            whole.part(shown(index).parse().ok()?, shown(bits).parse().ok()?)
        }
        Kind::Call("GetAtt", _) => {
            let text = shown(node);
            let id = text.strip_prefix("${")?.strip_suffix(".CidrBlock}")?;
            of(stack, stack.resource(id)?.get("CidrBlock")?)
        }
        _ => Block::read(&shown(node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_overlap_or_do_not() {
        for (one, other, overlap) in [
            ("10.20.0.0/24", "10.20.1.0/24", false),
            ("10.20.0.0/16", "10.20.1.0/24", true),
            ("10.20.1.0/24", "10.20.1.0/24", true),
            ("0.0.0.0/0", "10.0.0.0/8", true),
            ("10.20.0.255/32", "10.20.1.0/24", false),
        ] {
            let block = |text| Block::read(text).unwrap();
            assert_eq!(block(one).overlaps(&block(other)), overlap, "{one} {other}");
        }
        assert_eq!(Block::read("10.20.0.0"), None);
        let whole = Block::read("10.20.0.0/16").unwrap();
        assert_eq!(whole.part(1, 8), Block::read("10.20.1.0/24"));
        assert_eq!(whole.part(256, 8), None);
    }
}
