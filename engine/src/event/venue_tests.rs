//! Real venues: what a wish gets, as tables of drawn rows and as properties over arbitrary houses.

use proptest::prelude::*;

use super::*;
use crate::testing::details;
use crate::words::{
    Allocation, Best, Caller, Conflict, ConflictReason, Currency, EventId, EventPatch, Invalid, KILL, Layout,
    LayoutBuilder, OrphanRule, Outcome, Prices, Rejection, SeatSpec, Seating, Section, UserId, WantedBest,
    WantedPlaces, Wish,
};

fn at(second: u32) -> Timestamp {
    Timestamp::from_micros(0).plus_s(second)
}

fn user(number: u128) -> UserId {
    UserId::new(uuid::Uuid::from_u128(number))
}

/// A house that is drawn: one line a row, one letter a seat. `.` is free, `x` sold, `k` killed, `|` an aisle;
/// `w` and `c` are free wheelchair and companion seats, `t` are seats that sell together; digits are free
/// seats of that rank, capitals free seats of that category. `best=left` before the rows says so of what
/// follows.
struct House {
    event: Event,
    /// The letters as they were drawn.
    rows: Vec<String>,
}

impl House {
    fn drawn(picture: &str) -> Self {
        let mut builder = LayoutBuilder::new();
        let standard = builder.category("standard").unwrap();
        let (mut rows, mut taken, mut killed) = (Vec::new(), Vec::new(), Vec::new());
        let (mut best, mut is_new, mut section) = (Best::Center, true, 0);
        for line in picture.split_whitespace() {
            if let Some(side) = line.strip_prefix("best=") {
                best = if side == "left" { Best::Left } else { Best::Right };
                is_new = true;
                continue;
            }
            if is_new {
                let name = Some(format!("S{}", rows.len()));
                section = builder.section(Section { name, entrance: None, best }).unwrap();
                is_new = false;
            }
            builder.row(section, &(rows.len() + 1).to_string(), false).unwrap();
            let mut aisle_before = false;
            for (number, letter) in line.chars().enumerate() {
                if letter == '|' {
                    aisle_before = true;
                    continue;
                }
                let seat = SeatSpec {
                    label: &(number + 1).to_string(),
                    category: match letter {
                        'A'..='Z' => builder.category(&letter.to_string()).unwrap(),
                        _ => standard,
                    },
                    attributes: match letter {
                        'w' => 1,
                        'c' => 2,
                        _ => 0,
                    },
                    rank: letter.to_digit(10).unwrap_or(5) as u8,
                    together: letter == 't',
                    aisle_before,
                };
                let seat_no = builder.seat(seat).unwrap();
                match letter {
                    'x' => taken.push(seat_no),
                    'k' => killed.push((seat_no, seat_no)),
                    _ => {}
                }
                aisle_before = false;
            }
            rows.push(line.to_owned());
        }
        let mut event = Event::new(info(builder.build()));
        if !killed.is_empty() {
            let kill = allocation(KILL, killed);
            event
                .apply(
                    &Command::Allocate { allocations: vec![kill], if_version: None, instead_of: None },
                    at(1),
                )
                .unwrap();
        }
        for seat_no in taken {
            event.apply(&Command::reserve(user(9), vec![seat_no], None), at(1)).unwrap();
        }
        Self { event, rows }
    }

    fn wish(&mut self, wish: Wish) -> Result<Vec<SeatNo>, Rejection> {
        let before = self.event.clone();
        let command =
            Command::Reserve { user_id: user(1), wish, caller: Caller::User(user(1)), idempotency_key: None };
        match self.event.apply(&command, at(2)) {
            Ok((outcome, _)) => Ok(outcome.reservation().unwrap().seats.clone()),
            Err(rejection) => {
                assert_eq!(self.event, before, "a rejection has an effect");
                Err(rejection)
            }
        }
    }

    /// The picture with an `o` for each of these seats.
    fn with(&self, seats: &[SeatNo]) -> String {
        let mut seat_no = 0;
        let mut draw = |letter| {
            if letter == '|' {
                return letter;
            }
            seat_no += 1;
            if seats.contains(&seat_no) { 'o' } else { letter }
        };
        let rows: Vec<String> = self.rows.iter().map(|row| row.chars().map(&mut draw).collect()).collect();
        rows.join(" ")
    }

