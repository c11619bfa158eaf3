//! Results in virtual time are a pure function of the arguments: not of the process, the number of cores, the build
//! profile or the machine.

use std::{path::Path, process::Command, time::Duration};

use crate::support::skip;

use wirelab::{
    link::{Event, Link, LinkSpec},
    unit::{Direction, Time},
};

/// `fixed`, because quinn's own controllers use the platform's floating-point functions.
const BENCH: &str = "bench -J -t udp,quic -C fixed --loss 2% --jitter 2ms --rate 20mbit --queue 64KB \
                     --duplicate 0.5% --reorder 0.5% --corrupt 0.5% -d 2s --seeds 3 --arrivals poisson";

/// The output of `bench`.
fn bench(command: &mut Command, arguments: &str) -> String {
    let output = command.args(arguments.split(' ').filter(|word| !word.is_empty())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "nobody looks at a bar");
    String::from_utf8(output.stdout).unwrap()
}

fn wirelab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wirelab"))
}

/// The program pinned to these cores; `None` if this machine cannot do that.
fn on_cores(cores: &str) -> Option<Command> {
    let taskset = |program: &str| {
        let mut command = Command::new("taskset");
        command.args(["-c", cores, program]);
        command
    };
    let works = taskset("true").output().is_ok_and(|output| output.status.success());
    works.then(|| taskset(env!("CARGO_BIN_EXE_wirelab")))
}

#[test]
fn every_process_and_any_number_of_cores_give_the_same_bytes() {
    let first = bench(&mut wirelab(), BENCH);
    assert_eq!(bench(&mut wirelab(), BENCH), first);
    for cores in ["0", "0,1"] {
        match on_cores(cores) {
            Some(mut command) => assert_eq!(bench(&mut command, BENCH), first, "on cores {cores}"),
            None => skip(&format!("this machine does not run a program on cores {cores}")),
        }
    }
    // The default controller.
    let cubic = BENCH.replace("-C fixed ", "");
    assert_eq!(bench(&mut wirelab(), &cubic), bench(&mut wirelab(), &cubic));
}

#[test]
fn different_seeds_give_different_bytes() {
    let figures = |seed: &str| {
        let out = bench(&mut wirelab(), &format!("{BENCH} {seed}"));
        let result: serde_json::Value = serde_json::from_str(&out).unwrap();
        result["cells"].as_array().unwrap().iter().map(|cell| cell["latency_ns"].clone()).collect::<Vec<_>>()
    };
    let (first, other) = (figures("--seed 1"), figures("--seed 1000"));
    assert_eq!(first.len(), 5);
    for (first, other) in first.iter().zip(&other) {
        assert_ne!(first, other);
    }
}

/// Debug and release builds run this test against the same file.
#[test]
fn debug_and_release_builds_print_what_is_committed() {
    let short = "bench -J -t udp,quic -C fixed --loss 2% -d 1s -i 20ms --seeds 2";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bench.json");
    let printed = bench(&mut wirelab(), short);
    if std::env::var_os("WIRELAB_UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &printed).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(
        printed, expected,
        "`wirelab {short}` prints something new: if that is meant, run this test once with \
         WIRELAB_UPDATE_GOLDEN=1 and list the change in CHANGELOG.md"
    );
}

/// The numbers of the packets lost in a minute of `udp`.
fn lost(pairs: &str) -> Vec<u64> {
    let spec: LinkSpec = pairs.parse().unwrap();
    let mut link = Link::new(spec, 7, Direction::ToServer);
    let offer = |number| {
        let now = Time::ZERO + Duration::from_millis(10 * number);
        link.enqueue(now, 1028, number);
        // The next event is the packet's own: its copy, if there is one, arrives later.
        let lost = matches!(link.poll(Time::MAX), Some(Event::Dropped(_)));
        while link.poll(Time::MAX).is_some() {}
        lost.then_some(number)
    };
    (0..6000).filter_map(offer).collect()
}

#[test]
fn the_packets_lost_are_the_same_whatever_else_the_link_does() {
    for loss in ["loss=1%", "loss=gilbert:1%:20%", "loss=gemodel:1%:10%:20%:99.5%"] {
        let alone = lost(&format!("delay=25ms,{loss}"));
        assert!(alone.len() > 30, "{loss}: {alone:?}");
        for more in
            ["jitter=5ms", "rate=20mbit", "jitter=5ms:pareto,rate=1mbit,reorder=1%,duplicate=1%,corrupt=1%"]
        {
            assert_eq!(lost(&format!("delay=25ms,{loss},{more}")), alone, "{loss} with {more}");
        }
    }
}

/// The same for the program: the number of losses of each seed.
#[test]
fn udp_loses_as_much_with_jitter_or_a_rate_as_without() {
    let losses = |more: &str| {
        let out = bench(&mut wirelab(), &format!("bench -J -t udp -d 10s --seeds 5 {more}"));
        let result: serde_json::Value = serde_json::from_str(&out).unwrap();
        let seeds = result["cells"][0]["per_seed"].as_array().unwrap().clone();
        seeds.iter().map(|seed| seed["loss_ratio"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let alone = losses("");
    assert_eq!(losses("--jitter 5ms --keep-order"), alone);
    assert_eq!(losses("--rate 20mbit"), alone);
    // Requests that overtake each other meet other draws on the way back, so other replies are lost. The losses on the
    // way to the server stay the same.
    let wire = |more: &str| {
        let out = bench(&mut wirelab(), &format!("bench -J -t udp -d 10s --seeds 5 {more}"));
        let result: serde_json::Value = serde_json::from_str(&out).unwrap();
        result["cells"][0]["wire"]["to_server"]["lost"].clone()
    };
    assert_eq!(wire("--jitter 20ms"), wire(""));
}
