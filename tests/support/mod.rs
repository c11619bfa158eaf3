//! Runs programs in tests: `wirelab` itself, Python, and system tools.
//!
//! Every wait is for a line that the program prints, and has a limit. No program outlives its test.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of this")]

mod accounting;
mod fixtures;
mod link;
mod machine;
mod program;
mod schema;
mod skip;
mod tools;
mod wirelab;

pub(crate) use self::{
    accounting::{accounted, adds_up},
    fixtures::{client_tls, session_settings, workload},
    link::Link,
    machine::{Turn, alone, at_once, has_namespaces, is_root, together},
    program::{Finished, Program},
    schema::{QlogSchema, ResultSchema},
    skip::{say, skip, skip_missing},
    tools::{
        command_exists, find_command, has_command, has_module, interpreter, loopbacks, python, python_with,
        tool,
    },
    wirelab::{Certificates, Server, run, send, wirelab},
};
