//! Command lines of `bench`, `hol` and `handshake` that run inside the library, for the lessons and the lab.
//!
//! Options have the same meanings and defaults as in the program. An option takes one value, except for transports and
//! controllers, which may be lists. The program's parser is not used here, because the engine for browsers does not
//! have it. Tests compare the results of both.

mod link;
mod moves;
mod page;
mod running;

use std::{collections::BTreeMap, time::Duration};

pub(crate) use self::running::Running;

use self::page::PageOptions;
use crate::{
    experiment::{
        Bench, Experiment, HandshakePlan, Mode, Moves, PathKind, Plan, Setup, Workload,
        application::{Application, game},
    },
    link::{LinkOptions, LinkSpec},
    report::{count, setting},
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::{PerDirection, Size, UnitError, nanos, parse_duration, parse_positive_duration},
};

/// A command line that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot run `wirelab {line}`: {reason}")]
pub struct ScenarioError {
    /// The line, without the program's name.
    pub line: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A parsed command line.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The command: `bench`, `hol` or `handshake`.
    pub command: String,
    /// Where packets travel.
    pub path: PathKind,
    /// The transports.
    pub transports: Vec<Transport>,
    /// Whether those are all that the path carries.
    has_all: bool,
    /// The congestion controllers.
    pub congestion: Vec<Congestion>,
    /// When QUIC and ARQ declare packets lost.
    pub loss_detection: LossDetection,
    /// The link.
    pub links: PerDirection<LinkSpec>,
    /// The messages.
    pub workload: Workload,
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds each plan is run with.
    pub seeds: u64,
    /// Whether it asks for a ladder.
    pub has_ladder: bool,
    connections: Option<u64>,
    moves: Moves,
    page: PageOptions,
    line: String,
    /// The options that were given, by long name without dashes, and their values.
    given: BTreeMap<String, Vec<String>>,
}

/// Options whose values are separated by commas in the program too. It takes a list of transports as one value.
const LISTS: [&str; 2] = ["--congestion", "--mode"];

/// The long name of an option.
fn long(option: &str) -> &str {
    match option {
        "-C" => "--congestion",
        "-d" => "--duration",
        "-i" => "--interval",
        "-l" => "--length",
        "-n" => "--connections",
        "-t" => "--transport",
        "-w" => "--warmup",
        long => long,
    }
}

impl Scenario {
    /// Reads a command line without the program's name, separated by single spaces.
    ///
    /// Fails like [`Self::of_words`].
    pub(crate) fn parse(line: &str) -> Result<Self, ScenarioError> {
        Self::of_words(&line.split(' ').collect::<Vec<_>>())
    }

    /// Reads the words of a command line without the program's name.
    ///
    /// Returns an error that names the first unknown option or invalid value.
    pub(crate) fn of_words(words: &[&str]) -> Result<Self, ScenarioError> {
        let line = words.join(" ");
        Self::read(words, line.clone()).map_err(|reason| ScenarioError { line, reason })
    }

    fn read(words: &[&str], line: String) -> Result<Self, String> {
        let mut words = words.iter().copied();
        let command = words.next().unwrap_or_default();
        if !["bench", "hol", "handshake"].contains(&command) {
            return Err(format!("unknown command `{command}`: expected bench, hol or handshake"));
        }
        let mut scenario = Self::of_command(command, line);
        let (mut links, mut deadline, mut seeds, mut duration) = (LinkOptions::default(), None, None, None);
        let (mut application, mut playout, mut drop_late) = (Application::Messages, None, false);
        while let Some(word) = words.next() {
            let option = long(word);
            let mut values = Vec::new();
            let mut value = || {
                let value = words.next().ok_or_else(|| format!("{option}: missing value"))?;
                values.push(value.to_owned());
                Ok(value)
            };
            let of_option = |reason: String| format!("{option}: {reason}");
            match option {
                "--ladder" => scenario.has_ladder = true,
                "--workload" => {
                    let named = value()?;
                    if !scenario.set_page_workload(named).map_err(of_option)? {
                        application = named.parse().map_err(|e| of_option(format!("{e}")))?;
                    }
                }
                "--playout" => playout = Some(positive(value()?).map_err(of_option)?),
                "--drop-late" => drop_late = true,
                "--deadline" => deadline = Some(positive(value()?).map_err(of_option)?),
                "--seeds" => seeds = Some(whole(value()?, 1).map_err(of_option)?),
                "--duration" => duration = Some(positive(value()?).map_err(of_option)?),
                _ => {
                    let known = scenario.set(option, &mut value).map_err(of_option)?
                        || scenario.set_page(option, &mut value).map_err(of_option)?
                        || link::set(&mut links, option, &mut value).map_err(of_option)?;
                    if !known {
                        return Err(format!("unknown option {option}"));
                    }
                }
            }
            // A ladder is shown, not measured.
            if option != "--ladder" {
                let given = scenario.given.entry(option.trim_start_matches('-').to_owned()).or_default();
                match LISTS.contains(&option) {
                    true => given.extend(values.iter().flat_map(|list| list.split(',')).map(str::to_owned)),
                    false => given.extend(values),
                }
            }
        }
        if scenario.has_all {
            scenario.transports =
                Transport::all().filter(|transport| scenario.path.refuses(*transport).is_none()).collect();
        }
        scenario.seeds = seeds.unwrap_or_else(|| scenario.path.default_seeds());
        scenario.workload.duration = duration.unwrap_or_else(|| scenario.path.default_duration());
        scenario.links = links.only_link().map_err(|e| e.to_string())?;
        let application = application.with(playout, drop_late);
        scenario.workload.deadline = deadline
            .or_else(|| application.deadline())
            .unwrap_or_else(|| Workload::default_deadline(Some(&scenario.links)));
        if application.game().is_some() && !scenario.given.contains_key("length") {
            scenario.workload.length = game::DEFAULT_LENGTH;
        }
        scenario.workload = scenario.workload.carrying(application);
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.transports.is_empty() {
            return Err("-t is missing: name the transports".to_owned());
        }
        if self.workload.duration < self.workload.interval {
            return Err(
                "--duration: expected at least one --interval; nothing would be sent in less".to_owned()
            );
        }
        self.check_moves()?;
        self.check_page()?;
        let is_run = |plan: &&Plan| Bench::setup(plan).refusal().is_none();
        self.plans().iter().filter(is_run).try_for_each(|plan| plan.validate().map_err(|e| e.to_string()))
    }

