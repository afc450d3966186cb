//! JSON text to a value, refusing a field that stands twice in one object.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use crate::web::errors::{FieldError, Problem};

/// Reads a whole body as JSON; an empty one is an empty object.
pub fn parse_json(bytes: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::malformed(format!("The body is not UTF-8: byte {} is wrong. Send UTF-8.", error.valid_up_to() + 1))
    })?;
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let mut from = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    value.map_err(|error| match error.classify() {
        serde_json::error::Category::Data => match error.to_string().strip_prefix(TWICE) {
            Some(rest) => {
                let field = rest.split('`').next().unwrap_or_default();
                Problem::invalid(vec![FieldError::new(field, "stands twice; send it once")])
            }
            None => Problem::malformed(format!("The body is not JSON: {error}.")),
        },
        _ => Problem::malformed(format!("The body is not JSON: {error}. Send one JSON object.")),
    })
}

const TWICE: &str = "doubled field `";

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<KeyText>()? {
            let value = map.next_value_seed(Self)?;
            if object.insert(key.0.clone(), value).is_some() {
                return Err(A::Error::custom(format!("{TWICE}{}`", key.0)));
            }
        }
        Ok(Value::Object(object))
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct KeyText(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_field_is_refused_by_name() {
        let problem = parse_json(br#"{"a": {"b": 1, "b": 2}}"#).unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.errors[0].field.as_str()), (422, "b"));
        assert_eq!(parse_json(b" ").unwrap(), serde_json::json!({}));
        assert_eq!(parse_json(b"{\"a\": \xff}").unwrap_err().status, 400);
        assert_eq!(parse_json(b"{} {}").unwrap_err().status, 400);
        assert_eq!(parse_json("[".repeat(100_000).as_bytes()).unwrap_err().status, 400, "depth is bounded");
    }
}
