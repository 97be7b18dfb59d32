//! Labels of rows and seats as they are kept: a text that many share, and a number that goes in steps.

use std::collections::HashMap;

/// A label: `text`, and after it what `kind` says of `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Label {
    pub(super) kind: LabelKind,
    /// Which of the layout's texts.
    pub(super) text: u32,
    pub(super) number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum LabelKind {
    /// The text alone.
    Text,
    /// Then the number in digits.
    Digits,
    /// Then the number as letters: A to Z, AA, …, for 0, 1, ….
    Letters,
}

impl LabelKind {
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::Text, Self::Digits, Self::Letters].into_iter().find(|kind| kind.code() == code)
    }
}

/// The empty text is the first of each layout's.
pub(super) const NO_TEXT: u32 = 0;
/// So many letters make a number at most; more are a text.
const MOST_LETTERS: usize = 3;
/// So many digits make a number at most, so that a step never overflows.
const MOST_DIGITS: usize = 9;

impl Label {
    /// The label of a text as the house writes it.
    pub(super) fn parse(label: &str, texts: &mut Texts) -> Self {
        let digits = label.bytes().rev().take_while(u8::is_ascii_digit).count().min(MOST_DIGITS);
        let (before, tail) = label.split_at(label.len() - digits);
        // A leading zero belongs to the text, or it would be lost.
        let zeros = tail.bytes().take_while(|&digit| digit == b'0').count().min(digits.saturating_sub(1));
        if let Ok(number) = tail[zeros..].parse() {
            return Self {
                kind: LabelKind::Digits,
                text: texts.intern(&label[..before.len() + zeros]),
                number,
            };
        }
        match letters_to_number(label) {
            Some(number) => Self { kind: LabelKind::Letters, text: NO_TEXT, number },
            None => Self { kind: LabelKind::Text, text: texts.intern(label), number: 0 },
        }
    }

    /// The label that lies `by` further.
    pub(super) fn plus(self, by: i64) -> Self {
        let number = i64::from(self.number) + by;
        Self { number: u32::try_from(number).unwrap_or(u32::MAX), ..self }
    }

    /// By how much `next` lies further than this one, if it is a label of the same series.
    pub(super) fn step_to(self, next: Self) -> Option<i32> {
        let same = self.kind != LabelKind::Text && (self.kind, self.text) == (next.kind, next.text);
        same.then(|| i32::try_from(i64::from(next.number) - i64::from(self.number)).ok()).flatten()
    }

    /// Writes it as the house does.
    pub(super) fn write(self, texts: &[Box<str>], out: &mut String) {
        out.push_str(texts.get(self.text as usize).map_or("", |text| &**text));
        match self.kind {
            LabelKind::Text => {}
            LabelKind::Digits => {
                use std::fmt::Write;
                // Writing to a string cannot fail.
                let _ = write!(out, "{}", self.number);
            }
            LabelKind::Letters => write_letters(self.number, out),
        }
    }
}

/// A, B, … Z, AA, AB, … for 0, 1, …, like the columns of a sheet.
pub(super) fn write_letters(number: u32, out: &mut String) {
    let mut letters = [0; 7];
    let mut at = letters.len();
    let mut rest = u64::from(number) + 1;
    while rest > 0 {
        rest -= 1;
        at -= 1;
        letters[at] = b'A' + (rest % 26) as u8;
        rest /= 26;
    }
    out.extend(letters[at..].iter().map(|&letter| char::from(letter)));
}

/// The other way round; `None` for what is not 1 to 3 letters A to Z.
pub fn letters_to_number(letters: &str) -> Option<u32> {
    let fits = (1..=MOST_LETTERS).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_uppercase());
    fits.then(|| letters.bytes().fold(0, |number, letter| number * 26 + u32::from(letter - b'A') + 1) - 1)
}

/// Texts, each kept once.
#[derive(Debug)]
pub(super) struct Texts {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Default for Texts {
    fn default() -> Self {
        Self::from_list(&["".into()])
    }
}

impl Texts {
    pub(super) fn from_list(texts: &[Box<str>]) -> Self {
        let numbers = (0..).zip(texts).map(|(number, text)| (text.clone(), number)).collect();
        Self { texts: texts.to_vec(), numbers }
    }

    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    pub(super) fn as_list(&self) -> &[Box<str>] {
        &self.texts
    }

    pub(super) fn into_list(self) -> Vec<Box<str>> {
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(label: Label, texts: Texts) -> String {
        let mut out = String::new();
        label.write(&texts.into_list(), &mut out);
        out
    }

    #[test]
    fn letters_are_like_columns_of_a_sheet() {
        for (number, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            let mut out = String::new();
            write_letters(number, &mut out);
            assert_eq!((out.as_str(), letters_to_number(letters)), (letters, Some(number)));
        }
        let none = ["", "a", "A1", "ABCD", "Ä"].map(letters_to_number);
        assert_eq!(none, [None; 5]);
    }

    #[test]
    fn labels_go_in_steps_within_their_series() {
        let mut texts = Texts::default();
        let mut step = |from: &str, to: &str| {
            let (from, to) = (Label::parse(from, &mut texts), Label::parse(to, &mut texts));
            from.step_to(to)
        };
        assert_eq!(step("26", "24"), Some(-2));
        assert_eq!(step("A9", "A10"), Some(1));
        assert_eq!(step("Z", "AA"), Some(1));
        assert_eq!(step("09", "10"), None);
        assert_eq!((step("10bis", "10bis"), step("A", "1")), (None, None));
    }

    proptest! {
        #[test]
        fn a_label_is_written_as_it_was(label in "[A-Z]{0,4}[0-9]{0,12}|\\PC{1,32}") {
            let mut texts = Texts::default();
            let parsed = Label::parse(&label, &mut texts);
            prop_assert_eq!(written(parsed, texts), label);
        }
    }
}
