use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const EVERY_OPTION: &[u8] = include_bytes!("../../tests/data/service-every-option.json");

fn with(mode: &str, rest: &str) -> Result<ServiceDocument, DocumentError> {
    ServiceDocument::parse(
        format!(r#"{{"ID":"x","Version":{{"Index":7}},"Spec":{{{rest}"Mode":{mode}}}}}"#)
            .as_bytes(),
    )
}

#[test]
fn one_number_of_a_real_specification_changes_and_no_other_byte() {
    let document = ServiceDocument::parse(EVERY_OPTION).unwrap();
    assert_eq!(document.mode(), Mode::Replicated { replicas: 2 });
    assert_eq!(document.update(), &UpdateState::None);
    let whole = std::str::from_utf8(EVERY_OPTION).unwrap();
    assert!(
        whole.contains(document.spec()),
        "the specification is a piece of the answer"
    );
    let expected = document.spec().replace(
        r#""Mode":{"Replicated":{"Replicas":2}}"#,
        r#""Mode":{"Replicated":{"Replicas":1203}}"#,
    );
    let changed = document.with_replicas(1203).unwrap();
    assert_eq!(changed, expected);
    assert_eq!(changed.len(), document.spec().len() + 3);
    assert_eq!(document.with_replicas(2).unwrap(), document.spec());
}

#[test]
fn numbers_that_no_float_can_hold_survive() {
    // Above 2^53, the limits of 64 bits and beyond, and floats whose shortest form is not the engine's.
    let rest = r#""A":9007199254740993,"B":18446744073709551615,"C":-9223372036854775808,"D":123456789012345678901234567890,
        "NanoCPUs":350000001,"Ratio":0.15000000596046448,"E":1E-05,"F":0.10,"U":"\u00e4\u003c","U":"twice","#;
    let document = with(r#"{ "Replicated" : { "Replicas" : 4 } }"#, rest).unwrap();
    let changed = document.with_replicas(5).unwrap();
    assert_eq!(
        changed,
        format!(r#"{{{rest}"Mode":{{ "Replicated" : {{ "Replicas" : 5 }} }}}}"#)
    );
}

#[test]
fn an_index_beyond_what_32_bits_hold() {
    let body = br#"{"Version":{"Index":18446744073709551615},"Spec":{"Mode":{"Replicated":{"Replicas":1}}}}"#;
    assert_eq!(
        ServiceDocument::parse(body).unwrap().version_index(),
        u64::MAX
    );
}

#[test]
fn what_cannot_be_scaled_has_no_number_to_change() {
    for (mode, expected) in [
        (r#"{"Global":{}}"#, Mode::Global),
        (
            r#"{"ReplicatedJob":{"MaxConcurrent":1,"TotalCompletions":1}}"#,
            Mode::ReplicatedJob,
        ),
        (r#"{"GlobalJob":{}}"#, Mode::GlobalJob),
        (r#"{"Replicated":{}}"#, Mode::Unknown),
        (r#"{"Replicated":{"Replicas":null}}"#, Mode::Unknown),
        (r#"{"Replicated":{"Replicas":-1}}"#, Mode::Unknown),
        (r#"{"Replicated":{"Replicas":2.0}}"#, Mode::Unknown),
        (r#"{"Replicated":{"Replicas":4294967296}}"#, Mode::Unknown),
        (
            r#"{"Replicated":{"Replicas":2},"Global":{}}"#,
            Mode::Unknown,
        ),
        ("{}", Mode::Unknown),
        ("null", Mode::Unknown),
        ("3", Mode::Unknown),
    ] {
        let document = with(mode, "").unwrap();
        assert_eq!(document.mode(), expected, "{mode}");
        assert!(
            matches!(document.with_replicas(3), Err(DocumentError::NoReplicas)),
            "{mode}"
        );
    }
}

#[test]
fn what_is_no_service_or_ambiguous_is_refused() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"Version":{"Index":1}}"#,
        r#"{"Spec":{"Mode":{"Replicated":{"Replicas":2}}}}"#,
        r#"{"Version":{"Index":-1},"Spec":{"Mode":{"Replicated":{"Replicas":2}}}}"#,
        r#"{"Version":{"Index":1},"Spec":{"Mode":{"Replicated":{"Replicas":2}},"Mode":{"Replicated":{"Replicas":3}}}}"#,
        r#"{"Version":{"Index":1},"Spec":{"Mode":{"Replicated":{"Replicas":2,"Replicas":3}}}}"#,
        r#"{"Version":{"Index":1},"Spec":{"Mode":{"Replicated":{"Replicas":2}}}"#,
    ] {
        assert!(
            matches!(
                ServiceDocument::parse(body.as_bytes()),
                Err(DocumentError::Malformed(_))
            ),
            "{body}"
        );
    }
}

#[test]
fn the_rollout_is_read() {
    let parse = |update: &str| {
        let body = format!(
            r#"{{"Version":{{"Index":1}},"Spec":{{"Mode":{{"Global":{{}}}}}},"UpdateStatus":{update}}}"#
        );
        ServiceDocument::parse(body.as_bytes())
            .unwrap()
            .update()
            .clone()
    };
    assert_eq!(parse("null"), UpdateState::None);
    assert_eq!(parse("{}"), UpdateState::None);
    assert_eq!(parse(r#"{"State":"paused"}"#), UpdateState::Paused);
    assert_eq!(
        parse(r#"{"State":"rollback_started"}"#),
        UpdateState::RollbackStarted
    );
    assert!(parse(r#"{"State":"new word"}"#).blocks_scaling());
    assert!(parse(r#"{"State":5}"#).blocks_scaling());
    assert!(!parse(r#"{"State":"completed"}"#).blocks_scaling());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("(Mode|Replicated|Replicas|\\PC{0,4})", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn for_any_specification_only_the_number_differs(
        before in prop::collection::btree_map("[A-L]{1,3}", any_json(), 0..5),
        after in prop::collection::btree_map("[N-Z]{1,3}", any_json(), 0..5),
        pretty: bool, index: u64, from: u32, to: u32,
    ) {
        let mut spec: serde_json::Map<String, Value> = before.into_iter().collect();
        spec.insert("Mode".to_owned(), json!({"Replicated": {"Replicas": from}}));
        spec.extend(after);
        let service = json!({"Version": {"Index": index}, "Spec": spec, "PreviousSpec": spec});
        let body = if pretty { serde_json::to_string_pretty(&service) } else { serde_json::to_string(&service) }.unwrap();

        let document = ServiceDocument::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(document.version_index(), index);
        prop_assert!(body.contains(document.spec()));
        let changed = document.with_replicas(to).unwrap();

        // As text: the same but for the digits.
        let (from_digits, to_digits) = (from.to_string(), to.to_string());
        let start = document.replicas_at.start;
        prop_assert_eq!(&changed[..start], &document.spec()[..start]);
        prop_assert_eq!(&document.spec()[document.replicas_at.clone()], from_digits);
        prop_assert_eq!(&changed[start..start + to_digits.len()], to_digits.as_str());
        prop_assert_eq!(&changed[start + to_digits.len()..], &document.spec()[document.replicas_at.end..]);

        // As JSON: the same but for that number.
        let mut expected: Value = serde_json::from_str(document.spec()).unwrap();
        expected["Mode"]["Replicated"]["Replicas"] = json!(to);
        prop_assert_eq!(serde_json::from_str::<Value>(&changed).unwrap(), expected);
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(ServiceDocument::parse(&body));
    }

    #[test]
    fn no_json_panics(spec in any_json(), update in any_json()) {
        let body = json!({"Version": {"Index": 1}, "Spec": spec, "UpdateStatus": update}).to_string();
        if let Ok(document) = ServiceDocument::parse(body.as_bytes()) {
            drop(document.with_replicas(1));
        }
    }
}
