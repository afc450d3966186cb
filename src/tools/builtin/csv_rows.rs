//! One more row for a CSV file. Pure: the old text and a row in, the new text out.
//!
//! The last column is `key` and holds the key of the step that added the row. A key that is there already adds nothing,
//! so a step that is performed again after a crash leaves one row.

/// The column that Greenroom adds.
const KEY: &str = "key";

/// The file with the row in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Added {
    /// None: the row was there; the file stays as it is.
    pub file: Option<Vec<u8>>,
    /// Its place, from 1, without the header.
    pub row: usize,
    /// Header and row by themselves, as they stand in the file.
    pub text: String,
}

/// A row that does not fit the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    #[error("column `{0}` stands twice in the row; give each column once")]
    Twice(String),
    #[error("column `key` is kept by Greenroom; choose another name")]
    Reserved,
    #[error("column {place} of the file is `{file}` and of the row `{row}`; use the file's columns or a new file")]
    Column { place: usize, file: String, row: String },
    #[error("the file has the columns {file} and the row {row}; use the file's columns or a new file")]
    Count { file: usize, row: usize },
    #[error("the file is not a CSV file that Greenroom keeps: its last column is not `key`; use a new file")]
    Foreign,
    #[error("the file is not readable as CSV in line {line}: {reason}; repair it or use a new file")]
    Broken { line: u64, reason: String },
}

/// Adds the row, unless a row with this key is there.
pub(super) fn add(old: &[u8], row: &[(String, String)], key: &str) -> Result<Added, Misfit> {
    let columns: Vec<&str> = row.iter().map(|(column, _)| column.as_str()).collect();
    check_columns(&columns)?;
    let header = line(columns.iter().copied().chain([KEY]));
    let rows = rows(old, &columns)?;
    let mine = line(row.iter().map(|(_, value)| value.as_str()).chain([key]));
    if let Some((index, known)) = rows.iter().enumerate().find(|(_, known)| known.get(columns.len()) == Some(key)) {
        return Ok(Added { file: None, row: index + 1, text: header + &line(known.iter()) });
    }
    let mut file = old.to_vec();
    if file.is_empty() {
        file.extend_from_slice(header.as_bytes());
    } else if !file.ends_with(b"\n") {
        file.push(b'\n');
    }
    file.extend_from_slice(mine.as_bytes());
    Ok(Added { file: Some(file), row: rows.len() + 1, text: header + &mine })
}

fn check_columns(columns: &[&str]) -> Result<(), Misfit> {
    for (index, column) in columns.iter().enumerate() {
        if *column == KEY {
            return Err(Misfit::Reserved);
        }
        if columns[..index].contains(column) {
            return Err(Misfit::Twice((*column).to_owned()));
        }
    }
    Ok(())
}

/// The rows of the file, once its header is known to be ours.
fn rows(old: &[u8], columns: &[&str]) -> Result<Vec<csv::StringRecord>, Misfit> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(old);
    let mut records = reader.records().map(|record| {
        record.map_err(|error| Misfit::Broken {
            line: error.position().map_or(0, csv::Position::line),
            reason: error.to_string(),
        })
    });
    let Some(header) = records.next().transpose()? else { return Ok(Vec::new()) };
    if header.iter().next_back() != Some(KEY) {
        return Err(Misfit::Foreign);
    }
    let known = header.len() - 1;
    for (place, (file, row)) in header.iter().take(known).zip(columns).enumerate() {
        if file != *row {
            return Err(Misfit::Column { place: place + 1, file: file.to_owned(), row: (*row).to_owned() });
        }
    }
    if known == columns.len() { records.collect() } else { Err(Misfit::Count { file: known, row: columns.len() }) }
}

fn line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory cannot fail, and CSV of text is text.
    let _ = writer.write_record(fields);
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(values: &[(&str, &str)]) -> Vec<(String, String)> {
        values.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect()
    }

    fn added(old: &[u8], values: &[(&str, &str)], key: &str) -> Added {
        add(old, &row(values), key).unwrap()
    }

    #[test]
    fn the_same_key_adds_nothing() {
        let first = added(b"", &[("posting", "Audit, \"big\""), ("rate", "$1")], "g1:4");
        let file = first.file.unwrap();
        assert_eq!(String::from_utf8_lossy(&file), "posting,rate,key\n\"Audit, \"\"big\"\"\",$1,g1:4\n");
        let again = added(&file, &[("posting", "other words"), ("rate", "$2")], "g1:4");
        assert_eq!(again, Added { file: None, row: 1, text: first.text }, "what is there is what counts");
        let second = added(&file, &[("posting", "x"), ("rate", "y")], "g2:4");
        assert_eq!((second.row, second.file.unwrap().ends_with(b"x,y,g2:4\n")), (2, true));
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused_by_column() {
        let file = b"posting,rate,key\na,b,k\n";
        let misfit = |values: &[(&str, &str)]| add(file, &row(values), "k2").unwrap_err();
        let column = Misfit::Column { place: 2, file: "rate".into(), row: "price".into() };
        assert_eq!(misfit(&[("posting", "x"), ("price", "y")]), column);
        assert_eq!(misfit(&[("posting", "x")]), Misfit::Count { file: 2, row: 1 });
        assert_eq!(misfit(&[("posting", "x"), ("key", "y")]), Misfit::Reserved);
        assert_eq!(misfit(&[("a", "x"), ("a", "y")]), Misfit::Twice("a".into()));
        assert_eq!(add(b"a,b\n1,2\n", &row(&[("a", "x")]), "k"), Err(Misfit::Foreign));
        assert!(matches!(add(b"a,key\n\xff,k\n", &row(&[("a", "x")]), "k"), Err(Misfit::Broken { line: 2, .. })));
    }

    #[test]
    fn a_last_line_without_an_end_is_ended() {
        let after = added(b"a,key\n1,k1", &[("a", "2")], "k2");
        assert_eq!(after.file.unwrap(), b"a,key\n1,k1\n2,k2\n");
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in proptest::collection::vec("[\\PC\n\r\",]{0,12}", 1..5), keys in 1..4usize) {
            let row: Vec<_> = values.iter().enumerate().map(|(at, value)| (format!("c{at}"), value.clone())).collect();
            let mut file = Vec::new();
            for key in (0..keys).chain(0..keys) {
                if let Some(new) = add(&file, &row, &format!("k{key}")).unwrap().file {
                    file = new;
                }
            }
            let columns: Vec<_> = row.iter().map(|(column, _)| column.as_str()).collect();
            let rows = rows(&file, &columns).unwrap();
            prop_assert_eq!(rows.len(), keys);
            for record in rows {
                prop_assert!(record.iter().take(values.len()).eq(values.iter().map(String::as_str)));
            }
        }
    }
}
