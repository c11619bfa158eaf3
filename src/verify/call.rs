//! Cases 18 and 19: a video call, frame by frame.

use std::{fmt::Write as _, time::Duration};

use super::{Case, CaseError, Finding, Sample, Unit, Wire, link, one_loss, plan};
use crate::{
    experiment::{
        Plan,
        application::{
            Application,
            video::{Recording, Source, Video, judge::VideoFigures},
        },
    },
    link::LinkSpec,
    transport::Transport,
    unit::{PerDirection, nanos},
};

pub(super) const LOSS: Case = Case {
    number: 18,
    setting: "video over UDP, frames of 3 packets, a key frame each second, 1% lost",
    check: check_loss,
};

pub(super) const FREEZE: Case = Case {
    number: 19,
    setting: "video over QUIC, one stream, RTT 200 ms, a frame of one packet every 40 ms, one lost",
    check: check_freeze,
};

const INTERVAL: Duration = Duration::from_millis(40);
/// Frames from key frame to key frame.
const GROUP: u32 = 25;

/// A call of frames of `packets` packets each, `group` from key frame to key frame.
fn call(transport: Transport, links: PerDirection<LinkSpec>, frames: u32, packets: u32, group: u32) -> Plan {
    let mut text = String::new();
    for number in 0..group {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:.2},{},{}", 0.04 * f64::from(number), packets * 1000, u8::from(number == 0));
    }
    let base = plan(transport, links, INTERVAL, frames);
    let Ok(recording) = Recording::parse("case", &text) else { return base };
    let application = Application::Video(Video::new(Source::Recording(recording)));
    Plan { workload: base.workload.carrying(application), ..base }
}

fn figures(wire: &dyn Wire, plan: &Plan) -> Result<VideoFigures, CaseError> {
    wire.run(plan, 1)?.video.ok_or(CaseError::Nothing("no call was judged"))
}

fn check_loss(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    const PACKETS: u32 = 3;
    const GROUPS: u32 = 1000;
    let links = PerDirection { to_server: link("delay=25ms,loss=1%")?, to_client: link("delay=25ms")? };
    let call = figures(wire, &call(Transport::UDP, links, GROUP * GROUPS, PACKETS, GROUP))?;
    // A frame is complete with probability q. It can be shown if it and all frames back to its key frame are complete,
    // so the j-th frame of a group is shown with probability q^j. The first loss ends a group after n shown frames.
    let q = libm::pow(0.99, f64::from(PACKETS));
    let size = f64::from(GROUP);
    let moment = |power: f64| {
        let until_loss = (0..GROUP)
            .map(|n| libm::pow(f64::from(n), power) * libm::pow(q, f64::from(n)) * (1.0 - q))
            .sum::<f64>();
        until_loss + libm::pow(size, power) * libm::pow(q, size)
    };
    let shown = moment(1.0) / size;
    let deviation = libm::sqrt(moment(2.0) - moment(1.0) * moment(1.0)) / size;
    let whole_deviation = libm::sqrt(q * (1.0 - q));
    let frames = call.frames as f64;
    Ok(vec![
        Unit::Ratio.figure("frames shown", Sample(u64::from(GROUPS), "groups")).within(
            shown,
            3.0 * deviation / libm::sqrt(f64::from(GROUPS)),
            call.shown as f64 / frames,
        ),
        Unit::Ratio.figure("frames incomplete", Sample(call.frames, "frames")).within(
            1.0 - q,
            3.0 * whole_deviation / libm::sqrt(frames),
            call.incomplete as f64 / frames,
        ),
    ])
}

fn check_freeze(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    const FRAMES: u32 = 100;
    const LOST: u32 = 50;
    const ONE_WAY: Duration = Duration::from_millis(100);
    const PLAYOUT: Duration = Duration::from_millis(120);
    let links = one_loss("delay=100ms", INTERVAL, LOST)?;
    let mut plan = call(Transport::QUIC_ONE, links, FRAMES, 1, FRAMES);
    plan.workload.application = plan.workload.application.with(Some(PLAYOUT), false);
    let call = figures(wire, &plan)?;
    // The next frame's acknowledgement finds the loss, an interval and a round trip after the send; by then the time
    // threshold of 9/8 round trips has passed. The frame arrives a one-way delay later, and
    // releases all frames that waited for it.
    let complete = INTERVAL + ONE_WAY * 2 + ONE_WAY;
    let missing = nanos(complete - PLAYOUT).div_ceil(nanos(INTERVAL));
    let one = Sample(1, "run");
    Ok(vec![
        Unit::Ns
            .figure("it freezes for", one)
            .exactly((missing * nanos(INTERVAL)) as f64, call.freezes.max().unwrap_or(0) as f64),
        Unit::Packets
            .figure("frames jumped over", one)
            .exactly(missing as f64, call.jumps.max().unwrap_or(0) as f64),
        Unit::Packets.figure("freezes", one).exactly(1.0, call.freezes.n() as f64),
        Unit::Packets
            .figure("frames shown", one)
            .exactly(f64::from(FRAMES) - missing as f64, call.shown as f64),
    ])
}
