//! `lb status`: the table as `ipvsadm -Ln --stats` shows it, with the names of services, tasks and nodes.
//!
//! Counters are read from the kernel when this host has the table, else they are those of the balancer's last look.

use std::{fmt::Write as _, io::Write};

use lbsync::{DestinationKey, Listing, Protocol, VirtualServiceKey};
use serde_json::{Value, json};

use super::{ask, open, url};
use crate::cli::{Format, LbStatusArgs};

/// Prints the table.
pub(super) fn status(args: &LbStatusArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let url = url(&args.remote, args.config.as_deref())?;
    let mut table = ask(&url, &args.remote)?;
    let is_kernel = table["data_plane"] == "ipvs";
    let listing = is_kernel.then(|| {
        let mut plane = open(table["netns"].as_str())?;
        Ok::<_, anyhow::Error>(plane.try_list()?)
    });
    let note = match listing {
        Some(Ok(listing)) => {
            refresh(&mut table, &listing);
            table["listed_age_ms"] = 0.into();
            None
        }
        Some(Err(error)) => Some(format!("counters are the balancer's: {error:#}")),
        None => None,
    };
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&table)?)?,
        Format::Text => {
            write!(out, "{}", text(&table))?;
            if let Some(note) = note {
                writeln!(out, "({note})")?;
            }
        }
    }
    Ok(())
}

/// Puts the kernel's present counters in.
fn refresh(table: &mut Value, listing: &Listing) {
    let services = table["virtual_services"].as_array_mut();
    for service in services.into_iter().flatten() {
        let Some(key) = key(service) else {
            continue;
        };
        let Some(found) = listing.services.get(&key) else {
            continue;
        };
        service["traffic"] = json!(found.traffic);
        let destinations = service["destinations"].as_array_mut();
        for destination in destinations.into_iter().flatten() {
            let found = address(destination)
                .map(|(address, port)| DestinationKey { address, port })
                .and_then(|key| found.destinations.get(&key));
            if let Some(found) = found {
                destination["traffic"] = json!(found.traffic);
                destination["listed_weight"] = found.config.weight.into();
                destination["active_connections"] = found.connections.active.into();
                destination["inactive_connections"] = found.connections.inactive.into();
                destination["persistent_connections"] = found.connections.persistent.into();
            }
        }
    }
}

fn address(value: &Value) -> Option<(std::net::IpAddr, u16)> {
    let port = u16::try_from(value["port"].as_u64()?).ok()?;
    Some((value["address"].as_str()?.parse().ok()?, port))
}

fn key(service: &Value) -> Option<VirtualServiceKey> {
    let (address, port) = address(service)?;
    let protocol: Protocol = serde_json::from_value(service["protocol"].clone()).ok()?;
    Some(VirtualServiceKey {
        address,
        port,
        protocol,
    })
}

/// The table for people. Writing to a String cannot fail.
fn text(table: &Value) -> String {
    let mut text = String::new();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let netns = table["netns"].as_str();
    let netns = netns.map_or_else(String::new, |name| format!(" in network namespace {name}"));
    _ = writeln!(
        text,
        "{}{netns}; backend set {}{}; {}",
        word(&table["data_plane"]),
        word(&table["source"]["state"]),
        table["set_age_ms"]
            .as_u64()
            .map_or_else(String::new, |age| format!(", confirmed {} ago", span(age))),
        match table["in_sync"].as_bool() {
            Some(true) => "in sync".to_owned(),
            _ => format!("{} changes pending", table["changes_pending"]),
        }
    );
    _ = writeln!(
        text,
        "{:<46} {:>9} {:>6} {:>8} {:>8} {:>10} {:>10} {:>10}  state",
        "virtual service / destination",
        "forward",
        "weight",
        "active",
        "inactive",
        "conns",
        "bytes in",
        "bytes out"
    );
    for service in table["virtual_services"].as_array().into_iter().flatten() {
        one_service(&mut text, service);
    }
    for problem in table["problems"].as_array().into_iter().flatten() {
        _ = writeln!(
            text,
            "problem: {}: {}",
            word(&problem["service"]),
            problem["kind"]
        );
    }
    let foreign = table["foreign"].as_array().map_or(0, Vec::len)
        + table["inexpressible"].as_array().map_or(0, Vec::len);
    if foreign > 0 {
        _ = writeln!(text, "{foreign} entries of others, left alone");
    }
    text
}

