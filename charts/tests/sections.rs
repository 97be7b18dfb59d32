//! The JSON of venues: what it means, and what is refused.
#![allow(clippy::unwrap_used)]

use charts::spec::{CategorySpec, TicketTypeSpec};
use charts::{Format, append, compile, prices, read};
use engine::{Layout, SeatKeys};

fn layout(json: &str) -> Layout {
    read(json.as_bytes(), Format::Sections).unwrap_or_else(|fault| panic!("{fault}")).compiled.layout
}

fn refused(json: &str) -> String {
    match read(json.as_bytes(), Format::Sections) {
        Ok(_) => panic!("it is taken: {json}"),
        Err(fault) => fault.to_string(),
    }
}

/// Labels, each with what is special about the seat.
fn labels(layout: &Layout) -> Vec<String> {
    let label = |seat_no| {
        let place = layout.place(seat_no).expect("a seat");
        let mut text = place.label();
        let category = &layout.categories()[usize::from(place.category)];
        if category != "standard" {
            text = format!("{text} {category}");
        }
        for attribute in layout.attribute_names(place.attributes) {
            text = format!("{text} {attribute}");
        }
        let together = if place.together { " together" } else { "" };
        let table = if place.is_table { " table" } else { "" };
        let rank = if place.rank > 0 { format!(" rank {}", place.rank) } else { String::new() };
        format!("{text}{together}{table}{rank}")
    };
    (1..=layout.seats()).map(label).collect()
}

#[test]
fn marks_are_applied_in_their_order() {
    let layout = layout(
        r#"{"sections": [{"name": "Stalls", "category": "1", "seating": [{"rows": "A-B", "seats": "1-3|5"}],
            "marks": [{"rows": "A", "category": "P"}, {"seats": "1", "attributes": ["wheelchair"], "rank": 9},
                      {"rows": "A", "seats": "1,2", "category": "Q"}, {"rows": "B", "seats": "5", "sell": "together"}]}]}"#,
    );
    let expected = [
        "Stalls-A-1 Q wheelchair rank 9",
        "Stalls-A-2 Q",
        "Stalls-A-3 P",
        "Stalls-A-5 P",
        "Stalls-B-1 1 wheelchair rank 9",
        "Stalls-B-2 1",
        "Stalls-B-3 1",
        "Stalls-B-5 1 together",
    ];
    assert_eq!(labels(&layout), expected);
}

