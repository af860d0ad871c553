//! Codec and client for the kernel's IP Virtual Server over generic netlink.
