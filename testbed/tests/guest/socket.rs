//! How we talk to the kernel: what it refuses, many requests at once, namespaces, and a kernel without IPVS.

use std::{
    env,
    fmt::Write as _,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use ipvs::{
    Fault, Ipvs, NetNs,
    codec::{
        Daemon, DaemonState, DestinationConfig, Forwarding, Netmask, Persistence, Request,
        Scheduler, ServiceConfig, ServiceKey, Timeouts,
    },
};
use testbed::guest::{Network, in_guest, run};

use crate::{
    judge::{ipvsadm, table},
    options::at,
};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ERANGE: i32 = 34;

/// Set in the process that has no privileges.
const UNPRIVILEGED: &str = "TESTBED_UNPRIVILEGED";

fn open(namespace: &str) -> Ipvs {
    Ipvs::open_in(&NetNs::named(namespace).unwrap()).unwrap()
}

fn rr() -> ServiceConfig {
    ServiceConfig::new(Scheduler::RR)
}

fn masq() -> DestinationConfig {
    DestinationConfig::new(Forwarding::Masq, 1)
}

#[test]
fn what_the_kernel_refuses_says_why_and_what_was_attempted() {
    in_guest(|| {
        Network::new(0).unwrap();
        let mut ipvs = open("lb");
        let service = ServiceKey::tcp(at("10.9.0.1:80"));
        let other = ServiceKey::tcp(at("10.9.0.2:80"));
        let (one, two) = (at("10.0.0.1:80").into(), at("10.0.0.2:80").into());
        ipvs.add_service(service, rr()).unwrap();
        ipvs.add_destination(service, one, masq()).unwrap();
        let before = table("lb");
        let twos = ServiceConfig::new(Scheduler::TWOS);
        let forgetful = ServiceConfig {
            persistence: Some(Persistence {
                timeout: 60,
                netmask: Netmask::prefix(ipvs::codec::Family::V6, 0),
            }),
            ..rr()
        };
        let six = ServiceKey::tcp(at("[fd09::1]:80"));
        let heavy = DestinationConfig::new(Forwarding::Masq, u32::MAX);
        let long = Timeouts {
            tcp: Some(u32::MAX),
            ..Timeouts::default()
        };
        let nowhere = Daemon::new(DaemonState::MASTER, "nowhere".parse().unwrap(), 1);
        let refused = [
            (Request::NewService(service, rr()), EEXIST),
            (Request::NewService(other, twos), ENOENT),
            (Request::NewService(six, forgetful), EINVAL),
            (Request::SetService(other, rr()), ESRCH),
            (Request::SetService(service, twos), ENOENT),
            (Request::DeleteService(other), ESRCH),
            (Request::Zero(Some(other)), ESRCH),
            (Request::NewDestination(service, one, masq()), EEXIST),
            (Request::NewDestination(other, one, masq()), ESRCH),
            (Request::NewDestination(service, two, heavy), ERANGE),
            (Request::SetDestination(service, two, masq()), ENOENT),
            (Request::SetDestination(other, two, masq()), ESRCH),
            (Request::DeleteDestination(service, two), ENOENT),
            (Request::DeleteDestination(other, two), ESRCH),
            // Masquerading does not cross families.
            (
                Request::NewDestination(service, at("[fd00::1]:80").into(), masq()),
                EINVAL,
            ),
            (Request::SetTimeouts(long), EINVAL),
            (Request::NewDaemon(nowhere), ENODEV),
            (Request::DeleteDaemon(DaemonState::BACKUP), ESRCH),
        ];
        for (request, errno) in &refused {
            let error = ipvs.apply(request).unwrap_err();
            assert_eq!(error.errno(), *errno, "{error}");
            assert_eq!(error.attempted(), request.to_string());
            let text = error.to_string();
            assert!(text.starts_with(&format!("cannot {request}: ")), "{text}");
            println!("{text}");
        }
        // All at once, they are refused the same.
        let requests: Vec<_> = refused.iter().map(|(request, _)| request.clone()).collect();
        let errnos = ipvs.apply_all(&requests).into_iter();
        let errnos: Vec<_> = errnos.map(|outcome| outcome.unwrap_err().errno()).collect();
        let expected: Vec<_> = refused.iter().map(|(_, errno)| *errno).collect();
        assert_eq!(errnos, expected);
        assert_eq!(ipvs.service(&other).unwrap_err().errno(), ESRCH);
        assert_eq!(ipvs.destinations(&other).unwrap(), []);
        assert_eq!(table("lb"), before);
    });
}

#[test]
fn thousands_of_requests_go_in_few_system_calls_and_each_is_answered() {
    in_guest(|| {
        Network::new(0).unwrap();
        let mut ipvs = open("lb");
        let service = |n: u8| ServiceKey::tcp(SocketAddr::from(([10, 9, 0, n], 80)));
        let destination = |n: u8| SocketAddr::from(([10, 0, 0, n], 80)).into();
        let mut requests = Vec::new();
        for s in 1..=10 {
            requests.push(Request::NewService(service(s), rr()));
            requests.extend(
                (1..=250).map(|d| Request::NewDestination(service(s), destination(d), masq())),
            );
            requests.push(Request::NewDestination(service(s), destination(7), masq()));
        }
        let outcomes = ipvs.apply_all(&requests);
        assert_eq!(outcomes.len(), requests.len());
        for (request, outcome) in requests.iter().zip(&outcomes) {
            let again =
                matches!(request, Request::NewDestination(_, key, _) if *key == destination(7));
            match outcome {
                Ok(()) => {}
                Err(error) => {
                    assert!(again && error.errno() == EEXIST, "{error}");
                    assert_eq!(error.attempted(), request.to_string());
                }
            }
        }
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_err()).count(),
            10
        );
        let traffic = ipvs.traffic();
        assert!(traffic.sent > 2520 && traffic.calls < 60, "{traffic:?}");
        // One of these lists is longer than what the kernel sends at once.
        let listed = ipvs.list().unwrap();
        assert_eq!(listed.len(), 10);
        for service in &listed {
            let mut keys: Vec<_> = service.destinations.iter().map(|d| d.key).collect();
            keys.sort_unstable();
            let expected: Vec<_> = (1..=250).map(destination).collect();
            assert_eq!(keys, expected);
        }
    });
}

