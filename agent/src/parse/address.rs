//! Addresses of one network namespace, as its files in `/proc/PID/net` show them.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::words::{lines, words};

/// Most addresses taken of one namespace.
const MAX: usize = 256;

/// `fib_trie`: local IPv4 addresses, without loopback. Each is a leaf (`|-- ADDRESS`) with a line that ends in `host LOCAL`.
#[must_use]
pub fn fib_trie(text: &[u8]) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut leaf = None;
    for line in lines(text) {
        let mut line_words = words(line);
        let Some(first) = line_words.next() else {
            continue;
        };
        if first == b"|--" {
            leaf = line_words.next().and_then(ipv4);
        } else if line.ends_with(b"host LOCAL")
            && let Some(address) = leaf
            && !address.is_loopback()
            && !found.contains(&address)
            && found.len() < MAX
        {
            found.push(address);
        }
    }
    found
}

fn ipv4(word: &[u8]) -> Option<Ipv4Addr> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// `if_inet6`: IPv6 addresses, without loopback and those of one link only, which are not unique on a host.
#[must_use]
pub fn if_inet6(text: &[u8]) -> Vec<Ipv6Addr> {
    let addresses = lines(text).filter_map(|line| {
        let digits = std::str::from_utf8(words(line).next()?).ok()?;
        if digits.len() != 32 {
            return None;
        }
        let address = Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?);
        (!address.is_loopback() && !address.is_unicast_link_local()).then_some(address)
    });
    addresses.take(MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_container() {
        let text = b"Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 172.17.0.0/16 2 0 2
           |-- 172.17.0.0
              /16 link UNICAST
           |-- 172.17.0.2
              /32 host LOCAL
           |-- 172.17.255.255
              /32 link BROADCAST
Local:
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
           |-- 172.17.0.2
              /32 host LOCAL
           |-- 10.0.1.7
              /32 host LOCAL
";
        let expected: [Ipv4Addr; 2] = [[172, 17, 0, 2].into(), [10, 0, 1, 7].into()];
        assert_eq!(fib_trie(text), expected);
        let six = b"00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000005 02 40 00 80     eth0
fe800000000000000042acfffe110002 02 40 20 80     eth0
short 02\n";
        assert_eq!(if_inet6(six), ["fd00::5".parse::<Ipv6Addr>().unwrap()]);
        assert!(fib_trie(b"").is_empty() && if_inet6(b"\n").is_empty());
    }
}
