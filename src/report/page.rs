//! What a page says of a result, as blocks. Renderers decide only how to draw them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    block::{Block, Flagged, Topic},
    calls::calls,
    closing::closing,
    flags,
    games::games,
    gaps::gaps,
    gone::gone,
    group::{Group, groups, letter, lists},
    loads,
    losses::losses,
    migrations::migrations,
    model::{Cell, Flag, ResultFile, Skipped},
    pages::{pages, waterfalls},
    places::places,
    savings::savings,
    shares,
    summary::points,
    tables::{differences, tables},
    tampering::tampering,
    teach::{no_theory, teach},
    terms, transfers, words,
};

/// How to see what the summary of a list leaves out.
const DETAILS: &str = "Each point has more to show, such as costs, differences and what was waited for: --details prints it, and \
                       a file (-o) has it.";

/// The blocks of a result.
pub(crate) fn page(file: &ResultFile) -> Vec<Block<'_>> {
    let mut page = Page { blocks: Vec::new(), skipped: file.skipped.iter().collect() };
    if !file.complete {
        page.blocks.push(Block::Warning(flags::meaning(Flag::Incomplete)));
    }
    if file.origins.len() > 1 {
        let names = file.origins.iter().enumerate();
        let names: Vec<String> =
            names.map(|(place, name)| format!("{} is {}", letter(place), words::plain(name))).collect();
        page.blocks.push(Block::Paragraph(format!("{}.", names.join("; "))));
    }
    if file.cells.is_empty() {
        page.blocks.push(Block::Paragraph("Nothing was measured.".to_owned()));
    }
    let groups = groups(file);
    if groups.len() > 1 {
        page.blocks.push(Block::Curves(file));
    }
    for list in lists(groups) {
        page.list_of_groups(file, list);
    }
    if !file.episodes.is_empty() {
        page.blocks.push(Block::Ladders(&file.episodes));
    }
    page.blocks.extend(file.system.as_ref().map(|system| Block::Paragraph(words::system(system))));
    // What no table could mention.
    let rest = std::mem::take(&mut page.skipped);
    page.skipped(rest);
    page.blocks
}

struct Page<'a> {
    blocks: Vec<Block<'a>>,
    /// What was skipped and has not been mentioned.
    skipped: Vec<&'a Skipped>,
}

impl<'a> Page<'a> {
    /// The points of a list: one table of all rows, curves, and each group as details. Groups that are not a list are
    /// shown one by one.
    fn list_of_groups(&mut self, file: &ResultFile, groups: Vec<Group<'a>>) {
        let Some(points) = points(&groups) else {
            groups.into_iter().for_each(|group| self.group(file, group));
            return;
        };
        self.blocks.push(Block::Heading(points.heading()));
        self.blocks.push(Block::Paragraph(points.description()));
        let table = points.table();
        self.skipped_on(&groups[0].cells[0].path);
        let terms = terms::of_list(&table);
        self.blocks.push(Block::Table(table));
        self.blocks.extend(terms);
        self.blocks.extend(shares::summary(&points).map(Block::Table));
        self.list(loads::grades(&points));
        self.flags(
            flagged(points.rows().into_iter().map(|(point, cell, label)| (cell, (point, label))))
                .into_iter()
                .map(|(flag, rows)| Flagged { flag, rows: places(&points, &rows) })
                .collect(),
        );
        self.list(groups.iter().flat_map(gone).collect());
        self.list(gaps(&points));
        self.blocks.extend(points.curves(&file.command).into_iter().map(Block::Curve));
        self.blocks.push(Block::Hint(DETAILS));
        let mut details = Page { blocks: Vec::new(), skipped: Vec::new() };
        groups.into_iter().for_each(|group| details.group(file, group));
        self.blocks.push(Block::Details(details.blocks));
    }

    fn group(&mut self, file: &ResultFile, owned: Group<'a>) {
        let group = &owned;
        let with_order = file.command == "hol";
        self.blocks.push(Block::Heading(group.heading()));
        self.blocks.push(Block::Paragraph(group.description()));
        if with_order && group.cells.iter().all(|cell| cell.judges_messages()) {
            self.list(teach(group));
        }
        self.skipped_on(&group.cells[0].path);
        let charts = self.blocks.len();
        let mut has_truth = false;
        for table in tables(group, with_order) {
            has_truth |= table.columns.iter().any(|column| column.topic == Topic::Truth);
            let terms = terms::of_group(&table);
            self.blocks.push(Block::Table(table));
            self.blocks.extend(terms);
        }
        if has_truth {
            self.list(losses(group));
        }
        self.list(calls(group));
        self.list(games(group));
        self.list(pages(group));
        self.blocks.extend(waterfalls(group));
        self.blocks.extend(loads::blocks(group));
        self.blocks.extend(shares::blocks(group));
        let flags = flagged(group.rows().map(|(cell, label)| (cell, label.clone()))).into_iter();
        self.flags(flags.map(|(flag, rows)| Flagged { flag, rows }).collect());
        self.list(gone(group));
        self.list(migrations(group));
        self.list(tampering(group));
        self.list(transfers::incomplete(group));
        if with_order {
            self.list(no_theory(group));
        }
        // They compare messages one by one.
        if group.cells.iter().all(|cell| cell.judges_messages()) {
            self.blocks.extend(differences(group, &file.paired).into_iter().map(Block::Table));
            self.list(savings(group));
            self.blocks.extend(closing(group).map(Block::Paragraph));
        }
        self.blocks.insert(charts, Block::Charts(owned));
    }

    /// What was skipped on a path and has not been mentioned yet.
    fn skipped_on(&mut self, path: &str) {
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.skipped).into_iter().partition(|skipped| skipped.path == path);
        self.skipped = elsewhere;
        self.skipped(here);
    }

    fn flags(&mut self, flagged: Vec<Flagged>) {
        if !flagged.is_empty() {
            self.blocks.push(Block::Flags(flagged));
        }
    }

    fn skipped(&mut self, skipped: Vec<&'a Skipped>) {
        if !skipped.is_empty() {
            self.blocks.push(Block::Skipped(skipped));
        }
    }

    fn list(&mut self, sentences: Vec<String>) {
        if !sentences.is_empty() {
            self.blocks.push(Block::List(sentences));
        }
    }
}

/// Each flag once, with the rows that have it.
fn flagged<'a, R: Clone>(rows: impl Iterator<Item = (&'a Cell, R)>) -> BTreeMap<Flag, Vec<R>> {
    let mut all: BTreeMap<Flag, Vec<R>> = BTreeMap::new();
    for (cell, row) in rows {
        let flags: BTreeSet<Flag> = cell.flags.iter().copied().collect();
        flags.into_iter().for_each(|flag| all.entry(flag).or_default().push(row.clone()));
    }
    all
}
