//! Loads of a page: new connections, a document, and objects that become known one after the other.

mod cell;
mod config;
mod experiment;
mod load;
mod loads;
mod model;
mod outcome;
mod plan;
mod run;

pub(crate) use self::model::REQUEST_BYTES;
pub use self::{
    config::page_config,
    experiment::Pages,
    loads::PageLoads,
    model::{Listed, ListedError, Model, Page},
    outcome::PageOutcome,
    plan::{Mode, PagePlan},
    run::load_page,
};
