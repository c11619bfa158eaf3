//! The model of a page: a document, and objects that become known one after the other.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    experiment::{application::ApplicationError, csv::rows},
    unit::{
        Size,
        random::{self, ChaCha8Rng},
    },
};

/// Bytes of each message of an answer. Answers are multiples of it.
pub(crate) const PIECE_BYTES: usize = 1000;

/// Bytes of a request: about what a browser sends for an object.
pub(crate) const REQUEST_BYTES: usize = 300;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Drawn for each seed.
    Model(Model),
    /// The objects of a file.
    Listed(Listed),
}

/// A document and objects with random sizes.
///
/// Sizes are log-normal with the median `size`, and the mean is 2.3 times the median. With 70 objects of 16 KB this is
/// the median desktop page of the HTTP Archive in October 2024: 71 requests and 2.6 MB, and a document of 18 KB (Web
/// Almanac 2024, chapter "Page Weight").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Objects besides the document.
    pub objects: u32,
    /// The median size of an object.
    pub size: Size,
    /// The most objects that become known one after the other, below the document.
    pub depth: u32,
}

/// The objects of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    name: String,
    objects: Arc<[Object]>,
}

/// An object of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object {
    /// Messages of its answer.
    pub pieces: u32,
    /// The object that must be complete before this one is requested. `None`: it is requested at once.
    pub after: Option<usize>,
}

const DEFAULT: Model = Model { objects: 30, size: Size::from_bytes(16_000), depth: 2 };
/// Larger values are rejected as typing errors.
const MAX_OBJECTS: u32 = 1000;
const MAX_SIZE: u64 = 10_000_000;
/// The largest object: this many times the median.
const LARGEST: f64 = 50.0;
/// The standard deviation of the logarithm of a size.
const DEVIATION: f64 = 1.3;

impl Object {
    /// An object of `bytes`, rounded up to whole messages.
    pub(crate) fn new(bytes: u64, after: Option<usize>) -> Self {
        let pieces = bytes.max(1).div_ceil(PIECE_BYTES as u64);
        Self { pieces: u32::try_from(pieces).unwrap_or(u32::MAX), after }
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.pieces) * PIECE_BYTES as u64
    }
}

impl Page {
    /// The objects of the page with this seed. An object comes later in the list than the one that names it.
    pub(crate) fn objects(&self, seed: u64) -> Arc<[Object]> {
        match self {
            Self::Model(model) => model.draw(seed),
            Self::Listed(listed) => listed.objects.clone(),
        }
    }

    /// How many objects it has, with the document.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Model(model) => u64::from(model.objects) + 1,
            Self::Listed(listed) => listed.objects.len() as u64,
        }
    }

    /// About how many bytes it has.
    pub(crate) fn expected_bytes(&self) -> f64 {
        match self {
            Self::Model(model) => {
                let mean = model.size.bytes() as f64 * libm::exp(DEVIATION * DEVIATION / 2.0);
                mean * f64::from(model.objects) + model.document() as f64
            }
            Self::Listed(listed) => listed.objects.iter().map(|object| object.bytes() as f64).sum(),
        }
    }

    /// The most objects that become known one after the other, with the document.
    pub(crate) fn levels(&self) -> u32 {
        match self {
            Self::Model(model) => model.depth + 1,
            Self::Listed(listed) => {
                let mut levels: Vec<u32> = Vec::with_capacity(listed.objects.len());
                for object in listed.objects.iter() {
                    levels.push(object.after.map_or(1, |after| levels[after] + 1));
                }
                levels.into_iter().max().unwrap_or(0)
            }
        }
    }
}

impl Model {
    /// Bytes of the document: 18 KB with objects of 16 KB.
    fn document(&self) -> u64 {
        self.size.bytes() * 9 / 8
    }

