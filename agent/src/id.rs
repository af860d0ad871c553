//! The identity of a container.

use std::fmt;

/// A container's ID: 64 hexadecimal digits in the Engine API and in the names of cgroups.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId([u8; 32]);

impl ContainerId {
    /// Digits of an ID.
    pub const DIGITS: usize = 64;

    /// Reads an ID; `None` unless it is 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != Self::DIGITS {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// Finds the ID in the name of a cgroup: the name itself with Docker's cgroupfs driver, `docker-ID.scope` with its
    /// systemd driver, and the same with another engine's prefix. A helper's cgroup, such as `libpod-conmon-ID.scope`, has none.
    #[must_use]
    pub fn of_cgroup(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".scope").unwrap_or(name);
        let id = match name.rsplit_once('-') {
            Some((prefix, id)) if !prefix.contains("conmon") => id,
            Some(_) => return None,
            None => name,
        };
        Self::parse(id)
    }

    /// The UUID of the container in sFlow, as hsflowd makes it: the first 16 bytes of the ID.
    #[must_use]
    pub const fn uuid(&self) -> [u8; 16] {
        let mut uuid = [0; 16];
        let (first, _) = self.0.split_at(16);
        uuid.copy_from_slice(first);
        uuid
    }

    /// The first twelve digits, as the docker command shows them.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_of_cgroups() {
        let id = ContainerId::parse(ID);
        assert_eq!(id.unwrap().to_string(), ID);
        assert_eq!(id.unwrap().short(), "0123456789ab");
        assert_eq!(id.unwrap().uuid()[..3], [0x01, 0x23, 0x45]);
        for (name, found) in [
            (ID.to_owned(), true),
            (format!("docker-{ID}.scope"), true),
            (format!("cri-containerd-{ID}.scope"), true),
            (format!("libpod-{ID}.scope"), true),
            (format!("libpod-conmon-{ID}.scope"), false),
            (ID[1..].to_owned(), false),
            (ID.to_uppercase(), false),
            ("system.slice".to_owned(), false),
            (String::new(), false),
        ] {
            let expected = if found { id } else { None };
            assert_eq!(ContainerId::of_cgroup(&name), expected, "{name}");
        }
    }
}
