//! Serde's complaints in the words of whoever reads them, in settings and in requests: no types of this program's
//! language.

use serde::de::{Expected, Unexpected};

/// What should have stood there, and what did.
pub fn wrong_sort(found: &Unexpected<'_>, wanted: &dyn Expected) -> String {
    format!("must be {}, it is {}", wanted_sort(&wanted.to_string()), found_sort(found))
}

/// The same of a complaint that serde has already written: "invalid type: string \"x\", expected u16".
pub fn wrong_sort_of(complaint: &str) -> Option<String> {
    let said = complaint.strip_prefix("invalid type: ").or_else(|| complaint.strip_prefix("invalid value: "))?;
    let (found, wanted) = said.rsplit_once(", expected ")?;
    let found = found.replace("string ", "the text ").replace("integer ", "").replace("floating point ", "");
    let found = match found.as_str() {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => found.replace("boolean ", "").replace('`', ""),
    };
    Some(format!("must be {}, it is {found}", wanted_sort(wanted)))
}

fn wanted_sort(wanted: &str) -> String {
    match wanted {
        "u64" | "usize" | "u128" => "a whole number, 0 or more".to_owned(),
        "i64" | "isize" | "i32" | "i128" => "a whole number".to_owned(),
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        nonzero if nonzero.starts_with("a nonzero ") => "a whole number, 1 or more".to_owned(),
        own if own.starts_with("struct ") || own.starts_with("internally tagged enum ") => "an object".to_owned(),
        own => own.to_owned(),
    }
}

fn found_sort(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(text) => format!("the text {:?}", text.chars().take(60).collect::<String>()),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_complaint_is_said_in_the_same_words() {
        let (found, wanted) = (Unexpected::Str("x"), "u16");
        let written = format!("invalid type: {found}, expected {wanted}");
        assert_eq!(wrong_sort_of(&written).unwrap(), wrong_sort(&found, &wanted));
        assert_eq!(wrong_sort(&found, &wanted), "must be a whole number from 0 to 65535, it is the text \"x\"");
        let written = format!("invalid value: {}, expected a nonzero usize", Unexpected::Unsigned(0));
        assert_eq!(wrong_sort_of(&written).unwrap(), "must be a whole number, 1 or more, it is 0");
        assert_eq!(wrong_sort_of("cannot be so"), None);
    }
}
