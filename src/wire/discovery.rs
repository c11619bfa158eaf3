//! The query and the answer of `wirelab discover`, each in one datagram.
//!
//! ```text
//!  query, padded with zeros to 1,200 bytes
//!  +----------------+---------+-------------------+----------------
//!  | "wirelab?", 8  | version | nonce, 16         | 0 ...
//!  +----------------+---------+-------------------+----------------
//!
//!  answer
//!  +----------------+---------+-------------------+---------------+
//!  | "wirelab!", 8  | version | nonce, 16         | instance, 8   |
//!  +----------------+---------+-------------------+---------------+
//!  | name           | program | count | count times a URL          |
//!  +----------------+---------+-------+----------------------------+
//! ```
//!
//! The magic bytes, the version and the nonce stand at the same place in all versions. A server answers a query of any
//! version in its own, so that the client can tell its user which version the server has.
//!
//! A text is one byte with its length, then that many bytes of UTF-8. `instance` is little-endian. An answer is at most
//! as long as a query, so that a forged source address amplifies no traffic. A query fits into 1,280 bytes, which every
//! IPv6 link carries unfragmented (RFC 8200 section 5), with its headers.

/// Length of a query, and the maximum length of an answer.
pub const QUERY_BYTES: usize = 1200;
/// Maximum length of a name and of a program's version.
pub const MAX_NAME_BYTES: usize = 63;
/// Maximum number of URLs in an answer.
pub(crate) const MAX_URLS: usize = 32;

/// The version of the format.
pub const VERSION: u8 = 1;

const QUERY: [u8; 8] = *b"wirelab?";
const ANSWER: [u8; 8] = *b"wirelab!";

/// Chosen at random for each query. An answer repeats it, so that a host that did not receive the query cannot answer.
pub type Nonce = [u8; 16];

/// A request to all servers to describe themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Identifies the query.
    pub nonce: Nonce,
}

/// A server's description of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The nonce of the query.
    pub nonce: Nonce,
    /// Chosen at random when the server starts: the same in all its answers, on all interfaces.
    pub instance: u64,
    /// The server's name. It may hold any characters, control characters too.
    pub name: &'a str,
    /// The program and its version.
    pub program: &'a str,
    /// The URLs on which it listens.
    pub urls: Vec<&'a str>,
}

/// Why a datagram is not a query or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Too short, too long, or without the magic bytes.
    #[error("not of wirelab discover")]
    Foreign,
    /// An answer of another version.
    #[error("version {version} of the discovery format, not version {VERSION}")]
    Version {
        /// The version.
        version: u8,
        /// The nonce of the query.
        nonce: Nonce,
    },
    /// A text or a count is invalid.
    #[error("malformed answer")]
    Malformed,
}

impl Query {
    /// The datagram.
    pub fn encode(self) -> [u8; QUERY_BYTES] {
        let mut bytes = [0; QUERY_BYTES];
        bytes[..8].copy_from_slice(&QUERY);
        bytes[8] = VERSION;
        bytes[9..25].copy_from_slice(&self.nonce);
        bytes
    }

    /// Parses a datagram. The query may be of any version.
    ///
    /// Returns an error if it is not a query of exactly [`QUERY_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, DiscoveryError> {
        let mut reader = Reader(bytes);
        let (_, nonce) = reader.header(&QUERY).ok_or(DiscoveryError::Foreign)?;
        if bytes.len() == QUERY_BYTES { Ok(Self { nonce }) } else { Err(DiscoveryError::Foreign) }
    }
}

impl<'a> Answer<'a> {
    /// The datagram, at most [`QUERY_BYTES`] long. URLs that do not fit are left out. A name or a version that is too
    /// long is truncated.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [&ANSWER[..], &[VERSION], &self.nonce, &self.instance.to_le_bytes()].concat();
        for text in [self.name, self.program] {
            push_text(&mut bytes, cut(text, MAX_NAME_BYTES));
        }
        let count = bytes.len();
        bytes.push(0);
        let fits = |url: &&&str| u8::try_from(url.len()).is_ok();
        for url in self.urls.iter().filter(fits).take(MAX_URLS) {
            if bytes.len() + 1 + url.len() <= QUERY_BYTES {
                push_text(&mut bytes, url);
                bytes[count] += 1;
            }
        }
        bytes
    }

    /// Parses a datagram.
    ///
    /// Returns an error if it is not an answer of this version, or if a length or a count is out of bounds.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DiscoveryError> {
        if bytes.len() > QUERY_BYTES {
            return Err(DiscoveryError::Foreign);
        }
        let mut reader = Reader(bytes);
        let (version, nonce) = reader.header(&ANSWER).ok_or(DiscoveryError::Foreign)?;
        if version != VERSION {
            return Err(DiscoveryError::Version { version, nonce });
        }
        let mut parse = || {
            let instance = u64::from_le_bytes(*reader.array()?);
            let name = reader.text(MAX_NAME_BYTES)?;
            let program = reader.text(MAX_NAME_BYTES)?;
            let [count] = *reader.array()?;
            if usize::from(count) > MAX_URLS {
                return None;
            }
            let urls = (0..count).map(|_| reader.text(u8::MAX.into())).collect::<Option<_>>()?;
            reader.0.is_empty().then_some(Self { nonce, instance, name, program, urls })
        };
        parse().ok_or(DiscoveryError::Malformed)
    }
}

