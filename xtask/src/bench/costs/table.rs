//! The costs as text.

use std::fmt;

use super::super::verdict;
use super::figure::Figure;
use super::figures::{Condition, Figures};
use super::limits::Limit;

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let spread = match self.boots {
            1 => "1 boot (spread between its rounds)".to_owned(),
            boots => format!("{boots} boots (spread between boots)"),
        };
        writeln!(f, "Instructions on {}, the least of {spread}", self.kernel)?;
        writeln!(
            f,
            "{:18} {:>16} {:>16} {:>16} {:>9} {:>17} {:>9} {:>16} {:>9}",
            "",
            "new UDP flow",
            "ended entry",
            "new and ended",
            "x tracked",
            "TCP connection",
            "x tracked",
            "further packet",
            "x tracked"
        )?;
        for condition in &self.conditions {
            row(f, condition)?;
        }
        for condition in &self.conditions {
            programs(f, condition)?;
        }
        writeln!(f, "Limits")?;
        self.limits
            .iter()
            .try_for_each(|limit| writeln!(f, "  {limit}"))
    }
}

fn row(f: &mut fmt::Formatter, condition: &Condition) -> fmt::Result {
    if let Some(reason) = &condition.absent {
        return writeln!(f, "{:18} {:>16} ({reason})", condition.name, "-");
    }
    let times = &condition.times_tracked;
    // Without an entry there is no end.
    let whole = times.udp_flow_and_end.or(times.udp_flow);
    writeln!(
        f,
        "{:18} {:>16} {:>16} {:>16} {:>9} {:>17} {:>9} {:>16} {:>9}",
        condition.name,
        cell(condition.udp_flow),
        cell(condition.ended_entry),
        cell(condition.udp_flow_and_end),
        ratio(whole),
        cell(condition.tcp_connection),
        ratio(times.tcp_connection),
        cell(condition.packet),
        ratio(times.packet),
    )
}

fn programs(f: &mut fmt::Formatter, condition: &Condition) -> fmt::Result {
    if condition.programs.is_empty() {
        return Ok(());
    }
    write!(f, "{}: programs alone, instructions a run:", condition.name)?;
    for (name, program) in &condition.programs {
        write!(
            f,
            "  {name} {:.0} ({} runs)",
            program.instructions_a_run, program.runs
        )?;
    }
    writeln!(f)
}

fn cell(figure: Option<Figure>) -> String {
    figure.map_or("-".to_owned(), |figure| figure.to_string())
}

fn ratio(times: Option<f64>) -> String {
    times.map_or("-".to_owned(), |times| format!("{times:.4}"))
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let aim = self.aim.map_or(String::new(), |aim| format!(", aim {aim}"));
        let limit = format!("(limit {}{aim})", self.limit);
        let measured = ratio(self.measured);
        let holds = self.holds.map_or("not measured", verdict);
        write!(
            f,
            "{:18} {:34} {measured:>8} {limit:24} {holds}",
            self.condition, self.what
        )
    }
}
