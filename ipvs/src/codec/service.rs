//! Virtual services: `IPVS_SVC_ATTR_*`.

mod config;
mod key;

use std::num::NonZeroU32;

use super::attribute::{Attribute, Attributes, RawAttribute, Writer, required};
use super::error::DecodeError;
use super::name::Name;
use super::stats::Stats;

use config::{FLAGS, NETMASK, PE_NAME, SCHED_NAME, TIMEOUT};
pub use config::{Netmask, Persistence, Scheduler, ServiceConfig, ServiceFlags};
use key::{ADDR, AF, FWMARK, PORT, PROTOCOL};
pub use key::{Family, Protocol, ServiceKey};

const STATS: u16 = 10;
const STATS64: u16 = 12;

/// A virtual service as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Which.
    pub key: ServiceKey,
    /// How it behaves. The kernel adds [`ServiceFlags::HASHED`].
    pub config: ServiceConfig,
    /// What went through it; 64-bit where the kernel has that (since Linux 4.1). `None` where it did not say.
    pub stats: Option<Stats>,
    /// Attributes that this crate does not know.
    pub unknown: Vec<RawAttribute>,
}

impl Service {
    pub(crate) fn encode(key: &ServiceKey, config: &ServiceConfig, out: &mut Writer<'_>) {
        key.encode(out);
        config.encode(key.family(), out);
    }

    pub(crate) fn decode(attributes: Attributes<'_>) -> Result<Self, DecodeError> {
        Fields::read(attributes)?.into_service()
    }
}

#[derive(Default)]
struct Fields<'a> {
    family: Option<Family>,
    protocol: Option<u16>,
    address: Option<Attribute<'a>>,
    port: Option<u16>,
    mark: Option<u32>,
    scheduler: Option<Name>,
    flags: Option<u32>,
    timeout: Option<u32>,
    netmask: Option<u32>,
    engine: Option<Name>,
    stats: Option<Stats>,
    stats64: Option<Stats>,
    unknown: Vec<RawAttribute>,
}

impl<'a> Fields<'a> {
    fn read(attributes: Attributes<'a>) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        for attribute in attributes {
            fields.take(attribute?)?;
        }
        Ok(fields)
    }

    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), DecodeError> {
        match attribute.kind() {
            AF => self.family = Some(Family::decode(attribute, "IPVS_SVC_ATTR_AF")?),
            PROTOCOL => self.protocol = Some(attribute.u16("IPVS_SVC_ATTR_PROTOCOL")?),
            ADDR => self.address = Some(attribute),
            PORT => self.port = Some(attribute.be16("IPVS_SVC_ATTR_PORT")?),
            FWMARK => self.mark = Some(attribute.u32("IPVS_SVC_ATTR_FWMARK")?),
            SCHED_NAME => {
                self.scheduler = Some(Name::decode(attribute.value, "IPVS_SVC_ATTR_SCHED_NAME")?);
            }
            FLAGS => self.flags = Some(attribute.u32_pair("IPVS_SVC_ATTR_FLAGS")?.0),
            TIMEOUT => self.timeout = Some(attribute.u32("IPVS_SVC_ATTR_TIMEOUT")?),
            NETMASK => self.netmask = Some(attribute.u32("IPVS_SVC_ATTR_NETMASK")?),
            STATS => self.stats = Some(Stats::decode(attribute.nested())?),
            PE_NAME => {
                self.engine = Some(Name::decode(attribute.value, "IPVS_SVC_ATTR_PE_NAME")?);
            }
            STATS64 => self.stats64 = Some(Stats::decode(attribute.nested())?),
            _ => self.unknown.push(attribute.to_raw()),
        }
        Ok(())
    }

    fn key(&self) -> Result<ServiceKey, DecodeError> {
        let family = required(self.family, "IPVS_SVC_ATTR_AF")?;
        if let Some(mark) = self.mark.and_then(NonZeroU32::new) {
            return Ok(ServiceKey::Fwmark { mark, family });
        }
        let address = required(self.address, "IPVS_SVC_ATTR_ADDR")?;
        Ok(ServiceKey::Address {
            protocol: Protocol(required(self.protocol, "IPVS_SVC_ATTR_PROTOCOL")?),
            address: address.address(family == Family::V6, "IPVS_SVC_ATTR_ADDR")?,
            port: required(self.port, "IPVS_SVC_ATTR_PORT")?,
        })
    }

    fn into_service(self) -> Result<Service, DecodeError> {
        let key = self.key()?;
        let flags = required(self.flags, "IPVS_SVC_ATTR_FLAGS")?;
        let persistence = (flags & ServiceFlags::PERSISTENT != 0).then(|| Persistence {
            timeout: self.timeout.unwrap_or(0),
            netmask: self
                .netmask
                .map_or_else(|| Netmask::host(key.family()), Netmask),
        });
        Ok(Service {
            key,
            config: ServiceConfig {
                scheduler: Scheduler(required(self.scheduler, "IPVS_SVC_ATTR_SCHED_NAME")?),
                flags: ServiceFlags::from_bits(flags),
                persistence,
                persistence_engine: self.engine,
            },
            stats: self.stats64.or(self.stats),
            unknown: self.unknown,
        })
    }
}
