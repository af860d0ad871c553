//! The cgroup tree: which containers there are, whatever driver and parent they were made with.

use std::{
    fs, io,
    os::unix::fs::DirEntryExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::processes::Processes;
use crate::id::ContainerId;

/// Deepest level that is looked at.
const DEPTH_MAX: usize = 16;
/// Most directories that are looked at in one walk.
const DIRECTORIES_MAX: usize = 100_000;

/// A mounted cgroup tree, of version 1, 2 or both (hybrid).
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    version: Version,
    /// What its readers know of processes in another PID namespace.
    pub(super) processes: Arc<Processes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// One tree for each controller. Pressure is in the `unified` tree of a hybrid, where there is one.
    V1,
    V2,
}

/// A container in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its ID.
    pub id: ContainerId,
    /// Its cgroup below the root of each tree.
    pub path: PathBuf,
    /// The inode of its cgroup: another one is another life of the container.
    pub inode: u64,
}

impl Tree {
    /// Looks at what is mounted.
    ///
    /// # Errors
    /// There is no cgroup tree, or none with the controllers that count.
    pub fn open(root: &Path) -> io::Result<Self> {
        let version = if root.join("cgroup.controllers").exists() {
            Version::V2
        } else if root.join("cpuacct").exists() && root.join("memory").exists() {
            Version::V1
        } else {
            let message = format!(
                "{} is no cgroup tree with controllers cpuacct and memory (v1) or of v2",
                root.display()
            );
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        };
        Ok(Self {
            root: root.to_owned(),
            version,
            processes: Arc::default(),
        })
    }

    /// 1 or 2.
    #[must_use]
    pub const fn version(&self) -> u8 {
        match self.version {
            Version::V1 => 1,
            Version::V2 => 2,
        }
    }

    pub(super) const fn kind(&self) -> Version {
        self.version
    }

    /// The directory of a cgroup in the tree of a v1 controller, or in the one tree of v2.
    pub(super) fn directory(&self, controller: &str, path: &Path) -> PathBuf {
        match self.version {
            Version::V1 => self.root.join(controller).join(path),
            Version::V2 => self.root.join(path),
        }
    }

    /// Finds every container. Nothing below a container is looked at.
    ///
    /// # Errors
    /// The root cannot be read; what vanishes during the walk is no error.
    pub fn containers(&self) -> io::Result<Vec<Found>> {
        let root = self.directory("memory", Path::new(""));
        let mut found = Vec::new();
        let mut left = vec![(PathBuf::new(), 0)];
        let mut seen = 0;
        while let Some((path, depth)) = left.pop() {
            let entries = match fs::read_dir(root.join(&path)) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => return Err(error),
                Err(_) => continue,
            };
            for entry in entries.flatten() {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                seen += 1;
                if seen > DIRECTORIES_MAX {
                    return Ok(found);
                }
                let name = entry.file_name();
                let path = path.join(&name);
                match name.to_str().and_then(ContainerId::of_cgroup) {
                    Some(id) => found.push(Found {
                        id,
                        path,
                        inode: entry.ino(),
                    }),
                    None if depth < DEPTH_MAX => left.push((path, depth + 1)),
                    None => {}
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn containers_are_found_wherever_their_driver_puts_them() {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<String> = (1..=4).map(|n| format!("{n:064x}")).collect();
        let memory = folder.path().join("memory");
        fs::create_dir_all(folder.path().join("cpuacct")).unwrap();
        for path in [
            format!("docker/{}", ids[0]),
            format!("system.slice/docker-{}.scope", ids[1]),
            format!("custom/parent/{}", ids[2]),
            // What a container does in its own cgroup is its own affair.
            format!("docker/{}/docker/{}", ids[0], ids[3]),
            "user.slice/session-1.scope".to_owned(),
        ] {
            fs::create_dir_all(memory.join(path)).unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        assert_eq!(tree.version(), 1);
        let found = tree.containers().unwrap();
        let found: BTreeSet<_> = found.iter().map(|found| found.id.to_string()).collect();
        assert_eq!(found, ids[..3].iter().cloned().collect());
    }

    #[test]
    fn what_is_no_tree_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = Tree::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no cgroup tree"), "{error}");
        fs::write(folder.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        assert_eq!(Tree::open(folder.path()).unwrap().version(), 2);
    }
}
