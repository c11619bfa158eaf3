//! The tables of a group.

use super::{
    block::{Column, Table, Topic},
    columns,
    figure::Figure,
    group::{Group, groups},
    model::{Cell, Metric, Paired, ResultFile},
};

/// The cells of a result, with the names of their rows.
pub(crate) fn labelled_cells(file: &ResultFile) -> Vec<(&Cell, String)> {
    groups(file).into_iter().flat_map(|group| group.cells.into_iter().zip(group.labels)).collect()
}

/// The figure of a cell in the first column with this title that has one.
pub(crate) fn figure_of(cell: &Cell, title: &str) -> Option<Figure> {
    columns::all().filter(|(other, ..)| *other == title).find_map(|(_, _, read)| read(cell))
}

/// A table for each group, with only the columns of these titles.
pub(crate) fn chosen_columns(file: &ResultFile, titles: &[&str]) -> Vec<Table> {
    let chosen = |group: Group<'_>| {
        let column = |title: &&str| {
            let figures: Vec<Option<Figure>> =
                group.cells.iter().map(|cell| figure_of(cell, title)).collect();
            let &(title, topic, _) = columns::all().find(|(other, ..)| other == title)?;
            figures.iter().any(Option::is_some).then_some(Column { title, topic, figures })
        };
        Table {
            title: None,
            labels: group.labels.clone(),
            columns: titles.iter().filter_map(column).collect(),
            points: None,
        }
    };
    groups(file).into_iter().map(chosen).collect()
}

/// The main table, and one for each further topic. Only `with_order` shows what order did.
pub(super) fn tables(group: &Group<'_>, with_order: bool) -> Vec<Table> {
    let mut tables =
        vec![Table { title: None, labels: group.labels.clone(), columns: Vec::new(), points: None }];
    for &(title, topic, read) in columns::all() {
        let is_transfer = group.cells.iter().any(|cell| cell.transfer.is_some());
        if is_hidden(topic, with_order, is_transfer) {
            continue;
        }
        let figures: Vec<Option<Figure>> = group.cells.iter().map(|cell| read(cell)).collect();
        if figures.iter().all(Option::is_none) {
            continue;
        }
        let is_zero = |figure: &Figure| match figure {
            Figure::Share(share) => share.get() == 0.0,
            Figure::Count(count) => *count == 0,
            _ => false,
        };
        if columns::EXCEPTIONAL.contains(&title) && figures.iter().flatten().all(is_zero) {
            continue;
        }
        let name = topic.table().map(str::to_owned);
        let column = Column { title, topic, figures };
        match tables.iter_mut().find(|table| table.title == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table {
                title: name,
                labels: group.labels.clone(),
                columns: vec![column],
                points: None,
            }),
        }
    }
    tables.iter_mut().skip(1).for_each(drop_empty_rows);
    // Without figures, the main table still names the rows; beside another table it is of no use.
    tables.retain(|table| !table.columns.is_empty());
    if tables.is_empty() {
        tables.push(Table { title: None, labels: group.labels.clone(), columns: Vec::new(), points: None });
    }
    tables
}

/// `hol` leaves out set-up and cost; other commands leave out the details of order.
const fn is_hidden(topic: Topic, with_order: bool, is_transfer: bool) -> bool {
    match topic {
        Topic::Truth | Topic::Detection => !with_order && !is_transfer,
        Topic::Duration | Topic::Cost => with_order,
        Topic::Blocking | Topic::Budget | Topic::Theory => !with_order,
        _ => false,
    }
}

fn drop_empty_rows(table: &mut Table) {
    let kept: Vec<usize> = (0..table.labels.len())
        .filter(|&row| table.columns.iter().any(|column| column.figures[row].is_some()))
        .collect();
    table.labels = kept.iter().map(|&row| table.labels[row].clone()).collect();
    for column in &mut table.columns {
        column.figures = kept.iter().map(|&row| column.figures[row]).collect();
    }
}

