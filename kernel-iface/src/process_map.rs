//! What is mapped in this process now, to plan around it.

use crate::AddressRange;

/// The mapped ranges of this process, ascending. Empty when the system does not tell, in which
/// case a reservation that collides is refused by the system itself.
pub fn occupied() -> Vec<AddressRange> {
    std::fs::read_to_string("/proc/self/maps").map_or_else(|_| Vec::new(), |text| parse(&text))
}

fn parse(text: &str) -> Vec<AddressRange> {
    let range = |line: &str| {
        let (start, rest) = line.split_once('-')?;
        let (end, _) = rest.split_once(' ')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        Some(AddressRange::new(start, end))
    };
    text.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_map_become_ranges() {
        let text = "00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x\n\
                    7ffd1000-7ffd3000 rw-p 00000000 00:00 0 [stack]\n\
                    garbage\n";
        let wanted = [
            AddressRange::new(0x40_0000, 0x45_2000),
            AddressRange::new(0x7ffd_1000, 0x7ffd_3000),
        ];
        assert_eq!(parse(text), wanted);
    }

    #[test]
    fn our_own_stack_is_occupied() {
        let local = 0_u8;
        let address = crate::Address::from(&raw const local);
        assert!(occupied()
            .iter()
            .any(|range| range.contains_address(address)));
    }
}
