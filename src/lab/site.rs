//! The files of the lab's page: served, or exported with the engine for browsers.

use std::{borrow::Cow, fmt::Write as _, fs, io, path::Path};

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
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
        "main.js", "state.js", "controls.js", "fields.js", "inputs.js", "moves.js", "engine.js", "dots.js", "paint.js",
        "ladder.js", "panel.js", "tour.js", "dom.js";
};

/// The page around them.
const INDEX: &str = include_str!("../../web/index.html");
/// Runs the engine in a worker.
const WORKER: File = File { name: "worker.js", kind: SCRIPT, bytes: include_bytes!("../../web/worker.js") };

/// The engine for browsers.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Loads it.
    glue: Cow<'static, [u8]>,
    /// Its WebAssembly, compressed by gzip.
    module: Cow<'static, [u8]>,
}

const GLUE: &str = "engine.js";
const MODULE: &str = "engine.bin";

impl Engine {
    /// The engine that is part of this build, if there is one.
    pub fn built_in() -> Option<Self> {
        #[cfg(feature = "web-engine")]
        let engine = Some(Self {
            glue: include_bytes!("../../web/engine/pkg/engine.js").into(),
            module: include_bytes!("../../web/engine/pkg/engine.bin").into(),
        });
        #[cfg(not(feature = "web-engine"))]
        let engine = None;
        engine
    }

    /// The engine that `web/build.sh` has made in a folder.
    ///
    /// Returns an error if a file cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let read = |name: &str| Ok::<_, io::Error>(fs::read(folder.join(name))?.into());
        Ok(Self { glue: read(GLUE)?, module: read(MODULE)? })
    }
}

/// A file that is written out.
#[derive(Debug)]
pub struct Written {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The page as `wirelab lab` serves it: it calls the server.
pub(crate) fn served_index() -> String {
    index(
        &imports(|file| format!("./{}", file.name)),
        "<link rel=\"stylesheet\" href=\"lab.css\">",
        "native",
        "",
    )
}

/// A file of the served page.
pub(crate) fn served_file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// The page as static files, with the engine for browsers.
pub fn folder(engine: &Engine) -> Vec<Written> {
    let page = index(
        &imports(|file| format!("./{}", file.name)),
        "<link rel=\"stylesheet\" href=\"lab.css\">",
        "browser",
        "",
    );
    let files = FILES.iter().chain([&WORKER]).map(|file| (file.name, file.bytes.to_vec()));
    let others = [
        ("engine-glue.js", engine.glue.to_vec()),
        (MODULE, engine.module.to_vec()),
        ("index.html", page.into_bytes()),
    ];
    files.chain(others).map(|(name, bytes)| Written { name, bytes }).collect()
}

/// The page as one file that needs no server.
pub fn single_file(engine: &Engine) -> String {
    let data = |file: &File| format!("data:text/javascript;charset=utf-8,{}", in_address(&text(file)));
    let style = format!("<style>{}</style>", text(&FILES[0]));
    let mut parts = String::new();
    let inlined: [(&str, &[u8]); 3] =
        [("engine-glue", &engine.glue), ("engine-worker", WORKER.bytes), ("engine-bin", &engine.module)];
    for (id, bytes) in inlined {
        // Writing to a string cannot fail.
        let _ = write!(parts, "<script type=\"text/plain\" id=\"{id}\">{}</script>", BASE64.encode(bytes));
    }
    index(&imports(data), &style, "browser", &parts)
}

/// The import map: each module by its name.
fn imports(address: impl Fn(&File) -> String) -> Value {
    let modules = FILES.iter().filter(|file| file.kind == SCRIPT);
    let entry = |file: &File| (format!("lab/{}", file.name), Value::String(address(file)));
    json!({ "imports": Value::Object(modules.map(entry).collect::<Map<_, _>>()) })
}

fn index(imports: &Value, style: &str, engine: &str, parts: &str) -> String {
    let mut head = format!("{style}\n<script type=\"importmap\">{imports}</script>");
    // The imports of modules are preloaded, so that they load in parallel.
    for module in imports["imports"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str) {
        if module.starts_with("./") {
            let _ = write!(head, "\n<link rel=\"modulepreload\" href=\"{module}\">");
        }
    }
    if engine == "browser" && parts.is_empty() {
        let _ = write!(head, "\n<link rel=\"preload\" href=\"{MODULE}\" as=\"fetch\" crossorigin>");
    }
    INDEX.replace("<!-- head -->", &head).replace("ENGINE", engine).replace("<!-- parts -->", parts)
}

/// Text as a part of an address within a script. It compresses better than as base64.
fn in_address(text: &str) -> String {
    let escapes = [('%', "%25"), ('#', "%23"), ('<', "%3C"), ('\t', "%09"), ('\n', "%0A")];
    escapes.into_iter().fold(text.to_owned(), |text, (letter, escape)| text.replace(letter, escape))
}

fn text(file: &File) -> Cow<'static, str> {
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
