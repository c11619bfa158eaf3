//! The options of `--workload page`.

use super::{Running, Scenario, whole};
use crate::{
    experiment::{
        Bench, Experiment, RunError,
        page::{Mode, Page, PageLoads, PagePlan, Pages, page_config},
    },
    report::ResultFile,
};

/// What the options ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct PageOptions {
    page: Option<Page>,
    modes: Vec<Mode>,
    loads: Option<u64>,
}

impl PageOptions {
    /// Whether a page is loaded.
    pub(super) fn is_any(&self) -> bool {
        self.page.is_some()
    }
}

impl Scenario {
    /// Sets an option of pages; false if there is no such option.
    pub(super) fn set_page<'a>(
        &mut self,
        option: &str,
        value: &mut impl FnMut() -> Result<&'a str, String>,
    ) -> Result<bool, String> {
        match option {
            "--mode" => {
                let modes = value()?.split(',').map(|name| name.parse().map_err(|e| format!("{e}")));
                self.page.modes = modes.collect::<Result<_, _>>()?;
            }
            "--loads" => self.page.loads = Some(whole(value()?, 1)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes the workload `page` with its parameters; false if it is another one.
    pub(super) fn set_page_workload(&mut self, workload: &str) -> Result<bool, String> {
        let Some(parameters) = workload.strip_prefix("page") else { return Ok(false) };
        let Some(parameters) = parameters.strip_prefix(':').or(parameters.is_empty().then_some("")) else {
            return Ok(false);
        };
        self.page.page = Some(parameters.parse().map_err(|e| format!("{e}"))?);
        Ok(true)
    }

    /// The plans of page loads; `None` if no page is loaded.
    pub(crate) fn page_plans(&self) -> Option<Vec<PagePlan>> {
        let PageOptions { page, modes, loads } = &self.page;
        let connections = self.connections.and_then(|connections| u32::try_from(connections).ok());
        let loads = PageLoads {
            page: page.clone()?,
            modes: if modes.is_empty() { vec![Mode::Cold] } else { modes.clone() },
            connections: connections.map_or(PageLoads::CONNECTIONS.to_vec(), |connections| vec![connections]),
            flows: self.workload.flows,
            loads: *loads,
        };
        Some(loads.plans(self.plans().iter().map(Bench::setup)))
    }

    /// Loads the pages.
    pub(super) fn run_page(
        &self,
        plans: Vec<PagePlan>,
        running: &Running<'_>,
        file: ResultFile,
    ) -> Result<ResultFile, RunError> {
        let request = self.request::<Pages>(plans);
        let mut config = self.config::<Pages>(&request);
        config.extend(page_config(&request));
        Ok(self.drive(&Pages, &request, running, ResultFile { config, ..file })?.file)
    }

    /// Checks the options of pages.
    pub(super) fn check_page(&self) -> Result<(), String> {
        if !self.page.is_any() {
            return Ok(());
        }
        if self.command != "bench" {
            return Err("--workload page: a page is judged as a whole; use bench".to_owned());
        }
        if self.moves.change().is_some() {
            let option = self.moves.option();
            return Err(format!("{option}: the gap is measured by messages, and a page has none"));
        }
        Ok(())
    }
}