/// `ipvsadm -R` reads the same table in the same guest. Ours is a debug build, and so has no advantage.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test compares two durations")]
fn a_fill_takes_a_fraction_of_what_ipvsadm_takes() {
    in_guest(|| {
        Network::new(0).unwrap();
        let mut ipvs = open("lb");
        let (mut requests, mut lines) = (Vec::new(), String::new());
        for s in 1..=30 {
            let service = SocketAddr::from(([10, 9, 0, s], 80));
            requests.push(Request::NewService(ServiceKey::tcp(service), rr()));
            writeln!(lines, "-A -t {service} -s rr").unwrap();
            for d in 1..=30 {
                let destination = SocketAddr::from(([10, 0, 0, d], 80));
                let key = ServiceKey::tcp(service);
                requests.push(Request::NewDestination(key, destination.into(), masq()));
                writeln!(lines, "-a -t {service} -r {destination} -m -w 1").unwrap();
            }
        }
        let begun = Instant::now();
        let outcomes = ipvs.apply_all(&requests);
        let ours = begun.elapsed();
        assert!(outcomes.iter().all(Result::is_ok));
        let made = table("lb");
        ipvsadm("lb", "-C");
        std::fs::write("/tmp/table", lines).unwrap();
        let begun = Instant::now();
        run("lb", &["sh", "-c", "ipvsadm -R </tmp/table"]).unwrap();
        let theirs = begun.elapsed();
        assert_eq!(table("lb"), made);
        println!("fill of 30 x 30: {ours:?}, ipvsadm -R: {theirs:?}");
        assert!(ours * 5 < theirs, "{ours:?} {theirs:?}");
    });
}

