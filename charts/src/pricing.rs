//! What the seats of a layout cost.

use std::collections::{HashMap, HashSet};

use engine::{Category, CategoryNo, Layout, MAX_PRICE_MINOR, MAX_TICKET_TYPES, Prices, STANDARD, TicketType};

use crate::compile::check_name;
use crate::fault::Fault;
use crate::spec::{CategorySpec, TicketTypeSpec};

/// The prices of a layout: those of its sections' own, those of `categories`, and `price` for seats that have no
/// category.
pub fn prices(
    layout: &Layout,
    own_prices: &HashMap<CategoryNo, i64>,
    categories: &[CategorySpec],
    ticket_types: &[TicketTypeSpec],
    price: Option<i64>,
) -> Result<Prices, Fault> {
    let ticket_types = ticket_types_of(ticket_types)?;
    check_categories(categories)?;
    let any_type = |price| vec![Some(price); ticket_types.len()];
    let mut used = HashSet::new();
    let mut priced = Vec::with_capacity(layout.categories().len());
    for (number, key) in (0..).zip(layout.categories()) {
        let spec = categories.iter().position(|category| category.key == *key);
        used.extend(spec);
        let spec = spec.map(|index| (index, &categories[index]));
        let (name, prices_minor) = match (own_prices.get(&number), spec, price) {
            (Some(own), _, _) => (key, any_type(checked(*own, "sections")?)),
            (None, Some((index, spec)), _) => {
                (spec.name.as_ref().unwrap_or(key), prices_of(index, spec, &ticket_types)?)
            }
            (None, None, Some(price)) if key == STANDARD => (key, any_type(checked(price, "price")?)),
            _ if key == STANDARD => {
                return Err(Fault::new("price", "is needed: some seats have neither a price nor a category"));
            }
            _ => return Err(Fault::new("categories", format!("have no prices for {key:?}"))),
        };
        priced.push(Category { key: key.clone(), name: name.clone(), prices_minor });
    }
    match (0..categories.len()).find(|index| !used.contains(index)) {
        Some(unused) => {
            let key = &categories[unused].key;
            Err(Fault::new(
                format!("categories[{unused}].key"),
                format!("no seat is of the category {key:?}"),
            ))
        }
        None => Ok(Prices { ticket_types, categories: priced }),
    }
}

/// The same ticket types, and prices for the categories that a layout has more.
pub fn more_prices(
    before: &Prices,
    layout: &Layout,
    own_prices: &HashMap<CategoryNo, i64>,
    categories: &[CategorySpec],
    price: Option<i64>,
) -> Result<Prices, Fault> {
    check_categories(categories)?;
    let mut prices = before.clone();
    for (number, key) in (0..).zip(layout.categories()).skip(before.categories.len()) {
        let spec = categories.iter().enumerate().find(|(_, category)| category.key == *key);
        let any_type = |price| vec![Some(price); before.ticket_types.len()];
        let (name, prices_minor) = match (own_prices.get(&number), spec, price) {
            (Some(own), _, _) => (key, any_type(checked(*own, "sections")?)),
            (None, Some((index, spec)), _) => {
                (spec.name.as_ref().unwrap_or(key), prices_of(index, spec, &before.ticket_types)?)
            }
            (None, None, Some(price)) if key == STANDARD => (key, any_type(checked(price, "price")?)),
            _ => return Err(Fault::new("categories", format!("have no prices for {key:?}"))),
        };
        prices.categories.push(Category { key: key.clone(), name: name.clone(), prices_minor });
    }
    Ok(prices)
}

fn ticket_types_of(specs: &[TicketTypeSpec]) -> Result<Vec<TicketType>, Fault> {
    if specs.is_empty() {
        return Ok(vec![TicketType { key: STANDARD.to_owned(), name: STANDARD.to_owned() }]);
    }
    if specs.len() > MAX_TICKET_TYPES {
        return Err(Fault::new("ticket_types", format!("must be at most {MAX_TICKET_TYPES}")));
    }
    let mut keys = HashSet::new();
    for (index, spec) in specs.iter().enumerate() {
        let place = format!("ticket_types[{index}].key");
        check_name(&spec.key, &place)?;
        if !keys.insert(&spec.key) {
            return Err(Fault::new(place, format!("{:?} comes twice", spec.key)));
        }
    }
    let of_spec = |spec: &TicketTypeSpec| TicketType {
        key: spec.key.clone(),
        name: spec.name.clone().unwrap_or_else(|| spec.key.clone()),
    };
    Ok(specs.iter().map(of_spec).collect())
}

fn check_categories(specs: &[CategorySpec]) -> Result<(), Fault> {
    let mut keys = HashSet::new();
    for (index, spec) in specs.iter().enumerate() {
        let place = format!("categories[{index}].key");
        check_name(&spec.key, &place)?;
        if !keys.insert(&spec.key) {
            return Err(Fault::new(place, format!("{:?} comes twice", spec.key)));
        }
    }
    Ok(())
}

fn prices_of(
    index: usize,
    spec: &CategorySpec,
    ticket_types: &[TicketType],
) -> Result<Vec<Option<i64>>, Fault> {
    let place = format!("categories[{index}]");
    match (&spec.prices, spec.price) {
        (None, Some(price)) => {
            let price = checked(price, &format!("{place}.price"))?;
            Ok(vec![Some(price); ticket_types.len()])
        }
        (Some(prices), None) => {
            let is_known = |key: &&String| ticket_types.iter().any(|known| known.key == **key);
            if let Some(key) = prices.keys().find(|key| !is_known(key)) {
                return Err(Fault::new(
                    format!("{place}.prices"),
                    format!("there is no ticket type {key:?}"),
                ));
            }
            if prices.is_empty() {
                return Err(Fault::new(format!("{place}.prices"), "must be at least 1"));
            }
            let price = |of: &TicketType| {
                let price = prices.get(&of.key);
                price.map(|price| checked(*price, &format!("{place}.prices.{}", of.key))).transpose()
            };
            ticket_types.iter().map(price).collect()
        }
        _ => Err(Fault::new(place, "has either prices or a price")),
    }
}

fn checked(price: i64, place: &str) -> Result<i64, Fault> {
    if (0..=MAX_PRICE_MINOR).contains(&price) {
        return Ok(price);
    }
    Err(Fault::new(place, format!("a price is 0 to {MAX_PRICE_MINOR}, not {price}")))
}
