use ipvs::codec::{Reply, Request, Service};

use super::*;

fn key(address: &str) -> VirtualServiceKey {
    VirtualServiceKey {
        address: address.parse().unwrap(),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

/// What the kernel would list after those changes: it answers in the bytes that it is told in.
fn listed(changes: &[Change]) -> Listing {
    let mut services: Vec<IpvsService> = Vec::new();
    for change in changes {
        let mut bytes = Vec::new();
        let request = request(change).expect("the kernel has such a thing");
        request.encode(&mut bytes);
        match (request, Reply::decode(&bytes, None).unwrap()) {
            (Request::NewService(..), Reply::Service(service)) => services.push(IpvsService {
                service: hashed(service),
                destinations: Vec::new(),
            }),
            (Request::NewDestination(..), Reply::Destination(destination)) => {
                services.last_mut().unwrap().destinations.push(destination);
            }
            other => panic!("{other:?}"),
        }
    }
    listing(&services)
}

fn hashed(mut service: Service) -> Service {
    service.config.flags = service.config.flags.with(codec::ServiceFlags::HASHED);
    service
}

fn service_configs() -> Vec<VirtualServiceConfig> {
    let mut configs: Vec<_> = Scheduler::NAMED
        .into_iter()
        .map(VirtualServiceConfig::new)
        .collect();
    configs.push(VirtualServiceConfig::new(Scheduler::from_name("twos")));
    for prefix_length in [1, 24, 32] {
        configs.push(VirtualServiceConfig {
            persistence: Some(Persistence {
                timeout_s: 300,
                prefix_length,
            }),
            ..VirtualServiceConfig::default()
        });
    }
    configs.push(VirtualServiceConfig {
        one_packet: true,
        flags: ServiceFlags::FALLBACK
            .with(ServiceFlags::PORT)
            .with(ServiceFlags::THIRD),
        ..VirtualServiceConfig::default()
    });
    configs
}

fn destination_configs() -> Vec<DestinationConfig> {
    let mut configs: Vec<_> = [ForwardingMethod::Other(1), ForwardingMethod::Other(4)]
        .into_iter()
        .chain(ForwardingMethod::ALL)
        .map(|forward| DestinationConfig::new(forward, 7))
        .collect();
    let kinds = TunnelKind::NAMED.into_iter().chain([TunnelKind::Other(9)]);
    configs.extend(kinds.map(|kind| DestinationConfig {
        tunnel: Tunnel {
            kind,
            port: 6080,
            flags: TunnelFlags(3),
        },
        thresholds: Thresholds {
            upper: 100,
            lower: 50,
        },
        ..DestinationConfig::new(ForwardingMethod::Tunnel, 0)
    }));
    configs
}

#[test]
fn what_is_asked_for_is_what_is_listed() {
    for address in ["10.30.0.1", "2001:db8::1"] {
        let service = key(address);
        for config in service_configs() {
            let listing = listed(&[Change::AddService {
                service,
                config: config.clone(),
            }]);
            assert_eq!(listing.table()[&service].config, config);
        }
        for config in destination_configs() {
            let destination = DestinationKey {
                address: "10.0.0.2".parse().unwrap(),
                port: 8080,
            };
            let listing = listed(&[
                Change::AddService {
                    service,
                    config: VirtualServiceConfig::default(),
                },
                Change::AddDestination {
                    service,
                    destination,
                    config,
                },
            ]);
            assert_eq!(
                listing.table()[&service].destinations[&destination],
                config,
                "{address} {config}"
            );
        }
    }
}

#[test]
fn what_cannot_be_asked_for_is_listed_as_something_else() {
    let netmask = codec::Netmask::mask("255.0.255.0".parse().unwrap());
    let service = |key, persistence| IpvsService {
        service: Service {
            key,
            config: codec::ServiceConfig {
                persistence,
                ..codec::ServiceConfig::new(codec::Scheduler::WRR)
            },
            stats: None,
            unknown: Vec::new(),
        },
        destinations: Vec::new(),
    };
    let odd = codec::Persistence {
        timeout: 60,
        netmask,
    };
    let at = "10.30.0.1:80".parse().unwrap();
    let listing = listing(&[
        service(codec::ServiceKey::tcp(at), Some(odd)),
        service(codec::ServiceKey::at(codec::Protocol(47), at), None),
        service(
            codec::ServiceKey::Fwmark {
                mark: 256.try_into().unwrap(),
                family: codec::Family::V4,
            },
            None,
        ),
    ]);
    let persistence = listing.services[&key("10.30.0.1")].config.persistence;
    assert_eq!(persistence.unwrap().prefix_length, NO_PREFIX);
    let foreign: Vec<_> = listing.foreign().collect();
    assert_eq!(
        foreign,
        ["fwmark 256 ipv4", "service protocol 47 10.30.0.1:80"]
    );
}

#[test]
fn a_scheduler_that_no_kernel_can_have_is_not_asked_for() {
    let config = VirtualServiceConfig::new(Scheduler::from_name("longer-than-a-name-may-be"));
    let service = key("10.30.0.1");
    assert_eq!(request(&Change::AddService { service, config }), None);
}
