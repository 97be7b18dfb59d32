use proptest::prelude::*;

use super::*;
use crate::words::id::MAX_SEATS_PER_EVENT;

/// A seat with all that is known of it.
type Known = (String, String, String, CategoryNo, AttributeSet, bool, u8, bool);

fn section(name: &str) -> Section {
    Section { name: Some(name.to_owned()), entrance: None, best: Best::Center }
}

/// Builds a layout of one category from sections of rows, in which `|` is an aisle and `*` sells together.
fn layout(sections: &[(&str, &[(&str, &str)])]) -> Layout {
    let mut builder = LayoutBuilder::new();
    let category = builder.category("A").unwrap();
    for (name, rows) in sections {
        let number = builder.section(section(name)).unwrap();
        for (row, seats) in *rows {
            builder.row(number, row, false).unwrap();
            let mut aisle_before = false;
            for word in seats.split(' ') {
                if word == "|" {
                    aisle_before = true;
                    continue;
                }
                let together = word.ends_with('*');
                let label = word.trim_end_matches('*');
                let seat = SeatSpec { label, category, attributes: 0, rank: 0, together, aisle_before };
                builder.seat(seat).unwrap();
                aisle_before = false;
            }
        }
    }
    builder.build()
}

fn known(layout: &Layout) -> Vec<Known> {
    let place = |seat_no| layout.place(seat_no).expect("a seat");
    let seats = (1..=layout.seats()).map(place).map(|place| {
        let texts =
            [place.section.map(str::to_owned), place.row, place.number].map(Option::unwrap_or_default);
        let [section, row, number] = texts;
        let (category, attributes) = (place.category, place.attributes);
        (section, row, number, category, attributes, place.aisle_before, place.rank, place.together)
    });
    seats.collect()
}

#[test]
fn seats_are_numbered_through_the_sections() {
    let layout = Layout::of_sections([("Arena".into(), 2, 3), ("Stand".into(), 1, 2)]);
    let labels: Vec<_> = (1..=8).map(|no| layout.place(no).map(|place| place.label())).collect();
    let expected = [
        "Arena-A-1",
        "Arena-A-2",
        "Arena-A-3",
        "Arena-B-1",
        "Arena-B-2",
        "Arena-B-3",
        "Stand-A-1",
        "Stand-A-2",
    ];
    assert_eq!(labels, expected.map(|label| Some(label.to_owned())));
    assert_eq!((layout.place(0), layout.place(9)), (None, None));
    assert_eq!((layout.category(6), layout.category(7), layout.category(9)), (Some(0), Some(1), None));
    assert_eq!(layout.categories(), ["Arena", "Stand"]);
}

#[test]
fn a_number_of_seats_gives_rows_of_ten_and_a_shorter_last_one() {
    let layout = Layout::of_seats(25);
    assert_eq!(layout.place(25).map(|place| place.label()), Some("C-5".to_owned()));
    assert!(!layout.contains(26));
}

#[test]
fn a_row_is_as_many_runs_as_its_labels_have_steps() {
    let runs = |seats| layout(&[("S", &[("P", seats)])]).runs();
    assert_eq!(runs("1 2 3 4 5"), 1);
    assert_eq!(runs("26 24 22 20 | 18 16"), 2);
    assert_eq!(runs("4 2 1 3 5"), 2);
    assert_eq!(runs("16bis 14 12 12bis"), 3);
    assert_eq!(runs("A B C | D"), 2);
    assert_eq!(runs("007 008 009 010"), 2);
    assert_eq!(runs("1 2 3* 4*"), 2);
}

