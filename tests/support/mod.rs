//! Running programs in tests: `wirelab` itself, Python, and the tools of a system.
//!
//! Every wait is for something that the program says, and has an end; no program outlives its test.

#![allow(dead_code, unused_imports, reason = "each test file uses its part of this")]

mod link;
mod program;
mod tools;
mod wirelab;

pub(crate) use self::{
    link::Link,
    program::{Finished, Program},
    tools::{command_exists, python, python_with, skip, tool},
    wirelab::{Certificates, Server, send},
};
