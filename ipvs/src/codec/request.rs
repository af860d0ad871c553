//! What one can ask of IPVS: `IPVS_CMD_*` towards the kernel.

use std::fmt;

use netlink_packet_core::Emitable;
use netlink_packet_generic::GenlHeader;

use super::attribute::Writer;
use super::control::Timeouts;
use super::daemon::{Daemon, DaemonState};
use super::destination::{Destination, DestinationConfig, DestinationKey};
use super::service::{Service, ServiceConfig, ServiceKey};
use super::{FAMILY_VERSION, reply};

/// A command's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Command(pub u8);

impl Command {
    /// Adds a service; the kernel's answer when asked for services.
    pub const NEW_SERVICE: Self = Self(1);
    /// Changes a service.
    pub const SET_SERVICE: Self = Self(2);
    /// Deletes a service.
    pub const DEL_SERVICE: Self = Self(3);
    /// Asks for services.
    pub const GET_SERVICE: Self = Self(4);
    /// Adds a destination; the kernel's answer when asked for destinations.
    pub const NEW_DEST: Self = Self(5);
    /// Changes a destination.
    pub const SET_DEST: Self = Self(6);
    /// Deletes a destination.
    pub const DEL_DEST: Self = Self(7);
    /// Asks for destinations.
    pub const GET_DEST: Self = Self(8);
    /// Starts a daemon; the kernel's answer when asked for daemons.
    pub const NEW_DAEMON: Self = Self(9);
    /// Stops a daemon.
    pub const DEL_DAEMON: Self = Self(10);
    /// Asks for daemons.
    pub const GET_DAEMON: Self = Self(11);
    /// Sets timeouts; the kernel's answer when asked for them.
    pub const SET_CONFIG: Self = Self(12);
    /// Asks for timeouts.
    pub const GET_CONFIG: Self = Self(13);
    /// The kernel's answer when asked for facts.
    pub const SET_INFO: Self = Self(14);
    /// Asks for facts.
    pub const GET_INFO: Self = Self(15);
    /// Zeroes counters.
    pub const ZERO: Self = Self(16);
    /// Deletes everything. [`Request`] has no such thing: whose table it is, only an operator knows.
    pub const FLUSH: Self = Self(17);
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Adds a service without destinations. `EEXIST` where there is one, `ENOENT` where the scheduler is unknown.
    NewService(ServiceKey, ServiceConfig),
    /// Changes a service in place; its connections stay. `ESRCH` where there is none.
    SetService(ServiceKey, ServiceConfig),
    /// Deletes a service and its destinations. `ESRCH` where there is none.
    DeleteService(ServiceKey),
    /// Asks for all services.
    Services,
    /// Asks for one service. `ESRCH` where there is none.
    Service(ServiceKey),
    /// Adds a destination. `ESRCH` where there is no such service, `EEXIST` where there is such a destination.
    NewDestination(ServiceKey, DestinationKey, DestinationConfig),
    /// Changes a destination in place; its connections stay. `ESRCH`: no service, `ENOENT`: no destination.
    SetDestination(ServiceKey, DestinationKey, DestinationConfig),
    /// Deletes a destination. Connections to it are cut, at once or with their next packet.
    DeleteDestination(ServiceKey, DestinationKey),
    /// Asks for all destinations of a service; none where there is no such service.
    Destinations(ServiceKey),
    /// Starts a connection-sync daemon. `EEXIST` where it runs, `ENODEV` where there is no such interface.
    NewDaemon(Daemon),
    /// Stops a connection-sync daemon. `ESRCH` where it does not run.
    DeleteDaemon(DaemonState),
    /// Asks for the daemons that run.
    Daemons,
    /// Sets timeouts.
    SetTimeouts(Timeouts),
    /// Asks for timeouts.
    Timeouts,
    /// Asks for facts.
    Info,
    /// Zeroes the counters of one service with its destinations, or of all.
    Zero(Option<ServiceKey>),
}

