//! The findings for people: first what needs attention, then everything by topic.

use textwrap::{Options, WordSplitter};

use super::super::paint::Paint;
use crate::model::doctor::{Answer, Diagnosis, Finding, Topic};

/// Characters a line may have, but for a word that is longer.
const WIDTH: usize = 110;

/// Where a finding's words begin.
const INDENT: usize = 11;

/// The findings in lines.
#[must_use]
pub fn text(diagnosis: &Diagnosis, paint: Paint) -> String {
    let mut text = headline(diagnosis, paint);
    for finding in diagnosis
        .findings
        .iter()
        .filter(|finding| finding.attention)
    {
        text.push('\n');
        text.push_str(&fault(finding, paint));
    }
    let mut before: Option<&Finding> = None;
    for finding in &diagnosis.findings {
        if before.is_none_or(|before| before.topic != finding.topic) {
            text.push_str(&format!("\n{}\n", paint.strong(heading(finding.topic))));
        }
        text.push_str(&line(finding, paint));
        let follows = before.is_some_and(|before| before.todo == finding.todo);
        if !follows && !finding.attention && finding.answer != Answer::Yes {
            text.push_str(&todo(finding, paint));
        }
        before = Some(finding);
    }
    if !diagnosis.unread.is_empty() {
        text.push_str(&format!("\n{}\n", paint.strong("Not seen")));
        let reasons = diagnosis.unread.iter();
        text.extend(reasons.map(|reason| wrapped("  ", 4, reason)));
    }
    text
}

fn headline(diagnosis: &Diagnosis, paint: Paint) -> String {
    let or_dash = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let attention = match diagnosis.attention {
        0 => "nothing needs attention".to_owned(),
        1 => paint.alarm("1 finding needs attention"),
        n => paint.alarm(&format!("{n} findings need attention")),
    };
    let unknown = match diagnosis.unknown {
        0 => String::new(),
        n => format!("; {n} could not be found out"),
    };
    format!(
        "{}, Linux {}: {attention}{unknown}\n",
        or_dash(&diagnosis.hostname),
        or_dash(&diagnosis.kernel)
    )
}

/// Symptom, cause, check, what to do. Commands are to be pasted: their lines are not broken.
fn fault(finding: &Finding, paint: Paint) -> String {
    let mut lines = format!("{}\n", paint.alarm(&name(finding)));
    let prose = |word: &str, text: &str| wrapped(&format!("  {word:<8} "), INDENT, text);
    let command = |word: &str, text: &str| format!("  {word:<8} {}\n", printable(text));
    if let Some(trouble) = &finding.trouble {
        lines.push_str(&prose("symptom", &trouble.symptom));
    }
    lines.push_str(&prose("cause", &finding.reason));
    if let Some(trouble) = &finding.trouble {
        lines.push_str(&command("check", &trouble.verify));
    }
    if let Some(todo) = &finding.todo {
        lines.push_str(&command("do", todo));
    }
    lines
}

fn line(finding: &Finding, paint: Paint) -> String {
    let answer = match (finding.answer, finding.attention) {
        (_, true) => paint.alarm("!      "),
        (Answer::Yes, false) => "yes    ".to_owned(),
        (Answer::No, false) => paint.caution("no     "),
        (Answer::Unknown, false) => paint.faint("unknown"),
    };
    let needs = match (finding.answer, finding.needs) {
        (Answer::No, Some(version)) => format!(" (needs {version})"),
        _ => String::new(),
    };
    if finding.attention {
        return format!("  {answer}  {}: above\n", name(finding));
    }
    let begin = format!("  {answer}  ");
    let said = finding
        .subject
        .as_ref()
        .is_some_and(|subject| finding.reason.starts_with(subject.as_str()));
    let name = if said {
        finding.check.to_owned()
    } else {
        name(finding)
    };
    let reason = format!("{name}{needs}: {}", finding.reason);
    wrapped(&begin, INDENT, &reason)
}

/// What to do, if anything.
fn todo(finding: &Finding, paint: Paint) -> String {
    let Some(todo) = &finding.todo else {
        return String::new();
    };
    // Commands are to be pasted: their lines are not broken.
    let line = paint.faint(&format!("→ {}", printable(todo)));
    format!("{}{line}\n", " ".repeat(INDENT))
}

/// A paragraph that begins with `begin`; its other lines stand `indent` columns to the right.
fn wrapped(begin: &str, indent: usize, text: &str) -> String {
    let indent = " ".repeat(indent);
    let text = printable(text);
    // `begin` may hold colours, which take no room.
    let options = Options::new(WIDTH)
        .initial_indent(&indent)
        .subsequent_indent(&indent)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let mut lines = textwrap::fill(&text, options);
    lines.replace_range(..indent.len().min(lines.len()), begin);
    lines + "\n"
}

/// Words of other users' processes may be among them.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn name(finding: &Finding) -> String {
    match &finding.subject {
        Some(subject) => format!("{} {subject}", finding.check),
        None => finding.check.to_owned(),
    }
}

fn heading(topic: Topic) -> &'static str {
    match topic {
        Topic::Table => "Table",
        Topic::Conntrack => "Conntrack",
        Topic::Settings => "Settings",
        Topic::Tcp => "TCP",
        Topic::Events => "Events",
        Topic::Neighbours => "Neighbours",
        Topic::Watching => "Watching",
        Topic::Privileges => "Privileges",
        Topic::Hooks => "Hooks",
    }
}
