//! Laws of the codec, and bytes written by hand after linux/ip_vs.h.

mod golden;
mod laws;
