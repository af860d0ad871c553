//! `lb audit --swarm-ingress`: swarm's own tables of this node compared with the swarm's tasks. It only reads.
//!
//! Docker keeps a network namespace for the ingress and one for each overlay network with VIPs, named after the network's
//! identifier, under `/run/docker/netns`. This host must be a manager, or the Engine API of one be named.

use std::{fs, io::Write, path::Path, thread, time::Duration};

use anyhow::Context as _;
use lbsync::{
    BackendState, IngressFinding, IngressNetwork, IngressService, IngressTable, IngressTask,
};
use serde_json::{Value, json};
use swarm::{Phase, Service, View};

use super::super::ask::block_on;
use crate::{
    balancer::kernel::{KernelPlane, Namespace},
    cli::AuditArgs,
    config,
    sidecar::client,
};

/// Time between two looks: swarm changes its tables some seconds after its tasks.
const PAUSE: Duration = Duration::from_secs(3);

/// Network that published ports come in by.
const INGRESS: &str = "ingress";

/// Namespace of that network.
const INGRESS_NAMESPACE: &str = "ingress_sbox";

/// What the namespaces of other networks begin with; the beginning of the network's identifier follows.
const NETWORK_PREFIX: &str = "lb_";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<IngressFinding>,
    /// Namespaces that were read, with the network each serves and its number of virtual services.
    tables: Vec<(String, String, usize)>,
}

/// Looks twice, and keeps what was found both times.
pub(super) fn audit(args: &AuditArgs) -> anyhow::Result<Report> {
    let mut report = look(args)?;
    if !report.findings.is_empty() {
        thread::sleep(PAUSE);
        let again = look(args)?;
        report
            .findings
            .retain(|finding| again.findings.contains(finding));
    }
    Ok(report)
}

fn look(args: &AuditArgs) -> anyhow::Result<Report> {
    let view = view(args)?;
    let mut tables = Vec::new();
    let folder = &args.docker_netns;
    let entries = fs::read_dir(folder).with_context(|| {
        let folder = folder.display();
        format!("{folder} cannot be read; does dockerd run here, and are you root?")
    })?;
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let Some(network) = network(&view, name) else {
            continue;
        };
        tables.push(IngressTable {
            namespace: name.to_owned(),
            network,
            listing: list(folder, name)?,
        });
    }
    let read = |table: &IngressTable| {
        let services = table.listing.firewall_marks.len();
        (
            table.namespace.clone(),
            table.network.name.clone(),
            services,
        )
    };
    Ok(Report {
        findings: lbsync::ingress_audit(&tables),
        tables: tables.iter().map(read).collect(),
    })
}

fn list(folder: &Path, name: &str) -> anyhow::Result<lbsync::Listing> {
    let namespace = Namespace::Path(folder.join(name));
    let mut plane = KernelPlane::open(namespace).with_context(|| format!("namespace {name}"))?;
    plane
        .try_list()
        .with_context(|| format!("namespace {name}"))
}

/// The swarm, as the Engine API has it.
fn view(args: &AuditArgs) -> anyhow::Result<View> {
    let sources = config::Sources::of_process(super::file(args.config.as_deref()))?;
    let config = config::load(&sources)?;
    block_on(async {
        let client = client(&config, &sources.docker())?;
        let view = client.snapshot(Duration::ZERO).await;
        view.context("the Engine API does not tell the swarm's tasks; is this host a manager?")
    })
}

/// The network that a namespace serves; `None` where it is not one of swarm's balancers.
fn network(view: &View, namespace: &str) -> Option<IngressNetwork> {
    let wanted = match namespace {
        INGRESS_NAMESPACE => None,
        other => Some(other.strip_prefix(NETWORK_PREFIX)?),
    };
    let is_ours = |id: &str, name: &str| match wanted {
        None => name == INGRESS,
        Some(prefix) => id.starts_with(prefix),
    };
    let tasks = view.services.values().flat_map(|service| &service.tasks);
    let mut addresses = tasks.flat_map(|task| &task.addresses);
    let found = addresses.find(|address| is_ours(&address.network_id, &address.network));
    // A network without tasks has a table without anything in it.
    let (id, name) = found.map_or_else(
        || (String::new(), namespace.to_owned()),
        |address| (address.network_id.clone(), address.network.clone()),
    );
    let balanced = |service: &&Service| service.vip_networks.contains(&id);
    let services = view.services.values().filter(balanced);
    Some(IngressNetwork {
        services: services.map(|found| service(view, found, &id)).collect(),
        name,
    })
}

fn service(view: &View, service: &Service, network: &str) -> IngressService {
    let tasks = service.tasks.iter().flat_map(|task| {
        let state = match view.phase(task) {
            Phase::Serving => Some(BackendState::Serving),
            Phase::Draining => Some(BackendState::Draining),
            Phase::Starting | Phase::Unreachable | Phase::Stopped => None,
        };
        let on_network = task
            .addresses
            .iter()
            .filter(move |address| address.network_id == network);
        on_network.filter_map(move |address| {
            Some(IngressTask {
                task: task.id.to_string(),
                address: address.address,
                state: state?,
            })
        })
    });
    IngressService {
        name: service.name.clone(),
        tasks: tasks.collect(),
    }
}

impl Report {
    pub(super) fn document(&self) -> Value {
        let finding = |finding: &IngressFinding| {
            let mut value = json!(finding);
            value["words"] = finding.to_string().into();
            value
        };
        let table = |(namespace, network, services): &(String, String, usize)| json!({"namespace": namespace, "network": network, "virtual_services": services});
        json!({
            "verdict": if self.findings.is_empty() { "clean" } else { "drift" },
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "tables": self.tables.iter().map(table).collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let services: usize = self.tables.iter().map(|table| table.2).sum();
        writeln!(
            out,
            "swarm's own: {services} virtual services in {} namespaces; {} findings",
            self.tables.len(),
            self.findings.len()
        )?;
        for finding in &self.findings {
            writeln!(out, "  {finding}")?;
        }
        Ok(())
    }
}
