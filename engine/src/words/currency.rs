//! The currencies of ISO 4217.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The codes of national currencies by the number of decimals of their minor unit, from list one of ISO
/// 4217's maintenance agency (SIX) of 2026: no funds, metals or codes for tests, in which no price is. A code
/// stays here when it goes out of use, since stored events can have it.
const CODES: [(u8, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY \
         COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
         IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR \
         MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG \
         SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES \
         WST XCD XCG YER ZAR ZMW ZWG",
    ),
];

/// A currency of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// The Japanese yen, which has no minor unit.
    pub const JPY: Currency = Currency { code: *b"JPY", decimals: 0 };

    /// How many digits of an amount in minor units are decimals.
    pub fn decimals(self) -> u8 {
        self.decimals
    }
}

/// A text that is no currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is a code of ISO 4217 that is in use, such as JPY")]
pub struct InvalidCurrency;

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let is_text = |(_, codes): &&(u8, &str)| codes.split(' ').any(|code| code == text);
        let (decimals, _) = CODES.iter().find(is_text).ok_or(InvalidCurrency)?;
        let code = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        Ok(Self { code, decimals: *decimals })
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.iter().try_for_each(|&letter| write!(f, "{}", char::from(letter)))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_currencies_are_taken_and_their_decimals_known() {
        assert_eq!("JPY".parse(), Ok(Currency::JPY));
        for (code, decimals) in [("IDR", 2), ("KRW", 0), ("KWD", 3), ("USD", 2), ("XOF", 0)] {
            let currency: Currency = code.parse().expect("it is known");
            assert_eq!((currency.to_string().as_str(), currency.decimals()), (code, decimals));
        }
        for text in ["ABC", "XXX", "XTS", "XAU", "usd", "", " ", "US", "USDX", "EUR USD"] {
            assert_eq!(text.parse::<Currency>(), Err(InvalidCurrency), "{text:?}");
        }
    }

    #[test]
    fn each_code_is_there_once() {
        let mut codes: Vec<_> = CODES.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert!(codes.iter().all(|code| code.len() == 3));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
