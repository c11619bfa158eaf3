//! Rows: claims, and what they are asked of.

use std::time::Duration;

use super::{PropertyError, RTT};
use crate::{
    experiment::{Arrivals, PathKind, Plan, Wait, Workload, application::Application},
    link::{LinkSpec, SpecError},
    report::Answer,
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::PerDirection,
};

/// A claim about transports, and the run that decides it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The claim.
    pub claim: &'static str,
    /// What is done, and how the outcome is counted.
    pub how: &'static str,
    /// Runs it.
    pub(super) measure: fn(Subject) -> Result<Answer, PropertyError>,
}

impl Answer {
    pub(super) fn new(value: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { value: value.into(), detail: detail.into() }
    }

    pub(super) fn yes_if(yes: bool, detail: impl Into<String>) -> Self {
        Self::new(if yes { "yes" } else { "no" }, detail)
    }
}

/// A transport, and the path that its runs are made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The transport.
    pub transport: Transport,
    /// Virtual time, or network namespaces for the kernel's TCP.
    pub path: PathKind,
}

impl Subject {
    /// `transport` on the path that carries it.
    pub(crate) fn of(transport: Transport) -> Self {
        let path = if transport.uses_kernel_tcp() { PathKind::Netns } else { PathKind::Sim };
        Self { transport, path }
    }

    /// One flow of messages of 1,000 bytes. The link has a round-trip time of [`RTT`] and the additional settings
    /// `to_server` and `to_client`.
    pub(super) fn plan(self, to_server: &str, to_client: &str, messages: u32) -> Result<Plan, PropertyError> {
        const EVERY: Duration = Duration::from_millis(4);
        let workload = Workload {
            application: Application::Messages,
            flows: 1,
            interval: EVERY,
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::ZERO,
            duration: EVERY * messages,
            wait: Wait { times: 1000, most: Duration::from_secs(60) },
            deadline: RTT * 2,
        };
        Ok(Plan {
            path: self.path,
            transport: self.transport,
            links: PerDirection { to_server: link(to_server)?, to_client: link(to_client)? },
            workload,
            congestion: Congestion::Fixed(FIXED_WINDOW_BYTES),
            loss_detection: LossDetection::default(),
        })
    }
}

fn link(settings: &str) -> Result<LinkSpec, SpecError> {
    let mut link = LinkSpec { delay: RTT / 2, ..LinkSpec::default() };
    if !settings.is_empty() {
        link.apply_pairs(settings)?;
    }
    link.validate()?;
    Ok(link)
}
