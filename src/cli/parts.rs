//! Reads the parts of a result and checks that they belong together.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wirelab::experiment::{
    Experiment, Made, PART_START, PartHeader, Record, Request, Shard, TARGET, deal, is_part, read_header,
    read_records,
};

use super::{
    difference::{Named, difference, first_difference},
    usage::UsageError,
};

/// All parts of one result.
#[derive(Debug, Clone)]
pub(crate) struct Parts(Arc<Whole>);

#[derive(Debug)]
struct Whole {
    /// The files, in the order of their numbers.
    files: Vec<PathBuf>,
    /// The header of the first.
    header: PartHeader,
}

impl Parts {
    /// Reads the headers of these files; `None` if none of them is a part.
    ///
    /// Returns an error if some are and some are not, or if they do not belong together.
    pub(crate) fn open(files: &[PathBuf]) -> anyhow::Result<Option<Self>> {
        let mut parts = Vec::new();
        let mut other = None;
        for path in files {
            match header(path)? {
                Some(header) => parts.push((path.clone(), header)),
                None => other = Some(path),
            }
        }
        match (parts.is_empty(), other) {
            (true, _) => Ok(None),
            (false, Some(other)) => {
                File::open(other).map_err(|error| anyhow!("cannot read {}: {error}", other.display()))?;
                let other = other.display();
                bail!(UsageError::new(format!(
                    "{other} is not a part of a result: name all its parts, alone"
                )))
            }
            (false, None) => joined(parts).map(Some),
        }
    }

    /// Limits a request to the paths of the parts, and takes what they skipped, whatever this machine can run.
    pub(crate) fn restrict<P>(&self, request: &mut Request<P>) {
        let PartHeader { paths, skipped, .. } = &self.0.header;
        request.batches.retain(|batch| paths.iter().any(|path| path == batch.path.name()));
        request.skipped.clone_from(skipped);
    }

    /// The file of the first part.
    pub(crate) fn first(&self) -> &Path {
        &self.0.files[0]
    }

    /// The header of the first part. The other parts have the same, except for the index.
    pub(crate) fn header(&self) -> &PartHeader {
        &self.0.header
    }

    /// Reads the records of all jobs of `request`, in order. `config` is the configuration of the request, and `inputs`
    /// has the digests of the files that it reads.
    ///
    /// Returns an error that names the part if a part cannot be used.
    pub(crate) fn records<E: Experiment>(
        &self,
        request: &Request<E::Plan>,
        config: &Map<String, Value>,
        inputs: &Map<String, Value>,
    ) -> anyhow::Result<Vec<Record<E::Outcome>>> {
        let Whole { files, header } = &*self.0;
        if let Some(name) = first_difference(&header.files, inputs) {
            bail!("the parts do not fit their options: {name} has other contents here");
        }
        if let Some(name) = first_difference(&header.config, config) {
            bail!(
                "the parts do not fit their options: {name} has another value here; was a file that the options name changed?"
            );
        }
        if header.jobs != request.runs() {
            bail!(
                "the parts do not fit their options: they have {} runs, not {}",
                header.jobs,
                request.runs()
            );
        }
        let mut records = Vec::new();
        for (path, jobs) in files.iter().zip(deal::<E>(request, header.shard.count)) {
            read_part::<E::Outcome>(path, &jobs, |record| records.push(record))?;
        }
        records.sort_by_key(|record| record.job);
        let plans = request.batches.iter().flat_map(|batch| {
            let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
            batch.plans.iter().flat_map(move |plan| std::iter::repeat_n(plan, seeds))
        });
        let is_possible = |(plan, record): (&E::Plan, &Record<E::Outcome>)| match &record.made {
            Made::Outcome(outcome) => E::is_possible(plan, outcome),
            Made::Failure(_) => true,
        };
        match plans.zip(&records).all(is_possible) {
            true => Ok(records),
            false => bail!("a part has an outcome that its options cannot have"),
        }
    }
}

