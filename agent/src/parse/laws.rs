//! Laws for all inputs: no byte string panics a parser.

use std::hint::black_box;

use proptest::prelude::*;

use super::{address, cgroup, host, network};
use crate::counters::HostCpu;

/// Text that looks like the kernel's, and sometimes does not.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"usage_usec ".to_vec()),
        Just(b"8:0 Read ".to_vec()),
        Just(b"rbytes=".to_vec()),
        Just(b"some total=".to_vec()),
        Just(b"cpu  ".to_vec()),
        Just(b"Tcp: CurrEstab ".to_vec()),
        Just(b"TcpExt: ListenOverflows ListenDrops".to_vec()),
        Just(b"eth0:".to_vec()),
        Just(b"/dev/sda ".to_vec()),
        Just(b"18446744073709551615 ".to_vec()),
        Just(b"-1 ".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b":".to_vec()),
        Just(b"|-- 10.0.0.1\n /32 host LOCAL\n".to_vec()),
        any::<u32>().prop_map(|number| format!("{number} ").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn every_parser(text: &[u8]) {
    black_box(address::fib_trie(text));
    black_box(address::if_inet6(text));
    black_box(cgroup::single(text));
    black_box(cgroup::cpu_time_v2(text));
    black_box(cgroup::throttling(text));
    black_box(cgroup::cpu_limit_v2(text));
    black_box(cgroup::memory_stat(text));
    black_box(cgroup::oom_kills(text));
    black_box(cgroup::io_stat(text));
    black_box(cgroup::blkio(text));
    black_box(cgroup::pressure(text));
    black_box(cgroup::is_frozen(text));
    black_box(cgroup::first_process(text));
    black_box(network::dev(text, network::not_loopback));
    black_box(network::snmp(text));
    black_box(network::listen(text));
    let mut cpu = HostCpu::default();
    host::stat(text, &mut cpu);
    host::loadavg(text, &mut cpu);
    black_box(host::mhz(text));
    black_box(host::uptime(text));
    black_box(host::memory(text, text));
    black_box(host::disks(text));
    black_box(host::uuid(text));
    black_box(host::mac(text));
    black_box(host::disk_mounts(text));
}

proptest! {
    #[test]
    fn no_text_panics_a_parser(text in text()) {
        every_parser(&text);
    }

    #[test]
    fn no_bytes_panic_a_parser(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        every_parser(&bytes);
    }

    #[test]
    fn a_file_cut_anywhere_never_gives_more_than_the_whole(cut in 0_usize..200) {
        let whole = b"8:0 rbytes=10 wbytes=20 rios=1 wios=2\n254:0 rbytes=5 wbytes=7 rios=1 wios=3\n";
        let part = cgroup::io_stat(whole.get(..cut).unwrap_or(whole));
        let all = cgroup::io_stat(whole);
        prop_assert!(part.bytes_read <= all.bytes_read && part.writes <= all.writes);
    }
}
