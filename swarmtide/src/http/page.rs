//! The page: files that are part of the executable, served with headers that let it do nothing but ask this listener.
//!
//! They hold no data, so that they need no token: what the page shows it asks the API for.

use std::{collections::BTreeMap, io::Write as _, sync::LazyLock};

use axum::{
    body::Bytes,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::Embed;

use super::problem::Problem;

/// The files under `web/`.
#[derive(Embed)]
#[folder = "web/"]
struct Files;

/// Where the page's files are, but for the page itself.
pub(super) const PREFIX: &str = "/page/";

/// What the page may do: load its own files and ask this listener. No inline script or style, no frame, no form.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// A file as it is sent.
#[derive(Debug)]
struct Asset {
    kind: &'static str,
    etag: String,
    plain: Bytes,
    packed: Bytes,
}

/// Packed once, when the first of them is asked for.
static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let asset = |path: std::borrow::Cow<'static, str>| {
        let kind = kind(&path)?;
        let file = Files::get(&path)?;
        let hash = file.metadata.sha256_hash();
        let etag = hash
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let plain = Bytes::from(file.data.into_owned());
        let packed = pack(&plain).unwrap_or_default();
        let asset = Asset {
            kind,
            etag,
            plain,
            packed,
        };
        Some((path.into_owned(), asset))
    };
    Files::iter().filter_map(asset).collect()
});

/// What is served, by the end of its name; notes beside the files are not.
fn kind(path: &str) -> Option<&'static str> {
    let (_, end) = path.rsplit_once('.')?;
    Some(match end {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}

fn pack(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    Ok(Bytes::from(encoder.finish()?))
}

/// Whether a browser asks for a page to show, and not a program for JSON.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter();
    accept
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/html"))
}

/// The page itself.
pub(super) fn page(headers: &HeaderMap) -> Result<Response, Problem> {
    answer("index.html", headers).ok_or_else(|| Problem::internal("the page is not in the binary"))
}

/// One of its files.
pub(super) async fn file(
    Path(path): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = answer(&path, &headers).filter(|_| path != "index.html");
    known.ok_or_else(|| Problem::not_found(format!("there is nothing at {}", uri.path())))
}

fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let asset = ASSETS.get(path)?;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let packed = !asset.packed.is_empty()
        && text(header::ACCEPT_ENCODING).is_some_and(|accept| accepts(accept, "gzip"));
    let etag = match packed {
        true => format!("\"{}-gzip\"", asset.etag),
        false => format!("\"{}\"", asset.etag),
    };
    let known = text(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').any(|tag| same_tag(tag.trim(), &etag)));
    let mut response = match (known, packed) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, true) => asset.packed.clone().into_response(),
        (false, false) => asset.plain.clone().into_response(),
    };
    let all = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, asset.kind),
        // Kept, and asked for each time: after an upgrade there must not be files of two versions.
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "Accept, Accept-Encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        all.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        all.insert(header::ETAG, value);
    }
    if packed && !known {
        all.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

/// Whether a list of codings has one that is not refused by a weight of 0.
fn accepts(list: &str, coding: &str) -> bool {
    list.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        named && weight.and_then(|weight| weight.parse::<f32>().ok()) != Some(0.0)
    })
}

/// Compares as `If-None-Match` asks for: weakly (RFC 9110, section 13.1.2).
fn same_tag(given: &str, own: &str) -> bool {
    given == "*" || given.strip_prefix("W/").unwrap_or(given) == own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn browsers_get_the_page_and_programs_do_not() {
        let wants = |accept: &str| wants_page(&headers(&[(header::ACCEPT, accept)]));
        assert!(wants("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!wants("*/*"));
        assert!(!wants("application/json"));
        assert!(!wants_page(&HeaderMap::new()));
    }

    #[test]
    fn a_file_is_sent_packed_or_plain_and_not_twice() {
        let plain = answer("app.css", &HeaderMap::new()).unwrap();
        assert_eq!(
            plain.headers()[header::CONTENT_TYPE],
            "text/css; charset=utf-8"
        );
        assert!(plain.headers().get(header::CONTENT_ENCODING).is_none());
        let packed = [(header::ACCEPT_ENCODING, "br, gzip;q=0.5")];
        let packed = answer("app.css", &headers(&packed)).unwrap();
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        let (one, other) = (
            &plain.headers()[header::ETAG],
            &packed.headers()[header::ETAG],
        );
        assert_ne!(one, other);
        let tag = format!("\"x\", W/{}", one.to_str().unwrap());
        let again = answer("app.css", &headers(&[(header::IF_NONE_MATCH, &tag)])).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::ETAG], *one);
        assert!(!accepts("gzip;q=0, br", "gzip"));
    }

    #[test]
    fn what_is_not_there_is_not_served() {
        for path in ["vendor/README.md", "../Cargo.toml", "nothing.css", ""] {
            assert!(answer(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn the_policy_lets_nothing_foreign_in() {
        let response = page(&HeaderMap::new()).unwrap();
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(
            response.headers()[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff"
        );
    }
}