    /// A command with the default of every option.
    fn of_command(command: &str, line: String) -> Self {
        let is_hol = command == "hol";
        Self {
            command: command.to_owned(),
            path: PathKind::Sim,
            transports: Vec::new(),
            has_all: false,
            congestion: vec![if is_hol { Congestion::Fixed(FIXED_WINDOW_BYTES) } else { Congestion::Cubic }],
            loss_detection: LossDetection::default(),
            links: PerDirection::both(LinkSpec::default()),
            workload: Workload::usual(Duration::ZERO),
            first_seed: 1,
            seeds: 1,
            has_ladder: false,
            connections: None,
            moves: Moves::default(),
            page: PageOptions::default(),
            line,
            given: BTreeMap::new(),
        }
    }

    /// Sets an option that does not describe the link; false if there is no such option.
    fn set<'a>(
        &mut self,
        option: &str,
        value: &mut impl FnMut() -> Result<&'a str, String>,
    ) -> Result<bool, String> {
        match option {
            "--transport" => {
                let names = value()?;
                self.has_all = names == "all";
                for name in names.split(',').filter(|_| !self.has_all) {
                    for transport in Transport::named(name).map_err(|e| e.to_string())? {
                        if !self.transports.contains(&transport) {
                            self.transports.push(transport);
                        }
                    }
                }
            }
            "--congestion" => {
                let names = value()?.split(',');
                let each = names.map(|name| name.parse::<Congestion>().map_err(|e| e.to_string()));
                self.congestion = each.collect::<Result<_, _>>()?;
            }
            "--packet-threshold" => {
                let packets = whole(value()?, 1)?;
                self.loss_detection.packet_threshold = u32::try_from(packets).unwrap_or(u32::MAX);
            }
            "--time-threshold" => {
                self.loss_detection.time_threshold = value()?.parse().map_err(|e| format!("{e}"))?;
            }
            "--path" => self.path = value()?.parse().map_err(|e| format!("{e}"))?,
            "--interval" => self.workload.interval = positive(value()?)?,
            "--warmup" => self.workload.warmup = parse_duration(value()?).map_err(|e| e.to_string())?,
            "--length" => {
                let length = size(value()?)?;
                (self.workload.length, self.workload.reply_length) = (length, length);
            }
            "--reply-length" => self.workload.reply_length = size(value()?)?,
            "--arrivals" => self.workload.arrivals = value()?.parse().map_err(|e| format!("{e}"))?,
            "--flows" => {
                let flows = whole(value()?, 1)?;
                self.workload.flows = u32::try_from(flows).map_err(|_| "too many flows".to_owned())?;
            }
            "--seed" => self.first_seed = whole(value()?, 0)?,
            "--rebind" => self.moves.rebind = Some(value()?.parse().map_err(|e| format!("{e}"))?),
            "--handover" => self.moves.handover = Some(value()?.parse().map_err(|e| format!("{e}"))?),
            "--after" => self.moves.after = Some(value()?.to_owned()),
            "--connections" => self.connections = Some(whole(value()?, 1)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The command line, with the program's name.
    pub(crate) fn typed(&self) -> String {
        format!("wirelab {}", self.line)
    }

    /// The value of a setting, as text.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        let Workload { interval, duration, deadline, flows, .. } = self.workload;
        let time = |duration: Duration| setting(nanos(duration));
        let per = |period: Duration| (nanos(period) / nanos(interval).max(1)).max(1);
        Some(match name {
            "rtt" => time(self.links.to_server.delay + self.links.to_client.delay),
            "loss" => self.links.to_server.loss.to_string(),
            "duplicate" => self.links.to_server.duplicate.to_string(),
            "interval" => time(interval),
            "deadline" => time(deadline),
            "flows" => count(flows.into()),
            "due_per_rtt" => count(per(self.links.to_server.delay + self.links.to_client.delay)),
            "at" => time(self.moves.change()?.at),
            "outage" => time(self.moves.handover?.length),
            "seeds" => count(self.seeds),
            "messages" => count(per(duration) * self.seeds),
            _ => return None,
        })
    }

    /// The plans of a command with messages.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let each = |&congestion: &Congestion| {
            self.transports.iter().map(move |&transport| Plan {
                path: self.path,
                transport,
                links: self.links.clone(),
                workload: self.workload.clone(),
                congestion,
                loss_detection: self.loss_detection,
            })
        };
        self.congestion.iter().flat_map(each).collect()
    }

    /// How many rows the result has, but for those that are skipped.
    pub(crate) fn rows(&self) -> u64 {
        self.page_plans().map_or_else(|| self.plans().len(), |plans| plans.len()) as u64
    }

    /// Why there is no ladder of one of its messages, if there is none.
    pub(crate) fn ladder_refusal(&self) -> Option<&'static str> {
        if self.moves.change().is_some() {
            Some("ladders are drawn only for a client whose address stays the same")
        } else if self.page.is_any() || !self.workload.application.is_answered() {
            Some("ladders show messages and their replies, and with this workload there are none")
        } else {
            None
        }
    }

    fn handshakes(&self) -> Vec<HandshakePlan> {
        let modes = |&transport: &Transport| {
            let modes = Mode::ALL.into_iter().filter(move |mode| mode.is_of(transport));
            let setup = Setup {
                path: self.path,
                transport,
                links: &self.links,
                congestion: Congestion::Cubic,
                loss_detection: self.loss_detection,
            };
            modes.map(move |mode| {
                let usual = HandshakePlan::usual(&setup, mode);
                HandshakePlan { connections: self.connections.unwrap_or(usual.connections), ..usual }
            })
        };
        self.transports.iter().flat_map(modes).collect()
    }
}

