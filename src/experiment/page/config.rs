//! The options of page loads as a result has them.

use serde_json::{Map, Value, json};

use super::PagePlan;
use crate::experiment::{
    config::{distinct, entry, servers},
    request::Request,
};

/// The options that only page loads have, each resolved.
pub fn page_config(request: &Request<PagePlan>) -> Map<String, Value> {
    let each = |value: fn(&PagePlan) -> Value| distinct(request.plans().map(value));
    let with_link = request.plans().filter(|plan| plan.path.has_link());
    Map::from_iter([
        entry("servers", servers(request)),
        entry("links", distinct(with_link.map(|plan| json!(plan.links)))),
        entry("workload", each(|plan| json!(plan.page.to_string()))),
        entry("mode", each(|plan| json!(plan.mode))),
        entry("connections", each(|plan| json!(plan.connections))),
        entry("flows", each(|plan| json!(plan.flows))),
        entry("loads", each(|plan| json!(plan.loads))),
    ])
}
