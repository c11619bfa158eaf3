//! The options of a run as they stand in its result: each one resolved.

use serde_json::{Map, Value, json};

use super::{ExperimentArgs, Request};
use wirelab::unit::nanos;

impl ExperimentArgs {
    /// Every option by its name. What a matrix resolves differently for each cell stands in the cells.
    pub(super) fn config(&self, request: &Request) -> Map<String, Value> {
        let mut config = Map::new();
        let mut set = |name: &str, value: Value| config.insert(name.to_owned(), value);
        let plans = || request.batches.iter().flat_map(|batch| &batch.plans);
        set("transport", distinct(plans().map(|plan| json!(plan.transport.name()))));
        set("path", json!(request.batches.iter().map(|batch| batch.path.name()).collect::<Vec<_>>()));
        let servers = request.batches.iter().flat_map(|batch| &batch.servers);
        set("servers", distinct(servers.map(|remote| json!(remote.url))));
        set("links", distinct(plans().filter(|plan| plan.path.has_link()).map(|plan| json!(plan.links))));
        set("congestion", distinct(plans().map(|plan| json!(plan.congestion.to_string()))));
        set("seed", json!(self.seed));
        set("seeds", distinct(request.batches.iter().map(|batch| json!(batch.seeds))));
        set("flows", distinct(plans().map(|plan| json!(plan.workload.flows))));
        set("interval_ns", distinct(plans().map(|plan| json!(nanos(plan.workload.interval)))));
        set("length_bytes", distinct(plans().map(|plan| json!(plan.workload.length))));
        set("reply_length_bytes", distinct(plans().map(|plan| json!(plan.workload.reply_length))));
        set("arrivals", distinct(plans().map(|plan| json!(plan.workload.arrivals.to_string()))));
        set("duration_ns", distinct(plans().map(|plan| json!(nanos(plan.workload.duration)))));
        set("warmup_ns", distinct(plans().map(|plan| json!(nanos(plan.workload.warmup)))));
        set("deadline_ns", distinct(plans().map(|plan| json!(nanos(plan.workload.deadline)))));
        config
    }
}

/// Each value once, in the order in which they come first.
fn distinct(values: impl Iterator<Item = Value>) -> Value {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    Value::Array(seen)
}