fn positive(text: &str) -> Result<Duration, String> {
    parse_positive_duration(text).map_err(|e| e.to_string())
}

fn whole(text: &str, least: u64) -> Result<u64, String> {
    let number = text.parse().map_err(|_| format!("invalid value `{text}`: expected a whole number"))?;
    if number < least { Err(format!("expected at least {least}")) } else { Ok(number) }
}

fn size(text: &str) -> Result<usize, String> {
    let size: Size = text.parse().map_err(|e: UnitError| e.to_string())?;
    Workload::length_of(size).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::path::StopSignal;

    #[test]
    fn a_handshake_result_has_its_configuration() {
        let stop = StopSignal::default();
        let running = Running { stop: &stop, progress: Arc::new(|_| ()), pictures: false };
        let (file, _) = Scenario::parse("handshake -t udp -n 2 --seeds 1").unwrap().run(&running).unwrap();
        let config = |name: &str| file.config[name].clone();
        assert_eq!(config("connections"), json!([2]));
        assert_eq!(config("timeout_ns"), json!(60_000_000_000_u64));
        assert_eq!(config("transport"), json!(["udp"]));
    }

    #[test]
    fn a_command_that_cannot_be_run_says_why() {
        let reason = |line| Scenario::parse(line).unwrap_err().to_string();
        for (line, part) in [
            ("hol -t carrier-pigeon", "carrier-pigeon"),
            ("hol -t udp --colour blue", "unknown option --colour"),
            ("hol -t udp -x blue", "unknown option -x"),
            ("hol -t udp --loss", "--loss: missing value"),
            ("hol -t udp --rtt fast", "--rtt: "),
            ("hol -t udp --seeds 0", "--seeds: expected at least 1"),
            ("hol -t udp -d 1ms -i 10ms", "--duration: expected at least one --interval"),
            ("hol", "-t is missing"),
            ("serve udp://", "unknown command `serve`"),
        ] {
            let said = reason(line);
            assert!(said.contains(part) && said.lines().count() == 1, "{line}: {said}");
        }
    }
}