    fn best(&mut self, wanted: WantedBest) -> String {
        let wish = Wish { best: Some(Box::new(wanted)), ..Wish::default() };
        match self.wish(wish) {
            Ok(seats) => self.with(&seats),
            Err(rejection) => rejection.to_string(),
        }
    }
}

fn info(layout: Layout) -> EventInfo {
    let prices = Prices::by_category(&layout, (1..=layout.categories().len() as i64).map(|no| no * 100));
    EventInfo {
        id: EventId::mint(at(0), 7),
        details: details(at(0)),
        currency: Currency::JPY,
        seating: Seating { layout: layout.shared(), prices: Arc::new(prices) },
        allocations: Vec::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn allocation(channel: &str, seats: Vec<(SeatNo, SeatNo)>) -> Allocation {
    Allocation { channel: channel.into(), seats, release_at: None, released: false, note: String::new() }
}

fn of(quantity: usize) -> WantedBest {
    WantedBest { ticket_types: vec![0; quantity], ..WantedBest::default() }
}

/// Two together in this house are the ones that are marked in the other picture.
#[track_caller]
fn gives(quantity: usize, picture: &str, expected: &str) {
    assert_eq!(House::drawn(picture).best(of(quantity)), expected);
}

#[test]
fn the_best_seats_are_in_the_first_row_nearest_to_its_middle() {
    gives(2, "...... ......", "..oo.. ......");
    gives(2, "..xx.. ......", "ooxx.. ......");
    gives(3, "..x... ......", "..xooo ......");
    gives(1, "xx.xx ......", "xxoxx ......");
    gives(4, "..|..|.. ........", "..|..|.. ..oooo..");
    gives(2, "..|..|..", "..|oo|..");
    gives(2, "best=left ......", "oo....");
    gives(2, "best=right ......", "....oo");
}

#[test]
fn no_seat_is_left_single_while_another_choice_does_not() {
    // Three free: two of them would leave one.
    gives(2, "x...x ....", "x...x oo..");
    gives(2, "...|...", ".oo|...");
    gives(3, "x....x x...x", "x....x xooox");
    // One that was single before is none of ours.
    gives(1, "x.x...", "x.xo..");
    gives(2, "x.x..x", "x.xoox");
}

#[test]
fn ranks_come_before_rows() {
    gives(2, "55555 22111", "55555 221oo");
    // Where the best rank has no room for all, the next one helps out.
    gives(3, "5555 11223", "5555 ooo23");
    // That no seat is left single comes first.
    gives(4, "555555 11222", "oooo55 11222");
}

#[test]
fn what_sells_together_is_given_whole_or_not_at_all() {
    gives(2, "tttt|..", "tttt|oo");
    gives(4, "tttt|..", "oooo|..");
    gives(3, "tttt|..", "no block has so many seats free");
    gives(1, "ttt.tt", "tttott");
}

#[test]
fn killed_seats_are_nobodys_and_count_as_taken() {
    gives(2, "..kk..", "ookk..");
    gives(3, "..kk..", "no block has so many seats free");
    let mut house = House::drawn("..kk..");
    let refused = house.wish(Wish::seats(vec![2, 3]));
    let not_for_sale = Conflict { seat_no: 3, reason: ConflictReason::NotForSale };
    assert_eq!(refused, Err(Rejection::SeatUnavailable(vec![not_for_sale])));
    assert_eq!(house.event.counts().not_for_sale, 2);
}

#[test]
fn wheelchair_seats_come_with_companions_and_are_the_last_for_others() {
    let wheelchair = |quantity, picture| {
        let mut house = House::drawn(picture);
        house.best(WantedBest { attributes: vec![(1, 1)], ..of(quantity) })
    };
    assert_eq!(wheelchair(2, "..... wc.wc"), "..... oo.wc");
    assert_eq!(wheelchair(2, "..... ..wc."), "..... ..oo.");
    assert_eq!(wheelchair(2, "..... ....."), "no block has so many seats free");
    gives(2, "wc... .....", "wc.oo .....");
    gives(2, "wcxxx xxxxx", "ooxxx xxxxx");
    // One ordinary seat is left: so nobody needs the wheelchair's yet.
    gives(2, "wcxx. xxxxx", "no block has so many seats free");
}

#[test]
fn seats_that_may_be_apart_are_in_the_fewest_pieces_near_each_other() {
    let apart = |quantity, picture| House::drawn(picture).best(WantedBest { split: true, ..of(quantity) });
    assert_eq!(apart(4, "..x..x.x.."), "ooxoox.x..");
    assert_eq!(apart(5, "...x..x.x...."), "oooxoox.x....");
    assert_eq!(apart(9, "..x..x.x.."), "no block has so many seats free");
    assert_eq!(apart(3, "....x."), ".ooox.");
}

#[test]
fn only_the_wanted_categories_and_sections_are_given() {
    let mut house = House::drawn("AABB AAAA");
    let b = house.event.info.seating.layout.categories().iter().position(|key| key == "B").unwrap() as u16;
    let of_b = WantedBest { categories: vec![b], ..of(2) };
    assert_eq!(house.best(of_b.clone()), "AAoo AAAA");
    assert_eq!(house.best(of_b), "no block has so many seats free");
    let mut house = House::drawn(".... best=left ....");
    let second = WantedBest { sections: vec![1], ..of(2) };
    assert_eq!(house.best(second), ".... oo..");
}

#[test]
fn ten_callers_get_ten_different_pairs() {
    let mut house = House::drawn("....|...... ..........");
    let mut given = Vec::new();
    for _ in 0..10 {
        let wish = Wish { best: Some(Box::new(of(2))), ..Wish::default() };
        given.extend(house.wish(wish).expect("a pair is free"));
    }
    given.sort_unstable();
    assert_eq!(given, (1..=20).collect::<Vec<_>>());
    assert_eq!(house.best(of(1)), "no block has so many seats free");
}

#[test]
fn boxes_are_bought_whole() {
    let mut house = House::drawn("ttt|tt ...");
    assert_eq!(house.wish(Wish::seats(vec![1, 2])), Err(Rejection::SoldTogether(vec![1, 2])));
    assert_eq!(house.wish(Wish::seats(vec![1, 2, 3, 4])), Err(Rejection::SoldTogether(vec![4])));
    assert_eq!(house.wish(Wish::seats(vec![3, 1, 2, 6])), Ok(vec![3, 1, 2, 6]));
}

#[test]
fn the_orphan_rule_refuses_what_leaves_a_single_seat() {
    let mut house = House::drawn("......|... x.x..k.");
    let patch = EventPatch { orphan_rule: Some(OrphanRule::Refuse), ..EventPatch::default() };
    house.event.apply(&Command::Amend(patch), at(1)).unwrap();
    let mut wish = |seats: &[SeatNo]| house.wish(Wish::seats(seats.to_vec()));
    assert_eq!(wish(&[2]), Err(Rejection::LeavesSingleSeat(1)));
    assert_eq!(wish(&[3, 5]), Err(Rejection::LeavesSingleSeat(4)));
    assert_eq!(wish(&[8]), Err(Rejection::LeavesSingleSeat(7)));
    // Seat 15 is killed: seat 14 would be single.
    assert_eq!(wish(&[13]), Err(Rejection::LeavesSingleSeat(14)));
    assert_eq!(wish(&[13, 14]), Ok(vec![13, 14]));
    assert_eq!(wish(&[1, 2, 3, 4]), Ok(vec![1, 2, 3, 4]));
    assert_eq!(wish(&[7, 8, 9]), Ok(vec![7, 8, 9]));
    // Seat 11 was single before.
    assert_eq!(wish(&[11]), Ok(vec![11]));
}

/// A hall with a floor of so many places.
fn floor(capacity: u32) -> Event {
    let mut builder = LayoutBuilder::new();
    let category = builder.category("GA").unwrap();
    let name = Some("Floor".to_owned());
    let section = builder.section(Section { name, entrance: None, best: Best::Center }).unwrap();
    builder.places(section, category, capacity).unwrap();
    Event::new(info(builder.build()))
}

fn places(quantity: u32) -> Command {
    let wanted = WantedPlaces { section: 0, quantity, ticket_type: 0 };
    let wish = Wish { places: vec![wanted], ..Wish::default() };
    Command::Reserve { user_id: user(1), wish, caller: Caller::User(user(1)), idempotency_key: None }
}

#[test]
fn places_are_the_lowest_free_ones_until_they_are_sold_out() {
    let mut event = floor(5);
    let take = |event: &mut Event, quantity| match event.apply(&places(quantity), at(1)) {
        Ok((outcome, _)) => Ok(outcome.reservation().cloned().unwrap()),
        Err(rejection) => Err(rejection),
    };
    let first = take(&mut event, 2).unwrap();
    assert_eq!(first.seats, [1, 2]);
    assert_eq!(take(&mut event, 2).unwrap().seats, [3, 4]);
    assert_eq!(take(&mut event, 2).unwrap_err(), Rejection::SoldOut { wanted: 2, left: 1 });
    event.apply(&Command::Cancel(first.id, Caller::Admin), at(2)).unwrap();
    assert_eq!(take(&mut event, 3).unwrap().seats, [1, 2, 5]);
    assert_eq!(take(&mut event, 1).unwrap_err(), Rejection::SoldOut { wanted: 1, left: 0 });
}

#[test]
fn capacity_is_added_and_sold() {
    let mut event = floor(2);
    event.apply(&places(2), at(1)).unwrap();
    let before = event.info.seating.clone();
    let mut builder = LayoutBuilder::from_layout(&before.layout);
    builder.places(0, 0, 3).unwrap();
    let seating = Seating { layout: builder.build().shared(), prices: Arc::clone(&before.prices) };
    let add = Command::AddSections { to: before.layout.id(), seating: seating.clone() };
    assert_eq!(event.apply(&add, at(2)).unwrap().0, Outcome::Amended);
    // The same again is done already; what was made for another layout is refused.
    assert_eq!(event.apply(&add, at(2)), Ok((Outcome::Amended, None)));
    let late = Command::AddSections { to: before.layout.id(), seating: Seating::of_seats(9, 100) };
    assert_eq!(event.apply(&late, at(2)), Err(Rejection::EventChanged));
    let other = Command::AddSections { to: seating.layout.id(), seating: Seating::of_seats(9, 100) };
    assert_eq!(event.apply(&other, at(2)), Err(Rejection::Invalid(Invalid::NotAdded)));
    assert_eq!(event.apply(&places(3), at(3)).unwrap().0.reservation().unwrap().seats, [3, 4, 5]);
}

#[test]
fn allocations_are_for_their_channel_until_they_are_released() {
    let mut event = floor(6);
    let promoter = Allocation { release_at: Some(at(100)), ..allocation("promoter", vec![(1, 4)]) };
    let allocate = |allocations, if_version| Command::Allocate { allocations, if_version, instead_of: None };
    event.apply(&allocate(vec![promoter.clone()], Some(0)), at(1)).unwrap();
    assert_eq!(event.apply(&allocate(Vec::new(), Some(7)), at(1)), Err(Rejection::EventChanged));
    let beyond = allocation("promoter", vec![(6, 7)]);
    assert_eq!(
        event.apply(&allocate(vec![beyond], None), at(1)),
        Err(Rejection::Invalid(Invalid::Allocation))
    );
    assert_eq!(event.next_expires_at(), Some(at(100)));
    let take = |event: &mut Event, quantity, caller, channel: Option<&str>, second| {
        let wanted = WantedPlaces { section: 0, quantity, ticket_type: 0 };
        let wish = Wish { places: vec![wanted], channel: channel.map(str::to_owned), ..Wish::default() };
        let command = Command::Reserve { user_id: user(1), wish, caller, idempotency_key: None };
        event.apply(&command, at(second)).map(|(outcome, _)| outcome.reservation().unwrap().seats.clone())
    };
    let (admin, own) = (Caller::Admin, Caller::User(user(1)));
    assert_eq!(take(&mut event, 1, own, None, 2), Ok(vec![5]));
    assert_eq!(
        take(&mut event, 2, own, Some("promoter"), 2).unwrap_err(),
        Rejection::SoldOut { wanted: 2, left: 1 }
    );
    assert_eq!(take(&mut event, 2, admin, Some("promoter"), 2), Ok(vec![1, 2]));
    assert_eq!(event.expire(at(99), 10).len(), 2, "only the holds");
    let released = event.expire(at(100), 10);
    assert!(matches!(released[..], [(Change::Allocated { .. }, None)]), "{released:?}");
    assert_eq!(event.counts().not_for_sale, 0);
    assert_eq!(take(&mut event, 4, own, None, 101), Ok(vec![1, 2, 3, 4]));
}

/// A plain look at every place where a group could sit, in the order of the rules.
fn searched(event: &Event, quantity: u32) -> Option<Vec<SeatNo>> {
    let layout = &event.info.seating.layout;
    let free = |seat_no: SeatNo| event.seat_status(seat_no) == Some(SeatStatus::Available);
    let special = |seat_no| layout.attributes_of(seat_no) & 3 != 0;
    let sells_alone = |seat_no| layout.sold_together_with(seat_no).is_none();
    let any_left = (1..=layout.seats()).any(|no| {
        let whole =
            layout.sold_together_with(no).is_none_or(|mut block| block.all(|no| free(no) && !special(no)));
        free(no) && !special(no) && whole
    });
    let mut best = None;
    for first in 1..=layout.seats() {
        let seats = first..first + quantity;
        let (Some(block), true) = (layout.block_of(first), layout.contains(seats.end - 1)) else { continue };
        let fits = block.contains(&(seats.end - 1))
            && seats.clone().all(free)
            && (!any_left || !seats.clone().any(special));
        let together = layout.sold_together_with(first);
        let whole = match &together {
            Some(together) => *together == seats,
            None => seats.clone().all(sells_alone),
        };
        if !fits || !whole {
            continue;
        }
        let is_beside = |no: SeatNo| block.contains(&no) && free(no) && sells_alone(no);
        let single = |no: SeatNo, beyond: SeatNo| is_beside(no) && !is_beside(beyond);
        let leaves_single = together.is_none()
            && (first > 1 && single(first - 1, first.saturating_sub(2)) || single(seats.end, seats.end + 1));
        let row = layout.row_of(first).unwrap();
        let range = layout.row_range(row);
        let off_middle = (i64::from(2 * first + quantity) - i64::from(range.start + range.end)).abs();
        let rank = seats.clone().map(|no| layout.rank(no)).max();
        let order = (leaves_single, rank, row, off_middle, first);
        if best.as_ref().is_none_or(|(least, _)| order < *least) {
            best = Some((order, seats.collect()));
        }
    }
    best.map(|(_, seats)| seats)
}

fn pictures() -> impl Strategy<Value = String> {
    let seat = prop_oneof![8 => Just('.'), 3 => Just('x'), 1 => Just('k'), 1 => Just('|'), 1 => Just('w'), 1 => Just('c'), 1 => Just('3')];
    let letters =
        prop::collection::vec(seat, 1..16).prop_map(|letters| letters.into_iter().collect::<String>());
    let row =
        prop_oneof![6 => letters, 1 => Just("tttt|tt|ttt".to_owned()), 1 => Just("..ttt..|..".to_owned())];
    let has_seat = |row: &String| row.chars().any(|letter| letter != '|');
    prop::collection::vec(row.prop_filter("a seat", has_seat), 1..6).prop_map(|rows| rows.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The quick way finds what a look at every place finds, however seats are taken and given back
    /// meanwhile.
    #[test]
    fn best_available_is_what_a_plain_search_finds(
        picture in pictures(),
        steps in prop::collection::vec((1_usize..6, any::<bool>(), any::<prop::sample::Index>()), 1..30),
    ) {
        let mut house = House::drawn(&picture);
        for (quantity, gives_back, which) in steps {
            let mut live: Vec<_> = house.event.reservations().map(|reservation| reservation.id).collect();
            live.sort_unstable();
            if gives_back && !live.is_empty() {
                let id = *which.get(&live);
                house.event.apply(&Command::Cancel(id, Caller::Admin), at(3)).unwrap();
                continue;
            }
            let expected = searched(&house.event, quantity as u32);
            let wish = Wish { best: Some(Box::new(of(quantity))), ..Wish::default() };
            prop_assert_eq!(house.wish(wish).ok(), expected, "{} of {}", quantity, picture);
        }
    }
}
