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
    assert_eq!(labels.forward, ForwardingMethod::Masq);
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
    assert_eq!(labels.config.flags, crate::config::ServiceFlags::FALLBACK);
    assert_eq!(labels.forward, ForwardingMethod::Tunnel);
}

#[test]
fn every_example_is_accepted() {
    for label in LABELS {
        let name = format!("{PREFIX}{}", label.name);
        let mut labels = vec![VIP, PORT];
        labels.retain(|(key, _)| *key != name);
        labels.push((&name, label.example));
        assert!(read(&labels).is_ok(), "{name}");
    }
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