impl Request {
    /// Returns the command.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::NewService(..) => Command::NEW_SERVICE,
            Self::SetService(..) => Command::SET_SERVICE,
            Self::DeleteService(_) => Command::DEL_SERVICE,
            Self::Services | Self::Service(_) => Command::GET_SERVICE,
            Self::NewDestination(..) => Command::NEW_DEST,
            Self::SetDestination(..) => Command::SET_DEST,
            Self::DeleteDestination(..) => Command::DEL_DEST,
            Self::Destinations(_) => Command::GET_DEST,
            Self::NewDaemon(_) => Command::NEW_DAEMON,
            Self::DeleteDaemon(_) => Command::DEL_DAEMON,
            Self::Daemons => Command::GET_DAEMON,
            Self::SetTimeouts(_) => Command::SET_CONFIG,
            Self::Timeouts => Command::GET_CONFIG,
            Self::Info => Command::GET_INFO,
            Self::Zero(_) => Command::ZERO,
        }
    }

    /// True if the answer is a list, which has to be asked for with `NLM_F_DUMP`.
    #[must_use]
    pub const fn is_dump(&self) -> bool {
        matches!(self, Self::Services | Self::Destinations(_) | Self::Daemons)
    }

    /// Appends the body of the message: generic netlink header and attributes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let header = GenlHeader {
            cmd: self.command().0,
            version: FAMILY_VERSION,
        };
        let mut bytes = [0; 4];
        header.emit(&mut bytes);
        out.extend(bytes);
        self.encode_attributes(&mut Writer::new(out));
    }

    fn encode_attributes(&self, out: &mut Writer<'_>) {
        match self {
            Self::NewService(key, config) | Self::SetService(key, config) => {
                out.nested(reply::SERVICE, |out| Service::encode(key, config, out));
            }
            Self::DeleteService(key)
            | Self::Service(key)
            | Self::Destinations(key)
            | Self::Zero(Some(key)) => out.nested(reply::SERVICE, |out| key.encode(out)),
            Self::NewDestination(service, key, config)
            | Self::SetDestination(service, key, config) => {
                out.nested(reply::SERVICE, |out| service.encode(out));
                out.nested(reply::DEST, |out| Destination::encode(key, config, out));
            }
            Self::DeleteDestination(service, key) => {
                out.nested(reply::SERVICE, |out| service.encode(out));
                out.nested(reply::DEST, |out| key.encode(out));
            }
            Self::NewDaemon(daemon) => out.nested(reply::DAEMON, |out| daemon.encode(out)),
            Self::DeleteDaemon(state) => {
                out.nested(reply::DAEMON, |out| Daemon::encode_state(*state, out));
            }
            Self::SetTimeouts(timeouts) => timeouts.encode(out),
            Self::Services | Self::Daemons | Self::Timeouts | Self::Info | Self::Zero(None) => {}
        }
    }
}

impl fmt::Display for Request {
    /// Writes what is attempted: `add destination 10.0.0.2:80 of tcp 10.30.0.1:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewService(key, config) => {
                write!(f, "add service {key} scheduler {}", config.scheduler)
            }
            Self::SetService(key, config) => {
                write!(f, "change service {key} scheduler {}", config.scheduler)
            }
            Self::DeleteService(key) => write!(f, "delete service {key}"),
            Self::Services => f.write_str("list services"),
            Self::Service(key) => write!(f, "get service {key}"),
            Self::NewDestination(service, key, config) => {
                let weight = config.weight;
                write!(f, "add destination {key} of {service} weight {weight}")
            }
            Self::SetDestination(service, key, config) => {
                let weight = config.weight;
                write!(f, "change destination {key} of {service} weight {weight}")
            }
            Self::DeleteDestination(service, key) => {
                write!(f, "delete destination {key} of {service}")
            }
            Self::Destinations(service) => write!(f, "list destinations of {service}"),
            Self::NewDaemon(daemon) => {
                let (state, interface) = (daemon.state, daemon.interface);
                write!(f, "start the {state} sync daemon on {interface}")
            }
            Self::DeleteDaemon(state) => write!(f, "stop the {state} sync daemon"),
            Self::Daemons => f.write_str("list sync daemons"),
            Self::SetTimeouts(_) => f.write_str("set timeouts"),
            Self::Timeouts => f.write_str("get timeouts"),
            Self::Info => f.write_str("get version"),
            Self::Zero(None) => f.write_str("zero all counters"),
            Self::Zero(Some(key)) => write!(f, "zero the counters of {key}"),
        }
    }
}
