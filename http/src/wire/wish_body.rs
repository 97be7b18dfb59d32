//! What a reserve asks for, on the wire: seats by id, key or name, places, tables, the best available seats.
//! It is read into numbers by the event's layout, which only ever grows, so whatever is read stays right.

use std::collections::BTreeMap;

use engine::{
    AttributeSet, CategoryNo, EventId, EventInfo, Layout, SeatId, SeatKeyList, SeatNo, SectionNo,
    TicketTypeNo, WantedBest, WantedPlaces, Wish,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::problem::{Code, Problem};

/// A seat, named in one way: by `id`, by `key`, or by `section`, `row` and `seat`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedSeat {
    /// Its id.
    pub id: Option<Uuid>,
    /// The operator's key of it.
    pub key: Option<String>,
    /// With `row` and `seat`: absent where the event's section has no name.
    pub section: Option<String>,
    /// As the house calls it.
    pub row: Option<String>,
    /// As the house calls it.
    pub seat: Option<String>,
    /// The key of a ticket type; the event's first where absent.
    pub ticket_type: Option<String>,
}

/// Counted places.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedPlacesBody {
    /// Of this section.
    pub section: String,
    /// How many.
    #[schema(minimum = 1, maximum = 1_000)]
    pub quantity: i64,
    /// The key of a ticket type; the event's first where absent.
    pub ticket_type: Option<String>,
}

/// A table with all its seats.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedTable {
    /// Of this section.
    pub section: String,
    /// As the house calls it.
    pub table: String,
    /// The key of a ticket type; the event's first where absent.
    pub ticket_type: Option<String>,
}

/// The best seats that there are.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BestAvailableBody {
    /// How many, beside one another.
    #[schema(minimum = 1, maximum = 1_000)]
    pub quantity: i64,
    /// How many of which ticket type, all together `quantity`; all of the event's first where absent.
    pub ticket_types: Option<BTreeMap<String, i64>>,
    /// Of these categories only.
    pub categories: Option<Vec<String>>,
    /// Of these sections only.
    pub sections: Option<Vec<String>>,
    /// How many of the seats must have which attribute, such as `{"wheelchair": 1}`.
    pub attributes: Option<BTreeMap<String, i64>>,
    /// Whether they may be apart, where no block has room for all.
    #[serde(default)]
    pub split: bool,
}

/// What a reserve asks for, besides seats by id.
#[derive(Debug, Clone, Default)]
pub struct WishBody {
    pub(crate) seat_ids: Vec<Uuid>,
    pub(crate) seats: Vec<WantedSeat>,
    pub(crate) places: Vec<WantedPlacesBody>,
    pub(crate) tables: Vec<WantedTable>,
    pub(crate) best_available: Option<BestAvailableBody>,
    pub(crate) channel: Option<String>,
}

impl WishBody {
    /// Whether it is of seats by id alone, so that nothing of the event needs to be known.
    pub fn is_plain(&self) -> bool {
        self.seats.is_empty()
            && self.places.is_empty()
            && self.tables.is_empty()
            && self.best_available.is_none()
            && self.channel.is_none()
    }

    /// Whether a key stands in it.
    pub fn names_keys(&self) -> bool {
        self.seats.iter().any(|seat| seat.key.is_some())
    }

    /// The wish in the numbers of the event.
    pub fn read(self, event: &EventInfo, keys: Option<&SeatKeyList>) -> Result<Wish, Problem> {
        let reader = Reader { event, layout: &event.seating.layout, keys };
        let mut seats = seats_of(event.id, &self.seat_ids)?;
        let mut ticket_types = vec![0; seats.len()];
        for (index, seat) in self.seats.iter().enumerate() {
            let place = format!("seats[{index}]");
            seats.push(reader.seat(seat, &place)?);
            ticket_types.push(reader.ticket_type(seat.ticket_type.as_deref(), &place)?);
        }
        for (index, table) in self.tables.iter().enumerate() {
            let place = format!("tables[{index}]");
            let of = reader.ticket_type(table.ticket_type.as_deref(), &place)?;
            let before = seats.len();
            seats.extend(reader.layout.seats_of_row(&table.section, &table.table).flatten());
            if seats.len() == before {
                return Err(reader.unknown_seat(format!("{}-{}", table.section, table.table)));
            }
            ticket_types.resize(seats.len(), of);
        }
        let places = self.places.iter().enumerate();
        let places = places.map(|(index, wanted)| reader.places(wanted, &format!("places[{index}]")));
        let best = self.best_available.as_ref().map(|wanted| reader.best(wanted)).transpose()?;
        if ticket_types.iter().all(|&of| of == 0) {
            ticket_types.clear();
        }
        Ok(Wish {
            seats,
            ticket_types,
            places: places.collect::<Result<_, _>>()?,
            best: best.map(Box::new),
            channel: self.channel,
        })
    }
}

struct Reader<'a> {
    event: &'a EventInfo,
    layout: &'a Layout,
    keys: Option<&'a SeatKeyList>,
}

