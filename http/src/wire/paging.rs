//! Pages of lists: `limit`, `cursor`, and the `Link` to the next page. A cursor is the id of the last item.

use std::fmt::Display;
use std::str::FromStr;

use crate::wire::problem::Problem;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: i64 = 100;

/// One page that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Page<Id> {
    /// How many items at most.
    pub limit: u32,
    /// After which item it begins; `None`: at the newest.
    pub after: Option<Id>,
}

impl<Id: FromStr + Display + Copy> Page<Id> {
    /// The page that these query parameters ask for.
    pub fn new(limit: Option<i64>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(limit @ 1..=MAX_LIMIT) => limit as u32,
            Some(_) => return Err(Problem::invalid_field("limit", format!("must be 1 to {MAX_LIMIT}"))),
        };
        let after = cursor.map(str::parse).transpose();
        let after = after.map_err(|_| Problem::invalid_field("cursor", "is not a cursor of this list"))?;
        Ok(Self { limit, after })
    }

    /// How many items to fetch, to know whether there is a page after this one.
    pub fn fetch(&self) -> u32 {
        self.limit + 1
    }

    /// Cuts the extra item off, and returns the `Link` to the next page if there is one.
    pub fn cut<T>(
        &self,
        items: &mut Vec<T>,
        path: &str,
        filter: Option<(&str, &str)>,
        id: impl Fn(&T) -> Id,
    ) -> Option<String> {
        let limit = self.limit as usize;
        if items.len() <= limit {
            return None;
        }
        items.truncate(limit);
        let cursor = id(items.last()?);
        let filter = filter.map(|(name, value)| format!("&{name}={value}")).unwrap_or_default();
        Some(format!("<{path}?limit={limit}&cursor={cursor}{filter}>; rel=\"next\""))
    }
}
