//! The network inside the guest: clients, balancers and real servers, each in a network namespace of its own.
//!
//! Two bridges. In front: `client`, reached by the balancers only, for masquerading. Behind: `near` and the real servers
//! `rs1`, `rs2`, …; a server answers `near` directly, as direct routing and tunnels want it. The balancers `lb` and `lb2` are
//! on both. Everybody has IPv4 and IPv6. VIPs lie in [`Network::VIPS`] and go to `lb` by route.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::program::run;

/// One of the two bridges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the clients are.
    Front,
    /// Where the real servers are.
    Back,
}

impl Side {
    fn bridge(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Back => "back",
        }
    }

    fn v4(self, host: u8) -> Ipv4Addr {
        match self {
            Self::Front => Ipv4Addr::new(10, 1, 0, host),
            Self::Back => Ipv4Addr::new(10, 2, 0, host),
        }
    }

    fn v6(self, host: u8) -> Ipv6Addr {
        let network = match self {
            Self::Front => 0xfd01,
            Self::Back => 0xfd02,
        };
        Ipv6Addr::new(network, 0, 0, 0, 0, 0, 0, u16::from(host))
    }
}

/// The namespaces and what connects them. Nothing removes them: the guest is thrown away.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    servers: u8,
}

impl Network {
    /// Ranges of the VIPs, as `lbsync.ranges` takes them.
    pub const VIPS: [&str; 2] = ["10.9.0.0/24", "fd09::/64"];

    /// Makes the namespaces, with that many real servers.
    ///
    /// # Errors
    ///
    /// When a command fails; the message names it.
    pub fn new(servers: u8) -> Result<Self> {
        ip(
            None,
            "link add front type bridge\nlink set front up\nlink add back type bridge\nlink set back up\n",
        )?;
        for (name, host) in [("lb", 1), ("lb2", 3)] {
            join(name, &[(Side::Front, host), (Side::Back, host)])?;
            // rp_filter off and no redirects: what comes in on one side may belong to the other.
            let settings = "net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1 net/ipv4/conf/all/rp_filter=0 \
                            net/ipv4/conf/front/rp_filter=0 net/ipv4/conf/back/rp_filter=0 \
                            net/ipv4/conf/all/send_redirects=0 net/ipv4/conf/back/send_redirects=0";
            sysctl(name, settings)?;
        }
        join("client", &[(Side::Front, 2)])?;
        let routes = |side: Side| {
            let (v4, v6) = (side.v4(1), side.v6(1));
            format!("route add 0.0.0.0/0 via {v4}\nroute add ::/0 via {v6}\n")
        };
        ip(Some("client"), &routes(Side::Front))?;
        join("near", &[(Side::Back, 2)])?;
        ip(Some("near"), &routes(Side::Back))?;
        for number in 1..=servers {
            let name = Self::server(number);
            join(&name, &[(Side::Back, 10 + number)])?;
            ip(Some(&name), &routes(Side::Back))?;
        }
        Ok(Self { servers })
    }

    /// How many real servers there are.
    #[must_use]
    pub fn servers(&self) -> u8 {
        self.servers
    }

    /// The namespace of a real server; they count from 1.
    #[must_use]
    pub fn server(number: u8) -> String {
        format!("rs{number}")
    }

    /// A real server's IPv4 address.
    #[must_use]
    pub fn server_v4(number: u8) -> IpAddr {
        Side::Back.v4(10 + number).into()
    }

    /// A real server's IPv6 address.
    #[must_use]
    pub fn server_v6(number: u8) -> IpAddr {
        Side::Back.v6(10 + number).into()
    }

    /// The address at which a balancer's side is reached from its neighbours; `balancer` is 1 or 2.
    #[must_use]
    pub fn balancer_v4(balancer: u8, side: Side) -> IpAddr {
        side.v4(if balancer == 1 { 1 } else { 3 }).into()
    }

    /// Puts an address on a namespace's loopback interface: a VIP on a balancer, or one that a real server answers for.
    ///
    /// # Errors
    ///
    /// When the command fails.
    pub fn bind(namespace: &str, address: IpAddr) -> Result<()> {
        let (length, flags) = if address.is_ipv4() {
            (32, "")
        } else {
            (128, " nodad")
        };
        ip(
            Some(namespace),
            &format!("addr add {address}/{length} dev lo{flags}\n"),
        )
    }

    /// Makes a real server accept packets for VIPs on its own interface and through IPIP tunnels, and not answer ARP for them.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub fn accept_vip(number: u8, vip: IpAddr) -> Result<()> {
        let name = Self::server(number);
        sysctl(
            &name,
            "net/ipv4/conf/all/arp_ignore=1 net/ipv4/conf/all/arp_announce=2 net/ipv4/conf/all/rp_filter=0 net/ipv4/conf/back/rp_filter=0",
        )?;
        Self::bind(&name, vip)?;
        // The devices appear with their modules; asking for one that is there already is refused.
        for (device, kind, family) in [("tunl0", "ipip", "4"), ("ip6tnl0", "ip6tnl", "6")] {
            if (family == "4") == vip.is_ipv4() {
                run(&name, &["ip", "link", "add", device, "type", kind]).ok();
                run(&name, &["ip", "link", "set", device, "up"])?;
            }
        }
        if vip.is_ipv4() {
            sysctl(&name, "net/ipv4/conf/tunl0/rp_filter=0")?;
        }
        Ok(())
    }

    /// Pulls a real server's cable, or plugs it in.
    ///
    /// # Errors
    ///
    /// When the command fails.
    pub fn connect(number: u8, connected: bool) -> Result<()> {
        let state = if connected { "up" } else { "down" };
        ip(
            None,
            &format!("link set back-{} {state}\n", Self::server(number)),
        )
    }
}

/// Makes a namespace with an interface on each of the sides, named as the side.
fn join(name: &str, sides: &[(Side, u8)]) -> Result<()> {
    let mut outside = format!("netns add {name}\n");
    let mut inside = String::from("link set lo up\n");
    for (side, host) in sides {
        let (bridge, v4, v6) = (side.bridge(), side.v4(*host), side.v6(*host));
        writeln!(
            outside,
            "link add {bridge}-{name} type veth peer name {bridge} netns {name}"
        )?;
        writeln!(outside, "link set {bridge}-{name} master {bridge} up")?;
        writeln!(inside, "link set {bridge} up")?;
        writeln!(
            inside,
            "addr add {v4}/24 dev {bridge}\naddr add {v6}/64 dev {bridge} nodad"
        )?;
    }
    ip(None, &outside)?;
    ip(Some(name), &inside)
}

/// Runs lines of the `ip` command in a namespace.
fn ip(namespace: Option<&str>, lines: &str) -> Result<()> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    let mut child = command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start ip")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes())?;
    }
    ensure!(
        child.wait()?.success(),
        "ip fails, in {namespace:?}:\n{lines}"
    );
    Ok(())
}

/// Sets `path=value` pairs under `/proc/sys` in a namespace.
pub(super) fn sysctl(namespace: &str, settings: &str) -> Result<()> {
    let script = "for setting in \"$@\"; do echo \"${setting#*=}\" >\"/proc/sys/${setting%%=*}\" || exit 1; done";
    let mut words = vec!["sh", "-c", script, "sh"];
    words.extend(settings.split_whitespace());
    run(namespace, &words).map(drop)
}