    /// The document is first. The objects come in waves, each half as large as the one before. The document reveals the
    /// first wave. The first third of a wave reveals the next one, as style sheets and scripts do.
    fn draw(&self, seed: u64) -> Arc<[Object]> {
        /// Keeps the draws apart from those of the link.
        const PAGE_STREAM: u64 = 0x5041_4745;
        let mut rng = random::generator(seed, PAGE_STREAM);
        let mut objects = vec![Object::new(self.document(), None)];
        let mut above = 0..1;
        for wave in self.waves() {
            let from = objects.len();
            for _ in 0..wave {
                let place = (random::unit(&mut rng) * above.len() as f64) as usize;
                objects.push(Object::new(self.draw_size(&mut rng), Some(above.start + place)));
            }
            above = from..from + (wave as usize).div_ceil(3);
        }
        objects.into()
    }

    fn draw_size(&self, rng: &mut ChaCha8Rng) -> u64 {
        let factor = libm::exp(random::normal(rng, DEVIATION)).min(LARGEST);
        libm::ceil(self.size.bytes() as f64 * factor) as u64
    }

    /// The number of objects in each wave. No wave is empty.
    fn waves(&self) -> Vec<u32> {
        let mut left = self.objects;
        (1..=self.depth)
            .map(|wave| {
                let later = self.depth - wave;
                // Of the weights 2^later, ..., 2, 1, this wave has the first.
                let share = f64::from(left) / (2.0 - libm::exp2(-f64::from(later)));
                let own = (libm::round(share) as u32).clamp(1, left - later);
                left -= own;
                own
            })
            .collect()
    }
}

impl FromStr for Page {
    type Err = ApplicationError;

    /// `[OBJECTS[:SIZE[:DEPTH]]]`.
    fn from_str(text: &str) -> Result<Self, ApplicationError> {
        let invalid = |what, value: &str, expected| ApplicationError::Invalid {
            what,
            value: value.to_owned(),
            expected,
        };
        // A part that is left empty has its default.
        let mut all = text.split(':');
        let mut next = || all.next().filter(|part| !part.is_empty());
        let objects = next().map_or(Ok(DEFAULT.objects), |objects| {
            let valid = objects.parse().ok().filter(|objects| (1..=MAX_OBJECTS).contains(objects));
            valid.ok_or_else(|| {
                invalid("number of objects", objects, "a number from 1 to 1000, or a file.csv")
            })
        })?;
        let size = next().map_or(Ok(DEFAULT.size), |size| {
            let valid: Option<Size> = size.parse().ok();
            let valid = valid.filter(|size| (1..=MAX_SIZE).contains(&size.bytes()));
            valid.ok_or_else(|| invalid("size of objects", size, "a size up to 10MB, such as 16KB"))
        })?;
        let depth = next().map_or(Ok(DEFAULT.depth.min(objects)), |depth| {
            let valid = depth.parse().ok().filter(|depth| (1..=objects).contains(depth));
            valid.ok_or_else(|| invalid("depth", depth, "a number from 1 to the number of objects"))
        })?;
        match all.next() {
            None => Ok(Self::Model(Model { objects, size, depth })),
            Some(more) => Err(invalid("page parameter", more, "OBJECTS:SIZE:DEPTH")),
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(Model { objects, size, depth }) => write!(f, "page:{objects}:{size}:{depth}"),
            Self::Listed(listed) => write!(f, "page:{}", listed.name),
        }
    }
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListedError {
    /// A line that is not an object.
    #[error(
        "line {0}: expected bytes, and the number of the object that names this one (the first line is object 1) or \
         nothing, such as `16000,1`"
    )]
    Line(usize),
    /// An object that does not stand behind the one that names it.
    #[error("line {0}: an object is named by one above it")]
    Order(usize),
    /// No objects, or too many.
    #[error("expected 1 to {MAX_OBJECTS} objects")]
    Count,
}

impl Listed {
    /// The name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The objects in `text`; `name` is that of the file. A first line that does not begin with a number is a header.
    ///
    /// Returns an error that names the line, if one is not valid.
    pub fn parse(name: impl Into<String>, text: &str) -> Result<Self, ListedError> {
        let mut objects: Vec<Object> = Vec::new();
        for (number, line) in rows(text) {
            let (bytes, after) = fields(line).ok_or(ListedError::Line(number))?;
            if after.is_some_and(|after| after >= objects.len()) {
                return Err(ListedError::Order(number));
            }
            objects.push(Object::new(bytes, after));
        }
        if objects.is_empty() || objects.len() > MAX_OBJECTS as usize {
            return Err(ListedError::Count);
        }
        Ok(Self { name: name.into(), objects: objects.into() })
    }
}

