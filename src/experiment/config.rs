//! The configuration of a result: every option, resolved.

use serde_json::{Map, Value, json};

use super::{driver::Experiment, plan::Plan, request::Request};
use crate::unit::nanos;

/// The options that every experiment has, each resolved. A list has the values of all cells.
pub fn config<E: Experiment>(request: &Request<E::Plan>, first_seed: u64) -> Map<String, Value> {
    let setups = || request.plans().map(E::setup);
    let paths: Vec<_> = request.batches.iter().map(|batch| batch.path.name()).collect();
    Map::from_iter([
        entry("transport", distinct(setups().map(|setup| json!(setup.transport.name())))),
        entry("path", json!(paths)),
        entry("congestion", distinct(setups().map(|setup| json!(setup.congestion.to_string())))),
        entry(
            "packet_threshold",
            distinct(setups().map(|setup| json!(setup.loss_detection.packet_threshold))),
        ),
        entry(
            "time_threshold",
            distinct(setups().map(|setup| json!(setup.loss_detection.time_threshold.round_trips()))),
        ),
        entry("seed", json!(first_seed)),
        entry("seeds", distinct(request.batches.iter().map(|batch| json!(batch.seeds)))),
    ])
}

/// One option of a result.
pub fn entry(name: &str, value: impl Into<Value>) -> (String, Value) {
    (name.to_owned(), value.into())
}

/// The options that were given, by long name: a flag is true, a single value a string, several values are an array.
pub fn given_options<'a>(
    options: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>,
) -> Map<String, Value> {
    let json = |values: &[String]| match values {
        [] => json!(true),
        [value] => json!(value),
        values => json!(values),
    };
    options.into_iter().map(|(name, values)| (name.clone(), json(values))).collect()
}

/// The servers of a request.
pub fn servers<P>(request: &Request<P>) -> Value {
    distinct(request.batches.iter().flat_map(|batch| &batch.servers).map(|server| json!(server.url)))
}

/// Each value once, in the order in which they come first.
pub fn distinct(values: impl Iterator<Item = Value>) -> Value {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    Value::Array(seen)
}

/// The options of messages on a schedule, each resolved. `messages` returns the messages of a plan.
pub fn messages_config<P>(request: &Request<P>, messages: fn(&P) -> &Plan) -> Map<String, Value> {
    let plans = || request.plans().map(messages);
    let each = |value: fn(&Plan) -> Value| distinct(plans().map(value));
    let with_link = plans().filter(|plan| plan.path.has_link());
    let mut servers_of_batches = request.batches.iter().flat_map(|batch| &batch.servers);
    let is_measured = servers_of_batches.any(|server| server.deadline.is_some());
    Map::from_iter([
        entry("servers", servers(request)),
        entry("links", distinct(with_link.map(|plan| json!(plan.links)))),
        entry("workload", each(|plan| json!(plan.workload.application.to_string()))),
        entry("flows", each(|plan| json!(plan.workload.flows))),
        entry("interval_ns", each(|plan| json!(nanos(plan.workload.interval)))),
        entry("length_bytes", each(|plan| json!(plan.workload.length))),
        entry("reply_length_bytes", each(|plan| json!(plan.workload.reply_length))),
        entry("arrivals", each(|plan| json!(plan.workload.arrivals.to_string()))),
        entry("duration_ns", each(|plan| json!(nanos(plan.workload.duration)))),
        entry("warmup_ns", each(|plan| json!(nanos(plan.workload.warmup)))),
        entry(
            "deadline_ns",
            if is_measured { Value::Null } else { each(|plan| json!(nanos(plan.workload.deadline))) },
        ),
    ])
}
