//! `decode(encode(x)) == x`, no bytes panic, what is unknown is kept.
//!
//! The kernel answers with the attributes, and even the commands, that it is told with; so a request that adds
//! something reads as the answer that lists it.

use std::net::IpAddr;
use std::num::NonZeroU32;

use proptest::prelude::*;

use crate::codec::attribute::Writer;
use crate::codec::*;

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    prop::collection::vec(1..=u8::MAX, 1..=NAME_LENGTH_MAX)
        .prop_map(|bytes| Name::new(&bytes).unwrap())
}

fn service_key() -> impl Strategy<Value = ServiceKey> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    prop_oneof![
        (any::<u16>(), address(), any::<u16>()).prop_map(|(protocol, address, port)| {
            ServiceKey::Address {
                protocol: Protocol(protocol),
                address,
                port,
            }
        }),
        (any::<NonZeroU32>(), family)
            .prop_map(|(mark, family)| ServiceKey::Fwmark { mark, family }),
    ]
}

fn service_config() -> impl Strategy<Value = ServiceConfig> {
    let persistence = (any::<u32>(), any::<[u8; 4]>()).prop_map(|(timeout, mask)| Persistence {
        timeout,
        netmask: Netmask::mask(mask.into()),
    });
    (
        name(),
        any::<u32>(),
        prop::option::of(persistence),
        prop::option::of(name()),
    )
        .prop_map(
            |(scheduler, flags, persistence, persistence_engine)| ServiceConfig {
                scheduler: Scheduler(scheduler),
                flags: ServiceFlags::from_bits(flags),
                persistence,
                persistence_engine,
            },
        )
}

fn destination_key() -> impl Strategy<Value = DestinationKey> {
    (address(), any::<u16>()).prop_map(|(address, port)| DestinationKey { address, port })
}

fn destination_config() -> impl Strategy<Value = DestinationConfig> {
    let tunnel = (any::<u8>(), any::<u16>(), any::<u16>()).prop_map(|(kind, port, flags)| Tunnel {
        kind: TunnelType(kind),
        port,
        flags: TunnelFlags(flags),
    });
    let forwarding = prop_oneof![
        Just(Forwarding::Masq),
        Just(Forwarding::Local),
        tunnel.prop_map(Forwarding::Tunnel),
        Just(Forwarding::DirectRoute),
        Just(Forwarding::Bypass),
        (5..=u32::MAX).prop_map(Forwarding::Other),
    ];
    (forwarding, any::<[u32; 3]>()).prop_map(
        |(forwarding, [weight, upper_threshold, lower_threshold])| DestinationConfig {
            forwarding,
            weight,
            upper_threshold,
            lower_threshold,
        },
    )
}

fn daemon() -> impl Strategy<Value = Daemon> {
    let optional = (
        any::<Option<u16>>(),
        prop::option::of(address()),
        any::<Option<u16>>(),
        any::<Option<u8>>(),
    );
    (any::<u32>(), name(), any::<u32>(), optional).prop_map(
        |(state, interface, sync_id, (length_max, group, port, ttl))| Daemon {
            length_max,
            group,
            port,
            ttl,
            ..Daemon::new(DaemonState(state), interface, sync_id)
        },
    )
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    any::<[Option<u32>; 3]>().prop_map(|[tcp, tcp_fin, udp]| Timeouts { tcp, tcp_fin, udp })
}

fn encode(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    bytes
}

fn decode(request: &Request) -> Reply {
    Reply::decode(&encode(request), None).unwrap()
}

proptest! {
    #[test]
    fn services_come_back(key in service_key(), config in service_config()) {
        let service = Service { key, config, stats: None, unknown: Vec::new() };
        let expected = Reply::Service(service);
        prop_assert_eq!(&decode(&Request::NewService(key, config)), &expected);
        prop_assert_eq!(decode(&Request::SetService(key, config)), expected);
    }

    #[test]
    fn destinations_come_back(
        service in service_key(),
        key in destination_key(),
        config in destination_config(),
    ) {
        let expected = Reply::Destination(Destination {
            key,
            config,
            connections: Connections::default(),
            stats: None,
            unknown: Vec::new(),
        });
        prop_assert_eq!(&decode(&Request::NewDestination(service, key, config)), &expected);
        prop_assert_eq!(decode(&Request::SetDestination(service, key, config)), expected);
    }

    #[test]
    fn daemons_come_back(daemon in daemon()) {
        prop_assert_eq!(decode(&Request::NewDaemon(daemon.clone())), Reply::Daemon(daemon));
    }

    #[test]
    fn timeouts_come_back(timeouts in timeouts()) {
        prop_assert_eq!(decode(&Request::SetTimeouts(timeouts)), Reply::Timeouts(timeouts));
    }

    #[test]
    fn any_bytes_decode_or_fail(command in 0..20_u8, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut body = vec![command, 1, 0, 0];
        body.extend(&bytes);
        for body in [&body, &bytes] {
            let read = Reply::decode(body, Some(Family::V6));
            prop_assert_eq!(read, Reply::decode(body, Some(Family::V6)));
        }
    }

    /// Bytes that are nearly right reach deeper than any bytes do.
    #[test]
    fn spoilt_messages_decode_or_fail(
        service in service_key(),
        key in destination_key(),
        config in destination_config(),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        kept in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&Request::NewDestination(service, key, config));
        for (index, value) in spoilt {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        bytes.truncate(kept.index(bytes.len().saturating_add(1)));
        if let Err(error) = Reply::decode(&bytes, None) {
            prop_assert!(!error.reason.label().is_empty());
        }
    }

    #[test]
    fn a_truncated_message_is_an_error_not_something_else(key in service_key(), config in service_config()) {
        let bytes = encode(&Request::NewService(key, config));
        for length in 0..bytes.len() {
            prop_assert!(Reply::decode(&bytes[..length], None).is_err(), "{}", length);
        }
    }

    #[test]
    fn unknown_attributes_are_kept(
        key in service_key(),
        config in service_config(),
        kind in 13..0x4000_u16,
        value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = vec![Command::NEW_SERVICE.0, 1, 0, 0];
        Writer::new(&mut bytes).nested(1, |out| {
            Service::encode(&key, &config, out);
            out.bytes(kind, &value);
        });
        let Reply::Service(service) = Reply::decode(&bytes, None).unwrap() else {
            panic!("not a service");
        };
        let raw = RawAttribute { kind, value: value.into() };
        prop_assert_eq!((service.key, service.config, service.unknown), (key, config, vec![raw]));
    }

    /// Kernels before 3.18 do not say the family of a destination.
    #[test]
    fn destinations_without_a_family_have_that_of_their_service(key in destination_key(), weight in any::<u32>()) {
        let mut bytes = vec![Command::NEW_DEST.0, 1, 0, 0];
        Writer::new(&mut bytes).nested(2, |out| {
            out.address(1, key.address);
            out.be16(2, key.port);
            out.u32(3, 0);
            out.u32(4, weight);
        });
        let family = Family::of(key.address);
        let Reply::Destination(read) = Reply::decode(&bytes, Some(family)).unwrap() else {
            panic!("not a destination");
        };
        prop_assert_eq!((read.key, read.config), (key, DestinationConfig::new(Forwarding::Masq, weight)));
        prop_assert!(Reply::decode(&bytes, None).is_err());
    }
}
