//! The published JSON Schema of result files.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

pub(crate) struct ResultSchema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl ResultSchema {
    /// Compiles the schema, which also validates it against its meta-schema.
    pub(crate) fn new() -> Self {
        let name = "result.schema.json";
        let text = include_str!("../../docs/result.schema.json");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(name, serde_json::from_str(text).expect("JSON")).expect("a schema");
        let index = compiler.compile(name, &mut schemas).unwrap_or_else(|e| panic!("{e:#}"));
        Self { schemas, index }
    }

    /// Returns an error that names each violation of the schema.
    pub(crate) fn check(&self, result: &Value) -> Result<(), String> {
        self.schemas.validate(result, self.index).map_err(|error| format!("{error:#}"))
    }
}

/// The published schema of a form of qlog.
pub(crate) struct QlogSchema {
    schemas: Schemas,
    file: SchemaIndex,
    event: SchemaIndex,
}

impl QlogSchema {
    /// The schema of version 0.3.
    pub(crate) fn version_03() -> Self {
        Self::new(include_str!("qlog/version-03.schema.json"), "QlogFile")
    }

    /// The schema of the current drafts, for JSON text sequences.
    pub(crate) fn drafts() -> Self {
        Self::new(include_str!("qlog/drafts.schema.json"), "QlogFileSeq")
    }

    fn new(text: &str, file: &str) -> Self {
        let name = "qlog.schema.json";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(name, serde_json::from_str(text).expect("JSON")).expect("a schema");
        let mut of = |of: &str| {
            let location = format!("{name}#/$defs/{of}");
            compiler.compile(&location, &mut schemas).unwrap_or_else(|e| panic!("{e:#}"))
        };
        let (file, event) = (of(file), of("NamedEvent"));
        Self { schemas, file, event }
    }

    /// Returns an error that names each violation of the schema by the header of a trace, or by the file.
    pub(crate) fn check_file(&self, file: &Value) -> Result<(), String> {
        self.schemas.validate(file, self.file).map_err(|error| format!("{error:#}"))
    }

    /// Returns an error that names each violation of the schema by an event. The data of an event without a published
    /// name may be anything.
    pub(crate) fn check_event(&self, event: &Value) -> Result<(), String> {
        self.schemas.validate(event, self.event).map_err(|error| format!("{error:#}"))
    }
}
