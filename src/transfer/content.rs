//! What is transferred, and where it goes.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use rand::Rng;

use crate::unit::random::{self, ChaCha8Rng};

/// What is transferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// So many bytes that a seed gives.
    Generated {
        /// How many.
        bytes: u64,
        /// Of which seed.
        seed: u64,
    },
    /// A file as it is, which had so many bytes.
    File {
        /// Where it is.
        path: PathBuf,
        /// How many there were.
        bytes: u64,
    },
}

impl Content {
    /// How much there is.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Generated { bytes, .. } | Self::File { bytes, .. } => *bytes,
        }
    }

    /// Opens it.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Generated { bytes, seed } => {
                /// Keeps the draws apart from all others.
                const CONTENT: u64 = 0x434f_4e54;
                let generator = random::generator(*seed, CONTENT);
                Box::new(Generated { generator }.take(*bytes))
            }
            Self::File { path, .. } => Box::new(File::open(path)?),
        })
    }
}

struct Generated {
    generator: ChaCha8Rng,
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.generator.fill_bytes(buffer);
        Ok(buffer.len())
    }
}

/// Where content goes. A file that is not whole is nobody's yet: its owner gives it a name when it is.
#[derive(Debug)]
pub enum Sink {
    /// Nowhere, once it is checked.
    Nowhere,
    /// Here.
    File(File),
}

impl Sink {
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Nowhere => Ok(()),
            Self::File(file) => file.write_all_at(bytes, offset),
        }
    }
}
