//! The text of rows, seats and tables: `1-12|14-25` are two blocks with an aisle between them.
//!
//! ```text
//! blocks = block *("|" block)
//! block  = item *("," item)
//! item   = from "-" to ["/" step] | label
//! ```
//!
//! `from` and `to` are both whole numbers, or both letters (A to Z, then AA); they descend where `from` is the
//! greater. The order of the text is the order in the house.

use engine::{MAX_SEATS_PER_EVENT, letters_to_number};

/// A label, and whether an aisle lies before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// As the house calls it.
    pub label: String,
    /// Never before the first one.
    pub aisle_before: bool,
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{item:?} at character {at}: {reason}")]
pub struct RangeError {
    /// The item that is not understood.
    pub item: String,
    /// The place of its first character in the text, from 1.
    pub at: usize,
    /// Why not.
    pub reason: &'static str,
}

const NOT_A_RANGE: &str = "a range is from one whole number or letter to another, such as 1-12, 14-2/2 or A-F; a label with a hyphen \
     stands in a list of labels";

/// The labels of a text.
pub fn expand(text: &str) -> Result<Vec<Labelled>, RangeError> {
    let mut labels = Vec::new();
    let mut at = 1;
    for (block_no, block) in text.split('|').enumerate() {
        for (item_no, item) in block.split(',').enumerate() {
            let trimmed = item.trim();
            let begins_at = at + (item.chars().count() - item.trim_start().chars().count());
            let error = |reason| RangeError { item: trimmed.to_owned(), at: begins_at, reason };
            let before = labels.len();
            add_item(trimmed, &mut labels).map_err(error)?;
            if labels.len() > MAX_SEATS_PER_EVENT as usize {
                return Err(error("more labels than an event can have seats"));
            }
            if block_no > 0 && item_no == 0 {
                labels[before].aisle_before = true;
            }
            at += item.chars().count() + 1;
        }
    }
    Ok(labels)
}

fn add_item(item: &str, labels: &mut Vec<Labelled>) -> Result<(), &'static str> {
    if item.is_empty() {
        return Err("nothing stands here");
    }
    let Some((from, rest)) = item.split_once('-') else {
        if item.contains('/') {
            return Err(NOT_A_RANGE);
        }
        labels.push(Labelled { label: item.to_owned(), aisle_before: false });
        return Ok(());
    };
    let (to, step) = match rest.split_once('/') {
        Some((to, step)) => {
            (to, step.parse().ok().filter(|step| *step > 0).ok_or("a step is a number from 1 on")?)
        }
        None => (rest, 1),
    };
    let (from, to) = (from.trim(), to.trim());
    if let (Some(first), Some(last)) = (whole(from), whole(to)) {
        // `01-12` keeps its zero.
        let width = if from.starts_with('0') && from.len() > 1 { from.len() } else { 0 };
        add_range(first, last, step, labels, |number| format!("{number:0width$}"))
    } else if let (Some(first), Some(last)) = (letters_to_number(from), letters_to_number(to)) {
        add_range(first, last, step, labels, letters)
    } else {
        Err(NOT_A_RANGE)
    }
}

fn whole(text: &str) -> Option<u32> {
    let is_short = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_short { text.parse().ok() } else { None }
}

fn add_range(
    first: u32,
    last: u32,
    step: u32,
    labels: &mut Vec<Labelled>,
    write: impl Fn(u32) -> String,
) -> Result<(), &'static str> {
    let count = first.abs_diff(last) / step;
    if count >= MAX_SEATS_PER_EVENT {
        return Err("more labels than an event can have seats");
    }
    let number = |index| if first <= last { first + index * step } else { first - index * step };
    labels.extend((0..=count).map(|index| Labelled { label: write(number(index)), aisle_before: false }));
    Ok(())
}

