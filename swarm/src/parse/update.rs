//! What the last update of a service's specification changed: `Spec` against `PreviousSpec`.
//!
//! `docker service scale` and a `docker stack deploy` of an unchanged file leave the same behind on a service whose number of
//! replicas differs from the file's. But a deployment also updates the other services of the stack, and those it does not scale:
//! seen with 20.10, each gets a new version even where nothing changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{mode, text};
use crate::{
    id::ServiceId,
    model::{LastUpdate, Service},
};

/// Updates of the services of one stack that lie no further apart than this belong together: a deployment asks the registry for
/// each image in between.
const TOGETHER_MS: i64 = 10_000;

/// Reads one service's; whether its stack was deployed cannot be told from it alone.
pub(super) fn last(service: &Value) -> Option<LastUpdate> {
    let (spec, previous) = (service.get("Spec")?, service.get("PreviousSpec")?);
    let (spec, previous) = (spec.as_object()?, previous.as_object()?);
    Some(LastUpdate {
        replicas_before: mode(previous.get("Mode")).replicas(),
        otherwise: differ_otherwise(spec, previous),
        with_stack: false,
    })
}

/// Whether two specifications differ in anything but the number of replicas.
fn differ_otherwise(spec: &Map<String, Value>, previous: &Map<String, Value>) -> bool {
    let fields: BTreeSet<&String> = spec.keys().chain(previous.keys()).collect();
    fields.into_iter().any(|field| {
        let (now, before) = (spec.get(field), previous.get(field));
        let replicated =
            |mode: Option<&Value>| mode.is_some_and(|mode| mode.get("Replicated").is_some());
        if field == "Mode" && replicated(now) && replicated(before) {
            return false;
        }
        now != before
    })
}

/// Notes which services were updated together with others of their stack.
pub(super) fn judge_stacks(services: &mut BTreeMap<ServiceId, Service>, list: &[Value]) {
    let times: BTreeMap<&str, i64> = list
        .iter()
        .filter_map(|value| Some((text(value, "/ID"), updated_at(value)?)))
        .collect();
    let mut deployed: BTreeMap<String, Vec<(i64, ServiceId)>> = BTreeMap::new();
    for service in services.values() {
        let unscaled = service.last_update.is_some_and(|update| {
            update.otherwise || update.replicas_before == service.mode.replicas()
        });
        if let (Some(stack), true, Some(at)) =
            (service.stack(), unscaled, times.get(service.id.as_str()))
        {
            let stack = deployed.entry(stack.to_owned()).or_default();
            stack.push((*at, service.id.clone()));
        }
    }
    for stack in deployed.values_mut() {
        stack.sort();
    }
    for service in services.values_mut() {
        let id = service.id.clone();
        let others = service.stack().and_then(|stack| deployed.get(stack));
        if let (Some(others), Some(at)) = (others, times.get(id.as_str()))
            && let Some(update) = &mut service.last_update
        {
            let from = others.partition_point(|(other, _)| *other < at - TOGETHER_MS);
            update.with_stack = others
                .iter()
                .skip(from)
                .take_while(|(other, _)| *other <= at + TOGETHER_MS)
                .any(|(_, other)| *other != id);
        }
    }
}

/// When its specification was updated, in milliseconds since 1970: `UpdatedAt`, which the end of a rollout moves on, unless the
/// rollout says when it began.
fn updated_at(service: &Value) -> Option<i64> {
    let began = text(service, "/UpdateStatus/StartedAt");
    let time = if began.is_empty() {
        text(service, "/UpdatedAt")
    } else {
        began
    };
    let time: jiff::Timestamp = time.parse().ok()?;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parse::RawSwarm;

    /// A service of a stack: replicas now and before, image now and before, and when it was updated.
    fn service(name: &str, replicas: [u32; 2], images: [&str; 2], second: u32) -> Value {
        let spec = |replicas: u32, image: &str| {
            json!({
                "Name": name,
                "Labels": {"com.docker.stack.namespace": "shop"},
                "TaskTemplate": {"ContainerSpec": {"Image": image}},
                "Mode": {"Replicated": {"Replicas": replicas}},
            })
        };
        json!({
            "ID": name,
            "Version": {"Index": 7},
            "UpdatedAt": format!("2026-11-27T23:11:{second:02}.251Z"),
            "Spec": spec(replicas[0], images[0]),
            "PreviousSpec": spec(replicas[1], images[1]),
        })
    }

    fn judge(services: &[Value]) -> Vec<(bool, bool)> {
        let raw = RawSwarm {
            nodes: json!([]),
            services: services.into(),
            tasks: json!([]),
            ..RawSwarm::default()
        };
        let view = raw.view(0, std::time::Duration::ZERO).unwrap();
        let updates = view
            .services
            .values()
            .map(|service| service.last_update.unwrap());
        updates
            .map(|update| (update.otherwise, update.with_stack))
            .collect()
    }

    #[test]
    fn a_person_who_scales_leaves_the_stack_alone() {
        let scaled = [
            service("a", [2, 5], ["x", "x"], 30),
            service("b", [1, 1], ["x", "x"], 10),
            service("c", [4, 1], ["x", "x"], 31),
        ];
        assert_eq!(
            judge(&scaled),
            [(false, false), (false, false), (false, false)]
        );
    }

    #[test]
    fn a_deployment_of_an_unchanged_file_is_seen_by_the_services_beside() {
        let deployed = [
            service("a", [2, 5], ["x", "x"], 30),
            service("b", [1, 1], ["x", "x"], 31),
        ];
        assert_eq!(judge(&deployed), [(false, true), (false, false)]);
        let deployed = [
            service("a", [2, 5], ["x", "x"], 30),
            service("b", [1, 6], ["y", "x"], 24),
        ];
        assert_eq!(judge(&deployed), [(false, true), (true, false)]);
    }

    #[test]
    fn a_rollout_that_ends_is_no_deployment() {
        let mut rolled = service("b", [1, 1], ["y", "x"], 31);
        rolled["UpdateStatus"] = json!({"State": "completed", "StartedAt": "2026-11-27T23:10:01Z"});
        let services = [service("a", [2, 5], ["x", "x"], 30), rolled];
        assert_eq!(judge(&services), [(false, false), (true, false)]);
    }

    #[test]
    fn without_a_previous_specification_nothing_is_known() {
        let mut never = service("a", [2, 2], ["x", "x"], 1);
        never.as_object_mut().unwrap().remove("PreviousSpec");
        assert_eq!(last(&never), None);
        never["PreviousSpec"] = json!({"Mode": {"Global": {}}});
        let update = last(&never).unwrap();
        assert_eq!((update.replicas_before, update.otherwise), (None, true));
    }
}
