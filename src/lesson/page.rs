//! A lesson as blocks.

use super::{Claim, Lesson, LessonError, Results, Trial, template::fill};
use crate::{
    report::{Block, TextOptions, blocks_to_html_part, blocks_to_text, chosen_columns},
    scenario::Scenario,
};

impl Lesson {
    /// Its text and its question.
    ///
    /// Returns an error if a text names an unknown setting.
    pub fn opening(&self, number: usize, options: TextOptions) -> Result<String, LessonError> {
        let mut blocks = self.introduction(number)?;
        blocks.extend(self.asked()?);
        Ok(blocks_to_text(&blocks, options))
    }

    /// The results of its runs, the answer and the explanation. `said` is the predicted choice, if any.
    ///
    /// Returns an error if the results lack a figure.
    pub fn findings(
        &self,
        results: &Results,
        said: Option<usize>,
        options: TextOptions,
    ) -> Result<String, LessonError> {
        Ok(blocks_to_text(&self.found(results, said)?, options))
    }

    fn found<'a>(&self, results: &'a Results, said: Option<usize>) -> Result<Vec<Block<'a>>, LessonError> {
        let mut blocks = shown(results, self.columns);
        blocks.push(Block::Paragraph(self.verdict(results, said)?));
        blocks.extend(self.explanation(results)?);
        blocks.push(Block::Paragraph("Go on with:".to_owned()));
        for (command, look) in self.further {
            blocks.push(Block::Command(format!("wirelab {command}")));
            blocks.push(Block::Paragraph((*look).to_owned()));
        }
        Ok(blocks)
    }

    /// Whether `said` is the right choice.
    pub fn is_right(&self, results: &Results, said: usize) -> bool {
        self.answer(results) == Some(said)
    }

    /// The number of choices.
    pub fn choices(&self) -> usize {
        self.choices.len()
    }

    pub(super) fn introduction(&self, number: usize) -> Result<Vec<Block<'static>>, LessonError> {
        let scenarios = self.trial.scenarios()?;
        let mut blocks = vec![Block::Heading(format!("{number}. {}", self.title))];
        for text in self.intro {
            blocks.push(Block::Paragraph(fill(text, &self.trial, &scenarios, None)?));
        }
        Ok(blocks)
    }

    pub(super) fn asked(&self) -> Result<Vec<Block<'static>>, LessonError> {
        let lettered = |(choice, letter)| format!("{letter}) {choice}");
        let choices = self.choice_texts()?.into_iter().zip('a'..).map(lettered).collect();
        Ok(vec![Block::Paragraph(format!("Question: {}", self.question_text()?)), Block::List(choices)])
    }

    /// The question, with its figures.
    ///
    /// Returns an error if the text names an unknown setting.
    pub(crate) fn question_text(&self) -> Result<String, LessonError> {
        fill(self.question, &self.trial, &self.trial.scenarios()?, None)
    }

    /// The choices, with their figures.
    ///
    /// Fails like [`Self::question_text`].
    pub(crate) fn choice_texts(&self) -> Result<Vec<String>, LessonError> {
        let scenarios = self.trial.scenarios()?;
        self.choices.iter().map(|choice| fill(choice.text, &self.trial, &scenarios, None)).collect()
    }

    /// The introduction as a part of an HTML page.
    ///
    /// Fails like [`Self::question_text`].
    pub(crate) fn introduction_html(&self, number: usize) -> Result<String, LessonError> {
        Ok(blocks_to_html_part(&self.introduction(number)?))
    }

    /// The findings as a part of an HTML page.
    ///
    /// Fails like [`Self::findings`].
    pub(crate) fn findings_html(
        &self,
        results: &Results,
        said: Option<usize>,
    ) -> Result<String, LessonError> {
        Ok(blocks_to_html_part(&self.found(results, said)?))
    }

    /// The right choice, and whether `said` predicted it.
    pub(super) fn verdict(&self, results: &Results, said: Option<usize>) -> Result<String, LessonError> {
        let scenarios = self.trial.scenarios()?;
        let right = self.answer(results).ok_or_else(|| LessonError::Figure("answer".to_owned()))?;
        let text = fill(self.choices[right].text, &self.trial, &scenarios, Some(results))?;
        let letter = letter(right);
        Ok(match said {
            None => format!("Answer: {letter}) {text}."),
            Some(said) if said == right => format!("You were right: {letter}) {text}."),
            Some(said) => format!("You said {}, but it is {letter}) {text}.", self::letter(said)),
        })
    }

    /// The claims about the results, and the rule to remember.
    pub(super) fn explanation(&self, results: &Results) -> Result<Vec<Block<'static>>, LessonError> {
        let mut blocks = claims(&self.trial, results)?;
        blocks.push(Block::Paragraph(format!("Remember: {}", self.rule)));
        Ok(blocks)
    }
}

fn letter(choice: usize) -> char {
    ('a'..).nth(choice).unwrap_or('?')
}

/// The claims of a trial, a paragraph each.
pub(super) fn claims(trial: &Trial, results: &Results) -> Result<Vec<Block<'static>>, LessonError> {
    let scenarios: Vec<Scenario> = trial.scenarios()?;
    let text = |claim: &Claim| fill(claim.text, trial, &scenarios, Some(results));
    trial.claims.iter().map(|claim| Ok(Block::Paragraph(text(claim)?))).collect()
}

/// The commands, each with its results as a table of the given columns or as a ladder.
pub(super) fn shown<'a>(results: &'a Results, columns: &[&str]) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    for run in results.runs() {
        blocks.push(Block::Command(run.typed.clone()));
        if !columns.is_empty() {
            blocks.extend(chosen_columns(&run.file, columns).into_iter().map(Block::Table));
        }
        if !run.episodes.is_empty() {
            blocks.push(Block::Ladder(&run.episodes));
        }
    }
    blocks
}
