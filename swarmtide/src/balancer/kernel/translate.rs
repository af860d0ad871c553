//! Words of `lbsync` to words of `ipvs`, and back.
//!
//! What `lbsync` cannot say is made different from all that it can ask for, so that it is seen as a difference where the
//! entry is ours; a service that it has no key for is listed in words.

use std::net::IpAddr;

use ipvs::ListedService as IpvsService;
use ipvs::codec;
use lbsync::{
    Change, Connections, DestinationConfig, DestinationKey, Family, FirewallMarkKey,
    ForwardingMethod, ListedDestination, ListedService, Listing, Persistence, Protocol, Scheduler,
    ServiceFlags, Thresholds, Traffic, Tunnel, TunnelFlags, TunnelKind, VirtualServiceConfig,
    VirtualServiceKey,
};

/// Stands for a netmask that is no prefix.
const NO_PREFIX: u8 = u8::MAX;

/// The flags that `lbsync` has fields for, or leaves to the kernel.
const OWN_FLAGS: codec::ServiceFlags =
    codec::ServiceFlags::HASHED.with(codec::ServiceFlags::ONE_PACKET);

/// What a change is for the kernel; `None` where the kernel has no such thing.
pub(super) fn request(change: &Change) -> Option<codec::Request> {
    use codec::Request;
    Some(match change {
        Change::AddService { service, config } => {
            Request::NewService(service_key(service), service_config(service, config)?)
        }
        Change::UpdateService { service, config } => {
            Request::SetService(service_key(service), service_config(service, config)?)
        }
        Change::DeleteService { service } => Request::DeleteService(service_key(service)),
        Change::AddDestination {
            service,
            destination,
            config,
        } => Request::NewDestination(
            service_key(service),
            destination_key(destination),
            destination_config(config),
        ),
        Change::UpdateDestination {
            service,
            destination,
            config,
        } => Request::SetDestination(
            service_key(service),
            destination_key(destination),
            destination_config(config),
        ),
        Change::DeleteDestination {
            service,
            destination,
        } => Request::DeleteDestination(service_key(service), destination_key(destination)),
    })
}

fn service_key(key: &VirtualServiceKey) -> codec::ServiceKey {
    codec::ServiceKey::Address {
        protocol: match key.protocol {
            Protocol::Tcp => codec::Protocol::TCP,
            Protocol::Udp => codec::Protocol::UDP,
            Protocol::Sctp => codec::Protocol::SCTP,
        },
        address: key.address,
        port: key.port,
    }
}

fn service_config(
    key: &VirtualServiceKey,
    config: &VirtualServiceConfig,
) -> Option<codec::ServiceConfig> {
    let family = codec::Family::of(key.address);
    let scheduler = config.scheduler.name().parse().ok()?;
    let mut flags = codec::ServiceFlags::from_bits(config.flags.0).without(OWN_FLAGS);
    if config.one_packet {
        flags = flags.with(codec::ServiceFlags::ONE_PACKET);
    }
    let persistence = config.persistence.map(|persistence| codec::Persistence {
        timeout: persistence.timeout_s,
        netmask: codec::Netmask::prefix(family, persistence.prefix_length),
    });
    Some(codec::ServiceConfig {
        flags,
        persistence,
        ..codec::ServiceConfig::new(codec::Scheduler(scheduler))
    })
}

fn destination_key(key: &DestinationKey) -> codec::DestinationKey {
    codec::DestinationKey {
        address: key.address,
        port: key.port,
    }
}

fn destination_config(config: &DestinationConfig) -> codec::DestinationConfig {
    let tunnel = codec::Tunnel {
        kind: codec::TunnelType(match config.tunnel.kind {
            TunnelKind::Gue => codec::TunnelType::GUE.0,
            TunnelKind::Gre => codec::TunnelType::GRE.0,
            TunnelKind::Other(number) => number,
            _ => codec::TunnelType::IPIP.0,
        }),
        port: config.tunnel.port,
        flags: codec::TunnelFlags(config.tunnel.flags.0),
    };
    codec::DestinationConfig {
        forwarding: match config.forward {
            ForwardingMethod::Droute => codec::Forwarding::DirectRoute,
            ForwardingMethod::Tunnel => codec::Forwarding::Tunnel(tunnel),
            ForwardingMethod::Other(1) => codec::Forwarding::Local,
            ForwardingMethod::Other(4) => codec::Forwarding::Bypass,
            ForwardingMethod::Other(number) => codec::Forwarding::Other(number.into()),
            _ => codec::Forwarding::Masq,
        },
        weight: config.weight,
        upper_threshold: config.thresholds.upper,
        lower_threshold: config.thresholds.lower,
    }
}

