//! wirelab's simulator in a browser: answers the calls of the lab's page in a worker.
//!
//! A call ends when it is answered. To cancel one, the page ends the worker.

use std::sync::Arc;

use wasm_bindgen::prelude::*;
use wirelab::{
    experiment::PathKind,
    lab::{Call, Context, LabError},
    path::StopSignal,
};

#[wasm_bindgen]
unsafe extern "C" {
    /// Tells the page how many of the runs have ended since the last time.
    #[wasm_bindgen(js_name = wirelabProgress)]
    fn progress(runs: f64);
}

/// Answers a call, as [`Call`] describes it: JSON in, text out. Throws a sentence if there is no answer.
#[wasm_bindgen]
pub fn call(json: &str) -> Result<String, JsError> {
    answer(json).map_err(|error| JsError::new(&error.to_string()))
}

fn answer(json: &str) -> Result<String, LabError> {
    let context = Context {
        paths: &[PathKind::Sim],
        stop: &StopSignal::default(),
        progress: Arc::new(|runs| progress(runs as f64)),
    };
    Call::read(json.as_bytes())?.answer(&context)
}