#[test]
fn a_list_is_whole_while_others_change_the_table() {
    in_guest(|| {
        Network::new(0).unwrap();
        let mut ipvs = open("lb");
        let lasting: Vec<_> = (1..=40)
            .map(|n| ServiceKey::tcp(SocketAddr::from(([10, 9, 0, n], 80))))
            .collect();
        for key in &lasting {
            ipvs.add_service(*key, rr()).unwrap();
        }
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut other = open("lb");
                let passing = ServiceKey::udp(at("10.9.0.1:53"));
                while !done.load(Ordering::Relaxed) {
                    other.add_service(passing, rr()).unwrap();
                    other.delete_service(passing).unwrap();
                }
            });
            for _ in 0..50 {
                match ipvs.list() {
                    Ok(listed) => {
                        let keys: Vec<_> = listed.iter().map(|l| l.service.key).collect();
                        assert!(lasting.iter().all(|key| keys.contains(key)), "{keys:?}");
                        assert!(keys.len() <= 41, "{keys:?}");
                    }
                    Err(error) => {
                        assert!(matches!(error.fault(), Fault::Changing { .. }), "{error}");
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn namespaces_have_tables_of_their_own_and_may_be_replaced() {
    in_guest(|| {
        Network::new(0).unwrap();
        let service = ServiceKey::tcp(at("10.9.0.1:80"));
        let netns = NetNs::named("lb2").unwrap();
        let mut own = Ipvs::open().unwrap();
        let mut lb = open("lb");
        let mut lb2 = Ipvs::open_in(&netns).unwrap();
        lb.add_service(service, rr()).unwrap();
        assert_eq!(lb2.services().unwrap(), []);
        assert_eq!(own.services().unwrap(), []);
        assert_eq!(table("lb"), ["-A -t 10.9.0.1:80 -s rr"]);
        let by_path = NetNs::from_path("/run/netns/lb").unwrap();
        assert_eq!(
            Ipvs::open_in(&by_path).unwrap().services().unwrap().len(),
            1
        );
        let by_process = NetNs::of_process(std::process::id()).unwrap();
        assert_eq!(Ipvs::open_in(&by_process).unwrap().services().unwrap(), []);
        assert!(netns.is_current());
        for words in ["netns delete lb2", "netns add lb2"] {
            let ip = Command::new("ip").args(words.split(' ')).status().unwrap();
            assert!(ip.success());
            assert!(!netns.is_current());
        }
        let error = NetNs::named("nowhere").unwrap_err();
        assert_eq!(error.errno(), ENOENT);
        let other = NetNs::from_path("/proc/self/ns/mnt").unwrap();
        assert_eq!(Ipvs::open_in(&other).unwrap_err().errno(), EINVAL);
    });
}

#[test]
fn a_kernel_without_ipvs_is_told_from_one_without_a_scheduler() {
    in_guest(|| {
        // The kernel loads modules by the program that is named here.
        let loader = "/proc/sys/kernel/modprobe";
        let modprobe = std::fs::read_to_string(loader).unwrap();
        // It is busybox.
        let unloaded = Command::new(modprobe.trim())
            .arg0("rmmod")
            .arg("ip_vs")
            .status();
        assert!(unloaded.unwrap().success());
        std::fs::write(loader, "/bin/false").unwrap();
        let error = Ipvs::open().unwrap_err();
        assert!(matches!(error.fault(), Fault::NoIpvs), "{error}");
        assert!(error.to_string().contains("modprobe ip_vs"), "{error}");
        std::fs::write(loader, modprobe.trim()).unwrap();
        let mut ipvs = Ipvs::open().unwrap();
        std::fs::write(loader, "/bin/false").unwrap();
        let error = ipvs
            .add_service(ServiceKey::tcp(at("10.9.0.1:80")), rr())
            .unwrap_err();
        assert_eq!(error.errno(), ENOENT, "{error}");
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a part of the test's own frame, which knows by the environment who it is"
)]
fn without_the_capability_everything_is_refused_as_not_permitted() {
    in_guest(|| {
        if env::var(UNPRIVILEGED).is_err() {
            drop(Ipvs::open().unwrap());
            let own = Command::new("setpriv")
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .arg(env::current_exe().unwrap())
                .args([
                    "--exact",
                    "socket::without_the_capability_everything_is_refused_as_not_permitted",
                ])
                .args(["--nocapture", "--test-threads", "1"])
                .env(UNPRIVILEGED, "1")
                .status();
            assert!(own.unwrap().success());
            return;
        }
        let mut ipvs = Ipvs::open().unwrap();
        let service = ServiceKey::tcp(at("10.9.0.1:80"));
        let errors = [
            ipvs.add_service(service, rr()).unwrap_err(),
            ipvs.list().unwrap_err(),
            ipvs.timeouts().unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.errno(), EPERM, "{error}");
            assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
        }
    });
}
