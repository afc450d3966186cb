//! The accessibility tree as compact text: what a page says and offers, with refs to act on. Pure.

use std::{collections::HashMap, fmt::Write};

use serde_json::Value;

const LONGEST_NAME: usize = 160;
/// Options of a list beyond this many are counted, not listed.
const MOST_OPTIONS: usize = 12;

/// Things one can act on: these get refs.
const ACTED_ON: [&str; 20] = [
    "button",
    "checkbox",
    "combobox",
    "gridcell",
    "link",
    "listbox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "option",
    "radio",
    "scrollbar",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "treeitem",
    "Canvas",
];

/// Things worth a line even without a name.
const STRUCTURE: [&str; 18] = [
    "list",
    "listitem",
    "navigation",
    "main",
    "article",
    "form",
    "table",
    "row",
    "cell",
    "dialog",
    "alertdialog",
    "heading",
    "banner",
    "contentinfo",
    "search",
    "region",
    "alert",
    "Iframe",
];

const STATES: [&str; 9] =
    ["checked", "expanded", "pressed", "selected", "disabled", "required", "focused", "level", "invalid"];

/// Writes the tree down until `room` bytes are used; `number` gives a node its ref.
pub(super) fn compact(tree: &Value, room: usize, number: &mut dyn FnMut(i64) -> u32) -> String {
    let nodes = tree["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let by_id: HashMap<&str, &Value> = nodes.iter().filter_map(|node| Some((node["nodeId"].as_str()?, node))).collect();
    let mut writer = Writer { by_id, number, text: String::new(), room, left_out: 0 };
    if let Some(root) = nodes.first() {
        writer.walk(root, 0, "");
    }
    if writer.left_out > 0 {
        // A String takes everything.
        let _ = writeln!(writer.text, "… {} more lines did not fit", writer.left_out);
    }
    writer.text
}

struct Writer<'a> {
    by_id: HashMap<&'a str, &'a Value>,
    number: &'a mut dyn FnMut(i64) -> u32,
    text: String,
    room: usize,
    left_out: usize,
}

impl<'a> Writer<'a> {
    /// Depth-first with a list of its own: a page may nest deeper than the stack.
    fn walk(&mut self, root: &'a Value, depth: usize, under: &str) {
        let mut waiting = vec![(root, depth, under.to_owned())];
        while let Some((node, depth, under)) = waiting.pop() {
            let Some((depth, under)) = self.line(node, depth, under) else { continue };
            let children = node["childIds"].as_array().map(Vec::as_slice).unwrap_or_default();
            let children: Vec<&'a Value> =
                children.iter().filter_map(|id| self.by_id.get(id.as_str()?).copied()).collect();
            let options = children.iter().filter(|child| role(child) == "option").count();
            let shown = if options == children.len() { MOST_OPTIONS } else { usize::MAX };
            if options > shown {
                self.push(depth, &format!("… {} more options", options - shown));
            }
            waiting.extend(children.into_iter().take(shown).rev().map(|child| (child, depth, under.clone())));
        }
    }

    /// Writes a node's line if it is worth one; says how its children are written, or none: not at all.
    fn line(&mut self, node: &Value, depth: usize, under: String) -> Option<(usize, String)> {
        let (role, name) = (role(node), name(node));
        if role == "InlineTextBox" || role == "StaticText" {
            // The name of a button or heading has just been said.
            if role == "StaticText" && !name.is_empty() && !under.contains(&name) {
                self.push(depth, &format!("text: {name}"));
            }
            return None;
        }
        let acted_on = ACTED_ON.contains(&role);
        let ignored = node["ignored"].as_bool().unwrap_or_default();
        let shown = acted_on || !name.is_empty() || STRUCTURE.contains(&role);
        if ignored || !shown || matches!(role, "RootWebArea" | "none" | "generic" | "") {
            return Some((depth, under));
        }
        let mut line = role.to_lowercase();
        if !name.is_empty() {
            let _ = write!(line, " \"{name}\"");
        }
        line.push_str(&value(node));
        line.push_str(&states(node));
        if let (true, Some(backend)) = (acted_on, node["backendDOMNodeId"].as_i64())
            && self.fits(depth, line.len() + 12)
        {
            let _ = write!(line, " [ref=e{}]", (self.number)(backend));
        }
        self.push(depth, &line);
        // A field's text stands in its line; a password's must not stand anywhere.
        if matches!(role, "textbox" | "searchbox" | "spinbutton") && !value(node).is_empty() {
            return None;
        }
        let says_it = acted_on || role == "heading";
        Some((depth + 1, if says_it { name } else { String::new() }))
    }