#[test]
fn seats_are_found_by_the_names_of_the_house() {
    let layout = layout(&[
        ("Stalls", &[("A", "26 24 16bis | 14 2 1 3 13"), ("B", "1 2 3")]),
        ("Circle", &[("A", "1 2 3")]),
    ]);
    let find = |section, row, seat| layout.find(section, row, seat);
    assert_eq!(find("Stalls", "A", "26"), Some(1));
    assert_eq!(find("Stalls", "A", "16bis"), Some(3));
    assert_eq!(find("Stalls", "A", "13"), Some(8));
    assert_eq!(find("Stalls", "B", "3"), Some(11));
    assert_eq!(find("Circle", "A", "3"), Some(14));
    for (section, row, seat) in [
        ("Stalls", "A", "25"),
        ("Stalls", "A", "4"),
        ("Stalls", "C", "1"),
        ("Balcony", "A", "1"),
        ("Circle", "A", "4"),
    ] {
        assert_eq!(find(section, row, seat), None, "{section} {row} {seat}");
    }
    let row: Vec<_> = layout.seats_of_row("Stalls", "B").flatten().collect();
    assert_eq!(row, [9, 10, 11]);
}

#[test]
fn blocks_end_at_aisles_and_what_sells_together_where_it_ends() {
    let layout = layout(&[("S", &[("A", "1 2 | 3 4 5"), ("B", "1* 2* 3 | 4*")])]);
    assert_eq!(
        (layout.block_of(2), layout.block_of(4), layout.block_of(7)),
        (Some(1..3), Some(3..6), Some(6..9))
    );
    assert_eq!(layout.sold_together_with(6), Some(6..8));
    assert_eq!(layout.sold_together_with(8), None);
    assert_eq!(layout.sold_together_with(9), Some(9..10));
    assert_eq!(layout.largest_together(), 2);
}

#[test]
fn what_a_layout_cannot_be_is_refused() {
    let mut builder = LayoutBuilder::new();
    let (category, number) = (builder.category("A").unwrap(), builder.section(section("S")).unwrap());
    builder.row(number, "1", false).unwrap();
    let seat =
        SeatSpec { label: "7", category, attributes: 0, rank: 0, together: false, aisle_before: false };
    builder.seat(seat).unwrap();
    let twice = LayoutError::SeatTwice { section: "S".into(), row: "1".into(), seat: "7".into() };
    assert_eq!(builder.seat(seat), Err(twice.clone()));
    // Also in another section of the same name, and where the row is begun again.
    let again = builder.section(section("S")).unwrap();
    builder.row(again, "1", false).unwrap();
    assert_eq!(builder.seat(seat), Err(twice));
    let long = "x".repeat(MAX_LABEL_CHARS + 1);
    for label in ["", &long] {
        assert_eq!(builder.seat(SeatSpec { label, ..seat }), Err(LayoutError::Label(label.to_owned())));
    }
    assert_eq!(builder.places(number, category, MAX_SEATS_PER_EVENT), Err(LayoutError::TooManySeats));
    for name in 0..13 {
        builder.attribute(&name.to_string()).unwrap();
    }
    assert_eq!(builder.attribute("one more"), Err(LayoutError::TooManyAttributes));
    let layout = builder.build();
    assert_eq!(layout.seats(), 1, "what was refused left something");
}

#[test]
fn a_layout_of_too_many_runs_is_refused() {
    let mut builder = LayoutBuilder::new();
    let (category, number) = (builder.category("A").unwrap(), builder.section(section("S")).unwrap());
    builder.row(number, "1", false).unwrap();
    let seat = SeatSpec { label: "", category, attributes: 0, rank: 0, together: false, aisle_before: false };
    for index in 0..MAX_RUNS {
        builder.seat(SeatSpec { label: &format!("{index}x"), ..seat }).unwrap();
    }
    let more = builder.seat(SeatSpec { label: "one more", ..seat });
    assert_eq!(more, Err(LayoutError::TooManyRuns));
}

#[test]
fn what_is_stored_does_not_grow_with_the_seats() {
    let stored = |rows, seats| {
        let layout = Layout::of_sections([("Arena".into(), rows, seats)]);
        serde_json::to_string(&layout).unwrap().len()
    };
    assert!(stored(2_000, 100) <= stored(2, 10) + 10);
    let layout =
        layout(&[("S", &[("A", "1 2 3 4 5 6 7 8 9 10 11 12"), ("B", "1 2 3 4 5 6 7 8 9 10 11 12")])]);
    assert!(serde_json::to_string(&layout).unwrap().len() < 300);
}

