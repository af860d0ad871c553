//! The page's files of others are those that `web/vendor/README.md` names, byte for byte.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeSet, fs, path::PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web/vendor")
}

/// File, package, version, licence and checksum of each row.
fn rows() -> Vec<[String; 5]> {
    let text = fs::read_to_string(folder().join("README.md")).unwrap();
    let cells = |line: &str| -> Option<[String; 5]> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [file, package, version, _, licence, hash] = cells.try_into().ok()?;
        let file = file.strip_prefix('`')?.strip_suffix('`')?;
        Some([file, package, version, licence, hash].map(str::to_owned))
    };
    text.lines().filter_map(cells).collect()
}

#[test]
fn each_file_is_named_with_its_origin_and_has_its_checksum() {
    let rows = rows();
    for [file, package, version, licence, hash] in &rows {
        assert!(
            ![package, version, licence]
                .iter()
                .any(|cell| cell.is_empty()),
            "{file}"
        );
        let bytes = fs::read(folder().join(file)).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let found: String = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(&found, hash, "{file} is not what web/vendor/README.md says");
    }
    let named: BTreeSet<&str> = rows.iter().map(|[file, ..]| file.as_str()).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || named.contains(name.as_str()),
            "{name} has no row in web/vendor/README.md"
        );
    }
}

#[test]
fn nothing_of_the_page_names_another_host() {
    let own = folder().join("..");
    for entry in fs::read_dir(own).unwrap() {
        let path = entry.unwrap().path();
        let known = path.extension().and_then(|end| end.to_str());
        if !known.is_some_and(|end| ["html", "css", "js", "mjs"].contains(&end)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for scheme in ["http://", "https://", "ws://", "wss://"] {
            assert!(!text.contains(scheme), "{} names {scheme}", path.display());
        }
    }
}
