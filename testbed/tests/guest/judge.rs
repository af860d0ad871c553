//! `ipvsadm`, which knows the kernel's table better than we do.

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
