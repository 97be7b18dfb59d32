//! Plans of real halls: compiled and read back, as our JSON, as CSV and as seating plans of pretix.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use charts::{ChartFile, Format, read};
use engine::{Layout, STANDARD, SeatKeys};

const PLANS: [(&str, &str, &str); 5] = [
    ("beer-benches", include_str!("plans/beer-benches.json"), include_str!("plans/beer-benches.csv")),
    ("cinema-classes", include_str!("plans/cinema-classes.json"), include_str!("plans/cinema-classes.csv")),
    ("sports-hall", include_str!("plans/sports-hall.json"), include_str!("plans/sports-hall.csv")),
    (
        "theatre-odd-even",
        include_str!("plans/theatre-odd-even.json"),
        include_str!("plans/theatre-odd-even.csv"),
    ),
    (
        "three-prices-in-a-row",
        include_str!("plans/three-prices-in-a-row.json"),
        include_str!("plans/three-prices-in-a-row.csv"),
    ),
];

/// Seat by seat: section, row, seat, category, attributes, aisle before.
fn seats(layout: &Layout, with_attributes: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for place in (1..=layout.seats()).filter_map(|seat_no| layout.place(seat_no)) {
        let category = &layout.categories()[usize::from(place.category)];
        let category = if category == STANDARD { "" } else { category };
        let attributes: Vec<_> = layout.attribute_names(place.attributes).collect();
        let attributes = if with_attributes { attributes.join(" ") } else { String::new() };
        let aisle = if place.aisle_before { "1" } else { "" };
        let (section, row) = (place.section.unwrap_or_default(), place.row.unwrap_or_default());
        let number = place.number.unwrap_or_default();
        lines.push(format!("{section},{row},{number},{category},{attributes},{aisle}"));
    }
    lines
}

fn expected(csv: &str, with_attributes: bool) -> Vec<String> {
    let lines = csv.lines().skip(1).map(|line| {
        let mut fields: Vec<_> = line.split(',').collect();
        assert_eq!(fields.len(), 6, "{line}");
        if !with_attributes {
            fields[4] = "";
        }
        fields.join(",")
    });
    lines.collect()
}

fn compiled(name: &str, bytes: &[u8], format: Format) -> ChartFile {
    assert_eq!(Format::of(bytes), format, "{name}");
    read(bytes, format).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

#[test]
fn each_plan_is_what_its_list_says_seat_by_seat() {
    for (name, json, csv) in PLANS {
        let file = compiled(name, json.as_bytes(), Format::Sections);
        assert_eq!(seats(&file.compiled.layout, true), expected(csv, true), "{name}");
    }
}

#[test]
fn each_list_is_imported_as_csv() {
    for (name, _, csv) in PLANS {
        let file = compiled(name, csv.as_bytes(), Format::Csv);
        assert_eq!(seats(&file.compiled.layout, true), expected(csv, true), "{name}");
        assert_eq!(file.ignored, [""; 0], "{name}");
    }
}

/// A label, and the JSON of the seats.
type Row = (String, Vec<String>);

/// A seating plan of pretix with these seats: half a metre apart, one and a half over an aisle.
fn pretix(layout: &Layout) -> String {
    let mut zones: Vec<(String, Vec<Row>)> = Vec::new();
    let mut x = 0.0;
    for (seat_no, place) in (1..=layout.seats()).filter_map(|no| Some((no, layout.place(no)?))) {
        let (section, row) = (place.section.unwrap(), place.row.unwrap());
        if zones.last().is_none_or(|(name, _)| name != section) {
            zones.push((section.to_owned(), Vec::new()));
        }
        let rows = &mut zones.last_mut().unwrap().1;
        if rows.last().is_none_or(|(label, _)| *label != row) {
            rows.push((row, Vec::new()));
            x = 0.0;
        }
        x += if place.aisle_before { 1.5 } else { 0.5 };
        let category = &layout.categories()[usize::from(place.category)];
        rows.last_mut().unwrap().1.push(format!(
            r#"{{"seat_number":{:?},"seat_guid":"g-{seat_no}","position":{{"x":{x},"y":0}},"category":{category:?},"radius":5}}"#,
            place.number.unwrap(),
        ));
    }
    let mut json = String::from(
        r##"{"name":"Hall","size":{"width":100,"height":50},"categories":[{"name":"A","color":"#fff"}],"zones":["##,
    );
    for (index, (zone, rows)) in zones.iter().enumerate() {
        let rows: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(y, (row, seats))| {
                let seats = seats.join(",");
                format!(r#"{{"row_number":{row:?},"position":{{"x":0,"y":{y}}},"seats":[{seats}]}}"#)
            })
            .collect();
        let comma = if index == 0 { "" } else { "," };
        let rows = rows.join(",");
        write!(json, r#"{comma}{{"name":{zone:?},"position":{{"x":10,"y":20}},"rows":[{rows}]}}"#).unwrap();
    }
    json.push_str("]}");
    json
}

#[test]
fn each_plan_is_imported_from_pretix() {
    for (name, json, csv) in PLANS {
        let layout = compiled(name, json.as_bytes(), Format::Sections).compiled.layout;
        let plan = pretix(&layout);
        let file = compiled(name, plan.as_bytes(), Format::Pretix);
        assert_eq!(seats(&file.compiled.layout, false), expected(csv, false), "{name}");
        assert_eq!(file.name.as_deref(), Some("Hall"));
        assert_eq!(file.ignored, ["categories", "zones[].rows[].seats[].radius"]);
        let keys = file.compiled.listed_keys.as_ref().unwrap();
        assert_eq!((keys.len(), keys[0].as_str()), (layout.seats() as usize, "g-1"));
        assert!(matches!(file.compiled.layout.keys(), SeatKeys::Listed(_)));
        assert!(
            file.map_json()
                .unwrap()
                .starts_with(r#"{"size":{"width":100,"height":50},"seats":[[10.5,20],[11,20]"#)
        );
    }
}

#[test]
fn a_guid_that_comes_twice_is_named() {
    let layout = compiled("beer", PLANS[0].1.as_bytes(), Format::Sections).compiled.layout;
    let plan = pretix(&layout).replace("\"g-7\"", "\"g-3\"");
    let fault = read(plan.as_bytes(), Format::Pretix).unwrap_err();
    assert_eq!(fault.to_string(), r#"zones[0].rows[0].seats[6].seat_guid: "g-3" comes twice"#);
}
