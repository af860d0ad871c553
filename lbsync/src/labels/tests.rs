use super::*;

fn read(labels: &[(&str, &str)]) -> Result<Option<ServiceLabels>, Vec<LabelError>> {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    ServiceLabels::from_labels(&labels)
}

#[track_caller]
fn check_errors(labels: &[(&str, &str)], expected: &[&str]) {
    let errors: Vec<_> = read(labels)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors, expected);
}

const VIP: (&str, &str) = ("swarmtide.lb.vip", "10.30.0.1");
const PORT: (&str, &str) = ("swarmtide.lb.port", "80");

#[test]
fn without_labels_there_is_no_virtual_service() {
    assert_eq!(
        read(&[("swarmtide.enable", "true"), ("swarmtide.lbx", "1")]),
        Ok(None)
    );
}

#[test]
fn defaults() {
    let labels = read(&[VIP, PORT]).unwrap().unwrap();
    assert_eq!(labels.virtual_service.to_string(), "tcp 10.30.0.1:80");
    assert_eq!(labels.target, None);
    assert_eq!(labels.config.scheduler, Scheduler::Wrr);
    assert_eq!(labels.destination.forward, ForwardingMethod::Masq);
}

#[test]
fn everything_said() {
    let labels = read(&[
        ("swarmtide.lb.vip", "2001:db8::1"),
        ("swarmtide.lb.port", "53"),
        ("swarmtide.lb.protocol", "UDP"),
        ("swarmtide.lb.target", "5353"),
        ("swarmtide.lb.scheduler", "mh"),
        ("swarmtide.lb.forward", "tunnel"),
    ])
    .unwrap()
    .unwrap();
    assert_eq!(labels.virtual_service.to_string(), "udp [2001:db8::1]:53");
    assert_eq!(labels.target, Some(5353));
    assert_eq!(labels.config.flags, ServiceFlags::FALLBACK);
    assert_eq!(labels.destination.forward, ForwardingMethod::Tunnel);
}

#[test]
fn what_a_kernel_can_be_asked_for() {
    let labels = read(&[
        VIP,
        PORT,
        ("swarmtide.lb.scheduler", "mh"),
        ("swarmtide.lb.flags", "mh-port,flag-3"),
        ("swarmtide.lb.persistence", "5m"),
        ("swarmtide.lb.persistence.prefix", "24"),
        ("swarmtide.lb.forward", "tunnel"),
        ("swarmtide.lb.tunnel", "gue"),
        ("swarmtide.lb.tunnel.checksum", "remcsum"),
        ("swarmtide.lb.weight", "10"),
        ("swarmtide.lb.threshold.upper", "100"),
        ("swarmtide.lb.threshold.lower", "80"),
    ])
    .unwrap()
    .unwrap();
    assert_eq!(
        labels.config.to_string(),
        "scheduler mh flags 0x38 persistent 300 s /24"
    );
    assert_eq!(
        labels.destination.to_string(),
        "tunnel gue port 6080 flags 0x2 weight 10 thresholds 80..100"
    );
}

#[test]
fn probe_floor_and_warm_up() {
    let with = |extra: &[(&'static str, &'static str)]| {
        let labels: Vec<_> = [VIP, PORT].iter().chain(extra).copied().collect();
        read(&labels).unwrap().unwrap()
    };
    assert_eq!(with(&[]).probe, None);
    assert_eq!(with(&[("swarmtide.lb.probe", "none")]).probe, None);
    let labels = with(&[
        ("swarmtide.lb.probe", "http"),
        ("swarmtide.lb.probe.path", "/ready"),
        ("swarmtide.lb.probe.interval", "500ms"),
        ("swarmtide.lb.floor", "40%"),
        ("swarmtide.lb.warmup", "1m"),
    ]);
    let probe = labels.probe.unwrap();
    assert_eq!(probe.kind.to_string(), "http /ready");
    assert_eq!(
        (probe.timeout, probe.rise, probe.fall),
        (Duration::from_millis(500), 2, 3)
    );
    assert_eq!(labels.floor, Share::percent(40));
    assert_eq!(labels.warm_up, Duration::from_secs(60));
}

/// The labels without which this one has no effect, and theirs.
fn needed(label: &Label) -> Vec<(String, &'static str)> {
    let Some(needs) = label.needs else {
        return Vec::new();
    };
    let other = LABELS.iter().find(|other| other.name == needs.label);
    let other = other.expect("every label that is needed is in the table");
    let value = needs.one_of.first().copied().unwrap_or(other.example);
    let mut all = needed(other);
    all.push((format!("{PREFIX}{}", other.name), value));
    all
}

