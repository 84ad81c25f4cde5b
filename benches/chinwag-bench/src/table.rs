//! Figures as a table: each is described once, and shown wherever it makes sense.

use comfy_table::{CellAlignment, Table, presets};

/// A figure of something that was measured: its name, how to get it, and how to show it.
pub struct Figure<T: 'static> {
    pub name: &'static str,
    pub get: fn(&T) -> Option<f64>,
    pub show: fn(f64) -> String,
}

impl<T> Figure<T> {
    pub const fn new(
        name: &'static str,
        get: fn(&T) -> Option<f64>,
        show: fn(f64) -> String,
    ) -> Self {
        Self { name, get, show }
    }

    pub fn cell(&self, of: &T) -> String {
        shown((self.get)(of), self.show)
    }

    /// Over several measurements: the median, with the lowest and the highest.
    pub fn spread<'a>(&self, of: impl Iterator<Item = &'a T>) -> String {
        let spread = Spread::of(of.filter_map(self.get).collect());
        spread.map_or_else(String::new, |spread| spread.text(self.show))
    }
}

pub fn names<T>(figures: &[Figure<T>]) -> impl Iterator<Item = &'static str> {
    figures.iter().map(|figure| figure.name)
}

pub fn cells<T>(figures: &[Figure<T>], of: &T) -> impl Iterator<Item = String> {
    figures.iter().map(|figure| figure.cell(of))
}

/// A table without lines, to be read in a terminal or pasted into a text. All columns but the first
/// `texts` are numbers.
pub fn table<'a>(
    texts: usize,
    head: impl Iterator<Item = &'a str>,
    rows: impl Iterator<Item = Vec<String>>,
) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(head);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A dash stands for what is not known.
pub fn shown(value: Option<f64>, show: fn(f64) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

pub fn whole(value: f64) -> String {
    format!("{value:.0}")
}

pub fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

pub fn hundredths(value: f64) -> String {
    format!("{value:.2}")
}

pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// In as many digits as matter.
pub fn short(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.3}")
    } else {
        tenths(value)
    }
}

/// The middle of several values, and how far apart they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    /// Of values in any order; `None` of none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (lower, upper) = (values.len().checked_sub(1)? / 2, values.len() / 2);
        Some(Self {
            median: f64::midpoint(*values.get(lower)?, *values.get(upper)?),
            lowest: *values.first()?,
            highest: *values.last()?,
        })
    }

    pub fn text(&self, show: fn(f64) -> String) -> String {
        let [median, lowest, highest] = [self.median, self.lowest, self.highest].map(show);
        format!("{median} ({lowest}–{highest})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let expect = |values: &[f64], median, lowest, highest| {
            let expected = Spread {
                median,
                lowest,
                highest,
            };
            assert_eq!(Spread::of(values.to_vec()), Some(expected));
        };
        expect(&[3.0], 3.0, 3.0, 3.0);
        expect(&[3.0, 1.0], 2.0, 1.0, 3.0);
        expect(&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0);
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
