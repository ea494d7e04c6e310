//! Tables in text: columns as wide as they must be, figures to the right.

use super::paint::Paint;

/// Between two columns.
const GAP: &str = "  ";

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Heading, alignment and cells of each column.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose headings that begin with `<` stand over columns aligned to the left.
    pub(super) fn new(headings: &[&'static str]) -> Self {
        let column = |heading: &&'static str| match heading.strip_prefix('<') {
            Some(heading) => (heading, Align::Left),
            None => (*heading, Align::Right),
        };
        Self {
            columns: headings.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the columns are left out.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Leaves out a column in which `useless` holds for every cell.
    pub(super) fn hide(&mut self, heading: &str, useless: impl Fn(&str) -> bool) {
        let Some(at) = self.columns.iter().position(|(name, _)| *name == heading) else {
            return;
        };
        if self
            .rows
            .iter()
            .filter_map(|row| row.get(at))
            .all(|cell| useless(cell))
        {
            self.columns.remove(at);
            for row in self.rows.iter_mut().filter(|row| at < row.len()) {
                row.remove(at);
            }
        }
    }

    /// Leaves out the first of these sets of columns without which the lines are at most `width` characters
    /// long, or the last if none is enough.
    pub(super) fn fit(&mut self, width: usize, sets: &[&[&str]]) {
        let takes = |left_out: &[&str]| -> usize {
            let columns = self.columns.iter().zip(self.widths());
            let kept = columns.filter(|((heading, _), _)| !left_out.contains(heading));
            kept.map(|(_, width)| width + GAP.len()).sum()
        };
        if self.width() <= width + GAP.len() {
            return;
        }
        let enough = |set: &&&[&str]| takes(set) <= width + GAP.len();
        let chosen = sets.iter().find(enough).or(sets.last());
        for heading in chosen.copied().into_iter().flatten() {
            self.hide(heading, |_| true);
        }
    }

    /// Columns that the lines take at most, the gap after the last one included.
    pub(super) fn width(&self) -> usize {
        self.widths().iter().map(|width| width + GAP.len()).sum()
    }

    /// Whether a column is shown.
    pub(super) fn has(&self, heading: &str) -> bool {
        self.columns.iter().any(|(name, _)| *name == heading)
    }

    /// The lines, each with its end.
    pub(super) fn lines(&self, paint: Paint) -> String {
        let widths = self.widths();
        let headings: Vec<String> = self
            .columns
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let mut lines = paint.faint(&self.line(&headings, &widths));
        lines.push('\n');
        for row in &self.rows {
            lines.push_str(&self.line(row, &widths));
            lines.push('\n');
        }
        lines
    }

    fn widths(&self) -> Vec<usize> {
        let width_of = |(at, (heading, _)): (usize, &(&str, Align))| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let widths = cells.map(|cell| width(cell)).chain([width(heading)]);
            widths.max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(width_of).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width_wanted), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            let padding = " ".repeat(width_wanted - width(cell).min(*width_wanted));
            match align {
                Align::Left => line.extend([cell.as_str(), &padding]),
                Align::Right => line.extend([padding.as_str(), cell]),
            }
            line.push_str(GAP);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Columns a text takes on a terminal; nothing here is wider or narrower than one a character.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["<PORT", "#", "ENTRIES", "SHARE"]);
        table.row(["tcp/443", "1", "54,954", "84 %"].map(str::to_owned));
        table
    }

    #[test]
    fn as_little_as_needed_is_left_out() {
        let left = |width| {
            let mut table = table();
            table.fit(width, &[&["#"], &["SHARE"], &["#", "SHARE"]]);
            let lines = table.lines(Paint::Plain);
            let longest = lines.lines().map(|line| line.chars().count()).max();
            (longest.unwrap_or(0), table.has("#"), table.has("SHARE"))
        };
        assert_eq!(left(26), (26, true, true));
        assert_eq!(left(25), (23, false, true));
        assert_eq!(left(22), (19, true, false));
        assert_eq!(left(18), (16, false, false));
        assert_eq!(left(5), (16, false, false));
    }
}