/// A, B, … Z, AA for 0, 1, ….
fn letters(number: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = number + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

/// The text of labels; `None` where one cannot stand in a text.
pub fn print(labels: &[Labelled]) -> Option<String> {
    let mut text = String::new();
    let mut index = 0;
    while index < labels.len() {
        let length = series(&labels[index..]);
        let run = &labels[index..index + length];
        if index > 0 {
            text.push(if run[0].aisle_before { '|' } else { ',' });
        }
        text.push_str(&print_run(run)?);
        index += length;
    }
    (!text.is_empty()).then_some(text)
}

/// A number in a series, and whether it is written in letters.
fn in_series(label: &str) -> Option<(i64, bool)> {
    match whole(label).filter(|number| number.to_string() == label) {
        Some(number) => Some((i64::from(number), false)),
        None => letters_to_number(label).map(|number| (i64::from(number), true)),
    }
}

/// How many labels from the first on go in one step.
fn series(labels: &[Labelled]) -> usize {
    let number = |index: usize| labels.get(index).and_then(|label| in_series(&label.label));
    let step = |index: usize| {
        let ((before, of_letters), (after, is_letters)) = (number(index)?, number(index + 1)?);
        let beside = of_letters == is_letters && !labels[index + 1].aisle_before && before != after;
        beside.then_some(after - before)
    };
    let Some(first_step) = step(0) else { return 1 };
    let same = (0..labels.len() - 1).take_while(|&index| step(index) == Some(first_step)).count();
    // Two labels are shorter by themselves.
    if same >= 2 { same + 1 } else { 1 }
}

fn print_run(run: &[Labelled]) -> Option<String> {
    let (first, last) = (&run[0].label, &run[run.len() - 1].label);
    if run.len() == 1 {
        let can_stand = !first.contains(['|', ',', '-', '/']) && first.trim() == first && !first.is_empty();
        return can_stand.then(|| first.clone());
    }
    let step = in_series(&run[0].label)?.0.abs_diff(in_series(&run[1].label)?.0);
    Some(if step == 1 { format!("{first}-{last}") } else { format!("{first}-{last}/{step}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        match expand(text) {
            Ok(labels) => {
                let words = labels.iter().map(|label| {
                    let aisle = if label.aisle_before { "| " } else { "" };
                    format!("{aisle}{}", label.label)
                });
                words.collect::<Vec<_>>().join(" ")
            }
            Err(error) => format!("{} {}", error.item, error.at),
        }
    }

    #[test]
    fn a_text_is_read_from_left_to_right() {
        for (text, labels) in [
            ("1-5", "1 2 3 4 5"),
            ("A-C,E", "A B C E"),
            ("26-16/2,16bis|14-10/2", "26 24 22 20 18 16 16bis | 14 12 10"),
            ("Y-AB", "Y Z AA AB"),
            ("5-5", "5"),
            ("1-6/2", "1 3 5"),
            ("08-11", "08 09 10 11"),
            (" 1 - 3 | 5 , Box 1 ", "1 2 3 | 5 Box 1"),
        ] {
            assert_eq!(read(text), labels, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, place) in [
            ("", " 1"),
            ("1-5,", " 5"),
            ("1-5|14-", "14- 5"),
            ("1,é,VIP-1", "VIP-1 5"),
            ("1-5/0", "1-5/0 1"),
            ("1-5/x", "1-5/x 1"),
            ("3/4", "3/4 1"),
            ("0-200000", "0-200000 1"),
            ("-5", "-5 1"),
            ("1-99999999999", "1-99999999999 1"),
        ] {
            assert_eq!(read(text), place, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            labels in prop::collection::vec(("[0-9]{1,3}|[A-C]{1,2}|[0-9]{1,2}bis|[a-zé ]{1,5}", any::<bool>()), 1..40),
        ) {
            let labels: Vec<_> = labels
                .into_iter()
                .enumerate()
                .filter(|(_, (label, _))| label.trim() == label)
                .map(|(index, (label, aisle))| Labelled { label, aisle_before: aisle && index > 0 })
                .collect();
            let first = labels.iter().position(|_| true);
            let labels: Vec<_> = labels
                .into_iter()
                .enumerate()
                .map(|(index, label)| Labelled { aisle_before: label.aisle_before && Some(index) != first, ..label })
                .collect();
            if let Some(text) = print(&labels) {
                prop_assert_eq!(expand(&text), Ok(labels));
            } else {
                prop_assert!(labels.is_empty());
            }
        }

        /// Whatever stands in it, a text is read or refused, and never takes more than it may.
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9A-C,|/ ]{0,20}|\\PC{0,20}") {
            if let Ok(labels) = expand(&text) {
                prop_assert!(labels.len() <= MAX_SEATS_PER_EVENT as usize);
            }
        }
    }
}
