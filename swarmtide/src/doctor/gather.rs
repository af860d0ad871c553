//! Gathers what [`super::judge`] goes by: files of `/proc`, netlink, and the running balancer where it answers.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{IpAddr, UdpSocket},
    path::PathBuf,
    thread,
    time::Duration,
};

use ipvs::{
    NetNs,
    address::{Addresses, BoundAddress},
};

use super::{Facts, Forward, Host, InterfaceFact, Kernel, Setting};
use crate::balancer::kernel::{KernelPlane, Namespace};

/// Settings that are judged.
const SYSCTLS: [&str; 9] = [
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.all.arp_ignore",
    "net.ipv4.conf.all.arp_announce",
    "net.ipv4.vs.conntrack",
    "net.ipv4.vs.conn_reuse_mode",
    "net.ipv4.vs.expire_nodest_conn",
    "net.ipv4.vs.expire_quiescent_template",
    "net.ipv4.vs.sloppy_tcp",
];

/// How long neighbours have to answer.
const ARP_WAIT: Duration = Duration::from_millis(500);

/// What to look at, as the configuration, the arguments and the running balancer say.
#[derive(Debug)]
pub struct Wanted {
    /// What this host is.
    pub role: Host,
    /// The network namespace of the table.
    pub netns: Option<String>,
    /// VIPs in use.
    pub vips: Vec<IpAddr>,
    /// Forwarding methods in use; empty where nobody knows.
    pub forward: Vec<Forward>,
    /// Whether the balancer puts VIPs up itself.
    pub manages_vips: bool,
    /// Why the balancer was not asked, where that is so.
    pub not_asked: Option<String>,
}

/// Looks at this host.
///
/// # Errors
/// When the network namespace cannot be entered; nothing can be said then.
pub fn gather(wanted: Wanted) -> anyhow::Result<Facts> {
    let namespace = Namespace::of(wanted.netns.as_deref());
    let netns = namespace.open()?;
    let inside = || Inside::look(&wanted.vips);
    let inside = match &netns {
        None => inside(),
        Some(netns) => netns.run(inside)?,
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
    Ok(Facts {
        role: wanted.role,
        kernel: kernel.ok().and_then(|release| version(&release)),
        ipvs: match wanted.role {
            Host::Node => Ok(()),
            Host::Balancer => KernelPlane::open(namespace)
                .and_then(|mut plane| plane.try_list())
                .map(|_| ())
                .map_err(|error| error.to_string()),
        },
        capabilities: capabilities(),
        in_netns: netns.is_some(),
        sysctls: inside.sysctls,
        vips: wanted
            .vips
            .iter()
            .map(|vip| (*vip, inside.addresses.contains(vip)))
            .collect(),
        interfaces: interfaces(netns.as_ref(), inside.links),
        manages_vips: wanted.manages_vips,
        forward: wanted.forward,
        claimed: inside.claimed,
        not_asked: wanted.not_asked,
    })
}

/// What is looked at from inside the namespace.
struct Inside {
    sysctls: BTreeMap<String, String>,
    links: Vec<String>,
    addresses: Vec<IpAddr>,
    claimed: Vec<(IpAddr, String)>,
}

impl Inside {
    fn look(vips: &[IpAddr]) -> Self {
        let read = |name: &&str| {
            let value = fs::read_to_string(path(name)).ok()?;
            Some(((*name).to_owned(), value.trim().to_owned()))
        };
        let addresses = Addresses::open().and_then(|mut addresses| addresses.list());
        let addresses: Vec<IpAddr> = addresses
            .unwrap_or_default()
            .into_iter()
            .map(|bound: BoundAddress| bound.address)
            .collect();
        Self {
            sysctls: SYSCTLS.iter().filter_map(read).collect(),
            links: links(&fs::read_to_string("/proc/net/dev").unwrap_or_default()),
            claimed: claimed(vips, &addresses),
            addresses,
        }
    }
}

fn interfaces(netns: Option<&NetNs>, links: Vec<String>) -> Vec<InterfaceFact> {
    let opened = netns.map_or_else(Addresses::open, Addresses::open_in);
    let Ok(mut addresses) = opened else {
        return Vec::new();
    };
    let fact = |name: String| {
        let interface = addresses.interface(&name).ok()?;
        Some(InterfaceFact {
            name,
            mtu: interface.mtu,
            is_up: interface.is_up,
        })
    };
    links.into_iter().filter_map(fact).collect()
}

/// Asks the LAN for VIPs that are not up here, and reads who answered. One that is up here is not asked for.
fn claimed(vips: &[IpAddr], own: &[IpAddr]) -> Vec<(IpAddr, String)> {
    let foreign: Vec<_> = vips.iter().filter(|vip| !own.contains(vip)).collect();
    if let Ok(socket) = UdpSocket::bind("0.0.0.0:0") {
        for vip in &foreign {
            // The datagram goes nowhere; its way there asks who has the address. Port 9 is "discard".
            _ = socket.send_to(&[], (**vip, 9));
        }
        if !foreign.is_empty() {
            thread::sleep(ARP_WAIT);
        }
    }
    let table = fs::read_to_string("/proc/net/arp").unwrap_or_default();
    neighbours(&table)
        .into_iter()
        .filter(|(address, _)| vips.contains(address))
        .collect()
}

/// Complete entries of `/proc/net/arp`: address and hardware address.
fn neighbours(table: &str) -> Vec<(IpAddr, String)> {
    let entry = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let flags = u32::from_str_radix(fields.get(2)?.trim_start_matches("0x"), 16).ok()?;
        // ATF_COM: somebody has answered.
        let complete = flags & 2 != 0;
        complete.then_some((fields.first()?.parse().ok()?, (*fields.get(3)?).to_owned()))
    };
    table.lines().skip(1).filter_map(entry).collect()
}

