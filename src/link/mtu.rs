//! The largest packet that the link carries.

use super::{Column, LinkSpec, Property, SpecError, Takes, ValueError, Word, property::COUNT};
use crate::unit::shown;

pub(super) const PROPERTY: Property = Property {
    option: "--mtu",
    takes: Takes::One("BYTES"),
    help: "Largest IP packet in bytes; a larger one is refused, not fragmented [default: 1500]",
    parse: |link, text| {
        link.mtu = text.parse().map_err(|_| ValueError::Form {
            text: shown(text),
            forms: "a whole number of bytes from 576 to 65535",
        })?;
        Ok(())
    },
    check: |link| match link.mtu {
        LinkSpec::SMALLEST_MTU.. => Ok(()),
        mtu => Err(SpecError::Mtu { mtu }),
    },
    columns: &[Column::new("mtu_bytes", COUNT, |link| u64::from(link.mtu).into())],
    words: |settings| match settings.count("mtu_bytes") {
        Some(mtu) if mtu != u64::from(LinkSpec::DEFAULT_MTU) => {
            vec![Word::Text("MTU "), Word::Count(mtu), Word::Text(" bytes")]
        }
        _ => Vec::new(),
    },
    ..Property::PLAIN
};
