//! Manual pages: what the arguments tell of themselves, and the sections that are written by hand beside this file.

use std::io;

use clap::Command;
use clap_mangen::Man;

/// A manual page in roff.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its name, which is that of its file without the section.
    pub name: String,
    /// What is in the file.
    pub text: Vec<u8>,
}

/// What the arguments do not tell, by the page's name.
const SECTIONS: [(&str, &str); 12] = [
    ("ctwatch", include_str!("ctwatch.roff")),
    ("ctwatch-record", include_str!("record.roff")),
    ("ctwatch-drops", include_str!("drops.roff")),
    ("ctwatch-report", include_str!("report.roff")),
    ("ctwatch-inspect", include_str!("inspect.roff")),
    ("ctwatch-advise", include_str!("advise.roff")),
    ("ctwatch-apply", include_str!("apply.roff")),
    ("ctwatch-confirm", include_str!("confirm.roff")),
    ("ctwatch-rollback", include_str!("rollback.roff")),
    ("ctwatch-verify", include_str!("verify.roff")),
    ("ctwatch-doctor", include_str!("doctor.roff")),
    ("ctwatch-status", include_str!("status.roff")),
];

/// The page of a command that is built, so that it knows its full name.
///
/// # Errors
/// None that a command can cause; clap_mangen's signature has them.
pub fn page(command: &Command) -> io::Result<Page> {
    let man = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut text = title(name).into_bytes();
    man.render_name_section(&mut text)?;
    text.extend(synopsis(command).bytes());
    man.render_description_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    let sections = SECTIONS.iter().find(|(page, _)| *page == name);
    text.extend(sections.into_iter().flat_map(|(_, text)| text.bytes()));
    Ok(Page {
        name: name.to_owned(),
        text,
    })
}

/// clap_mangen's own shifts the fields when there is no date, and builds are to be the same on any day.
fn title(name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {name} 1 \"\" \"ctwatch {version}\" \"ctwatch manual\"\n")
}

/// As `--help` has it; clap_mangen's own names every option, without its value.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let arguments = usage.strip_prefix(name).unwrap_or(usage);
    let arguments = arguments.trim().replace('-', "\\-");
    format!(".SH SYNOPSIS\n.B {name}\n{arguments}\n")
}
