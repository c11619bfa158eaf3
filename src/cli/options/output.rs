//! Where results go: text or JSON on standard output, and a file by its ending.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use anyhow::{anyhow, bail};
use clap::Args;

use crate::cli::{
    draft::Draft,
    output::{complain, is_closed_pipe, raw},
    usage::UsageError,
    width::{COLUMNS, terminal_width},
};
use wirelab::report::{
    Format, PropertyTable, ResultFile, Svg, TextOptions, properties_to_text, to_svgs, to_text,
};

/// Where results go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print the result as JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// Print the result in this format: txt, json, csv, md or html [default: txt]
    #[arg(long, value_name = "FORMAT", value_parser = format, conflicts_with = "json")]
    format: Option<&'static Format>,
    #[arg(short, long, value_name = "FILE", help = output_help(), help_heading = None::<&str>)]
    output: Option<PathBuf>,
    /// Add the data for pictures to the result, so that `wirelab report` can draw them all: the distribution of
    /// latencies, and one run over time. HTML output always has it
    #[arg(long)]
    pictures: bool,
    /// Also write each chart as an SVG file to a folder; or the chart NAME to NAME.svg, with any name if it is the only
    /// one
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// With a list of links or messages, also print each point on its own, below the summary
    #[arg(long)]
    details: bool,
    /// Print the result and nothing else
    #[arg(short, long)]
    quiet: bool,
    /// Draw no progress bar
    #[arg(long)]
    no_progress: bool,
    /// Print no colours, as with NO_COLOR in the environment; they are for terminals only
    #[arg(long, alias = "no-colour")]
    no_color: bool,
}

fn output_help() -> String {
    format!("Also write the result to a file; its name ends in {}", Format::endings())
}

/// A format by its name, which is the ending of its files.
fn format(name: &str) -> Result<&'static Format, String> {
    let name = name.to_lowercase();
    let ending = match &*name {
        "text" => "txt",
        "markdown" => "md",
        other => other,
    };
    Format::of_ending(ending).ok_or_else(|| format!("expected {}", Format::endings().replace('.', "")))
}

/// Whether a path names one chart rather than a folder.
fn is_svg(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "svg")
}

/// The format that a file's ending asks for.
fn format_of(path: &Path) -> Result<&'static Format, UsageError> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.and_then(Format::of_ending).ok_or_else(|| {
        let endings = Format::endings();
        UsageError::new(format!("--output: invalid file name `{}`: it must end in {endings}", path.display()))
    })
}

impl OutputArgs {
    /// Whether to draw a bar on standard error.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && !self.no_progress && io::stderr().is_terminal()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The options for rendering text.
    pub(crate) fn text(&self) -> TextOptions {
        TextOptions { details: self.details, ..text_options(self.no_color) }
    }

    /// Refuses `--pictures` where nothing is measured.
    pub(crate) fn refuse_pictures(&self) -> Result<(), UsageError> {
        let why = "only a command that measures can add them; a saved result has them or not";
        if self.pictures { Err(UsageError::new(format!("--pictures: {why}"))) } else { Ok(()) }
    }

    /// Refuses options that need the whole result, when a part is run. `wirelab report` takes them, with all parts.
    pub(crate) fn refuse_in_part(&self) -> Result<(), UsageError> {
        let given = [
            ("--json", self.json),
            ("--format", self.format.is_some()),
            ("--svg", self.svg.is_some()),
            ("--pictures", self.pictures),
            ("--details", self.details),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => {
                Err(UsageError::new(format!("{name}: give it to `wirelab report` with all parts")))
            }
            None => Ok(()),
        }
    }

    /// Refuses options for charts, because a table of `properties` has no charts.
    pub(crate) fn refuse_charts(&self) -> Result<(), UsageError> {
        match (self.pictures, &self.svg) {
            (false, None) => Ok(()),
            (true, _) => Err(UsageError::new("--pictures: a table of properties has no charts")),
            (_, Some(_)) => Err(UsageError::new("--svg: a table of properties has no charts")),
        }
    }

    /// Whether the result must include the data for pictures.
    pub(crate) fn wants_pictures(&self) -> bool {
        let file = self.path().and_then(|path| format_of(path).ok());
        self.pictures
            || self.svg.is_some()
            || [self.format, file].into_iter().flatten().any(|format| format.has_pictures)
    }

    /// The file that the result also goes to.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Refuses a file name that asks for no format.
    pub(crate) fn check_name(&self) -> Result<(), UsageError> {
        self.path().map_or(Ok(()), |path| format_of(path).map(drop))
    }

