//! The kernel's IPVS, asked and told.

use std::collections::BTreeMap;

use crate::PATIENCE;
use crate::codec::{
    Daemon, DaemonState, Destination, DestinationConfig, DestinationKey, FAMILY_NAME, Family, Info,
    Reply, Request, Service, ServiceConfig, ServiceKey, Timeouts,
};
use crate::error::{Error, Fault};
use crate::netns::NetNs;
use crate::socket::{Connection, Outgoing, Traffic, resolve};

/// `NETLINK_GENERIC`.
const PROTOCOL: isize = 16;

/// How often the whole table is listed anew because services came or went meanwhile.
const LISTING_ATTEMPTS: u32 = 10;

/// A service with its destinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedService {
    /// The service.
    pub service: Service,
    /// Its destinations, in the kernel's order.
    pub destinations: Vec<Destination>,
}

/// IPVS in one network namespace. Every call blocks until the kernel has answered, for a few seconds at most.
#[derive(Debug)]
pub struct Ipvs {
    connection: Connection,
    family: u16,
}

impl Ipvs {
    /// Opens IPVS in the network namespace of the calling thread. Needs no privilege yet.
    ///
    /// # Errors
    ///
    /// [`Fault::NoIpvs`] where the kernel has none, and could not load it.
    pub fn open() -> Result<Self, Error> {
        let opened = Connection::open(PROTOCOL, PATIENCE).and_then(|mut connection| {
            let family = resolve(&mut connection, FAMILY_NAME)?;
            Ok(Self { connection, family })
        });
        opened.map_err(|fault| fault.during("open IPVS"))
    }

    /// Opens IPVS in another network namespace, and stays there.
    ///
    /// # Errors
    ///
    /// As [`Ipvs::open`], and where the namespace cannot be entered.
    pub fn open_in(namespace: &NetNs) -> Result<Self, Error> {
        namespace.run(Self::open)?
    }

    /// Lists all services.
    ///
    /// # Errors
    ///
    /// Where the list could not be had in full.
    pub fn services(&mut self) -> Result<Vec<Service>, Error> {
        self.dump(&Request::Services, None, |reply| match reply {
            Reply::Service(service) => Some(service),
            _ => None,
        })
    }

    /// Returns a service; `ESRCH` where there is none.
    ///
    /// # Errors
    ///
    /// Where it could not be had.
    pub fn service(&mut self, key: &ServiceKey) -> Result<Service, Error> {
        self.get(&Request::Service(*key), |reply| match reply {
            Reply::Service(service) => Some(service),
            _ => None,
        })
    }

    /// Lists the destinations of a service; none where there is no such service.
    ///
    /// # Errors
    ///
    /// Where the list could not be had in full.
    pub fn destinations(&mut self, service: &ServiceKey) -> Result<Vec<Destination>, Error> {
        let family = Some(service.family());
        self.dump(
            &Request::Destinations(*service),
            family,
            |reply| match reply {
                Reply::Destination(destination) => Some(destination),
                _ => None,
            },
        )
    }

    /// Lists all services with their destinations.
    ///
    /// The kernel lists services and the destinations of each one by one. The services are listed once more at the
    /// end, and where one came, went or changed, all is listed anew. What may still be missed is a destination that
    /// somebody else added or removed meanwhile.
    ///
    /// # Errors
    ///
    /// Where a list could not be had in full, or services do not stop changing.
    pub fn list(&mut self) -> Result<Vec<ListedService>, Error> {
        let mut services = self.services()?;
        for _ in 0..LISTING_ATTEMPTS {
            let mut listed = Vec::with_capacity(services.len());
            for service in services {
                let destinations = self.destinations(&service.key)?;
                listed.push(ListedService {
                    service,
                    destinations,
                });
            }
            services = self.services()?;
            if same_services(&listed, &services) {
                return Ok(listed);
            }
        }
        let attempts = LISTING_ATTEMPTS;
        Err(Fault::Changing { attempts }.during("list services with destinations"))
    }

    /// Adds a service without destinations.
    ///
    /// # Errors
    ///
    /// `EEXIST` where there is one, `ENOENT` where the kernel has no such scheduler, `EINVAL` where it does not like a
    /// value.
    pub fn add_service(&mut self, key: ServiceKey, config: ServiceConfig) -> Result<(), Error> {
        self.apply(&Request::NewService(key, config))
    }

    /// Changes a service in place.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is none, and as [`Ipvs::add_service`].
    pub fn set_service(&mut self, key: ServiceKey, config: ServiceConfig) -> Result<(), Error> {
        self.apply(&Request::SetService(key, config))
    }

    /// Deletes a service with its destinations.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is none.
    pub fn delete_service(&mut self, key: ServiceKey) -> Result<(), Error> {
        self.apply(&Request::DeleteService(key))
    }

    /// Adds a destination.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such service, `EEXIST` where there is such a destination, `EINVAL` where the kernel
    /// does not like a value.
    pub fn add_destination(
        &mut self,
        service: ServiceKey,
        key: DestinationKey,
        config: DestinationConfig,
    ) -> Result<(), Error> {
        self.apply(&Request::NewDestination(service, key, config))
    }

    /// Changes a destination in place.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such service, `ENOENT` where there is no such destination, `EINVAL` where the kernel
    /// does not like a value.
    pub fn set_destination(
        &mut self,
        service: ServiceKey,
        key: DestinationKey,
        config: DestinationConfig,
    ) -> Result<(), Error> {
        self.apply(&Request::SetDestination(service, key, config))
    }

