//! The files of the lab's page: served, or exported with the engine for browsers.

use std::fmt::Write as _;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// Lists files of `web/`.
macro_rules! files {
    ($($kind:literal: $($name:literal),+;)*) => {
        &[$($(File { name: $name, kind: $kind, bytes: include_bytes!(concat!("../../web/", $name)) },)+)*]
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The style sheet and the modules.
static FILES: &[File] = files! {
    "text/css; charset=utf-8": "lab.css";
    "text/javascript; charset=utf-8":
        "main.js", "state.js", "controls.js", "engine.js", "dots.js", "ladder.js", "panel.js", "tour.js", "dom.js";
};

/// The page around them.
const INDEX: &str = include_str!("../../web/index.html");
/// Runs the engine in a worker.
const WORKER: File = File { name: "worker.js", kind: SCRIPT, bytes: include_bytes!("../../web/worker.js") };

/// The engine, its WebAssembly compressed by gzip.
#[cfg(feature = "web-engine")]
static ENGINE: Option<[File; 2]> = Some([
    File { name: "engine-glue.js", kind: SCRIPT, bytes: include_bytes!("../../web/engine/pkg/engine.js") },
    File {
        name: "engine.bin",
        kind: "application/octet-stream",
        bytes: include_bytes!("../../web/engine/pkg/engine.bin"),
    },
]);
#[cfg(not(feature = "web-engine"))]
static ENGINE: Option<[File; 2]> = None;

/// The engine for browsers is not part of this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this build has no engine for browsers: in the source, run web/build.sh, then cargo build --release --features \
     web-engine"
)]
pub struct NoEngine;

/// A file that is written out.
#[derive(Debug)]
pub struct Written {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The page as `wirelab lab` serves it: it calls the server.
pub fn served_index() -> String {
    index(
        &imports(|file| format!("./{}", file.name)),
        "<link rel=\"stylesheet\" href=\"lab.css\">",
        "native",
        "",
    )
}

/// A file of the served page.
pub fn served_file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// The page as static files, with the engine for browsers.
///
/// Returns an error if this build has none.
pub fn folder() -> Result<Vec<Written>, NoEngine> {
    let engine = ENGINE.as_ref().ok_or(NoEngine)?;
    let page = index(
        &imports(|file| format!("./{}", file.name)),
        "<link rel=\"stylesheet\" href=\"lab.css\">",
        "browser",
        "",
    );
    let files = FILES.iter().chain([&WORKER]).chain(engine);
    let mut written: Vec<Written> =
        files.map(|file| Written { name: file.name, bytes: file.bytes.to_vec() }).collect();
    written.push(Written { name: "index.html", bytes: page.into_bytes() });
    Ok(written)
}

/// The page as one file that needs no server.
///
/// Fails like [`folder`].
pub fn single_file() -> Result<String, NoEngine> {
    let [glue, engine] = ENGINE.as_ref().ok_or(NoEngine)?;
    let data = |file: &File| format!("data:text/javascript;base64,{}", BASE64.encode(file.bytes));
    let style = format!("<style>{}</style>", text(&FILES[0]));
    let mut parts = String::new();
    for (id, file) in [("engine-glue", glue), ("engine-worker", &WORKER), ("engine-bin", engine)] {
        // Writing to a string cannot fail.
        let _ =
            write!(parts, "<script type=\"text/plain\" id=\"{id}\">{}</script>", BASE64.encode(file.bytes));
    }
    Ok(index(&imports(data), &style, "browser", &parts))
}

/// The import map: each module by its name.
fn imports(address: impl Fn(&File) -> String) -> Value {
    let modules = FILES.iter().filter(|file| file.kind == SCRIPT);
    let entry = |file: &File| (format!("lab/{}", file.name), Value::String(address(file)));
    json!({ "imports": Value::Object(modules.map(entry).collect::<Map<_, _>>()) })
}

fn index(imports: &Value, style: &str, engine: &str, parts: &str) -> String {
    let head = format!("{style}\n<script type=\"importmap\">{imports}</script>");
    INDEX.replace("<!-- head -->", &head).replace("ENGINE", engine).replace("<!-- parts -->", parts)
}

fn text(file: &File) -> std::borrow::Cow<'static, str> {
    String::from_utf8_lossy(file.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_makes_no_request_to_elsewhere() {
        for file in FILES.iter().chain([&WORKER]) {
            let text = text(file).replace("http://www.w3.org/", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{}", file.name);
        }
    }

    #[test]
    fn every_module_that_a_module_imports_is_served() {
        for file in FILES {
            for line in text(file).lines().filter(|line| line.starts_with("import ")) {
                let name = line.split('\'').nth(1).and_then(|name| name.strip_prefix("lab/"));
                assert!(name.is_some_and(|name| served_file(name).is_some()), "{}: {line}", file.name);
            }
        }
    }
}
