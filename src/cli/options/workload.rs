//! The options that describe the messages.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use crate::cli::{
    usage::UsageError,
    values::{duration, name, parse, some_time, whole},
};
use wirelab::{
    experiment::{
        Arrivals, Contents, Wait, Workload,
        application::{
            Application, game,
            video::{Recording, Source, Video},
        },
        page::{Listed, Page},
    },
    link::LinkSpec,
    unit::{PerDirection, Size},
};

/// The messages of an experiment.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The messages")]
pub(crate) struct WorkloadArgs {
    /// What is sent, and how it is judged. messages: independent messages with replies. video: frames to the server, by
    /// default 30 frames and 2 Mbit a second with a key frame every 2 s, or from a CSV file of time in seconds, bytes
    /// and key (1 or 0). A frame is shown if it and all frames back to its key frame are complete at its playout
    /// instant. game: updates of a state in both directions, by default 30 a second; only the newest counts. page: new
    /// connections, a document, and by default 30 objects that it names, or that others name: page:OBJECTS:SIZE:DEPTH,
    /// or a CSV file of bytes, and the number of the line that names the object
    #[arg(long, value_name = "WORKLOAD", default_value = "messages", value_parser = traffic)]
    workload: Traffic,
    /// From the capture of a frame to the instant at which it is shown [default: 150ms]
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    playout: Option<Duration>,
    /// Give up frames that are not acknowledged at the playout instant of the last frame that refers to them:
    /// quic-message resets their stream
    #[arg(long)]
    drop_late: bool,
    /// Independent sequences of messages; the schedule takes them in turn
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "8", value_parser = whole::<u32>(1, MAX_FLOWS))]
    flows: Vec<u32>,
    /// One message every interval, over all flows together
    #[arg(short, long, value_name = "TIME,..", value_delimiter = ',', default_value = "10ms", value_parser = interval)]
    interval: Vec<Duration>,
    /// Bytes of a message [default: 1000, of a game 100]
    #[arg(short, long, value_name = "SIZE,..", value_delimiter = ',', value_parser = size)]
    length: Vec<usize>,
    /// Bytes of a reply [default: as --length]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    reply_length: Option<usize>,
    /// isochronous, or poisson: independent gaps with --interval as their mean
    #[arg(long, value_name = "KIND", default_value = "isochronous", value_parser = name::<Arrivals>)]
    arrivals: Arrivals,
    /// Measured time [default: 60s in sim, 10s in real time]
    #[arg(short, long, value_name = "TIME", value_parser = some_time, help_heading = None::<&str>)]
    duration: Option<Duration>,
    /// Time before the measured time; its messages are sent but not counted
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    warmup: Duration,
    /// How long to wait for replies after the last message: three times the longest round trip, at least 100 ms and at
    /// most 4 s; for datagrams at least 1.5 times the longest round trip, even beyond 4 s
    #[arg(long, value_name = "NxTIME", default_value = "3x4s", value_parser = wait)]
    wait: Wait,
    /// A message that takes longer is of no use to the application [default: 2 x RTT, which is measured for a server by
    /// URL]
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    deadline: Option<Duration>,
}

/// What `--workload` asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Traffic {
    /// Messages on a schedule.
    Scheduled(Application),
    /// Loads of a page.
    Page(Page),
}

/// More flows than this are a typing error.
const MAX_FLOWS: u64 = 10_000;
/// More messages than this in one run are a typing error: 2,000 hours of the default schedule.
const MAX_MESSAGES: f64 = 720e6;

impl WorkloadArgs {
    /// Every workload that the options ask for, but for what depends on the link and the path.
    pub(crate) fn workloads(&self, default_duration: Duration) -> Result<Vec<Workload>, UsageError> {
        let mut all = Vec::new();
        for &flows in &self.flows {
            for &interval in &self.interval {
                for &length in self.lengths() {
                    let workload = self.workload(flows, interval, length, default_duration);
                    let workload = workload.carrying(self.application());
                    check(&workload)?;
                    if !all.contains(&workload) {
                        all.push(workload);
                    }
                }
            }
        }
        Ok(all)
    }

    /// The application, with its options.
    fn application(&self) -> Application {
        match &self.workload {
            Traffic::Scheduled(application) => application.clone().with(self.playout, self.drop_late),
            Traffic::Page(_) => Application::Messages,
        }
    }

    /// The page, if one is loaded.
    pub(crate) fn page(&self) -> Option<&Page> {
        match &self.workload {
            Traffic::Page(page) => Some(page),
            Traffic::Scheduled(_) => None,
        }
    }

