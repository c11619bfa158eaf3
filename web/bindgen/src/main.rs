//! Makes `engine.js` and `engine_bg.wasm` of the WebAssembly module that cargo has built:
//! `wirelab-bindgen MODULE FOLDER`.
//!
//! wasm-bindgen's own command line does the same. This part of it builds in a fraction of the time, and always has the
//! version that the engine was compiled with.

use std::{env, error::Error};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(module), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: wirelab-bindgen MODULE FOLDER".into());
    };
    Bindgen::new()
        .input_path(module)
        .no_modules(true)?
        .typescript(false)
        .out_name("engine")
        .generate(folder)?;
    Ok(())
}