#[test]
fn tables_places_and_lists_of_labels_are_taken() {
    let layout = layout(
        r#"{"sections": [
            {"name": "Ballroom", "tables": [{"tables": "1-2", "seats": "1-2", "sell": "together"}]},
            {"name": "Floor", "category": "GA", "capacity": 2},
            {"name": "Circle", "entrance": "Gate 3", "best": "left", "seating": [
                {"rows": ["VIP-A"], "seats": ["0-0", "0-1", null, "0-2"]}]}]}"#,
    );
    let expected = [
        "Ballroom-1-1 together table",
        "Ballroom-1-2 together table",
        "Ballroom-2-1 together table",
        "Ballroom-2-2 together table",
        "Floor GA",
        "Floor GA",
        "Circle-VIP-A-0-0",
        "Circle-VIP-A-0-1",
        "Circle-VIP-A-0-2",
    ];
    assert_eq!(labels(&layout), expected);
    assert_eq!(layout.find("Circle", "VIP-A", "0-2"), Some(9));
    assert!(layout.place(9).unwrap().aisle_before);
    assert_eq!(layout.sections()[2].entrance.as_deref(), Some("Gate 3"));
    assert_eq!(layout.sold_together_with(1), Some(1..3));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let seating = |rest: &str| format!(r#"{{"sections": [{{"name": "S", "seating": [{rest}]}}]}}"#);
    for (json, fault) in [
        (seating(r#"{"rows": "A", "seats": "1-5|14-"}"#), r#"sections[0].seating[0].seats: "14-" at character 5"#),
        (seating(r#"{"rows": "A,A", "seats": "1"}"#), "sections[0].seating[0].seats: section S, row A, has the seat 1 twice"),
        (seating(r#"{"rows": "A", "seats": []}"#), "sections[0].seating[0].seats: is empty"),
        (seating(r#"{"rows": "A", "seats": 7}"#), "a text such as"),
        (seating(r#"{"rows": "A", "seats": "1", "colour": "red"}"#), "unknown field `colour`"),
        (seating(r#"{"rows": "A-CC", "seats": "1-5000"}"#), "more than 200000 seats and places"),
        (seating(r#"{"rows": "A", "seats": "1-2", "keys": ["k"]}"#), "sections[0].seating[0].keys: there are 1 for 2 seats"),
        (seating(r#"{"rows": "A", "seats": "1-2", "keys": ["k", "k"]}"#), r#"keys: "k" comes twice"#),
        (r#"{"sections": []}"#.into(), "sections: must be at least 1"),
        (r#"{"sections": [{"name": "S"}]}"#.into(), "sections[0]: has exactly one of rows with seats_per_row"),
        (r#"{"sections": [{"name": "", "capacity": 1}]}"#.into(), "sections[0].name: must have 1 to 255"),
        (r#"{"sections": [{"name": "S", "capacity": 0}]}"#.into(), "sections[0].capacity: must be 1 to 200000"),
        (r#"{"sections": [{"name": "S", "capacity": 5, "price": 1, "category": "A"}]}"#.into(), "not both"),
        (r#"{"sections": [{"name": "S", "rows": 1, "seats_per_row": 2}, {"name": "S", "capacity": 2}]}"#.into(), r#"sections[1].name: "S" comes twice"#),
        (r#"{"sections": [{"name": "S", "seating": [{"rows": "A", "seats": "1"}], "marks": [{"rows": "B", "rank": 1}]}]}"#.into(), "sections[0].marks[0]: the section has no such row or seat"),
        (r#"{"sections": [{"name": "S", "capacity": 1, "marks": [{"rank": 1}]}]}"#.into(), "sections[0].marks: are for seating"),
        (r#"{"sections": [{"name": "S", "capacity": 1}], "keys": "{row}"}"#.into(), "keys: must be"),
    ] {
        let message = refused(&json);
        assert!(message.contains(fault), "{json}\n  is refused with: {message}\n  and not with:    {fault}");
    }
}

#[test]
fn keys_are_a_pattern_or_each_seats_own() {
    let pattern = layout(
        r#"{"keys": "{section}/{row}/{seat}", "sections": [{"name": "S", "seating": [{"rows": "A", "seats": "1-2"}]}]}"#,
    );
    let place = pattern.place(2).unwrap();
    assert_eq!(pattern.key(&place), "S/A/2");
    let json = r#"{"sections": [{"name": "S", "seating": [{"rows": "A-B", "seats": "1-2", "keys": ["a", "b", "c", "d"]},
        {"rows": "C", "seats": "7"}]}]}"#;
    let compiled = read(json.as_bytes(), Format::Sections).unwrap().compiled;
    assert_eq!(compiled.listed_keys.unwrap(), ["a", "b", "c", "d", "S-C-7"]);
    assert!(matches!(compiled.layout.keys(), SeatKeys::Listed(_)));
}

fn categories(json: &str) -> Vec<CategorySpec> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_price_is_category_by_ticket_type() {
    let sections = serde_json::from_str::<Vec<_>>(
        r#"[{"name": "Own", "rows": 1, "seats_per_row": 1, "price": 700}, {"name": "A", "category": "1", "capacity": 1},
            {"name": "B", "category": "GA", "capacity": 1}, {"name": "C", "capacity": 1}]"#,
    );
    let compiled = compile(&sections.unwrap(), None).unwrap();
    let types: Vec<TicketTypeSpec> =
        serde_json::from_str(r#"[{"key": "adult", "name": "Adult"}, {"key": "child"}]"#).unwrap();
    let of = |json: &str, price| {
        let prices = prices(&compiled.layout, &compiled.own_prices, &categories(json), &types, price);
        prices.map_err(|fault| fault.to_string())
    };
    let good = r#"[{"key": "1", "prices": {"adult": 7500, "child": 3750}}, {"key": "GA", "name": "Floor", "prices": {"adult": 50}}]"#;
    let prices = of(good, Some(9)).unwrap();
    let price = |seat_no, of| prices.price_minor(compiled.layout.category(seat_no).unwrap(), of);
    assert_eq!([price(1, 0), price(1, 1)], [Some(700), Some(700)]);
    assert_eq!([price(2, 0), price(2, 1)], [Some(7500), Some(3750)]);
    assert_eq!([price(3, 0), price(3, 1)], [Some(50), None]);
    assert_eq!([price(4, 0), price(4, 1)], [Some(9), Some(9)]);
    assert_eq!((prices.ticket_type("child"), prices.ticket_type("senior")), (Some(1), None));
    let one = r#"{"key": "1", "price": 1}"#;
    for (json, price, fault) in [
        (good.to_owned(), None, "price: is needed"),
        (format!("[{one}]"), Some(9), r#"categories: have no prices for "GA""#),
        (
            good.replace("child", "senior"),
            Some(9),
            r#"categories[0].prices: there is no ticket type "senior""#,
        ),
        (good.replace("3750", "-1"), Some(9), "categories[0].prices.child: a price is 0 to"),
        (format!("[{one}, {one}]"), Some(9), r#"categories[1].key: "1" comes twice"#),
        (
            good.replace("]", r#", {"key": "X", "price": 1}]"#),
            Some(9),
            r#"categories[2].key: no seat is of the category "X""#,
        ),
        (r#"[{"key": "1"}]"#.to_owned(), Some(9), "categories[0]: has either prices or a price"),
    ] {
        let message = of(&json, price).unwrap_err();
        assert!(message.starts_with(fault), "{json}: {message}, not {fault}");
    }
}

#[test]
fn sections_are_appended_and_what_there_was_stays() {
    let before = layout(r#"{"sections": [{"name": "S", "seating": [{"rows": "A", "seats": "1-3"}]}]}"#);
    let more = |json: &str| append(&before, &serde_json::from_str::<Vec<_>>(json).unwrap());
    let after =
        more(r#"[{"name": "S", "seating": [{"rows": "B", "seats": "1-2"}]}, {"name": "F", "capacity": 4}]"#);
    let after = after.unwrap().layout;
    assert_eq!(labels(&after)[..4], ["S-A-1", "S-A-2", "S-A-3", "S-B-1"]);
    assert_eq!(after.seats(), 9);
    let twice = more(r#"[{"name": "S", "seating": [{"rows": "A", "seats": "2"}]}]"#).unwrap_err();
    assert!(twice.to_string().contains("has the seat 2 twice"), "{twice}");
}

#[test]
fn csv_is_read_in_its_dialects() {
    let text = "section;row;seat;seat_to;step;quantity;category;channel;key;colour\n\
                Balc\u{f3}n;A;1;5;2;;Cat 1;;;red\nBalc\u{f3}n;A;2;;;;Cat 1;kill;k-2;\nFloor;;;;;300;GA;promoter;;\n";
    let latin1: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    for bytes in [text.as_bytes().to_vec(), latin1, text.replace(';', "\t").into_bytes()] {
        let file = read(&bytes, Format::of(&bytes)).unwrap_or_else(|fault| panic!("{fault}"));
        let labels = labels(&file.compiled.layout);
        assert_eq!(
            labels[..5],
            [
                "Balc\u{f3}n-A-1 Cat 1",
                "Balc\u{f3}n-A-3 Cat 1",
                "Balc\u{f3}n-A-5 Cat 1",
                "Balc\u{f3}n-A-2 Cat 1",
                "Floor GA"
            ]
        );
        assert_eq!(labels.len(), 304);
        assert_eq!(file.ignored, ["colour"]);
        assert_eq!(file.compiled.listed_keys.unwrap()[3], "k-2");
        assert_eq!(
            file.channels,
            [("kill".to_owned(), vec![4]), ("promoter".to_owned(), (5..=304).collect())]
        );
    }
    let fault = read(b"section,row,seat\nS,A,1\nS,A,1\n", Format::Csv).unwrap_err();
    assert_eq!(fault.to_string(), "line 3, seat: section S, row A, has the seat 1 twice");
    let fault = read(b"row,seat\nA,1\n", Format::Csv).unwrap_err();
    assert_eq!(fault.to_string(), "line 1: has no column \"section\"");
}
