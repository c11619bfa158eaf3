//! `wirelab properties`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::{
    UsageError,
    draft::Draft,
    interrupt::leave_on_interrupt,
    options::{output::terminal_width, transports::Transports},
    output::raw,
};
use wirelab::{
    path::netns,
    properties::{Cell, ROWS, measure, to_csv, to_explanation, to_markdown, to_table},
};

/// Measure the textbook's table: what each transport does with loss, order, damage and strangers
///
/// Every cell is the outcome of a run, made when it is printed: in virtual time, and for the kernel's TCP between
/// network namespaces.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Properties {
    /// Transports, or groups of them: udp, udp-hmac, dtls, arq, tcp, tls, quic, all
    #[arg(short, long = "transport", value_name = "LIST", default_value = DEFAULT)]
    transport: Transports,
    /// Say for each row what was done, how it was counted, and what was counted
    #[arg(long)]
    explain: bool,
    /// Print the cells as JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// Also write the table to a file; its name ends in .md, .csv or .json
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const DEFAULT: &str = "udp,udp-hmac,dtls,arq-selective,tcp,tls,quic-one,quic-message";

const EXAMPLES: &str = "\
Examples:
  wirelab properties
      UDP, UDP made reliable, TCP, TLS and QUIC
  wirelab properties -t udp,quic --explain
      what was done for each row, and what was counted
  wirelab properties -o properties.md
      the table for a document";

/// Columns where there is no terminal.
const COLUMNS: usize = 100;

type Render = fn(&[Vec<Cell>]) -> String;

impl Properties {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let file =
            self.output.as_deref().map(|path| Ok::<_, anyhow::Error>((render(path)?, Draft::create(path)?)));
        let file = file.transpose()?;
        let transports = self.transport.all();
        if transports.iter().any(|transport| transport.uses_kernel_tcp()) {
            // Where it fails, the cells say why.
            let _ = netns::prepare();
        }
        leave_on_interrupt()?;
        let cells = measure(&transports);
        let width = terminal_width().unwrap_or(COLUMNS);
        let text = match (self.json, self.explain) {
            (true, _) => to_json(&cells),
            (false, true) => to_table(&cells, width) + &to_explanation(&cells),
            (false, false) => to_table(&cells, width),
        };
        let saved = file.map_or(Ok(()), |(render, draft)| draft.complete_with(&render(&cells)));
        raw(text.as_bytes())?;
        saved?;
        let measured = cells.iter().flatten().any(|cell| cell.answer.is_some());
        Ok(if measured { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn render(path: &Path) -> Result<Render, UsageError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("md") => Ok(to_markdown),
        Some("csv") => Ok(to_csv),
        Some("json") => Ok(to_json),
        _ => Err(UsageError::new(format!(
            "--output: invalid file name `{}`: it must end in .md, .csv or .json",
            path.display()
        ))),
    }
}

fn to_json(cells: &[Vec<Cell>]) -> String {
    let rows: Vec<_> = ROWS
        .iter()
        .zip(cells)
        .map(|(row, cells)| json!({ "claim": row.claim, "how": row.how, "cells": cells }))
        .collect();
    let file =
        json!({ "schema": "wirelab-properties/1", "version": env!("CARGO_PKG_VERSION"), "rows": rows });
    format!("{file:#}\n")
}