#[test]
fn every_example_is_accepted_with_what_it_needs_and_not_without() {
    for label in LABELS {
        let name = format!("{PREFIX}{}", label.name);
        let needed = needed(label);
        let mut labels = vec![VIP, PORT];
        labels.extend(needed.iter().map(|(name, value)| (name.as_str(), *value)));
        labels.retain(|(key, _)| *key != name);
        labels.push((&name, label.example));
        assert!(read(&labels).is_ok(), "{name}: {:?}", read(&labels));
        let default_suffices = |needs: Needs| {
            let other = LABELS.iter().find(|other| other.name == needs.label);
            other.is_some_and(|other| needs.one_of.contains(&other.default))
        };
        if label.needs.is_some_and(|needs| !default_suffices(needs)) {
            assert!(
                read(&[VIP, PORT, (&name, label.example)]).is_err(),
                "{name}"
            );
        }
    }
}

#[test]
fn a_label_without_effect_is_an_error() {
    check_errors(
        &[VIP, PORT, ("swarmtide.lb.tunnel", "gue")],
        &["swarmtide.lb.tunnel=gue: has no effect without swarmtide.lb.forward=tunnel"],
    );
    check_errors(
        &[VIP, PORT, ("swarmtide.lb.probe.path", "/")],
        &["swarmtide.lb.probe.path=/: has no effect without swarmtide.lb.probe=http"],
    );
    check_errors(
        &[
            VIP,
            PORT,
            ("swarmtide.lb.protocol", "udp"),
            ("swarmtide.lb.probe", "tcp"),
        ],
        &["swarmtide.lb.probe=tcp: has no effect without swarmtide.lb.protocol=tcp"],
    );
    check_errors(
        &[
            VIP,
            PORT,
            ("swarmtide.lb.scheduler", "rr"),
            ("swarmtide.lb.warmup", "30s"),
        ],
        &[
            "swarmtide.lb.warmup=30s: has no effect without swarmtide.lb.scheduler=wrr or wlc or sh or sed or nq or mh or lblc or lblcr",
        ],
    );
    check_errors(
        &[VIP, PORT, ("swarmtide.lb.flags", "mh-port")],
        &[
            "swarmtide.lb.flags=mh-port: must be mh-fallback | mh-port | sh-fallback | sh-port | flag-3, several with commas",
        ],
    );
    check_errors(
        &[VIP, PORT, ("swarmtide.lb.persistence", "500ms")],
        &["swarmtide.lb.persistence=500ms: must be 1s to 24h"],
    );
    let idle = [
        VIP,
        PORT,
        ("swarmtide.lb.one-packet", "false"),
        ("swarmtide.lb.scheduler", "rr"),
        ("swarmtide.lb.warmup", "0s"),
    ];
    assert!(read(&idle).is_ok(), "what asks for nothing needs nothing");
}

#[test]
fn errors_name_the_label_and_what_was_meant() {
    check_errors(
        &[VIP],
        &["swarmtide.lb.port: is missing, although the service has other swarmtide.lb.* labels"],
    );
    check_errors(
        &[
            VIP,
            PORT,
            ("swarmtide.lb.sheduler", "wrr"),
            ("swarmtide.lb.colour", "red"),
        ],
        &[
            "swarmtide.lb.colour=red: there is no such label",
            "swarmtide.lb.sheduler=wrr: there is no such label; did you mean swarmtide.lb.scheduler?",
        ],
    );
    check_errors(
        &[VIP, PORT, ("swarmtide.lb.forward", "drout")],
        &["swarmtide.lb.forward=drout: must be masq | droute | tunnel; did you mean droute?"],
    );
    check_errors(
        &[VIP, ("swarmtide.lb.port", "+80")],
        &["swarmtide.lb.port=+80: must be 1 to 65535"],
    );
    check_errors(
        &[VIP, ("swarmtide.lb.port", "0")],
        &["swarmtide.lb.port=0: must be 1 to 65535"],
    );
    check_errors(
        &[PORT, ("swarmtide.lb.vip", "224.0.0.1")],
        &[
            "swarmtide.lb.vip=224.0.0.1: is unspecified, multicast or broadcast, and cannot be a virtual IP address",
        ],
    );
    check_errors(
        &[VIP, PORT, ("Swarmtide.LB.target", "80")],
        &["Swarmtide.LB.target=80: there is no such label; did you mean swarmtide.lb.target?"],
    );
}

#[test]
fn errors_are_bounded() {
    let names: Vec<_> = (0..100)
        .map(|number| format!("swarmtide.lb.x{number}"))
        .collect();
    let long = "ä".repeat(1000);
    let labels: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), long.as_str()))
        .collect();
    let errors = read(&labels).unwrap_err();
    assert_eq!(errors.len(), ERRORS_MAX);
    assert!(
        errors
            .iter()
            .all(|error| error.value.chars().count() <= TEXT_MAX + 1)
    );
}
