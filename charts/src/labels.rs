//! Labels as they stand in JSON: a text of ranges, or a list.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::range_text::{Labelled, RangeError, expand};

/// A text such as `1-12|14-25`, or a list of labels in which `null` is an aisle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Labels {
    /// A text of ranges.
    Text(String),
    /// Labels one by one.
    List(Vec<Option<String>>),
}

impl Labels {
    /// The labels, in the order of the house.
    pub fn expand(&self) -> Result<Vec<Labelled>, RangeError> {
        match self {
            Self::Text(text) => expand(text),
            Self::List(list) => {
                let mut labels: Vec<Labelled> = Vec::with_capacity(list.len());
                let mut aisle_before = false;
                for label in list {
                    match label {
                        None => aisle_before = true,
                        Some(label) => {
                            let aisle_before = std::mem::take(&mut aisle_before) && !labels.is_empty();
                            labels.push(Labelled { label: label.clone(), aisle_before });
                        }
                    }
                }
                Ok(labels)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = Labels;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a text such as \"1-12|14-25\", or a list of labels in which null is an aisle")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Labels, E> {
        Ok(Labels::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Labels, A::Error> {
        let mut labels = Vec::new();
        while let Some(label) = list.next_element()? {
            labels.push(label);
        }
        Ok(Labels::List(labels))
    }
}
