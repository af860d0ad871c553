//! `ipvsadm`, which knows the kernel's table better than we do.

use std::{collections::BTreeMap, net::SocketAddr};

use ipvs::{
    Ipvs, NetNs,
    codec::{Destination, ServiceKey},
};
use testbed::guest::run;

/// Runs `ipvsadm` in a namespace with these words.
pub(crate) fn ipvsadm(namespace: &str, words: &str) -> String {
    let words: Vec<&str> = ["ipvsadm"]
        .into_iter()
        .chain(words.split_whitespace())
        .collect();
    run(namespace, &words).unwrap()
}

/// The table as commands that would make it, sorted.
pub(crate) fn table(namespace: &str) -> Vec<String> {
    let mut lines: Vec<_> = ipvsadm(namespace, "-Sn")
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.sort();
    lines
}

/// The same as [`destinations`] by our own codec: much cheaper to ask again and again.
pub(crate) fn weights(namespace: &str, service: SocketAddr) -> BTreeMap<SocketAddr, u32> {
    let namespace = NetNs::named(namespace).unwrap();
    let mut ipvs = Ipvs::open_in(&namespace).unwrap();
    let listed = ipvs.destinations(&ServiceKey::tcp(service)).unwrap();
    let weight = |listed: Destination| {
        (
            (listed.key.address, listed.key.port).into(),
            listed.config.weight,
        )
    };
    listed.into_iter().map(weight).collect()
}

/// The destinations of a TCP service, by address, with their weights.
pub(crate) fn destinations(namespace: &str, service: SocketAddr) -> BTreeMap<SocketAddr, u32> {
    let start = format!("-a -t {service} -r ");
    let lines = table(namespace);
    let ours = lines.iter().filter_map(|line| line.strip_prefix(&start));
    ours.map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let weight = words.iter().position(|word| *word == "-w").unwrap();
        (
            words[0].parse().unwrap(),
            words[weight + 1].parse().unwrap(),
        )
    })
    .collect()
}
