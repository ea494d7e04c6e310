//! The costs as text.

use std::fmt;

use super::super::verdict;
use super::figure::Figure;
use super::figures::{Condition, Figures};
use super::full::Full;
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
            "{:22} {:>16} {:>16} {:>16} {:>9} {:>17} {:>9} {:>16} {:>9}",
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
        self.conditions.iter().try_for_each(|one| reader(f, one))?;
        self.conditions
            .iter()
            .try_for_each(|one| programs(f, one))?;
        full(f, &self.full)?;
        writeln!(f, "Limits")?;
        self.limits
            .iter()
            .try_for_each(|limit| writeln!(f, "  {limit}"))
    }
}

fn row(f: &mut fmt::Formatter, condition: &Condition) -> fmt::Result {
    if let Some(reason) = &condition.absent {
        return writeln!(f, "{:22} {:>16} ({reason})", condition.name, "-");
    }
    let times = &condition.times_tracked;
    // Without an entry there is no end.
    let whole = times.udp_flow_and_end.or(times.udp_flow);
    writeln!(
        f,
        "{:22} {:>16} {:>16} {:>16} {:>9} {:>17} {:>9} {:>16} {:>9}",
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

fn reader(f: &mut fmt::Formatter, condition: &Condition) -> fmt::Result {
    let Some(reader) = &condition.reader else {
        return Ok(());
    };
    let lost = reader.lost_percent.map_or(String::new(), |lost| {
        format!(", {lost:.1} % of its messages lost")
    });
    writeln!(
        f,
        "{}: the reader itself takes {:.0} more a new and ended flow, {:.0} a TCP connection{lost}",
        condition.name, reader.udp_flow_and_end, reader.tcp_connection
    )
}

fn full(f: &mut fmt::Formatter, conditions: &[Full]) -> fmt::Result {
    if conditions.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "{:22} {:>16} {:>9} {:>8} {:>16} {:>9} {:>8}",
        "Full table", "refused", "x tracked", "reader", "flow that evicts", "x tracked", "reader"
    )?;
    for one in conditions {
        if let Some(reason) = &one.absent {
            writeln!(f, "{:22} {:>16} ({reason})", one.name, "-")?;
            continue;
        }
        let reader = |figure: Option<Figure>| {
            figure.map_or("-".to_owned(), |figure| {
                format!("{:.0}", figure.instructions)
            })
        };
        writeln!(
            f,
            "{:22} {:>16} {:>9} {:>8} {:>16} {:>9} {:>8}",
            one.name,
            cell(one.refused),
            ratio(one.refused_times_tracked),
            reader(one.reader_refused),
            cell(one.evicting),
            ratio(one.evicting_times_tracked),
            reader(one.reader_evicting),
        )?;
    }
    Ok(())
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
            "{:20} {:34} {measured:>8} {limit:24} {holds}",
            self.condition, self.what
        )
    }
}
