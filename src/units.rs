#![allow(missing_docs)]
//! stub
pub struct Size(u64);
impl Size {
    pub fn bytes(&self) -> u64 {
        self.0
    }
}
impl std::str::FromStr for Size {
    type Err = std::num::ParseIntError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}
