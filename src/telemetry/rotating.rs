//! A log file that never grows beyond a size: full, it is renamed to `.1`, `.1` to `.2`, and the oldest goes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The file being written.
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    bytes: u64,
    most_bytes: u64,
    older: u32,
}

impl Rotating {
    /// Goes on where the file ends. Only the owner may read it.
    pub(super) fn open(path: &Path, most_bytes: u64, older: u32) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes, most_bytes, older })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let name = |age: u32| match age {
            0 => self.path.clone(),
            age => PathBuf::from(format!("{}.{age}", self.path.display())),
        };
        for age in (0..self.older).rev() {
            match fs::rename(name(age), name(age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.bytes + length > self.most_bytes {
            self.rotate()?;
        }
        // Whole lines only: a line is never split over two files.
        self.file.write_all(line)?;
        self.bytes += length;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest_lines_and_no_more_files_than_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/a.log");
        let mut log = Rotating::open(&path, 20, 2).unwrap();
        for number in 0..10 {
            log.write_all(format!("line {number:03}\n").as_bytes()).unwrap();
        }
        drop(log);
        let mut log = Rotating::open(&path, 20, 2).unwrap();
        log.write_all(b"line 010\n").unwrap();

        let read = |name: &str| fs::read_to_string(path.with_file_name(name)).unwrap();
        assert_eq!(read("a.log"), "line 010\n");
        assert_eq!(read("a.log.1"), "line 008\nline 009\n");
        assert_eq!(read("a.log.2"), "line 006\nline 007\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 3);
    }
}