/// Checks that an existing part is complete and has this header and these jobs.
pub(crate) fn check_part<O: DeserializeOwned>(
    path: &Path,
    expected: &PartHeader,
    jobs: &[usize],
) -> anyhow::Result<()> {
    let shown = path.display();
    let other = |why: String| anyhow!("--resume: {shown} is another part: {why}; remove it first");
    let damaged = |error: anyhow::Error| anyhow!("--resume: {error}; remove it first");
    let found = header(path).map_err(damaged)?;
    let found = found.ok_or_else(|| other("it is not a part of a wirelab result".to_owned()))?;
    match difference(&Named::new("the file", &found), &Named::new("this command", expected)) {
        Some(difference) => Err(other(difference)),
        None if found.shard != expected.shard => Err(other(format!("it is {}", found.shard))),
        None => read_part::<O>(path, jobs, drop).map_err(damaged),
    }
}

/// Passes the records of these jobs in a part to `each`.
fn read_part<O: DeserializeOwned>(
    path: &Path,
    jobs: &[usize],
    each: impl FnMut(Record<O>),
) -> anyhow::Result<()> {
    File::open(path)
        .map_err(Into::into)
        .and_then(|file| read_records(BufReader::new(file), jobs, each))
        .map_err(|error| anyhow!("cannot use {}: {error}", path.display()))
}

/// The header of a part; `None` if the file is something else.
fn header(path: &Path) -> anyhow::Result<Option<PartHeader>> {
    // What can be read only once is left to whoever reads results.
    if path == Path::new("-") || std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(None);
    }
    let unreadable = |error: &dyn std::fmt::Display| anyhow!("cannot use {}: {error}", path.display());
    let start = || {
        let mut start = Vec::new();
        File::open(path)?.take(PART_START as u64).read_to_end(&mut start).map(|_| start)
    };
    // Other files report their own errors.
    if !start().is_ok_and(|start| is_part(&start)) {
        return Ok(None);
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let header = read_header(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    Shard::new(header.shard.index, header.shard.count).map_err(|error| unreadable(&error))?;
    Ok(Some(header))
}

/// Joins the parts. Returns an error if they do not belong together, or if a part is missing or duplicate.
fn joined(mut parts: Vec<(PathBuf, PartHeader)>) -> anyhow::Result<Parts> {
    parts.sort_by_key(|(_, header)| header.shard);
    let (first, header) = &parts[0];
    let version = env!("CARGO_PKG_VERSION");
    if header.version != version {
        let (path, other) = (first.display(), &header.version);
        bail!(
            "{path} was made by version {other}, and this is {version}: use the version that made the parts"
        );
    }
    if header.target != TARGET {
        let (path, other) = (first.display(), &header.target);
        bail!(
            "{path} was made by a program for {other}, and this is one for {TARGET}: use the program that made the parts"
        );
    }
    let one = Named::new(first.display(), header);
    for (path, other) in &parts[1..] {
        if let Some(difference) = difference(&one, &Named::new(path.display(), other)) {
            bail!("the parts do not belong together: {difference}");
        }
    }
    let is_twice = |pair: &&[(PathBuf, PartHeader)]| pair[0].1.shard == pair[1].1.shard;
    if let Some([(one, _), (other, header)]) = parts.windows(2).find(is_twice) {
        let shard = header.shard;
        bail!("part {shard} is given twice: {} and {}", one.display(), other.display());
    }
    let count = header.shard.count;
    let there: BTreeSet<u32> = parts.iter().map(|(_, header)| header.shard.index).collect();
    let missing: Vec<String> =
        (1..=count).filter(|index| !there.contains(index)).map(|index| index.to_string()).collect();
    if !missing.is_empty() {
        const SHOWN: usize = 10;
        let more = if missing.len() > SHOWN { ", …" } else { "" };
        let listed = missing[..missing.len().min(SHOWN)].join(", ");
        bail!("{} of {count} parts are missing: {listed}{more}", missing.len());
    }
    let header = header.clone();
    let files = parts.into_iter().map(|(path, _)| path).collect();
    Ok(Parts(Arc::new(Whole { files, header })))
}
