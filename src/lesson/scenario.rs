//! A command line of a lesson: the options that lessons use, with the same meaning and defaults as in the program. A
//! test compares the results of both.

use std::{sync::Arc, time::Duration};

use super::LessonError;
use crate::{
    experiment::{
        Batch, Bench, Driven, Experiment, Handshake, HandshakePlan, Mode, Options, Outcome, PathKind, Plan,
        Request, RunError, Runs, Which, Workload, choose, drive, episode, pair,
    },
    link::LinkSpec,
    path::StopSignal,
    report::{ResultFile, count, episode::Episode, setting},
    transport::{Congestion, FIXED_WINDOW_BYTES, LossDetection, Transport},
    unit::{PerDirection, nanos, parse_duration},
};

/// A parsed command line.
#[derive(Debug)]
pub(super) struct Scenario {
    line: &'static str,
    command: &'static str,
    transports: Vec<Transport>,
    congestion: Vec<Congestion>,
    links: PerDirection<LinkSpec>,
    workload: Workload,
    seeds: u64,
    connections: u64,
    has_ladder: bool,
}

impl Scenario {
    /// Reads a command line without the program's name.
    pub(super) fn parse(line: &'static str) -> Result<Self, LessonError> {
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        let mut scenario = Self::of(command, line);
        let mut links = Links { rtt: Duration::from_millis(50), spec: LinkSpec::default(), ways: Vec::new() };
        let mut set = || -> Result<(), String> {
            links.set("loss", "1%")?;
            let mut deadline = None;
            while let Some(option) = words.next() {
                match option {
                    "--ladder" => scenario.has_ladder = true,
                    "--keep-order" => links.set("keep-order", "true")?,
                    "--deadline" => deadline = Some(duration(words.next().unwrap_or_default())?),
                    _ => {
                        let value = words.next().ok_or("missing value")?;
                        if !scenario.set(option, value)? && !links.set_option(option, value)? {
                            return Err(format!("unknown option {option}"));
                        }
                    }
                }
            }
            scenario.links = links.both()?;
            scenario.workload.deadline = deadline.unwrap_or(links.rtt * 2);
            scenario.plans().iter().try_for_each(|plan| plan.validate().map_err(|e| e.to_string()))
        };
        match set() {
            Ok(()) => Ok(scenario),
            Err(reason) => Err(LessonError::Command { line, reason }),
        }
    }

    /// A command with the default of every option.
    fn of(command: &'static str, line: &'static str) -> Self {
        let is_hol = command == "hol";
        Self {
            line,
            command,
            transports: Vec::new(),
            congestion: vec![if is_hol { Congestion::Fixed(FIXED_WINDOW_BYTES) } else { Congestion::Cubic }],
            links: PerDirection::both(LinkSpec::default()),
            // The deadline is set later: it follows from the link.
            workload: Workload::usual(Duration::ZERO),
            seeds: 30,
            connections: 100,
            has_ladder: false,
        }
    }

    /// Sets an option that does not describe the link; false if there is no such option.
    fn set(&mut self, option: &str, value: &str) -> Result<bool, String> {
        let number = || value.parse::<u64>().map_err(|e| e.to_string());
        match option {
            "-t" => {
                for name in value.split(',') {
                    self.transports.extend(Transport::named(name).map_err(|e| e.to_string())?);
                }
            }
            "-C" => {
                let each = value.split(',').map(|name| name.parse::<Congestion>().map_err(|e| e.to_string()));
                self.congestion = each.collect::<Result<_, _>>()?;
            }
            "-i" => self.workload.interval = duration(value)?,
            "-d" => self.workload.duration = duration(value)?,
            "--flows" => self.workload.flows = value.parse().map_err(|_| "not a number of flows")?,
            "--seeds" => self.seeds = number()?,
            "-n" => self.connections = number()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The command line, with the program's name.
    pub(super) fn typed(&self) -> String {
        format!("wirelab {}", self.line)
    }

    /// The value of a setting, as text.
    pub(super) fn setting(&self, name: &str) -> Option<String> {
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
            "seeds" => count(self.seeds),
            "messages" => count(per(duration) * self.seeds),
            _ => return None,
        })
    }

