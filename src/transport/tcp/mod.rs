//! The kernel's TCP (RFC 9293).

mod spec;