    /// Opens what `write` will need, so that a long run does not end with a file that cannot be written.
    pub(crate) fn open(&self) -> anyhow::Result<Drafts> {
        self.check_name()?;
        let result = self.path().map(Draft::create);
        let chart = match self.svg.as_deref() {
            Some(path) if is_svg(path) => Some(Draft::create(path)?),
            Some(folder) => {
                fs::create_dir_all(folder).map_err(|e| anyhow!("cannot make {}: {e}", folder.display()))?;
                // Only to see that files can be made there: the names of the charts are not known yet.
                drop(Draft::create(&folder.join("chart.svg"))?);
                None
            }
            None => None,
        };
        Ok(Drafts { result: result.transpose()?, chart })
    }

    /// Prints the result and completes the file. If one fails, the other is written all the same.
    pub(crate) fn write(&self, drafts: Drafts, file: &ResultFile) -> anyhow::Result<()> {
        let Drafts { result, chart } = drafts;
        let text = || match file.cells.is_empty() && !file.skipped.is_empty() {
            // The reasons are printed on standard error.
            true => String::new(),
            false => to_text(file, self.text()),
        };
        let written = self.write_with(result, |format| (format.render)(file), text);
        first_error([written, self.write_charts(chart, file)])
    }

    /// Like [`Self::write`], for a table of `properties`. Printed text ends with `explanation`.
    pub(crate) fn write_properties(
        &self,
        drafts: Drafts,
        table: &PropertyTable,
        explanation: &str,
    ) -> anyhow::Result<()> {
        let text = || properties_to_text(table, self.text()) + explanation;
        self.write_with(drafts.result, |format| (format.properties)(table), text)
    }

    fn write_with(
        &self,
        draft: Option<Draft>,
        render: impl Fn(&Format) -> String,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let format = if self.json { Format::of_ending(JSON) } else { self.format };
        let printed = match format.filter(|format| format.ending != TEXT) {
            Some(format) => render(format),
            None => text(),
        };
        let printed = raw(printed.as_bytes()).map_err(Into::into);
        let saved = draft.map_or(Ok(()), |draft| {
            let format = format_of(draft.path())?;
            draft.complete_with(&render(format))
        });
        first_error([saved, printed])
    }

    /// Writes the charts for `--svg`.
    fn write_charts(&self, draft: Option<Draft>, file: &ResultFile) -> anyhow::Result<()> {
        let Some(path) = &self.svg else { return Ok(()) };
        let charts = to_svgs(file);
        let Some(draft) = draft else {
            let write = |chart: &Svg| {
                Draft::create(&path.join(format!("{}.svg", chart.name)))?.complete_with(&chart.text)
            };
            return charts.iter().try_for_each(write);
        };
        let named =
            charts.iter().find(|chart| path.file_stem().is_some_and(|stem| stem == chart.name.as_str()));
        let only = || Some(&charts[..]).filter(|charts| charts.len() == 1).map(|charts| &charts[0]);
        let Some(chart) = named.or_else(only) else {
            let names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
            bail!(
                "--svg: no single chart for {}: name a folder, or one of {}",
                path.display(),
                names.join(", ")
            );
        };
        draft.complete_with(&chart.text)
    }
}

/// Files that a result will be written to.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    result: Option<Draft>,
    /// The file of `--svg NAME.svg`.
    chart: Option<Draft>,
}

/// The options for rendering text. Colour needs a terminal, and neither `--no-color` nor `NO_COLOR`.
pub(crate) fn text_options(no_color: bool) -> TextOptions {
    let is_wanted = !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    TextOptions {
        width: terminal_width().unwrap_or(COLUMNS),
        colour: is_wanted && io::stdout().is_terminal(),
        ascii: !is_utf8(|name| std::env::var(name).ok()),
        details: false,
    }
}

/// The first error. The others are reported here.
pub(crate) fn first_error<const N: usize>(results: [anyhow::Result<()>; N]) -> anyhow::Result<()> {
    let mut errors = results.into_iter().filter_map(Result::err);
    let Some(first) = errors.next() else { return Ok(()) };
    errors.filter(|error| !is_closed_pipe(error)).for_each(complain);
    Err(first)
}

/// The ending of what `--json` prints.
const JSON: &str = "json";
/// The ending of text, whose printed form depends on the terminal.
const TEXT: &str = "txt";
/// Whether the locale is UTF-8: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_on_the_locale() {
        let locale = |values: [&str; 3]| {
            is_utf8(|name| {
                let names = ["LC_ALL", "LC_CTYPE", "LANG"];
                names.iter().zip(values).find(|(other, _)| **other == name).map(|(_, value)| value.to_owned())
            })
        };
        assert!(locale(["", "", "en_GB.UTF-8"]));
        assert!(locale(["C.utf8", "", "C"]));
        assert!(!locale(["C", "", "en_GB.UTF-8"]));
        assert!(!locale(["", "", ""]));
    }
}