/// What the kernel lists.
pub(super) fn listing(listed: &[IpvsService]) -> Listing {
    let mut listing = Listing::default();
    for entry in listed {
        let service = listed_service(entry);
        match entry.service.key {
            codec::ServiceKey::Address {
                protocol,
                address,
                port,
            } => match listed_key(protocol, address, port) {
                Some(key) => {
                    listing.services.insert(key, service);
                }
                None => listing
                    .inexpressible
                    .push(format!("service {}", entry.service.key)),
            },
            codec::ServiceKey::Fwmark { mark, family } => {
                let family = match family {
                    codec::Family::V4 => Family::Ipv4,
                    codec::Family::V6 => Family::Ipv6,
                };
                let mark = mark.get();
                let key = FirewallMarkKey { mark, family };
                listing.firewall_marks.insert(key, service);
            }
        }
    }
    listing
}

fn listed_key(protocol: codec::Protocol, address: IpAddr, port: u16) -> Option<VirtualServiceKey> {
    let protocol = match protocol {
        codec::Protocol::TCP => Protocol::Tcp,
        codec::Protocol::UDP => Protocol::Udp,
        codec::Protocol::SCTP => Protocol::Sctp,
        _ => return None,
    };
    Some(VirtualServiceKey {
        address,
        port,
        protocol,
    })
}

fn listed_service(entry: &IpvsService) -> ListedService {
    let config = &entry.service.config;
    let family = entry.service.key.family();
    let persistence = config.persistence.map(|persistence| Persistence {
        timeout_s: persistence.timeout,
        prefix_length: persistence
            .netmask
            .prefix_length(family)
            .unwrap_or(NO_PREFIX),
    });
    ListedService {
        config: VirtualServiceConfig {
            scheduler: Scheduler::from_name(&config.scheduler.to_string()),
            flags: ServiceFlags(config.flags.without(OWN_FLAGS).bits()),
            persistence,
            one_packet: config.flags.contains(codec::ServiceFlags::ONE_PACKET),
        },
        destinations: entry.destinations.iter().map(listed_destination).collect(),
        traffic: traffic(entry.service.stats),
    }
}

fn listed_destination(listed: &codec::Destination) -> (DestinationKey, ListedDestination) {
    let key = DestinationKey {
        address: listed.key.address,
        port: listed.key.port,
    };
    let config = listed.config;
    let (forward, tunnel) = match config.forwarding {
        codec::Forwarding::Masq => (ForwardingMethod::Masq, Tunnel::default()),
        codec::Forwarding::DirectRoute => (ForwardingMethod::Droute, Tunnel::default()),
        codec::Forwarding::Tunnel(tunnel) => (ForwardingMethod::Tunnel, listed_tunnel(tunnel)),
        codec::Forwarding::Local => (ForwardingMethod::Other(1), Tunnel::default()),
        codec::Forwarding::Bypass => (ForwardingMethod::Other(4), Tunnel::default()),
        codec::Forwarding::Other(number) => {
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            (ForwardingMethod::Other(number), Tunnel::default())
        }
    };
    let destination = ListedDestination {
        config: DestinationConfig {
            forward,
            weight: config.weight,
            tunnel,
            thresholds: Thresholds {
                upper: config.upper_threshold,
                lower: config.lower_threshold,
            },
        },
        connections: Connections {
            active: listed.connections.active,
            inactive: listed.connections.inactive,
            persistent: listed.connections.persistent,
        },
        traffic: traffic(listed.stats),
    };
    (key, destination)
}

fn listed_tunnel(tunnel: codec::Tunnel) -> Tunnel {
    Tunnel {
        kind: match tunnel.kind {
            codec::TunnelType::IPIP => TunnelKind::Ipip,
            codec::TunnelType::GUE => TunnelKind::Gue,
            codec::TunnelType::GRE => TunnelKind::Gre,
            codec::TunnelType(number) => TunnelKind::Other(number),
        },
        port: tunnel.port,
        flags: TunnelFlags(tunnel.flags.0),
    }
}

fn traffic(stats: Option<codec::Stats>) -> Traffic {
    let stats = stats.unwrap_or_default();
    Traffic {
        connections: stats.connections,
        packets_in: stats.packets_in,
        packets_out: stats.packets_out,
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
    }
}

#[cfg(test)]
mod tests;
