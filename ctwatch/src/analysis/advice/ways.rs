//! All ways a packet can take, by answering every open question both ways.

use super::walk::{Answers, Question};
use crate::model::ruleset::Condition;

/// Ways looked at before a ruleset counts as too branched to follow.
const MAX_WAYS: usize = 1_024;

/// Calls `walk` with ever more answers until each way was walked to its end. False when there were too many ways
/// or one went too deep, so that not all were looked at.
pub(super) fn explore<'a>(mut walk: impl FnMut(&Answers<'a>) -> Result<(), Question<'a>>) -> bool {
    let mut left = MAX_WAYS;
    branch(&mut walk, &mut Answers::new(), &mut left)
}

fn branch<'a>(
    walk: &mut impl FnMut(&Answers<'a>) -> Result<(), Question<'a>>,
    answers: &mut Answers<'a>,
    left: &mut usize,
) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    let question = match walk(answers) {
        Ok(()) => return true,
        Err(Question::Depth) => return false,
        Err(question) => question,
    };
    let mut complete = true;
    for answer in [true, false] {
        answers.insert(question.clone(), answer);
        complete &= branch(walk, answers, left);
        answers.remove(&question);
    }
    complete
}

/// The first rule, not understood, that the answers suppose something of.
pub(super) fn supposed<'a>(answers: &Answers<'a>, tracked: &[bool]) -> Option<&'a str> {
    answers
        .keys()
        .filter_map(|question| match question {
            Question::Rule(text, of) if tracked.contains(of) => Some(*text),
            Question::Entry(text) if tracked.contains(&true) => Some(*text),
            _ => None,
        })
        .min()
}

/// The first rule, not understood, that the answers suppose to take the packet as tracked.
pub(super) fn supposed_to_match<'a>(answers: &Answers<'a>) -> Option<&'a str> {
    answers
        .iter()
        .filter(|(_, taken)| **taken)
        .filter_map(|(question, _)| match question {
            Question::Rule(text, true) | Question::Entry(text) => Some(*text),
            _ => None,
        })
        .min()
}

/// Whether the answers suppose that the packet came with a mark.
pub(super) fn supposes_mark(answers: &Answers<'_>) -> bool {
    answers.iter().any(|(question, holds)| {
        *holds && matches!(question, Question::Flow(Condition::Mark { .. }))
    })
}
