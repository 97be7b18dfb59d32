//! Names that people read: of events, venues and sections.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

const MAX_CHARACTERS: usize = 255;

/// Joins letters, or keeps them apart, and so changes how Persian, the scripts of India and some emoji look.
const JOINERS: [char; 2] = ['\u{200C}', '\u{200D}'];

/// Letters and symbols without ink, which no general category tells: fillers of Hangul, the empty Braille
/// cell.
const BLANKS: [char; 5] = ['\u{115F}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{FFA0}'];

/// The characters that JSON Schema can name for all who read it; those past U+FFFF are refused as well.
const PATTERN: &str = r"^[^CLASS]*[^CLASS\s][^CLASS]*$";
const CLASS: &str = r"\x00-\x1F\x7F-\x9F\xAD\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u115F\u1160\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u2064\u2066-\u206F\u2800\u3164\uFEFF\uFFA0\uFFF9-\uFFFB";

/// A name: of 1 to 255 characters that can be seen, in the normal form NFC, without space at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name that a text is, good or bad.
    pub fn of(text: &str) -> Self {
        Self(Self::normalized(text))
    }

    /// A text as names are kept: composed, and without space at its ends.
    pub fn normalized(text: &str) -> String {
        text.trim().nfc().collect()
    }

    /// As text.
    pub fn into_string(self) -> String {
        self.0
    }

    /// What two names have in common that look the same.
    pub fn look(&self) -> Cow<'_, str> {
        if self.0.contains(JOINERS) { self.0.replace(JOINERS, "").into() } else { (&*self.0).into() }
    }

    /// Whether it is a good one, or why not.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=MAX_CHARACTERS).contains(&self.0.chars().count()) {
            return Err(format!("must have 1 to {MAX_CHARACTERS} characters"));
        }
        let mut before = None;
        let mut characters = self.0.chars().peekable();
        while let Some(character) = characters.next() {
            let joins = JOINERS.contains(&character);
            let between = [before, characters.peek().copied()];
            let has_nothing_to_join = between.iter().any(|beside| beside.is_none_or(is_no_letter));
            if !joins && is_invisible(character) || joins && has_nothing_to_join {
                let code = u32::from(character);
                return Err(format!("must not have the invisible character U+{code:04X}"));
            }
            before = Some(character);
        }
        Ok(())
    }
}

/// Controls, formatting (also of the direction of text), and the ends of lines and paragraphs.
fn is_invisible(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    let category = character.general_category();
    matches!(category, Control | Format | LineSeparator | ParagraphSeparator) || BLANKS.contains(&character)
}

fn is_no_letter(character: char) -> bool {
    character.is_whitespace() || JOINERS.contains(&character)
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Self::normalized(&Cow::<str>::deserialize(deserializer)?)))
    }
}

impl garde::Validate for Name {
    type Context = ();

    fn validate_into(&self, _: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if let Err(message) = self.check() {
            report.append(parent(), garde::Error::new(message));
        }
    }
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(MAX_CHARACTERS))
            .pattern(Some(PATTERN.replace("CLASS", CLASS)))
            .description(Some(
                "Kept in the normal form NFC and without space at its ends. Controls and invisible characters \
                 are refused, but for U+200C and U+200D between letters.",
            ));
        schema.into()
    }
}

impl ToSchema for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<Name, String> {
        let name: Name = serde_json::from_value(text.into()).expect("a string");
        name.check().map(|()| name)
    }

    #[test]
    fn a_name_is_composed_and_trimmed() {
        assert_eq!(name("\u{3000} Cafe\u{301}\t"), name("Caf\u{e9}"));
        assert_eq!(name(" Arena 1 ").map(Name::into_string), Ok("Arena 1".to_owned()));
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        let bad = [
            "",
            " ",
            "\u{3000}",
            "a\u{200B}b",
            "\u{202E}abc",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\nb",
            "a\0",
            "\u{FEFF}a",
            "a\u{AD}b",
            "\u{3164}",
            "\u{2800}",
            "a\u{E0001}b",
            "\u{2066}a\u{2069}",
            "a\u{200D}",
            "\u{200C}a",
            "a\u{200D} b",
            "a\u{200C}\u{200D}b",
        ];
        for text in bad {
            assert!(name(text).is_err(), "{text:?}");
        }
        assert!(name(&"e\u{301}".repeat(255)).is_ok(), "counted as it is kept");
        assert!(name(&"x".repeat(256)).is_err());
    }

    #[test]
    fn names_of_all_languages_are_taken() {
        for text in [
            "東京ドーム",
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
            "👩\u{200D}💻",
            "❤\u{FE0F}\u{200D}🔥",
            "ñandú",
            "Zürich",
            "אולם",
        ] {
            assert!(name(text).is_ok(), "{text:?}");
        }
        let (joined, plain) = (name("Are\u{200D}na").expect("a name"), name("Arena").expect("a name"));
        assert_eq!(joined.look(), plain.look());
    }
}