/// Names of interfaces out of `/proc/net/dev`.
fn links(table: &str) -> Vec<String> {
    let name = |line: &str| Some(line.split_once(':')?.0.trim().to_owned());
    table.lines().skip(2).filter_map(name).collect()
}

/// `6.1.0-18-amd64` and the like.
fn version(release: &str) -> Option<Kernel> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next()?.parse().ok();
    Some(Kernel(next()?, next()?))
}

fn capabilities() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(name.replace('.', "/"))
}

/// Sets kernel settings in the namespace; each comes back with how it went.
///
/// # Errors
/// When the network namespace cannot be entered.
pub fn set(
    netns: Option<&str>,
    settings: &[Setting],
) -> anyhow::Result<Vec<(Setting, io::Result<()>)>> {
    let write = || {
        let one = |setting: &Setting| {
            let done = fs::write(path(&setting.name), &setting.value);
            (setting.clone(), done)
        };
        settings.iter().map(one).collect()
    };
    Ok(match Namespace::of(netns).open()? {
        None => write(),
        Some(netns) => netns.run(write)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        assert_eq!(version("6.1.0-18-amd64\n"), Some(Kernel(6, 1)));
        assert_eq!(version("5.9-rc1"), Some(Kernel(5, 9)));
        assert_eq!(version("x"), None);
        let arp = "IP address       HW type     Flags       HW address            Mask     Device\n\
            10.0.0.9         0x1         0x2         02:42:0a:00:00:09     *        eth0\n\
            10.0.0.8         0x1         0x0         00:00:00:00:00:00     *        eth0\nx\n";
        assert_eq!(
            neighbours(arp),
            [("10.0.0.9".parse().unwrap(), "02:42:0a:00:00:09".to_owned())]
        );
        let dev = "Inter-|   Receive\n face |bytes\n    lo: 1 2\n  eth0: 3 4\n";
        assert_eq!(links(dev), ["lo", "eth0"]);
        assert_eq!(
            path("net.ipv4.conf.all.rp_filter").to_str(),
            Some("/proc/sys/net/ipv4/conf/all/rp_filter")
        );
    }

    #[test]
    fn this_host_can_be_looked_at() {
        let wanted = Wanted {
            role: Host::Node,
            netns: None,
            vips: vec!["127.0.0.1".parse().unwrap()],
            forward: Vec::new(),
            manages_vips: false,
            not_asked: None,
        };
        let facts = gather(wanted).unwrap();
        assert!(facts.kernel.is_some() && facts.capabilities.is_some());
        assert!(facts.sysctls.contains_key("net.ipv4.conf.all.rp_filter"));
        assert_eq!(facts.vips.values().collect::<Vec<_>>(), [&true]);
        assert!(facts.interfaces.iter().any(|found| found.name == "lo"));
    }
}
