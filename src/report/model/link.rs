//! The emulated link as it was configured.

use crate::{link::LinkSettings, unit::PerDirection};

/// Both directions of the link: requests go to the server, replies to the client.
pub type Link = PerDirection<LinkSettings>;
