//! Times on the wire: RFC 3339, answered in UTC with three digits of the second's fraction.

use ::time::OffsetDateTime;
use ::time::UtcOffset;
use ::time::format_description::well_known::Rfc3339;
use engine::Timestamp;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use utoipa::ToSchema;

/// The years, in UTC, that RFC 3339 can tell.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9_999;

/// A point in time, RFC 3339; answered in UTC and whole milliseconds, as `2027-01-10T09:00:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2027-01-10T09:00:00.000Z")]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|error| D::Error::custom(format!("not a time as in 2027-01-10T09:00:00Z: {error}")))?;
        match time.checked_to_offset(UtcOffset::UTC).filter(|time| YEARS.contains(&time.year())) {
            Some(time) => Ok(Self(Timestamp::from(time).whole_millis())),
            None => Err(D::Error::custom("the year must be 1 to 9999, in UTC")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_any_zone_and_written_in_utc() {
        for (given, written) in [
            ("2027-01-10T18:00:00+09:00", Some("2027-01-10T09:00:00.000Z")),
            ("2027-01-10T09:00:00.25Z", Some("2027-01-10T09:00:00.250Z")),
            ("2027-01-10T09:00:00.123999Z", Some("2027-01-10T09:00:00.123Z")),
            ("1969-12-31T23:59:59.9999Z", Some("1969-12-31T23:59:59.999Z")),
            ("9999-12-31T23:59:59-01:00", None),
            ("2027-01-10 09:00", None),
            ("0001-01-01T00:00:00+23:00", None),
        ] {
            let read: Result<Time, _> = serde_json::from_value(given.into());
            let again = read.ok().and_then(|time| serde_json::to_value(time).ok());
            assert_eq!(again.as_ref().and_then(|value| value.as_str()), written, "{given}");
        }
    }
}
