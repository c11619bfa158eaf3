//! Decimal numbers with a unit, parsed and formatted without rounding.

use super::{UnitError, error::shown};

/// The notation of a quantity.
pub(super) struct Notation {
    /// The name of the quantity in errors.
    pub(super) name: &'static str,
    /// An example in errors.
    pub(super) example: &'static str,
    /// The smallest step, as text.
    pub(super) finest: &'static str,
    /// The largest value, in smallest steps.
    pub(super) max: u64,
    /// The largest value, as text.
    pub(super) max_text: &'static str,
    /// Units, each with its size in smallest steps. Small letters stand for capitals too.
    pub(super) units: &'static [(&'static str, u64)],
    /// The list of units in errors.
    pub(super) known: &'static str,
}

impl Notation {
    /// Parses a number with a unit into smallest steps. `bare` handles a number without a unit.
    pub(super) fn parse(
        &self,
        text: &str,
        bare: impl Fn(&str) -> Result<u64, UnitError>,
    ) -> Result<u64, UnitError> {
        let trimmed = text.trim();
        self.refuse_negative(trimmed)?;
        let (number, unit) = split(trimmed);
        if unit.is_empty() && scaled(number, 1) != Err(Misfit::NotANumber) {
            return bare(number);
        }
        let steps = self.term(trimmed, number, unit)?;
        self.bounded(trimmed, steps)
    }

    /// Converts one number and its unit to smallest steps.
    pub(super) fn term(&self, text: &str, number: &str, unit: &str) -> Result<u64, UnitError> {
        if number.is_empty() || unit.is_empty() {
            return Err(self.not_a_number(text));
        }
        let Some((_, steps)) = self.units.iter().find(|(name, _)| is_named(unit.trim_start(), name)) else {
            return Err(UnitError::UnknownUnit {
                text: shown(text),
                unit: shown(unit.trim_start()),
                known: self.known,
            });
        };
        self.steps(text, number, *steps)
    }

    /// Multiplies `number` by `scale` smallest steps. The product must be a whole number.
    pub(super) fn steps(&self, text: &str, number: &str, scale: u64) -> Result<u64, UnitError> {
        scaled(number, scale).map_err(|misfit| match misfit {
            Misfit::NotANumber => self.not_a_number(text),
            Misfit::TooFine => UnitError::TooFine { text: shown(text), finest: self.finest },
            Misfit::TooLarge => self.too_large(text),
        })
    }

    pub(super) fn bounded(&self, text: &str, steps: u64) -> Result<u64, UnitError> {
        if steps > self.max { Err(self.too_large(text)) } else { Ok(steps) }
    }

    pub(super) fn refuse_negative(&self, text: &str) -> Result<(), UnitError> {
        match text.strip_prefix('-') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
                Err(UnitError::Negative { text: shown(text), quantity: self.name })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn not_a_number(&self, text: &str) -> UnitError {
        UnitError::NotANumber { text: shown(text), quantity: self.name, example: self.example }
    }

    pub(super) fn too_large(&self, text: &str) -> UnitError {
        UnitError::TooLarge { text: shown(text), quantity: self.name, bound: self.max_text }
    }
}

/// Why a number cannot be represented.
#[derive(Debug, PartialEq)]
enum Misfit {
    NotANumber,
    TooFine,
    TooLarge,
}

/// Splits `text` into its leading number and the rest.
pub(super) fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// Whether `unit` is the unit `name`: small letters of the name stand for capitals too.
fn is_named(unit: &str, name: &str) -> bool {
    let is_letter = |(own, wanted): (char, char)| {
        own == wanted || wanted.is_lowercase() && own.to_lowercase().eq(std::iter::once(wanted))
    };
    unit.chars().count() == name.chars().count() && unit.chars().zip(name.chars()).all(is_letter)
}

/// Multiplies `digits[.digits]` by `scale`. The product must be a whole number.
fn scaled(number: &str, scale: u64) -> Result<u64, Misfit> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return Err(Misfit::NotANumber);
    }
    let whole = integer(whole).and_then(|whole| whole.checked_mul(u128::from(scale)));
    let fraction = fraction.trim_end_matches('0');
    // More than 19 digits are finer than any step; the product of up to 19 digits and any scale fits.
    let ten_to = 10u128.checked_pow(fraction.len() as u32).filter(|_| fraction.len() <= 19);
    let ten_to = ten_to.ok_or(Misfit::TooFine)?;
    let part = integer(fraction).unwrap_or(0) * u128::from(scale);
    if !part.is_multiple_of(ten_to) {
        return Err(Misfit::TooFine);
    }
    let steps = whole.and_then(|whole| whole.checked_add(part / ten_to));
    steps.and_then(|steps| u64::try_from(steps).ok()).ok_or(Misfit::TooLarge)
}

/// The value of a string of digits; 0 if it is empty.
fn integer(digits: &str) -> Option<u128> {
    digits
        .bytes()
        .try_fold(0u128, |value, digit| value.checked_mul(10)?.checked_add(u128::from(digit - b'0')))
}

/// Formats `value / scale` exactly, without trailing zeros.
pub(super) fn trimmed(value: u64, scale: u64) -> String {
    let (whole, mut rest) = (value / scale, value % scale);
    let mut text = whole.to_string();
    if rest > 0 {
        text.push('.');
    }
    while rest > 0 {
        let tenfold = u128::from(rest) * 10;
        text.push(char::from(b'0' + (tenfold / u128::from(scale)) as u8));
        rest = (tenfold % u128::from(scale)) as u64;
    }
    text
}