/// The metrics that are compared in tables; the result file holds more.
const COMPARED: [(Metric, &str); 3] = [
    (Metric::OnTimeRatio, "on time (% points)"),
    (Metric::BlockedRatio, "blocked (% points)"),
    (Metric::P99Ns, "p99"),
];

/// For each row that others are compared with, the differences of the others from it.
pub(super) fn differences<'p>(group: &Group<'_>, paired: &'p [Paired]) -> Vec<Table> {
    let in_group = |paired: &'p Paired| Some((group.row_of(paired.a)?, group.row_of(paired.b)?, paired));
    let paired: Vec<(usize, usize, &Paired)> = paired.iter().filter_map(in_group).collect();
    let (twins, paired): (Vec<_>, Vec<_>) =
        paired.into_iter().partition(|(a, b, _)| are_twins(group, *a, *b));
    let mut references: Vec<usize> = Vec::new();
    for &(_, reference, _) in &paired {
        if !references.contains(&reference) {
            references.push(reference);
        }
    }
    let table = |reference: usize| {
        let rows = 0..group.labels.len();
        let figure = |row: usize, metric: Metric| {
            let wanted = |&&(a, b, paired): &&(usize, usize, &Paired)| {
                (a, b, paired.metric) == (row, reference, metric)
            };
            let (.., paired) = paired.iter().find(wanted)?;
            Some(Figure::Difference(paired.difference, paired.ci95))
        };
        let column = |&(metric, title): &(Metric, &'static str)| Column {
            title,
            topic: Topic::Difference,
            figures: rows.clone().map(|row| figure(row, metric)).collect(),
        };
        let mut table = Table {
            title: Some(format!("Compared with {} (and 95% confidence intervals)", group.labels[reference])),
            labels: group.labels.clone(),
            columns: COMPARED.iter().map(column).collect(),
            points: None,
        };
        table.columns.retain(|column| column.figures.iter().any(Option::is_some));
        drop_empty_rows(&mut table);
        table
    };
    let own = references.into_iter().map(table).filter(|table| !table.columns.is_empty());
    between_results(group, &twins).into_iter().chain(own).collect()
}

/// Whether two rows come from different results. Within a result, only rows of different transports are compared.
fn are_twins(group: &Group<'_>, a: usize, b: usize) -> bool {
    let [a, b] = [a, b].map(|row| group.cells[row]);
    (&a.transport, &a.server) == (&b.transport, &b.server)
}

/// The differences between the rows of two results.
fn between_results(group: &Group<'_>, twins: &[(usize, usize, &Paired)]) -> Option<Table> {
    const COMPARED: [(Metric, &str); 4] = [
        (Metric::LossRatio, "lost (% points)"),
        (Metric::DelayedRatio, "delayed (% points)"),
        (Metric::BlockedRatio, "blocked (% points)"),
        (Metric::P99Ns, "p99"),
    ];
    let mut rows: Vec<usize> = twins.iter().map(|(a, ..)| *a).collect();
    rows.dedup();
    let figure = |row: usize, metric: Metric| {
        let (.., paired) = twins.iter().find(|(a, _, paired)| (*a, paired.metric) == (row, metric))?;
        Some(Figure::Difference(paired.difference, paired.ci95))
    };
    let column = |&(metric, title): &(Metric, &'static str)| Column {
        title,
        topic: Topic::Difference,
        figures: rows.iter().map(|row| figure(*row, metric)).collect(),
    };
    let columns: Vec<Column> =
        COMPARED.iter().map(column).filter(|column| column.figures.iter().any(Option::is_some)).collect();
    let labels = || rows.iter().map(|row| group.labels[*row].as_str());
    // If there is only one other result, its letter says nothing.
    let is_only_one = labels().all(|label| label.ends_with(" B"));
    let label =
        |label: &str| if is_only_one { label.trim_end_matches(" B").to_owned() } else { label.to_owned() };
    let title = "Compared with the first result (means over seeds, and 95% confidence intervals)".to_owned();
    (!columns.is_empty()).then(|| Table {
        title: Some(title),
        labels: labels().map(label).collect(),
        columns,
        points: None,
    })
}