    /// The file that `--workload` names.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let name = match &self.workload {
            Traffic::Page(Page::Listed(listed)) => listed.name(),
            Traffic::Scheduled(Application::Video(Video {
                source: Source::Recording(recording), ..
            })) => recording.name(),
            _ => return None,
        };
        Some(name.into())
    }

    /// The streams that `quic-flow` spreads the objects of a page over.
    pub(crate) fn page_flows(&self) -> u32 {
        self.flows.first().copied().unwrap_or(1)
    }

    /// The lengths of messages.
    fn lengths(&self) -> &[usize] {
        match &self.length[..] {
            [] if self.application().game().is_some() => &[game::DEFAULT_LENGTH],
            [] => &[1000],
            lengths => lengths,
        }
    }

    /// Whether messages have replies.
    pub(crate) fn is_answered(&self) -> bool {
        self.application().is_answered()
    }

    /// Whether replies are to have a length of their own.
    pub(crate) fn sets_reply_length(&self) -> bool {
        self.reply_length.is_some()
    }

    /// Whether a deadline was asked for.
    pub(crate) fn sets_deadline(&self) -> bool {
        self.deadline.is_some()
    }

    /// The deadline on this link: what was asked for, the playout instant of a video, or two round trips.
    pub(crate) fn deadline(&self, links: Option<&PerDirection<LinkSpec>>) -> Duration {
        let deadline = self.deadline.or_else(|| self.application().deadline());
        deadline.unwrap_or_else(|| Workload::default_deadline(links))
    }

    fn workload(
        &self,
        flows: u32,
        interval: Duration,
        length: usize,
        default_duration: Duration,
    ) -> Workload {
        Workload {
            application: Application::Messages,
            flows,
            interval,
            length,
            reply_length: self.reply_length.unwrap_or(length),
            arrivals: self.arrivals,
            warmup: self.warmup,
            duration: self.duration.unwrap_or(default_duration),
            wait: self.wait,
            // Set later: it follows from the link.
            deadline: Workload::default_deadline(None),
        }
    }
}

fn check(workload: &Workload) -> Result<(), UsageError> {
    let messages = (workload.warmup + workload.duration).as_secs_f64() / workload.interval.as_secs_f64();
    if messages > MAX_MESSAGES {
        let (option, instead) = to_shorten(Contents::of(workload));
        return Err(UsageError::new(format!(
            "{option}: {messages:.0} messages a run are too many; use {instead}"
        )));
    }
    // The first unit of an application is due at once.
    if workload.application == Application::Messages && workload.duration < workload.interval {
        return Err(UsageError::new(
            "--duration: expected at least one --interval; nothing would be sent in less",
        ));
    }
    Ok(())
}

/// The option that makes a run too large, and how to make it smaller. A call or a game has a rate of its own, and no
/// interval.
pub(crate) fn to_shorten(contents: Contents) -> (&'static str, &'static str) {
    match contents {
        Contents::Messages { is_mostly_warmup: true, has_own_rate: false } => {
            ("--warmup", "a shorter --warmup or a longer --interval")
        }
        Contents::Messages { is_mostly_warmup: true, has_own_rate: true } => {
            ("--warmup", "a shorter --warmup or a lower rate")
        }
        Contents::Messages { is_mostly_warmup: false, has_own_rate: false } => {
            ("--interval", "a longer --interval or a shorter --duration")
        }
        Contents::Messages { is_mostly_warmup: false, has_own_rate: true } => {
            ("--workload", "a lower rate or a shorter --duration")
        }
        Contents::Page => ("--workload", "a smaller page or a lower --rate"),
    }
}

fn traffic(value: &str) -> Result<Traffic, String> {
    let (name, parameters) = value.split_once(':').unwrap_or((value, ""));
    let file = Path::new(parameters).extension().filter(|ending| ending.eq_ignore_ascii_case("csv"));
    let read = || fs::read_to_string(parameters).map_err(|e| format!("cannot read {parameters}: {e}"));
    let invalid = |e: &dyn fmt::Display| format!("{parameters}: {e}");
    Ok(match (name, file) {
        ("video", Some(_)) => {
            let recording = Recording::parse(parameters, &read()?).map_err(|e| invalid(&e))?;
            Traffic::Scheduled(Application::Video(Video::new(Source::Recording(recording))))
        }
        ("page", Some(_)) => {
            Traffic::Page(Page::Listed(Listed::parse(parameters, &read()?).map_err(|e| invalid(&e))?))
        }
        ("page", None) => Traffic::Page(parse(parameters)?),
        _ => Traffic::Scheduled(parse(value)?),
    })
}

fn interval(value: &str) -> Result<Duration, String> {
    match duration(value)? {
        Duration::ZERO => {
            Err("expected an interval above 0, such as 1ms: 0 would send all messages at once".to_owned())
        }
        time => Ok(time),
    }
}

fn size(value: &str) -> Result<usize, String> {
    Workload::length_of(parse::<Size>(value)?).map_err(|e| e.to_string())
}

fn wait(value: &str) -> Result<Wait, String> {
    let form = || format!("invalid value `{value}`: expected 3x4s (three round trips, at most 4 s) or 2s");
    let (times, most) = match value.split_once('x') {
        Some((times, most)) => (times.parse().map_err(|_| form())?, most),
        None => (u32::MAX, value),
    };
    Ok(Wait { times, most: duration(most).map_err(|e| if most.is_empty() { form() } else { e })? })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        workload: WorkloadArgs,
    }

    #[test]
    fn options_that_are_left_out_give_the_usual_workload() {
        let workloads = Line::parse_from([""]).workload.workloads(Duration::from_secs(60)).unwrap();
        assert_eq!(workloads, [Workload::usual(Workload::default_deadline(None))]);
    }
}
