//! Tables in text: columns as wide as they must be, figures to the right.

use super::paint::Paint;

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

    /// The lines, each with its end.
    pub(super) fn lines(&self, paint: Paint) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, (heading, _))| {
                let cells = self.rows.iter().filter_map(|row| row.get(at));
                cells
                    .map(|cell| width(cell))
                    .chain([width(heading)])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
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

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width_wanted), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            let padding = " ".repeat(width_wanted - width(cell).min(*width_wanted));
            match align {
                Align::Left => line.extend([cell.as_str(), &padding]),
                Align::Right => line.extend([padding.as_str(), cell]),
            }
            line.push_str("  ");
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Columns a text takes on a terminal; nothing here is wider or narrower than one a character.
fn width(text: &str) -> usize {
    text.chars().count()
}