impl Reader<'_> {
    fn seat(&self, seat: &WantedSeat, place: &str) -> Result<SeatNo, Problem> {
        match seat {
            WantedSeat { id: Some(id), key: None, section: None, row: None, seat: None, .. } => {
                seats_of(self.event.id, &[*id]).map(|seats| seats[0])
            }
            WantedSeat { id: None, key: Some(key), section: None, row: None, seat: None, .. } => {
                self.seat_of_key(key).ok_or_else(|| self.unknown_seat(key.clone()))
            }
            WantedSeat { id: None, key: None, section, row: Some(row), seat: Some(seat), .. } => {
                let section = section.as_deref().unwrap_or_default();
                let found = self.layout.find(section, row, seat);
                found.ok_or_else(|| self.unknown_seat(format!("{section}-{row}-{seat}")))
            }
            _ => Err(Problem::invalid_field(place, "is named by id, by key, or by section, row and seat")),
        }
    }

    fn seat_of_key(&self, key: &str) -> Option<SeatNo> {
        match self.keys {
            Some(keys) => keys.seat(key).or_else(|| self.layout.seat_of_key(key)),
            None => self.layout.seat_of_key(key),
        }
    }

    fn unknown_seat(&self, name: String) -> Problem {
        Problem::new(Code::SeatNotFound, format!("the event has no seat {name}"))
    }

    fn ticket_type(&self, key: Option<&str>, place: &str) -> Result<TicketTypeNo, Problem> {
        let Some(key) = key else { return Ok(0) };
        let known = self.event.seating.prices.ticket_type(key);
        known.ok_or_else(|| unknown_ticket_type(key, &format!("{place}.ticket_type")))
    }

    fn section(&self, name: &str, field: &str) -> Result<&[SectionNo], Problem> {
        match self.layout.sections_named(name) {
            [] => Err(Problem::invalid_field(field, format!("there is no section {name:?}"))),
            sections => Ok(sections),
        }
    }

    fn places(&self, wanted: &WantedPlacesBody, place: &str) -> Result<WantedPlaces, Problem> {
        let field = format!("{place}.section");
        let sections = self.section(&wanted.section, &field)?;
        let has_places = |section: &&SectionNo| self.layout.places_of_section(**section).next().is_some();
        let Some(&section) = sections.iter().find(has_places) else {
            return Err(Problem::invalid_field(field, "has no counted places"));
        };
        let ticket_type = self.ticket_type(wanted.ticket_type.as_deref(), place)?;
        let quantity = quantity(wanted.quantity, &format!("{place}.quantity"))?;
        Ok(WantedPlaces { section, quantity, ticket_type })
    }

    fn best(&self, wanted: &BestAvailableBody) -> Result<WantedBest, Problem> {
        let quantity = quantity(wanted.quantity, "best_available.quantity")?;
        let mut sections = Vec::new();
        for name in wanted.sections.iter().flatten() {
            sections.extend(self.section(name, "best_available.sections")?);
        }
        let categories = wanted.categories.iter().flatten().map(|key| {
            let known = self.layout.categories().iter().position(|known| known == key);
            let unknown = || {
                let text = format!("best_available.categories: there is no category {key:?}");
                Problem::new(Code::UnknownCategory, text)
            };
            known.map(|index| index as CategoryNo).ok_or_else(unknown)
        });
        let attributes = wanted.attributes.iter().flatten().map(|(name, count)| {
            let field = format!("best_available.attributes.{name}");
            let bit = self.layout.attributes().iter().position(|known| known == name);
            let bit =
                bit.ok_or_else(|| Problem::invalid_field(field.clone(), "no seat has this attribute"))?;
            let count = u32::try_from(*count).ok().filter(|count| (1..=quantity).contains(count));
            let count = count.ok_or_else(|| Problem::invalid_field(field, "must be 1 to quantity"))?;
            Ok(((1 as AttributeSet) << bit, count))
        });
        Ok(WantedBest {
            ticket_types: self.types_of_best(wanted, quantity)?,
            categories: categories.collect::<Result<_, Problem>>()?,
            sections,
            attributes: attributes.collect::<Result<_, Problem>>()?,
            split: wanted.split,
        })
    }

    fn types_of_best(&self, wanted: &BestAvailableBody, quantity: u32) -> Result<Vec<TicketTypeNo>, Problem> {
        let field = "best_available.ticket_types";
        let Some(counts) = &wanted.ticket_types else { return Ok(vec![0; quantity as usize]) };
        let mut types = Vec::with_capacity(quantity as usize);
        let mut known: Vec<_> = Vec::with_capacity(counts.len());
        for (key, count) in counts {
            let of = self.event.seating.prices.ticket_type(key);
            let of = of.ok_or_else(|| unknown_ticket_type(key, field))?;
            let count = usize::try_from(*count).ok().filter(|count| *count <= quantity as usize);
            known.push((of, count.ok_or_else(|| Problem::invalid_field(field, "must be counts"))?));
        }
        // In the order of the event's ticket types, as they are listed.
        known.sort_unstable();
        known.into_iter().for_each(|(of, count)| types.extend(std::iter::repeat_n(of, count)));
        if types.len() == quantity as usize {
            return Ok(types);
        }
        Err(Problem::invalid_field(field, format!("must be {quantity} together, as quantity says")))
    }
}

fn unknown_ticket_type(key: &str, field: &str) -> Problem {
    Problem::new(Code::UnknownTicketType, format!("{field}: there is no ticket type {key:?}"))
}

fn quantity(quantity: i64, field: &str) -> Result<u32, Problem> {
    let fits = u32::try_from(quantity).ok().filter(|quantity| (1..=1_000).contains(quantity));
    fits.ok_or_else(|| Problem::invalid_field(field, "must be 1 to 1000"))
}

/// The numbers of seats of an event; ids that are no seats of it are refused by name.
pub fn seats_of(event_id: EventId, ids: &[Uuid]) -> Result<Vec<SeatNo>, Problem> {
    let seat_no = |id: Uuid| SeatId::try_from(id).ok().filter(|seat| seat.event_id() == event_id);
    let seats: Option<Vec<SeatNo>> = ids.iter().map(|&id| seat_no(id).map(SeatId::seat_no)).collect();
    seats.ok_or_else(|| Problem::seats_not_found(ids.iter().filter(|&&id| seat_no(id).is_none())))
}
