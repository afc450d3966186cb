//! The built-in tools, as a model is told of them.

/// One built-in tool.
pub(super) struct BuiltIn {
    pub name: &'static str,
    /// The `action` of the step it comes down to.
    pub action: &'static str,
    pub description: &'static str,
    /// JSON Schema of its arguments.
    pub parameters: &'static str,
    /// Arguments that fit.
    pub example: &'static str,
}

const SELECTOR: &str = r#"{"type":"object","properties":{"selector":{"type":"string","description":"CSS, or ref=e12 from the newest browser_snapshot"}},"required":["selector"],"additionalProperties":false}"#;

pub(super) const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "browser_navigate",
        action: "goto",
        description: "Open an address in your browser. Only hosts on your list can be reached.",
        parameters: r#"{"type":"object","properties":{"url":{"type":"string"}},"required":["url"],"additionalProperties":false}"#,
        example: r#"{"url":"http://rehearsal.localhost/jobs"}"#,
    },
    BuiltIn {
        name: "browser_snapshot",
        action: "snapshot",
        description: "The page as compact text; elements carry refs such as e12 that other tools take as ref=e12.",
        parameters: r#"{"type":"object","properties":{},"additionalProperties":false}"#,
        example: "{}",
    },
    BuiltIn {
        name: "browser_click",
        action: "click",
        description: "Press an element. It cannot be taken back.",
        parameters: SELECTOR,
        example: r#"{"selector":"ref=e12"}"#,
    },
    BuiltIn {
        name: "browser_fill",
        action: "type",
        description: "Fill a field, replacing what it holds. A secret you were given is written ${secret:name}.",
        parameters: r#"{"type":"object","properties":{"selector":{"type":"string"},"text":{"type":"string"}},"required":["selector","text"],"additionalProperties":false}"#,
        example: r##"{"selector":"#email","text":"ada@example.org"}"##,
    },
    BuiltIn {
        name: "browser_select",
        action: "select",
        description: "Choose an option of a list by its value.",
        parameters: r#"{"type":"object","properties":{"selector":{"type":"string"},"value":{"type":"string"}},"required":["selector","value"],"additionalProperties":false}"#,
        example: r##"{"selector":"#kind","value":"fixed"}"##,
    },
    BuiltIn {
        name: "browser_wait_for",
        action: "wait_for",
        description: "Wait until an element is there and visible.",
        parameters: SELECTOR,
        example: r##"{"selector":"#done"}"##,
    },
    BuiltIn {
        name: "browser_extract",
        action: "extract",
        description: "Read the text, or an attribute, of the first match.",
        parameters: r#"{"type":"object","properties":{"selector":{"type":"string"},"attribute":{"type":"string"}},"required":["selector"],"additionalProperties":false}"#,
        example: r#"{"selector":"h1"}"#,
    },
    BuiltIn {
        name: "browser_screenshot",
        action: "screenshot",
        description: "Keep a picture of the page as proof.",
        parameters: r#"{"type":"object","properties":{"caption":{"type":"string"},"full_page":{"type":"boolean"}},"additionalProperties":false}"#,
        example: r#"{"caption":"confirmation"}"#,
    },
    BuiltIn {
        name: "browser_expect_title",
        action: "expect_title",
        description: "Prove that the page's title contains a text.",
        parameters: r#"{"type":"object","properties":{"contains":{"type":"string"}},"required":["contains"],"additionalProperties":false}"#,
        example: r#"{"contains":"Submitted"}"#,
    },
    BuiltIn {
        name: "browser_expect_text",
        action: "expect_text",
        description: "Prove that the page, or one element of it, shows a text.",
        parameters: r#"{"type":"object","properties":{"contains":{"type":"string"},"selector":{"type":"string"}},"required":["contains"],"additionalProperties":false}"#,
        example: r#"{"contains":"Thank you"}"#,
    },
    BuiltIn {
        name: "browser_expect_selector",
        action: "expect_selector",
        description: "Prove that an element is there and visible.",
        parameters: SELECTOR,
        example: r##"{"selector":"#done"}"##,
    },
    BuiltIn {
        name: "file_write",
        action: "write_file",
        description: "Write a file in your folder.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string"},"description":{"type":"string"}},"required":["path","content"],"additionalProperties":false}"#,
        example: r#"{"path":"notes.md","content":"One line."}"#,
    },
    BuiltIn {
        name: "csv_append",
        action: "append_csv",
        description: "Add one row to a CSV file in your folder: column names with their values.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"},"row":{"type":"object","additionalProperties":{"type":"string"}},"description":{"type":"string"}},"required":["path","row"],"additionalProperties":false}"#,
        example: r#"{"path":"log.csv","row":{"day":"Monday","sent":"2"}}"#,
    },
];