#[test]
fn sections_are_added_behind_the_others() {
    let before = layout(&[("S", &[("A", "1 2 3")])]);
    let mut builder = LayoutBuilder::from_layout(&before);
    let floor = builder.section(section("Floor")).unwrap();
    let category = builder.category("GA").unwrap();
    assert_eq!(builder.places(floor, category, 100), Ok(4));
    let after = builder.build();
    assert!(after.begins_with(&before) && !before.begins_with(&after));
    assert_eq!(known(&after)[..3], known(&before));
    assert!(after.places_of_section(floor).eq(std::iter::once(4..104)));
    assert_eq!(after.place(4).map(|place| place.label()), Some("Floor".to_owned()));
    assert!(after.is_place(4) && !after.is_place(3));
    // The last row of before has not become longer.
    assert!(!layout(&[("S", &[("A", "1 2 3 4")])]).begins_with(&before));
    // A seat that there is cannot be added.
    let mut builder = LayoutBuilder::from_layout(&before);
    let again = builder.section(section("S")).unwrap();
    builder.row(again, "A", false).unwrap();
    let seat =
        SeatSpec { label: "2", category, attributes: 0, rank: 0, together: false, aisle_before: false };
    assert!(builder.seat(seat).is_err());
}

/// Section, row, label of a seat, and what it is like: category, attributes, rank, together, aisle before.
type Drawn = (u8, u8, String, u16, u16, u8, bool, bool);

fn seats() -> impl Strategy<Value = Vec<Drawn>> {
    let label = prop_oneof![
        3 => (1_u32..40).prop_map(|number| number.to_string()),
        1 => "[A-C]{1,2}|[0-9]{1,3}bis|[A-Z]-[0-9]{1,2}",
    ];
    let like = (0_u16..3, 0_u16..8, 0_u8..3, any::<bool>(), prop::bool::weighted(0.1));
    let seat = (0_u8..3, 0_u8..4, label, like);
    let seat = seat.prop_map(|(section, row, label, (category, attributes, rank, together, aisle))| {
        (section, row, label, category, attributes, rank, together, aisle)
    });
    prop::collection::vec(seat, 1..60)
}

proptest! {
    /// What was built is read back, seat by seat, from the layout and from what is stored of it.
    #[test]
    fn seats_are_what_they_were_built_as(seats in seats()) {
        let mut builder = LayoutBuilder::new();
        for key in ["A", "B", "C"] {
            builder.category(key).unwrap();
        }
        let mut expected = Vec::new();
        let mut place = None;
        for (section_index, row, label, category, attributes, rank, together, aisle_before) in seats {
            let (name, row_label) = (format!("S{section_index}"), format!("R{row}"));
            if place != Some((section_index, row)) {
                let number = builder.section(section(&name)).unwrap();
                builder.row(number, &row_label, false).unwrap();
            }
            let seat = SeatSpec { label: &label, category, attributes, rank, together, aisle_before };
            let is_first = place != Some((section_index, row));
            place = Some((section_index, row));
            if builder.seat(seat).is_ok() {
                // An aisle lies between seats.
                let aisle_before = aisle_before && !is_first;
                expected.push((name, row_label, label, category, attributes, aisle_before, rank, together));
            } else if is_first {
                place = None;
            }
        }
        let layout = builder.build();
        prop_assert_eq!(&known(&layout), &expected);
        for (seat_no, (section, row, label, ..)) in (1..).zip(&expected) {
            prop_assert_eq!(layout.find(section, row, label), Some(seat_no));
        }
        let stored = serde_json::to_string(&layout).unwrap();
        let read: Layout = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(read.id(), layout.id());
        prop_assert_eq!(known(&read), expected);
    }
}
