//! Processes of containers, found in a `/proc` of another PID namespace than our own: that of the host, mounted into our container.
//!
//! There the numbers in `cgroup.procs` are of no use: the kernel translates them into the reader's namespace, and leaves out (v1) or
//! writes as 0 (v2) what is not in it. `/proc/PID/cgroup` says the same the other way round.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{Roots, file::Buffer};
use crate::id::ContainerId;

/// Most processes that are looked at in one walk.
const PROCESSES_MAX: usize = 100_000;

/// The first process of each container, as of the last walk.
#[derive(Debug, Default)]
pub(super) struct Processes(Mutex<BTreeMap<ContainerId, u32>>);

impl Processes {
    /// Whether that `/proc` is our own, so that numbers mean there what they mean in `cgroup.procs`.
    pub(super) fn are_ours(roots: &Roots) -> bool {
        roots.proc == Path::new("/proc")
    }

    /// A process of a container: `guess`, where it is one, else one that a walk finds.
    ///
    /// `misses` counts how often there was none: the more, the more rarely is all of `/proc` walked for this container.
    pub(super) fn of(
        &self,
        id: ContainerId,
        guess: Option<u32>,
        (roots, buffer): (&Roots, &mut Buffer),
        misses: &mut u32,
    ) -> Option<u32> {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = [guess.filter(|number| *number > 0), index.get(&id).copied()];
        for number in known.into_iter().flatten() {
            if container(roots, buffer, number) == Some(id) {
                *misses = 0;
                return Some(number);
            }
        }
        *misses = misses.saturating_add(1);
        if !misses.is_power_of_two() {
            return None;
        }
        *index = walk(roots, buffer);
        let found = index.get(&id).copied();
        if found.is_some() {
            *misses = 0;
        }
        found
    }
}

/// The first process of every container.
fn walk(roots: &Roots, buffer: &mut Buffer) -> BTreeMap<ContainerId, u32> {
    let mut index: BTreeMap<ContainerId, u32> = BTreeMap::new();
    let entries = fs::read_dir(&roots.proc).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.take(PROCESSES_MAX) {
        if let Some(id) = container(roots, buffer, number) {
            let first = index.entry(id).or_insert(number);
            *first = number.min(*first);
        }
    }
    index
}

/// The container that a process is in: the outermost, where one is in another.
fn container(roots: &Roots, buffer: &mut Buffer, number: u32) -> Option<ContainerId> {
    let path = roots.proc.join(number.to_string()).join("cgroup");
    let text = std::str::from_utf8(buffer.read(&path).ok()?).ok()?;
    text.lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .find_map(|path| path.split('/').find_map(ContainerId::of_cgroup))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn id(number: u8) -> ContainerId {
        ContainerId::parse(&format!("{number:064x}")).unwrap()
    }

    /// A `/proc` in a folder.
    struct Proc(tempfile::TempDir);

    impl Proc {
        fn process(&self, number: u32, cgroup: &str) {
            let folder = self.0.path().join(number.to_string());
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("cgroup"), cgroup).unwrap();
        }

        fn ended(&self, number: u32) {
            fs::remove_dir_all(self.0.path().join(number.to_string())).unwrap();
        }

        fn roots(&self) -> Roots {
            Roots {
                proc: self.0.path().to_owned(),
                ..Roots::default()
            }
        }
    }

    #[test]
    fn processes_are_found_by_their_cgroups_and_numbers_of_others_are_not_believed() {
        let proc = Proc(tempfile::tempdir().unwrap());
        let (one, two) = (id(1), id(2));
        proc.process(1, "0::/init.scope\n");
        proc.process(
            70,
            &format!("4:memory:/docker/{one}\n0::/system.slice/docker-{one}.scope\n"),
        );
        proc.process(
            12,
            &format!("0::/system.slice/docker-{one}.scope/init/{two}\n"),
        );
        proc.process(99, &format!("9:cpu,cpuacct:/../../parent/{two}\n"));
        let (roots, mut buffer) = (proc.roots(), Buffer::default());
        let processes = Processes::default();
        let mut misses = 0;
        let mut ask = |id, guess| processes.of(id, guess, (&roots, &mut buffer), &mut misses);
        // 1 is what our own first process is called in our own namespace.
        assert_eq!(ask(one, Some(1)), Some(12));
        assert_eq!(ask(two, None), Some(99));
        assert_eq!(ask(two, Some(0)), Some(99));
        assert_eq!(
            ask(one, Some(70)),
            Some(70),
            "a number that is right is taken"
        );
        proc.ended(12);
        assert_eq!(ask(one, None), Some(70));
    }

    #[test]
    fn a_container_without_processes_is_looked_for_ever_more_rarely() {
        let proc = Proc(tempfile::tempdir().unwrap());
        let (roots, mut buffer) = (proc.roots(), Buffer::default());
        let processes = Processes::default();
        let mut misses = 0;
        let mut walks = Vec::new();
        for poll in 1..=20 {
            // Nobody has said that there is one: only a walk finds it.
            if poll == 9 {
                proc.process(5, &format!("0::/docker/{}\n", id(3)));
            }
            let found = processes.of(id(3), None, (&roots, &mut buffer), &mut misses);
            walks.extend(found.map(|number| (poll, number)));
        }
        assert_eq!(
            walks.first(),
            Some(&(16, 5)),
            "polls 1, 2, 4, 8 and 16 walk"
        );
        assert_eq!(walks.len(), 5);
    }

    #[test]
    fn our_own_proc_is_known() {
        assert!(Processes::are_ours(&Roots::default()));
        let mounted = Roots {
            proc: PathBuf::from("/host/proc"),
            ..Roots::default()
        };
        assert!(!Processes::are_ours(&mounted));
    }
}