/// `text`, truncated to at most `most` bytes between characters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Appends `text`, which must be at most 255 bytes long.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text.as_bytes());
}

/// The unread rest of a datagram.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The version and the nonce, if the magic bytes are these.
    fn header(&mut self, magic: &[u8; 8]) -> Option<(u8, Nonce)> {
        let found = *self.array()?;
        let [version] = *self.array()?;
        let nonce = *self.array()?;
        (found == *magic).then_some((version, nonce))
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn text(&mut self, most: usize) -> Option<&'a str> {
        let [length] = *self.array()?;
        let length = usize::from(length);
        let (text, rest) = self.0.split_at_checked(length).filter(|_| length <= most)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(any::<char>(), 0..bytes)
            .prop_map(move |chars| chars.into_iter().collect::<String>())
            .prop_map(move |text| cut(&text, bytes).to_owned())
    }

    #[test]
    fn a_query_reads_as_it_was_written_and_has_one_length() {
        let query = Query { nonce: [7; 16] };
        let bytes = query.encode();
        assert_eq!(Query::parse(&bytes), Ok(query));
        assert_eq!(Query::parse(&bytes[..QUERY_BYTES - 1]), Err(DiscoveryError::Foreign));
        assert_eq!(Query::parse(&[&bytes[..], &[0]].concat()), Err(DiscoveryError::Foreign));
        assert_eq!(Answer::parse(&bytes), Err(DiscoveryError::Foreign));
        let mut newer = bytes;
        newer[8] = 2;
        assert_eq!(Query::parse(&newer), Ok(query));
    }

    #[test]
    fn an_answer_of_another_version_tells_its_version() {
        let answer = Answer { nonce: [7; 16], instance: 1, name: "n", program: "p", urls: Vec::new() };
        let mut bytes = answer.encode();
        bytes[8] = 2;
        let version = Err(DiscoveryError::Version { version: 2, nonce: [7; 16] });
        assert_eq!(Answer::parse(&bytes), version);
        assert_eq!(Answer::parse(&bytes[..25]), version, "whatever follows the nonce");
        assert_eq!(Answer::parse(&bytes[..24]), Err(DiscoveryError::Foreign));
    }

    #[test]
    fn urls_that_do_not_fit_are_left_out() {
        let url = format!("udp://{}:9999", "a".repeat(240));
        let urls = vec!["x"; 4].into_iter().chain([url.as_str(); 6]).chain(["y"]).collect();
        let answer = Answer { nonce: [0; 16], instance: 1, name: "n", program: "p", urls };
        let bytes = answer.encode();
        assert!(bytes.len() <= QUERY_BYTES);
        let read = Answer::parse(&bytes).unwrap();
        assert_eq!(read.urls, ["x", "x", "x", "x", &url, &url, &url, &url, "y"]);
        let many = Answer { urls: vec!["x"; MAX_URLS + 1], ..answer };
        assert_eq!(Answer::parse(&many.encode()).unwrap().urls.len(), MAX_URLS);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = "ü".repeat(40);
        let bytes =
            Answer { nonce: [0; 16], instance: 1, name: &name, program: "", urls: Vec::new() }.encode();
        assert_eq!(Answer::parse(&bytes).unwrap().name, "ü".repeat(31));
    }

    proptest! {
        #[test]
        fn an_answer_reads_as_it_was_written(
            nonce: Nonce,
            instance: u64,
            name in text(MAX_NAME_BYTES),
            program in text(MAX_NAME_BYTES),
            urls in prop::collection::vec(text(30), 0..MAX_URLS),
        ) {
            let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
            let answer = Answer { nonce, instance, name: &name, program: &program, urls };
            let bytes = answer.encode();
            prop_assert_eq!(Answer::parse(&bytes), Ok(answer));
            for cut in 0..bytes.len() {
                prop_assert!(Answer::parse(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn what_parses_is_written_back_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let bytes = [&ANSWER[..], &[VERSION], &bytes].concat();
            if let Ok(answer) = Answer::parse(&bytes) {
                prop_assert_eq!(answer.encode(), bytes);
            }
        }
    }
}
