//! `wirelab lab`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::anyhow;
use clap::Args;
use wirelab::lab::{
    server::Server,
    site::{self, Engine},
};

use super::{
    UsageError,
    draft::Draft,
    interrupt::{INTERRUPTED, leave_on_interrupt},
    output::{line, note},
};

/// Open the lab: a page on which you change a link and see at once what it does to each transport
///
/// Serves the page on this machine's loopback and prints its address, which has a token: other pages and other users
/// cannot use it. The page runs `bench` and `hol` with all cores, in virtual time, and on relay and netns in real time.
/// It also has the lessons of the tour. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Lab {
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// The port of the page [default: a free one]
    #[arg(
        long,
        value_name = "PORT",
        default_value = "0",
        hide_default_value = true,
        conflicts_with = "export"
    )]
    port: u16,
    /// Write the page instead of serving it: to a folder for a web server, or to one file that needs no server.
    /// Transports then run in the browser, in virtual time. Needs a build with the feature web-engine, or --engine
    #[arg(long, value_name = "DIR|FILE.html", conflicts_with = "open")]
    export: Option<PathBuf>,
    /// The folder of the engine for browsers to export, made by web/build.sh [default: the built-in engine]
    #[arg(long, value_name = "DIR", requires = "export")]
    engine: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  wirelab lab --open
      the page in a browser, with this machine as its engine
  wirelab lab --export lab.html
      the page with its engine in one file, for a memory stick or a mail
  wirelab lab --export public/lab
      the same as static files, for a web server";

impl Lab {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        // The page is served until an interrupt, so that is its normal end.
        let status = if self.export.is_some() { INTERRUPTED } else { 0 };
        leave_on_interrupt(status).map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        match &self.export {
            Some(path) => self.write(path),
            None => tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(self.serve()),
        }
    }

    async fn serve(&self) -> anyhow::Result<ExitCode> {
        let bound = Server::bind(self.port).await;
        let server = bound.map_err(|e| anyhow!("cannot serve on 127.0.0.1:{}: {e}", self.port))?;
        let url = server.url();
        line(&url)?;
        note("the lab is at this address; Ctrl-C ends it");
        if self.open {
            open(&url);
        }
        server.serve().await?;
        Ok(ExitCode::SUCCESS)
    }

    fn write(&self, path: &Path) -> anyhow::Result<ExitCode> {
        let engine = match &self.engine {
            Some(folder) => {
                Engine::read(folder).map_err(|e| anyhow!("cannot read {}: {e}", folder.display()))?
            }
            None => Engine::built_in().ok_or_else(|| UsageError::new(NO_ENGINE))?,
        };
        if path.extension().is_some_and(|ending| ending == "html") {
            Draft::create(path)?.complete_with(&site::single_file(&engine))?;
            return Ok(ExitCode::SUCCESS);
        }
        fs::create_dir_all(path).map_err(|e| anyhow!("cannot make {}: {e}", path.display()))?;
        for file in site::folder(&engine) {
            let name = path.join(file.name);
            fs::write(&name, file.bytes).map_err(|e| anyhow!("cannot write {}: {e}", name.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How to get the engine for browsers.
const NO_ENGINE: &str = "--export: this build has no engine for browsers: in the source, run web/build.sh, then build with \
                         --features web-engine, or use --engine web/engine/pkg";

/// Opens an address in the user's browser.
fn open(url: &str) {
    let opener = match env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let mut command = Command::new(opener);
    let started = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = started {
        note(format_args!("cannot run {opener}: {error}; open the address yourself"));
    }
}
