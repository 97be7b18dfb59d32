//! What every store promises of houses: layouts, what is set aside, charts.

use std::sync::Arc;

use engine::testing::forget_layouts;
use engine::{
    Allocation, Batch, Best, Change, Chart, EventInfo, KILL, Layout, LayoutBuilder, OrphanRule, Prices,
    RequestHash, Reservation, Rules, SeatCounts, SeatKeys, SeatSpec, SeatStatus, Seating, Section, Terms,
    verify,
};

use crate::helpers::{BatchSteps, Database, NOW, activate, new_event_at, user};

/// Two rows with labels of their own, a table, and a floor.
fn builder() -> LayoutBuilder {
    let mut builder = LayoutBuilder::new();
    let section = |builder: &mut LayoutBuilder, name: &str| {
        let (name, entrance) = (Some(name.to_owned()), Some("Gate 3".to_owned()));
        builder.section(Section { name, entrance, best: Best::Left }).unwrap()
    };
    let (stalls, floor) = (section(&mut builder, "Première \"galerie\""), section(&mut builder, "Floor"));
    let (first, second) = (builder.category("1").unwrap(), builder.category("GA").unwrap());
    for (row, is_table) in [("席", false), ("7", true)] {
        builder.row(stalls, row, is_table).unwrap();
        for label in ["26", "24", "16bis", "1"] {
            let seat = SeatSpec {
                label,
                category: first,
                attributes: 4,
                rank: 2,
                together: is_table,
                aisle_before: label == "1",
            };
            builder.seat(seat).unwrap();
        }
    }
    builder.places(floor, second, 12).unwrap();
    builder
}

fn seating(layout: Layout) -> Seating {
    let prices = Prices::by_category(&layout, [900, 500]);
    Seating { layout: layout.shared(), prices: Arc::new(prices) }
}

fn allocation(channel: &str, seats: Vec<(u32, u32)>) -> Allocation {
    let (channel, release_at) = (channel.to_owned(), Some(NOW.plus_s(50)));
    Allocation { channel, seats, release_at, released: false, note: "pillar 'x'".to_owned() }
}

fn house() -> EventInfo {
    let mut event = new_event_at(NOW);
    event.seating = seating(builder().build());
    event.details.rules = Rules { orphan_rule: OrphanRule::Refuse };
    event.allocations = vec![allocation(KILL, vec![(2, 3), (9, 10)])];
    event
}

pub async fn a_house_reads_back_as_it_was_written(database: &dyn Database) {
    let store = database.connect().await;
    let event = house();
    store.create_event(&event).await.unwrap();
    let labels = |info: &EventInfo| -> Vec<_> {
        let layout = &info.seating.layout;
        (1..=layout.seats()).map(|no| layout.place(no).unwrap().label()).collect()
    };
    let (id, expected) = (event.id, labels(&event));
    let counts = SeatCounts { not_for_sale: 4, ..SeatCounts::default() };
    let info = event.clone();
    drop(event);
    forget_layouts();
    let row = store.event(id).await.unwrap().unwrap();
    assert_eq!((&row.info, row.counts), (&info, counts));
    assert_eq!(labels(&row.info), expected);
    forget_layouts();
    let listed = store.events(None, 1_000).await.unwrap();
    assert_eq!(listed.iter().find(|row| row.info.id == id).map(|row| &row.info), Some(&info));
    let map = store.seat_map(id).await.unwrap().unwrap();
    let free: Vec<_> = (1..).zip(&map.statuses).filter(|(_, s)| **s == SeatStatus::NotForSale).collect();
    assert_eq!(free.iter().map(|(no, _)| *no).collect::<Vec<u32>>(), [2, 3, 9, 10]);
    forget_layouts();
    assert_eq!(activate(&*store, id).await.event_id, id);
}

