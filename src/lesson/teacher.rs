//! The page for a teacher: notes, times, questions with answers, and exercises with solutions.

use super::{
    Exercise, LESSONS, Lesson, LessonError,
    page::{claims, shown},
};
use crate::{
    path::StopSignal,
    report::{Block, Format},
};

/// The page, in the format that a file name's ending selects.
///
/// Returns an error if no format has this ending, or if a run fails.
pub fn teacher(ending: &str, stop: &StopSignal) -> Result<String, LessonError> {
    let render = Format::of_ending(ending).and_then(|format| format.blocks);
    let render = render.ok_or_else(|| LessonError::Format(endings()))?;
    let minutes: u32 = LESSONS.iter().map(|lesson| lesson.minutes).sum();
    let mut results = Vec::new();
    for lesson in LESSONS {
        results.push((lesson.run(stop)?, lesson.run_exercises(stop)?));
    }
    let mut blocks = vec![
        Block::Heading("wirelab tour: for teachers".to_owned()),
        Block::Paragraph(format!(
            "{} lessons, about {minutes} minutes without the exercises. Each begins with a prediction: let everybody \
             write theirs down before the command is run. All results come from virtual time, so everybody sees the \
             same figures.",
            LESSONS.len()
        )),
        Block::List(LESSONS.iter().zip(1..).map(contents).collect()),
    ];
    for ((lesson, number), (results, exercises)) in LESSONS.iter().zip(1..).zip(&results) {
        blocks.extend(lesson.introduction(number)?);
        blocks.push(Block::Paragraph(format!("Time: {} minutes.", lesson.minutes)));
        blocks.extend(lesson.asked()?);
        blocks.extend(shown(results, lesson.columns));
        blocks.push(Block::Paragraph(lesson.verdict(results, None)?));
        blocks.extend(lesson.explanation(results)?);
        blocks.push(Block::Paragraph("Notes:".to_owned()));
        blocks.push(Block::List(lesson.notes.iter().map(|note| (*note).to_owned()).collect()));
        for (Exercise { task, solution }, results) in lesson.exercises.iter().zip(exercises) {
            blocks.push(Block::Heading(format!("Exercise for lesson {number}")));
            blocks.push(Block::Paragraph((*task).to_owned()));
            blocks.push(Block::Paragraph("Solution:".to_owned()));
            blocks.extend(shown(results, lesson.columns));
            blocks.extend(claims(solution, results)?);
        }
    }
    Ok(render(&blocks))
}

fn contents((lesson, number): (&Lesson, usize)) -> String {
    format!("{number}. {} ({} minutes)", lesson.title, lesson.minutes)
}

/// The file name endings that are supported, joined with `or`.
fn endings() -> String {
    Format::endings_where(|format| format.blocks.is_some())
}
