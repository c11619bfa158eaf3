//! `wirelab` against third-party programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod captures;
mod link;
mod page;
mod perf;
mod python;
#[path = "../support/mod.rs"]
mod support;
mod tools;