    /// Runs the command.
    pub(super) fn run(&self, stop: &StopSignal) -> Result<(ResultFile, Vec<Episode>), RunError> {
        if self.command == "handshake" {
            return Ok((self.drive(&Handshake, self.handshakes(), stop)?.file, Vec::new()));
        }
        let plans = self.plans();
        let driven = self.drive(&Bench, plans.clone(), stop)?;
        let episodes = match driven.runs.first().filter(|_| self.has_ladder) {
            Some(runs) => episodes(&plans, runs, stop)?,
            None => Vec::new(),
        };
        Ok((driven.file, episodes))
    }

    fn drive<E: Experiment>(
        &self,
        experiment: &E,
        plans: Vec<E::Plan>,
        stop: &StopSignal,
    ) -> Result<Driven<E::Outcome>, RunError> {
        let batch = Batch { path: PathKind::Sim, seeds: self.seeds, plans, servers: Vec::new() };
        let request = Request { batches: vec![batch], skipped: Vec::new() };
        let options = Options {
            first_seed: 1,
            stop: stop.clone(),
            recorder: None,
            progress: Arc::new(|_| {}),
            samples: None,
            pictures: false,
        };
        let driven = drive(experiment, &request, &options, ResultFile::new(self.command));
        if driven.interrupted { Err(RunError::Interrupted) } else { Ok(driven) }
    }

    fn plans(&self) -> Vec<Plan> {
        let each = |&congestion: &Congestion| {
            self.transports.iter().map(move |&transport| Plan {
                path: PathKind::Sim,
                transport,
                links: self.links.clone(),
                workload: self.workload.clone(),
                congestion,
                loss_detection: LossDetection::default(),
            })
        };
        self.congestion.iter().flat_map(each).collect()
    }

    fn handshakes(&self) -> Vec<HandshakePlan> {
        let modes = |&transport: &Transport| {
            let modes = Mode::ALL.into_iter().filter(move |mode| mode.is_of(transport));
            modes.map(move |mode| HandshakePlan {
                path: PathKind::Sim,
                transport,
                links: self.links.clone(),
                mode,
                congestion: Congestion::Cubic,
                loss_detection: LossDetection::default(),
                connections: self.connections,
                parallel: 1,
                length: 100,
                timeout: Duration::from_secs(60),
                certificate: 0,
            })
        };
        self.transports.iter().flat_map(modes).collect()
    }
}

/// The episode of the ladder: one, or a pair if there are two transports.
fn episodes(plans: &[Plan], runs: &[Runs<Outcome>], stop: &StopSignal) -> Result<Vec<Episode>, RunError> {
    let Some((plan, seed)) = choose(plans, runs, Which::Longest) else { return Ok(Vec::new()) };
    match plans {
        [left, right] => {
            Ok(pair([left, right], &[seed], Which::Longest, stop)?.map_or_else(Vec::new, Vec::from))
        }
        _ => Ok(episode(plan, seed, Which::Longest, stop)?.into_iter().collect()),
    }
}

/// The link while its options are read.
struct Links {
    rtt: Duration,
    spec: LinkSpec,
    /// Settings of one direction: whether it is the one to the server, and `key=value` pairs.
    ways: Vec<(bool, String)>,
}

impl Links {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        self.spec.set(key, value).map_err(|e| e.to_string())
    }

    /// Sets an option of the link; false if `option` does not begin with `--`.
    fn set_option(&mut self, option: &str, value: &str) -> Result<bool, String> {
        match option {
            "--rtt" => self.rtt = duration(value)?,
            "--to-server" => self.ways.push((true, value.to_owned())),
            "--to-client" => self.ways.push((false, value.to_owned())),
            _ => match option.strip_prefix("--") {
                Some(key) => self.set(key, value)?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn both(&self) -> Result<PerDirection<LinkSpec>, String> {
        let spec = LinkSpec { delay: self.rtt / 2, ..self.spec.clone() };
        let mut links = PerDirection::both(spec);
        for (is_to_server, pairs) in &self.ways {
            let way = if *is_to_server { &mut links.to_server } else { &mut links.to_client };
            way.apply_pairs(pairs).map_err(|e| e.to_string())?;
        }
        Ok(links)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_cannot_be_run_says_why() {
        let reason = |line| Scenario::parse(line).unwrap_err().to_string();
        assert_eq!(reason("hol -t carrier-pigeon").lines().count(), 1);
        assert!(
            reason("hol -t udp --colour blue").contains("colour"),
            "{}",
            reason("hol -t udp --colour blue")
        );
        assert!(reason("hol -t udp -x blue").contains("unknown option -x"));
        assert!(reason("hol -t udp --loss").contains("missing value"));
    }
}