fn one_service(text: &mut String, service: &Value) {
    let name = key(service).map_or_else(|| "?".to_owned(), |key| key.to_string());
    let traffic = &service["traffic"];
    let weak = if service["weak"] == true {
        ", below the floor"
    } else {
        ""
    };
    _ = writeln!(
        text,
        "{:<46} {:>9} {:>6} {:>8} {:>8} {:>10} {:>10} {:>10}  {}: {} of {} healthy{weak}{}",
        format!("{name} {}", service["scheduler"].as_str().unwrap_or("-")),
        "",
        "",
        "",
        "",
        traffic["connections"].as_u64().unwrap_or(0),
        bytes(&traffic["bytes_in"]),
        bytes(&traffic["bytes_out"]),
        service["service"].as_str().unwrap_or("(leaving)"),
        service["healthy"],
        service["swarm_serving"],
        error(service),
    );
    for destination in service["destinations"].as_array().into_iter().flatten() {
        one_destination(text, destination);
    }
}

fn one_destination(text: &mut String, destination: &Value) {
    let name = address(destination).map_or_else(
        || "?".to_owned(),
        |(address, port)| DestinationKey { address, port }.to_string(),
    );
    let traffic = &destination["traffic"];
    let task = &destination["tasks"][0];
    let listed = destination["listed_weight"].as_u64();
    let weight = listed.map_or_else(|| "-".to_owned(), |weight| weight.to_string());
    let drain = destination["drain_ends_in_ms"].as_u64();
    _ = writeln!(
        text,
        "  -> {:<42} {:>9} {:>6} {:>8} {:>8} {:>10} {:>10} {:>10}  {} {} on {}, age {}{}{}",
        name,
        destination["forward"].as_str().unwrap_or("-"),
        weight,
        destination["active_connections"].as_u64().unwrap_or(0),
        destination["inactive_connections"].as_u64().unwrap_or(0),
        traffic["connections"].as_u64().unwrap_or(0),
        bytes(&traffic["bytes_in"]),
        bytes(&traffic["bytes_out"]),
        destination["phase"].as_str().unwrap_or("-"),
        task["task"].as_str().unwrap_or("(no task)"),
        task["node"].as_str().unwrap_or("-"),
        span(destination["age_ms"].as_u64().unwrap_or(0)),
        drain.map_or_else(String::new, |left| format!(
            ", goes in {} at the latest",
            span(left)
        )),
        error(destination),
    );
}

fn error(entry: &Value) -> String {
    let error = entry["error"].as_str();
    error.map_or_else(String::new, |error| format!("; {error}"))
}

/// A length of time in its two largest units.
fn span(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A number of bytes, short.
fn bytes(value: &Value) -> String {
    let mut rest = value.as_u64().unwrap_or(0);
    for unit in ["", "k", "M", "G", "T"] {
        if rest < 10_000 {
            return format!("{rest}{unit}");
        }
        rest /= 1000;
    }
    format!("{rest}P")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Value {
        json!({
            "data_plane": "ipvs", "netns": "lb", "source": {"state": "current"}, "in_sync": true,
            "virtual_services": [{
                "address": "10.30.0.1", "port": 80, "protocol": "tcp", "scheduler": "wrr", "service": "web",
                "healthy": 1, "swarm_serving": 1, "weak": false, "traffic": {"connections": 7},
                "destinations": [{
                    "address": "10.0.0.2", "port": 32768, "forward": "masq", "phase": "draining", "listed_weight": 0,
                    "active_connections": 3, "inactive_connections": 0, "age_ms": 300_000, "drain_ends_in_ms": 5000,
                    "tasks": [{"task": "t1", "node": "w1"}]
                }]
            }]
        })
    }

    #[test]
    fn lines_have_names_drains_and_ages() {
        let text = text(&table());
        for wanted in [
            "ipvs in network namespace lb; backend set current; in sync",
            "tcp 10.30.0.1:80 wrr",
            "web: 1 of 1 healthy",
            "-> 10.0.0.2:32768",
            "draining t1 on w1, age 5m, goes in 5s at the latest",
        ] {
            assert!(text.contains(wanted), "{wanted:?} is missing: {text}");
        }
    }

    #[test]
    fn the_kernels_counters_replace_the_balancers() {
        let mut table = table();
        let key = key(&table["virtual_services"][0]).unwrap();
        let mut listing = Listing::default();
        let service = listing.services.entry(key).or_default();
        service.traffic.connections = 99;
        let destination = DestinationKey {
            address: [10, 0, 0, 2].into(),
            port: 32768,
        };
        let destination = service.destinations.entry(destination).or_default();
        destination.connections.active = 5;
        refresh(&mut table, &listing);
        let service = &table["virtual_services"][0];
        assert_eq!(service["traffic"]["connections"], 99);
        assert_eq!(service["destinations"][0]["active_connections"], 5);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(bytes(&json!(9_999)), "9999");
        assert_eq!(bytes(&json!(123_456_789_u64)), "123M");
        assert_eq!(
            (span(1_000), span(300_000)),
            ("1s".to_owned(), "5m".to_owned())
        );
    }
}