    /// Deletes a destination; what connections it has are cut.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such service, `ENOENT` where there is no such destination.
    pub fn delete_destination(
        &mut self,
        service: ServiceKey,
        key: DestinationKey,
    ) -> Result<(), Error> {
        self.apply(&Request::DeleteDestination(service, key))
    }

    /// Lists the connection-sync daemons that run.
    ///
    /// # Errors
    ///
    /// Where the list could not be had.
    pub fn daemons(&mut self) -> Result<Vec<Daemon>, Error> {
        self.dump(&Request::Daemons, None, |reply| match reply {
            Reply::Daemon(daemon) => Some(daemon),
            _ => None,
        })
    }

    /// Starts a connection-sync daemon.
    ///
    /// # Errors
    ///
    /// `EEXIST` where it runs, `ENODEV` where there is no such interface, `EINVAL` where the kernel does not like a
    /// value.
    pub fn start_daemon(&mut self, daemon: Daemon) -> Result<(), Error> {
        self.apply(&Request::NewDaemon(daemon))
    }

    /// Stops a connection-sync daemon.
    ///
    /// # Errors
    ///
    /// `ESRCH` where it does not run.
    pub fn stop_daemon(&mut self, state: DaemonState) -> Result<(), Error> {
        self.apply(&Request::DeleteDaemon(state))
    }

    /// Returns the timeouts of connections.
    ///
    /// # Errors
    ///
    /// Where they could not be had.
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        self.get(&Request::Timeouts, |reply| match reply {
            Reply::Timeouts(timeouts) => Some(timeouts),
            _ => None,
        })
    }

    /// Sets timeouts of connections; those that are `None` or 0 stay as they are.
    ///
    /// # Errors
    ///
    /// `EINVAL` where one is too long.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) -> Result<(), Error> {
        self.apply(&Request::SetTimeouts(timeouts))
    }

    /// Returns the version of IPVS and the size of its connection table.
    ///
    /// # Errors
    ///
    /// Where they could not be had.
    pub fn info(&mut self) -> Result<Info, Error> {
        self.get(&Request::Info, |reply| match reply {
            Reply::Info(info) => Some(info),
            _ => None,
        })
    }

    /// Zeroes the counters of a service and its destinations, or of all.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such service.
    pub fn zero(&mut self, service: Option<ServiceKey>) -> Result<(), Error> {
        self.apply(&Request::Zero(service))
    }

    /// Carries out a request that changes something. An answer other than success or failure is dropped.
    ///
    /// # Errors
    ///
    /// As the kernel says.
    pub fn apply(&mut self, request: &Request) -> Result<(), Error> {
        let fill = |out: &mut Vec<u8>| request.encode(out);
        let message = self.message(&fill);
        let applied = self.connection.ask(&message, |_| Ok(()));
        applied.map_err(|fault| fault.during(request))
    }

    /// Carries out many requests that change something, in order, many in one system call; returns an outcome for
    /// each. One that fails does not stop those after it.
    pub fn apply_all(&mut self, requests: &[Request]) -> Vec<Result<(), Error>> {
        let fills: Vec<_> = requests
            .iter()
            .map(|request| |out: &mut Vec<u8>| request.encode(out))
            .collect();
        let family = self.family;
        let messages = fills.iter().map(|fill| Outgoing {
            kind: family,
            flags: 0,
            fill,
        });
        let outcomes = self.connection.ask_all(messages);
        outcomes
            .into_iter()
            .zip(requests)
            .map(|(outcome, request)| outcome.map_err(|fault| fault.during(request)))
            .collect()
    }

    /// Returns what went over the socket since it was opened.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.connection.traffic()
    }

    fn message<'a>(&self, fill: &'a dyn Fn(&mut Vec<u8>)) -> Outgoing<'a> {
        Outgoing {
            kind: self.family,
            flags: 0,
            fill,
        }
    }

    fn get<T>(
        &mut self,
        request: &Request,
        mut pick: impl FnMut(Reply) -> Option<T>,
    ) -> Result<T, Error> {
        let mut found = None;
        let fill = |out: &mut Vec<u8>| request.encode(out);
        let message = self.message(&fill);
        let asked = self.connection.ask(&message, |body| {
            found = pick(Reply::decode(body, None)?);
            Ok(())
        });
        asked
            .and_then(|()| found.ok_or(Fault::Unexpected))
            .map_err(|fault| fault.during(request))
    }

    fn dump<T>(
        &mut self,
        request: &Request,
        family: Option<Family>,
        mut pick: impl FnMut(Reply) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let fill = |out: &mut Vec<u8>| request.encode(out);
        let message = self.message(&fill);
        let dumped = self.connection.dump(&message, |body| {
            pick(Reply::decode(body, family)?).ok_or(Fault::Unexpected)
        });
        dumped.map_err(|fault| fault.during(request))
    }
}

/// True if both name the same services with the same configurations.
fn same_services(listed: &[ListedService], services: &[Service]) -> bool {
    let configs = |service: &Service| (service.key, service.config);
    let before: BTreeMap<_, _> = listed.iter().map(|l| configs(&l.service)).collect();
    let after: BTreeMap<_, _> = services.iter().map(configs).collect();
    // A list that changes while it is dumped may name a service twice.
    before.len() == listed.len() && before == after
}