fn fields(line: &str) -> Option<(u64, Option<usize>)> {
    let (bytes, after) = line.split_once(',').unwrap_or((line, ""));
    let bytes = bytes.trim().parse().ok().filter(|bytes| (1..=MAX_SIZE).contains(bytes))?;
    let after = match after.trim() {
        "" => None,
        number => Some(number.parse::<usize>().ok()?.checked_sub(1)?),
    };
    Some((bytes, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        text.parse().unwrap()
    }

    #[test]
    fn the_objects_of_a_page_depend_on_the_seed_alone() {
        let objects = page("30").objects(1);
        assert_eq!(objects, page("30:16KB:2").objects(1));
        assert_ne!(objects, page("30").objects(2));
        assert_eq!(objects.len(), 31);
        assert_eq!((objects[0].bytes(), objects[0].after), (18_000, None));
        let first_wave = objects.iter().filter(|object| object.after == Some(0)).count();
        assert_eq!(first_wave, 20, "of 30 objects in waves of two thirds and one third");
        assert!(objects[21..].iter().all(|object| (1..=7).contains(&object.after.unwrap())));
    }

    #[test]
    fn as_many_waves_as_objects_are_a_chain() {
        let after: Vec<Option<usize>> =
            page("4:1KB:4").objects(7).iter().map(|object| object.after).collect();
        assert_eq!(after, [None, Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(page("4:1KB:4").levels(), 5);
    }

    /// The mean of a log-normal distribution is its median times e^(s²/2). Its logarithm has the standard deviation s,
    /// so the median of n sizes lies within 3 s sqrt(pi/2) / sqrt(n) of the true one on the logarithmic scale.
    #[test]
    fn sizes_have_the_median_that_is_asked_for_and_the_page_the_weight_of_the_http_archive() {
        let drawn: Vec<u64> = (0..100)
            .flat_map(|seed| page("70").objects(seed).iter().skip(1).map(Object::bytes).collect::<Vec<_>>())
            .collect();
        let mut sorted = drawn.clone();
        sorted.sort_unstable();
        let median = sorted[sorted.len() / 2] as f64;
        let tolerance = 3.0 * 1.3 * 1.2533 / libm::sqrt(drawn.len() as f64);
        // Sizes are rounded up by half a message on average.
        assert!(libm::log((median - 500.0) / 16_000.0).abs() < tolerance, "{median}");
        let page = drawn.iter().sum::<u64>() as f64 / 100.0 + 18_000.0;
        assert!((2.4e6..2.8e6).contains(&page), "{page}");
    }

    #[test]
    fn a_file_lists_objects_and_what_names_them() {
        let listed = Listed::parse("shop.csv", "bytes,after\n18000,\n5000,1\n900,2\n\n4000\n").unwrap();
        let objects: Vec<_> = listed.objects.iter().map(|object| (object.pieces, object.after)).collect();
        assert_eq!(objects, [(18, None), (5, Some(0)), (1, Some(1)), (4, None)]);
        assert_eq!(Page::Listed(listed).to_string(), "page:shop.csv");
        let error = |text| Listed::parse("x.csv", text).unwrap_err();
        assert_eq!(error("1000\n1000,0\n"), ListedError::Line(2));
        assert_eq!(error("1000\nx,1\n"), ListedError::Line(2));
        assert_eq!(error("1000\n1000,2\n"), ListedError::Order(2));
        assert_eq!(error("bytes,after\n"), ListedError::Count);
    }

    #[test]
    fn parameters_are_read_as_they_are_shown() {
        for (text, shown) in [("", "page:30:16KB:2"), ("1", "page:1:16KB:1"), ("5:2KB:3", "page:5:2KB:3")] {
            assert_eq!(page(text).to_string(), shown);
        }
        for text in ["0", "1001", "5:0", "5:1KB:6", "5:1KB:0", "5:1KB:2:9"] {
            assert!(text.parse::<Page>().is_err(), "{text}");
        }
    }
}
