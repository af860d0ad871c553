//! The live page in a real browser (Debian's chromium), against the real demo.
//!
//! `PAGE_SCREENSHOTS=FOLDER` keeps pictures of what was seen.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "page/browser.rs"]
mod browser;
#[path = "page/demo.rs"]
mod demo;
#[path = "page/keyboard.rs"]
mod keyboard;
#[path = "page/life.rs"]
mod life;
#[path = "page/many.rs"]
mod many;
#[path = "page/token.rs"]
mod token;
#[path = "page/traffic.rs"]
mod traffic;
#[path = "page/views.rs"]
mod views;
