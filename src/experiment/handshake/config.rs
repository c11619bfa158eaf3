//! The configuration of a result: the options that only `handshake` has.

use serde_json::{Map, Value, json};

use super::HandshakePlan;
use crate::{
    experiment::{
        config::{distinct, entry},
        request::Request,
    },
    unit::nanos,
};

/// The options that only `handshake` has, each resolved.
pub fn handshake_config(request: &Request<HandshakePlan>) -> Map<String, Value> {
    let first = request.plans().next();
    let of_first = |value: fn(&HandshakePlan) -> Value| first.map_or(Value::Null, value);
    let first_plans = request.batches.iter().filter_map(|batch| batch.plans.first());
    let with_link = request.plans().filter(|plan| plan.path.has_link());
    let mut config = Map::from_iter([
        entry("mode", distinct(request.plans().map(|plan| json!(plan.mode)))),
        entry("links", distinct(with_link.map(|plan| json!(plan.links)))),
        entry("connections", first_plans.map(|plan| plan.connections).collect::<Vec<_>>()),
        entry("parallel", of_first(|plan| json!(plan.parallel))),
        entry("length_bytes", of_first(|plan| json!(plan.length))),
        entry("timeout_ns", of_first(|plan| json!(nanos(plan.timeout)))),
        entry("certificate_bytes", of_first(|plan| json!(plan.certificate))),
    ]);
    let controllers = distinct(request.plans().map(|plan| json!(plan.congestion.to_string())));
    if let Some([controller]) = controllers.as_array().map(Vec::as_slice) {
        // A single controller is not written as a list.
        config.extend([entry("congestion", controller.clone())]);
    }
    config
}
