//! What an engine can do, for the page's controls.

use serde_json::{Value, json};

use crate::{
    experiment::PathKind,
    link::Preset,
    report::{style_of_parts, transport_in_words},
    transport::{Congestion, Transport},
};

pub(super) fn about(paths: &[PathKind]) -> Value {
    let transport = |transport: Transport| {
        let on = paths.iter().filter(|path| path.refuses(transport).is_none());
        let refused =
            paths.iter().filter_map(|path| Some((path.name().to_owned(), path.refuses(transport)?.into())));
        let controllers = Congestion::NAMES.into_iter().filter(|name| {
            name.parse::<Congestion>()
                .is_ok_and(|congestion| transport.refuses_controller(congestion).is_none())
        });
        json!({
            "name": transport.name(),
            "words": transport_in_words(transport.name()),
            "refused": Value::Object(refused.collect()),
            "paths": on.map(|path| path.name()).collect::<Vec<_>>(),
            "congestion": controllers.collect::<Vec<_>>(),
        })
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "paths": paths.iter().map(|path| path.name()).collect::<Vec<_>>(),
        "transports": Transport::all().map(transport).collect::<Vec<_>>(),
        "congestion": Congestion::NAMES,
        "presets": Preset::ALL.map(preset),
        "css": style_of_parts(),
    })
}

fn preset(preset: Preset) -> Value {
    json!({ "name": preset.name(), "words": preset.words(), "source": preset.source() })
}
