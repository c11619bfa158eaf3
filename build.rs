//! Sets `cfg(real_time)` where the paths in real time and `discover` are built: on Linux, with the feature `sockets`.
//! Tells the program its target, because parts of a result must come from one target.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(real_time)");
    println!("cargo::rustc-env=WIRELAB_TARGET={}", env::var("TARGET").unwrap_or_default());
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux");
    if is_linux && env::var_os("CARGO_FEATURE_SOCKETS").is_some() {
        println!("cargo::rustc-cfg=real_time");
    }
}
