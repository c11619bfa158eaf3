//! What a page says of a result, as blocks. Renderers decide only how to draw them.

use super::{
    block::{Block, Flagged, Term},
    closing::closing,
    flags,
    gone::gone,
    group::{Group, groups},
    model::{Flag, ResultFile, Skipped},
    savings::savings,
    tables::{differences, tables},
    tampering::tampering,
    teach::{no_theory, teach},
    transfers, words,
};

/// The terms of the main table that are this tool's own.
const TERMS: [Term; 2] = [
    Term { term: "delayed", meaning: "late because it was retransmitted or waited for earlier messages" },
    Term { term: "blocked", meaning: "arrived complete, but was held back until earlier bytes had arrived" },
];

/// The blocks of a result.
pub(crate) fn page(file: &ResultFile) -> Vec<Block<'_>> {
    let mut page = Page { blocks: Vec::new(), skipped: file.skipped.iter().collect() };
    if !file.complete {
        page.blocks.push(Block::Warning(flags::meaning(Flag::Incomplete)));
    }
    if file.cells.is_empty() {
        page.blocks.push(Block::Paragraph("Nothing was measured.".to_owned()));
    }
    let groups = groups(file);
    if groups.len() > 1 {
        page.blocks.push(Block::Curves(file));
    }
    for group in groups {
        page.group(file, group);
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
    fn group(&mut self, file: &ResultFile, owned: Group<'a>) {
        let group = &owned;
        let with_order = file.command == "hol";
        self.blocks.push(Block::Heading(group.heading()));
        self.blocks.push(Block::Paragraph(group.description()));
        if with_order {
            self.list(teach(group));
        }
        let charts = self.blocks.len();
        let tables = tables(group, with_order);
        let has = |term: &Term| tables[0].columns.iter().any(|column| column.title == term.term);
        let has_terms = TERMS.iter().all(has);
        self.blocks.extend(tables.into_iter().map(Block::Table));
        if has_terms {
            self.blocks.push(Block::Terms(&TERMS));
        }
        let path = &group.cells[0].path;
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.skipped).into_iter().partition(|skipped| skipped.path == *path);
        self.skipped = elsewhere;
        self.skipped(here);
        let flagged = flagged(group);
        if !flagged.is_empty() {
            self.blocks.push(Block::Flags(flagged));
        }
        self.list(gone(group));
        self.list(tampering(group));
        self.list(transfers::incomplete(group));
        if with_order {
            self.list(no_theory(group));
        }
        self.blocks.extend(differences(group, &file.paired).into_iter().map(Block::Table));
        self.list(savings(group));
        self.blocks.extend(closing(group).map(Block::Paragraph));
        self.blocks.insert(charts, Block::Charts(owned));
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

/// Each flag of a group once, with the rows that have it.
fn flagged(group: &Group<'_>) -> Vec<Flagged> {
    let mut all: Vec<Flag> = group.cells.iter().flat_map(|cell| &cell.flags).copied().collect();
    all.sort_unstable();
    all.dedup();
    let rows = |flag: Flag| {
        let rows = group.rows().filter(|(cell, _)| cell.flags.contains(&flag));
        rows.map(|(_, label)| label.clone()).collect()
    };
    all.into_iter().map(|flag| Flagged { flag, rows: rows(flag) }).collect()
}
