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