    fn fits(&self, depth: usize, length: usize) -> bool {
        self.left_out == 0 && self.text.len() + 2 * depth + length + 3 <= self.room
    }

    fn push(&mut self, depth: usize, line: &str) {
        if self.fits(depth, line.len()) {
            let _ = writeln!(self.text, "{:indent$}- {line}", "", indent = 2 * depth);
        } else {
            self.left_out += 1;
        }
    }
}

fn role(node: &Value) -> &str {
    node["role"]["value"].as_str().unwrap_or_default()
}

fn name(node: &Value) -> String {
    one_line(node["name"]["value"].as_str().unwrap_or_default())
}

fn one_line(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "'");
    let cut: String = flat.chars().take(LONGEST_NAME).collect();
    if cut.len() < flat.len() { format!("{cut}…") } else { cut }
}

/// Chromium shows a password as dots; not even their number is passed on.
fn value(node: &Value) -> String {
    let held = &node["value"]["value"];
    let text = held.as_str().map_or_else(|| if held.is_null() { String::new() } else { held.to_string() }, one_line);
    match text.as_str() {
        "" => String::new(),
        dots if dots.chars().all(|c| c == '•' || c == '●' || c == '*') => " value=(masked)".to_owned(),
        text => format!(" value=\"{text}\""),
    }
}

fn states(node: &Value) -> String {
    let properties = node["properties"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    for state in STATES {
        let Some(property) = properties.iter().find(|property| property["name"] == state) else { continue };
        if state == "level" && role(node) != "heading" {
            continue;
        }
        let _ = match &property["value"]["value"] {
            Value::Bool(false) | Value::Null => Ok(()),
            Value::Bool(true) => write!(text, " [{state}]"),
            Value::String(word) if word == "false" => Ok(()),
            Value::String(word) if word == "true" => write!(text, " [{state}]"),
            Value::String(word) => write!(text, " [{state}={word}]"),
            other => write!(text, " [{state}={other}]"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(id: &str, role: &str, name: &str, children: &[&str]) -> Value {
        json!({ "nodeId": id, "role": { "value": role }, "name": { "value": name }, "childIds": children,
                "backendDOMNodeId": id.parse::<i64>().unwrap() + 100 })
    }

    fn text_of(nodes: Vec<Value>, room: usize) -> String {
        compact(&json!({ "nodes": nodes }), room, &mut |backend| u32::try_from(backend - 100).unwrap())
    }

    #[test]
    fn a_form_becomes_a_few_lines_with_refs() {
        let mut password = node("5", "textbox", "Password", &[]);
        password["value"]["value"] = json!("•••••");
        let mut follow = node("6", "checkbox", "Follow", &[]);
        follow["properties"] = json!([{ "name": "checked", "value": { "value": "true" } },
                                      { "name": "disabled", "value": { "value": false } }]);
        let nodes = vec![
            node("1", "RootWebArea", "Login", &["2"]),
            node("2", "main", "", &["3", "4", "5", "6"]),
            node("3", "generic", "", &["7"]),
            node("4", "button", "Sign in", &["8"]),
            password,
            follow,
            node("7", "StaticText", "Welcome\n back", &[]),
            node("8", "StaticText", "Sign in", &[]),
        ];
        insta::assert_snapshot!(text_of(nodes, 20_000), @r#"
        - main
          - text: Welcome back
          - button "Sign in" [ref=e4]
          - textbox "Password" value=(masked) [ref=e5]
          - checkbox "Follow" [checked] [ref=e6]
        "#);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_gets_no_ref() {
        let ids: Vec<String> = (2..60).map(|id| id.to_string()).collect();
        let children: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut nodes = vec![node("1", "RootWebArea", "", &children)];
        nodes.extend(ids.iter().map(|id| node(id, "button", "Press", &[])));
        let text = text_of(nodes, 300);
        assert!(text.len() < 350 && text.contains("more lines did not fit"), "{text}");
    }

    #[test]
    fn a_long_list_of_options_is_folded() {
        let ids: Vec<String> = (3..40).map(|id| id.to_string()).collect();
        let children: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut nodes = vec![node("1", "RootWebArea", "", &["2"]), node("2", "combobox", "Country", &children)];
        nodes.extend(ids.iter().map(|id| node(id, "option", "Land", &[])));
        let text = text_of(nodes, 20_000);
        assert!(text.contains("… 25 more options"), "{text}");
        assert_eq!(text.lines().count(), 14);
    }
}
