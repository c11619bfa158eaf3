//! Options that change the client's address in the middle of a run.

use clap::Args;
use serde_json::Value;
use wirelab::{
    experiment::{MovedPlan, Outage, Plan, Rebind, entry},
    link::{LinkSpec, SpecError, resolve_queues},
    path::Handover,
    unit::PerDirection,
};

use crate::cli::{usage::UsageError, values::parse};

/// How the client's address changes.
#[derive(Debug, Clone, Args)]
pub(crate) struct MoveArgs {
    /// Change the client's address this long after the start of the measured time, like a NAT that forgets its mapping:
    /// AT or AT:port for a new port, AT:ip for a new IP address. QUIC, udp and udp-hmac go on, QUIC at a new IP address
    /// with a new congestion window. The others break, and the client connects again. Not on direct; on netns only
    /// AT:ip: the kernel removes the old address
    #[arg(long, value_name = "AT[:port|ip]", value_parser = parse::<Rebind>)]
    #[arg(conflicts_with_all = ["ladder", "background", "urls"])]
    rebind: Option<Rebind>,
    /// Disconnect the client this long after the start of the measured time. After the outage it has another network,
    /// with another IP address and the link of --after
    #[arg(long, value_name = "AT:OUTAGE", value_parser = parse::<Outage>)]
    #[arg(conflicts_with_all = ["ladder", "background", "urls", "rebind"])]
    handover: Option<Outage>,
    /// What differs on the link of the other network, each way, such as "delay=40ms,rate=5mbit"
    #[arg(long, value_name = "KEY=VALUE,..", requires = "handover")]
    after: Option<String>,
}

impl MoveArgs {
    /// The change of the address, if there is one.
    pub(crate) fn change(&self) -> Option<Rebind> {
        self.rebind.or(self.handover.map(Outage::rebind))
    }

    /// The option that changes the address.
    pub(crate) fn option(&self) -> &'static str {
        if self.handover.is_some() { "--handover" } else { "--rebind" }
    }

    /// The same plans with a change of the address.
    pub(crate) fn plans(&self, rebind: Rebind, plans: Vec<Plan>) -> Result<Vec<MovedPlan>, UsageError> {
        if plans.iter().any(|plan| plan.workload.duration <= rebind.at) {
            let option = self.option();
            let reason = format!("{option}: is after the end of the measured time; use a longer --duration");
            return Err(UsageError::new(reason));
        }
        let moved = plans.into_iter().map(|plan| {
            let handover = self.handover.map(|outage| self.handover(outage, &plan.links)).transpose()?;
            Ok(MovedPlan { plan, rebind, handover })
        });
        moved.collect()
    }

    /// The options as they stand in a result.
    pub(crate) fn config(&self) -> impl Iterator<Item = (String, Value)> {
        let rebind = self.rebind.map(|rebind| entry("rebind", rebind.to_string()));
        let handover = self.handover.map(|outage| entry("handover", outage.to_string()));
        let after = self.after.as_ref().map(|after| entry("after", after.as_str()));
        [rebind, handover, after].into_iter().flatten()
    }

    /// The other network of a client that has been on `links`.
    fn handover(&self, outage: Outage, links: &PerDirection<LinkSpec>) -> Result<Handover, UsageError> {
        let mut after = links.clone();
        let invalid = |error: SpecError| UsageError::new(format!("--after: {error}"));
        for link in [&mut after.to_server, &mut after.to_client] {
            self.after.iter().try_for_each(|pairs| link.apply_pairs(pairs)).map_err(invalid)?;
        }
        resolve_queues(&mut after);
        after.iter().try_for_each(LinkSpec::validate).map_err(invalid)?;
        Ok(Handover { outage: outage.length, after })
    }
}
