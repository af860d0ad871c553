//! Network namespaces: running something inside one without moving the caller's thread there.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, Fault};

/// Where `ip netns` keeps namespaces.
const NAMED: &str = "/run/netns";

/// A network namespace, held open: it lives at least as long as this value.
#[derive(Debug)]
pub struct NetNs {
    file: File,
    path: PathBuf,
}

impl NetNs {
    /// Opens a namespace made by `ip netns add NAME`.
    ///
    /// # Errors
    ///
    /// Where there is none of that name, or the name is not one (empty, `.`, `..`, or with a slash).
    pub fn named(name: &str) -> Result<Self, Error> {
        let path = Path::new(NAMED).join(name);
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            let source = io::Error::from_raw_os_error(libc::EINVAL);
            return Err(namespace_fault(&path, source));
        }
        Self::from_path(path)
    }

    /// Opens a namespace by a file: `/run/docker/netns/ingress_sbox`, `/proc/42/ns/net`.
    ///
    /// # Errors
    ///
    /// Where the file cannot be opened. Whether it is a network namespace shows in [`NetNs::run`].
    pub fn from_path(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        match File::open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(namespace_fault(&path, source)),
        }
    }

    /// Opens the namespace of a process.
    ///
    /// # Errors
    ///
    /// Where there is no such process, or the caller may not look at it.
    pub fn of_process(pid: u32) -> Result<Self, Error> {
        Self::from_path(format!("/proc/{pid}/ns/net"))
    }

    /// Returns the path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True while the path still leads to this namespace. One that was deleted and made anew is another of the same name.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let opened = self.file.metadata().map(identity);
        let found = fs::metadata(&self.path).map(identity);
        matches!((opened, found), (Ok(opened), Ok(found)) if opened == found)
    }

    /// Runs something on a thread of its own inside the namespace, and waits for it. Sockets that it opens stay in the
    /// namespace; the caller's thread does not move. Files under `/proc/sys/net` are the namespace's.
    ///
    /// # Errors
    ///
    /// Where there is no thread to be had, where the file is not a network namespace (`EINVAL`), or where
    /// `CAP_SYS_ADMIN` is missing (`EPERM`).
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let outcome = thread::scope(|scope| {
            let inside = || {
                move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?;
                Ok(work())
            };
            let thread = thread::Builder::new()
                .name("netns".into())
                .spawn_scoped(scope, inside)?;
            match thread.join() {
                Ok(outcome) => outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        });
        outcome.map_err(|source: io::Error| namespace_fault(&self.path, source))
    }
}

fn namespace_fault(path: &Path, source: io::Error) -> Error {
    let namespace = path.display().to_string().into();
    Fault::Namespace { namespace, source }.during("use another network namespace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_lead_elsewhere() {
        for name in ["", ".", "..", "../../proc/self/ns/net", "a/b"] {
            let error = NetNs::named(name).unwrap_err();
            assert_eq!(error.errno(), libc::EINVAL, "{name:?}");
        }
        let error = NetNs::named("no-such-namespace").unwrap_err();
        assert_eq!(error.errno(), libc::ENOENT);
        let text = error.to_string();
        assert!(text.contains("/run/netns/no-such-namespace"), "{text}");
    }

    #[test]
    fn what_is_no_network_namespace_is_not_entered() {
        let file = NetNs::from_path("/proc/self/ns/uts").unwrap();
        let mut ran = false;
        let error = file.run(|| ran = true).unwrap_err();
        assert!(
            [libc::EINVAL, libc::EPERM].contains(&error.errno()),
            "{error}"
        );
        assert!(!ran);
    }
}
