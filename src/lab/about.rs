//! What an engine can do, for the page's controls.

use serde_json::{Value, json};

use crate::{
    experiment::PathKind,
    link::{LinkSpec, Preset},
    report::{style_of_parts, transport_in_words},
    transport::{Congestion, Transport},
    unit::{Direction, format_duration},
};

/// The controllers by their name in `-C`, without parameters.
const CONTROLLERS: [&str; 4] = ["cubic", "newreno", "bbr", "fixed"];

pub(super) fn about(paths: &[PathKind]) -> Value {
    let transport = |transport: Transport| {
        let on = paths.iter().filter(|path| path.refuses(transport).is_none());
        let controllers = CONTROLLERS.into_iter().filter(|name| {
            name.parse::<Congestion>()
                .is_ok_and(|congestion| transport.refuses_controller(congestion).is_none())
        });
        json!({
            "name": transport.name(),
            "words": transport_in_words(transport.name()),
            "paths": on.map(|path| path.name()).collect::<Vec<_>>(),
            "congestion": controllers.collect::<Vec<_>>(),
        })
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "paths": paths.iter().map(|path| path.name()).collect::<Vec<_>>(),
        "transports": Transport::all().map(transport).collect::<Vec<_>>(),
        "congestion": CONTROLLERS,
        "presets": Preset::ALL.map(preset),
        "css": style_of_parts(),
    })
}

fn preset(preset: Preset) -> Value {
    let to_client = preset.spec(Direction::ToClient);
    let to_server = preset.spec(Direction::ToServer);
    let rate = |spec: &LinkSpec| spec.rate.map_or("unlimited".to_owned(), |rate| rate.to_string());
    json!({
        "name": preset.name(),
        "words": format!(
            "{} down, {} up, {} round trip",
            rate(&to_client),
            rate(&to_server),
            format_duration(to_client.delay + to_server.delay)
        ),
        "source": preset.source(),
    })
}
