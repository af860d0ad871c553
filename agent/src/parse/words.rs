//! Lines, words and numbers of the kernel's text files.

/// The lines of a text.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// A decimal number.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.trim().parse().ok()
}

/// The number after `key` on a line of its own.
pub(super) fn value(text: &[u8], key: &[u8]) -> Option<u64> {
    lines(text).find_map(|line| {
        let mut words = words(line);
        (words.next()? == key).then(|| number(words.next()?))?
    })
}

/// The number after `key=` in a line.
pub(super) fn pair(line: &[u8], key: &[u8]) -> Option<u64> {
    words(line).find_map(|word| number(word.strip_prefix(key)?.strip_prefix(b"=")?))
}
