//! IPVS in a real kernel: each test runs in a guest of its own (`testbed/guest`), with clients, balancers and real servers in
//! network namespaces there.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "guest/address.rs"]
mod address;
#[path = "guest/codec.rs"]
mod codec;
#[path = "guest/connections.rs"]
mod connections;
#[path = "guest/crash.rs"]
mod crash;
#[path = "guest/faults.rs"]
mod faults;
#[path = "guest/ingress.rs"]
mod ingress;
#[path = "guest/judge.rs"]
mod judge;
#[path = "guest/kernel.rs"]
mod kernel;
#[path = "guest/methods.rs"]
mod methods;
#[path = "guest/options.rs"]
mod options;
#[path = "guest/plane.rs"]
mod plane;
#[path = "guest/rig.rs"]
mod rig;
#[path = "guest/rights.rs"]
mod rights;
#[path = "guest/scaling.rs"]
mod scaling;
#[path = "guest/socket.rs"]
mod socket;
#[path = "guest/sources.rs"]
mod sources;
