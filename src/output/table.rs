//! Rows of cells: CSV, Excel.

use crate::formula::neutral;
use rust_xlsxwriter::{Color, Format, Workbook, XlsxError};
use std::io::{self, Write};

/// Rows of a sheet beside its headings.
pub const SHEET_ROWS_MAX: u64 = 1_048_575;
/// Cells of a sheet beside its headings: it is kept in memory, with a quarter of a kilobyte for each.
pub const SHEET_CELLS_MAX: u64 = 6_000_000;
/// Characters of a cell of a sheet.
const CELL_CHARS_MAX: usize = 32_767;

/// Takes a head and rows.
pub enum Table<'a> {
    /// Lines of cells parted by commas, with a byte order mark: Excel reads them as UTF-8 then. No cell is a formula
    /// there.
    Csv(Lines<'a>),
    /// The same of cells that stay as they are.
    Carried(Lines<'a>),
    /// A workbook of one sheet.
    Excel(Box<Sheet<'a>>),
}

type Lines<'a> = Box<csv::Writer<&'a mut (dyn Write + 'a)>>;

/// A sheet that is being filled.
pub struct Sheet<'a> {
    book: Workbook,
    out: &'a mut (dyn Write + 'a),
    rows: u64,
    columns: u16,
    hit: Format,
}

impl<'a> Table<'a> {
    /// CSV to be looked at.
    pub fn csv(out: &'a mut (dyn Write + 'a)) -> io::Result<Table<'a>> {
        lines(out).map(Table::Csv)
    }

    /// CSV of cells that came from somewhere and stay as they are.
    pub fn carried(out: &'a mut (dyn Write + 'a)) -> io::Result<Table<'a>> {
        lines(out).map(Table::Carried)
    }

    /// Excel, all of which stays in memory until it is written: a sheet is bounded, and nothing of it may lie in
    /// a file that nobody asked for.
    pub fn excel(out: &'a mut (dyn Write + 'a)) -> io::Result<Table<'a>> {
        let mut book = Workbook::new();
        book.add_worksheet().set_name("信查 xincha").map_err(other)?;
        let hit = Format::new().set_background_color(Color::RGB(0x00ff_e0e0));
        Ok(Table::Excel(Box::new(Sheet { book, out, rows: 0, columns: 0, hit })))
    }

    /// The headings.
    pub fn head<'r>(&mut self, headings: impl Iterator<Item = &'r str>) -> io::Result<()> {
        match self {
            Table::Csv(out) | Table::Carried(out) => out.write_record(headings)?,
            Table::Excel(sheet) => sheet.head(headings)?,
        }
        Ok(())
    }

    /// A row, and whether it is to be seen at once.
    pub fn row<'r>(
        &mut self,
        cells: impl Iterator<Item = &'r str>,
        is_hit: bool,
    ) -> io::Result<()> {
        match self {
            Table::Csv(out) => {
                for cell in cells {
                    out.write_field(&*neutral(cell))?;
                }
                out.write_record(None::<&[u8]>)?;
            }
            Table::Carried(out) => out.write_record(cells)?,
            Table::Excel(sheet) => sheet.row(cells, is_hit)?,
        }
        Ok(())
    }

    /// Write what is held back.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Table::Csv(mut out) | Table::Carried(mut out) => out.flush(),
            Table::Excel(mut sheet) => sheet.finish(),
        }
    }
}

fn lines<'a>(out: &'a mut (dyn Write + 'a)) -> io::Result<Lines<'a>> {
    out.write_all("\u{feff}".as_bytes())?;
    Ok(Box::new(csv::Writer::from_writer(out)))
}

impl Sheet<'_> {
    fn sheet(&mut self) -> io::Result<&mut rust_xlsxwriter::Worksheet> {
        self.book.worksheet_from_index(0).map_err(other)
    }

    fn head<'r>(&mut self, cells: impl Iterator<Item = &'r str>) -> io::Result<()> {
        let bold = Format::new().set_bold();
        let sheet = self.sheet()?;
        sheet.set_freeze_panes(1, 0).map_err(other)?;
        let mut columns = 0;
        for cell in cells {
            sheet.write_string_with_format(0, columns, cell, &bold).map_err(other)?;
            columns += 1;
        }
        self.columns = columns;
        Ok(())
    }

    /// Every cell is text, so that no identifier becomes a figure and no cell a formula.
    fn row<'r>(&mut self, cells: impl Iterator<Item = &'r str>, is_hit: bool) -> io::Result<()> {
        if self.rows == SHEET_ROWS_MAX {
            return Err(io::Error::other(
                "工作表最多 1,048,576 行，请输出 .csv / a sheet takes 1,048,576 rows: write .csv",
            ));
        }
        self.rows += 1;
        if self.rows * u64::from(self.columns) > SHEET_CELLS_MAX {
            return Err(io::Error::other(
                "工作簿最多 600 万个单元格，请输出 .csv / a workbook takes 6,000,000 cells: write .csv",
            ));
        }
        let row = self.rows as u32;
        let hit = self.hit.clone();
        let sheet = self.sheet()?;
        for (column, cell) in (0..).zip(cells) {
            if cell.chars().nth(CELL_CHARS_MAX).is_some() {
                let (row, column) = (row + 1, column + 1);
                return Err(io::Error::other(format!(
                    "第 {row} 行第 {column} 列：单元格最多 32,767 字，请输出 .csv / row {row}, column {column}: a cell of a \
                     sheet takes 32,767 characters: write .csv"
                )));
            }
            let written = match is_hit {
                true => sheet.write_string_with_format(row, column, cell, &hit),
                false if cell.is_empty() => continue,
                false => sheet.write_string(row, column, cell),
            };
            written.map_err(other)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let (rows, columns) = (self.rows as u32, self.columns);
        self.sheet()?.autofilter(0, 0, rows, columns.saturating_sub(1)).map_err(other)?;
        let bytes = self.book.save_to_buffer().map_err(other)?;
        self.out.write_all(&bytes)
    }
}

fn other(error: XlsxError) -> io::Error {
    io::Error::other(error)
}