pub async fn what_is_set_aside_and_added_reads_back(database: &dyn Database) {
    let store = database.connect().await;
    let mut event = house();
    event.allocations.clear();
    store.create_event(&event).await.unwrap();
    let mut owner = activate(&*store, event.id).await;

    let terms = Terms { ticket_types: vec![0, 0], request_hash: RequestHash(u64::MAX) };
    let held = owner.reservation(user(1), &[9, 10], Some("key"));
    let held = Reservation { terms: Some(Box::new(terms)), total_minor: 1_000, ..held };
    let batch = owner.batch().reserve(&held).counts(2, 0);
    owner.write(&*store, batch).await;
    assert_eq!(store.reservation(held.id).await.unwrap().unwrap(), held);
    assert_eq!(held.ended_key().unwrap().request_hash, RequestHash(u64::MAX));

    let allocations = vec![allocation("promoter", vec![(11, 20)])];
    let decided_at = owner.batch().decided_at;
    let set_aside = EventInfo { allocations: allocations.clone(), updated_at: decided_at, ..event.clone() };
    let batch = Batch {
        changes: vec![Change::Allocated { allocations }],
        info: Some(Arc::new(set_aside.clone())),
        counts: SeatCounts { reserved: 2, confirmed: 0, not_for_sale: 10 },
        ..owner.batch()
    };
    owner.write(&*store, batch).await;
    let row = store.event(event.id).await.unwrap().unwrap();
    assert_eq!((row.info, row.counts.not_for_sale), (set_aside.clone(), 10));

    let mut builder = LayoutBuilder::from_layout(&event.seating.layout);
    builder.places(1, 1, 5).unwrap();
    let more = seating(builder.build());
    let decided_at = owner.batch().decided_at;
    let grown = EventInfo { seating: more.clone(), updated_at: decided_at, ..set_aside };
    let batch = Batch {
        changes: vec![Change::SectionsAdded { seating: more }],
        info: Some(Arc::new(grown.clone())),
        counts: SeatCounts { reserved: 2, confirmed: 0, not_for_sale: 10 },
        ..owner.batch()
    };
    let batch = owner.write(&*store, batch).await;
    forget_layouts();
    let row = store.event(event.id).await.unwrap().unwrap();
    assert_eq!(row.info, grown);
    assert_eq!(store.seat_map(event.id).await.unwrap().unwrap().statuses.len(), 25);
    let journal = store.journal(event.id, 2, 10).await.unwrap();
    assert_eq!(journal, [batch.journal_row()]);
    let report = verify(&*store).await.unwrap();
    let of_event: Vec<_> = report.violations.iter().filter(|found| found.event_id == event.id).collect();
    assert!(of_event.is_empty(), "{of_event:?}");
}

pub async fn charts_and_keys_are_kept_once(database: &dyn Database) {
    let store = database.connect().await;
    let keys: Vec<_> = (1..=20).map(|no| format!("p-{no} \"é\"")).collect();
    let SeatKeys::Listed(keys_id) = SeatKeys::listed(&keys) else { panic!("they are listed") };
    assert_eq!(store.seat_keys(keys_id).await, Ok(None));
    for _ in 0..2 {
        store.put_seat_keys(keys_id, &keys).await.unwrap();
    }
    assert_eq!(store.seat_keys(keys_id).await, Ok(Some(keys)));

    let chart = |no: u32, map: Option<&str>| {
        let mut builder = builder();
        builder.set_keys(SeatKeys::Listed(keys_id));
        let (name, created_at) = (format!("Hall {no}"), NOW.plus_s(no));
        let layout = builder.build().shared();
        Chart::new(name, created_at, layout, vec![allocation(KILL, vec![(1, 1)])], map.map(str::to_owned))
    };
    let charts = [chart(1, Some(r#"{"seats":[[1,2]]}"#)), chart(2, None), chart(3, None)];
    assert_eq!(store.chart(charts[0].id).await, Ok(None));
    for chart in &charts {
        store.put_chart(chart).await.unwrap();
    }
    // The same content is the same chart, whenever it comes.
    let again = Chart { created_at: NOW.plus_s(9), ..charts[0].clone() };
    store.put_chart(&again).await.unwrap();
    forget_layouts();
    assert_eq!(store.chart(charts[0].id).await, Ok(Some(charts[0].clone())));
    assert_eq!(store.chart(charts[0].id).await.unwrap().unwrap().layout.find("Floor", "1", "1"), None);

    let listed: Vec<_> = store.charts(None, 2).await.unwrap().iter().map(|chart| chart.id).collect();
    assert_eq!(listed, [charts[2].id, charts[1].id]);
    let next = store.charts(Some(charts[1].id), 2).await.unwrap();
    assert_eq!(next, [Chart { map: None, ..charts[0].clone() }]);
}
