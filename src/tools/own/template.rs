//! The beginning of an own tool: a manifest and a program that work as they are.

/// What a new tool is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Python,
    Sh,
}

const PYTHON: &str = r#"#!/usr/bin/env python3
"""Reads its arguments as JSON, writes its answer as JSON. /workspace is the persona's folder."""
import json
import sys

arguments = json.load(sys.stdin)
words = arguments["text"].split()
json.dump({"words": len(words), "longest": max(words, key=len, default="")}, sys.stdout)
"#;

const SH: &str = r#"#!/bin/sh
# Reads its arguments as JSON, writes its answer as JSON. /workspace is the persona's folder.
set -eu
arguments=$(cat)
printf '{"bytes": %d}\n' "${#arguments}"
"#;

/// The files of a new tool: name and content.
pub fn files(name: &str, language: Language) -> [(&'static str, String); 2] {
    let (program, file, text) = match language {
        Language::Python => ("python3", "tool.py", PYTHON),
        Language::Sh => ("sh", "tool.sh", SH),
    };
    let manifest = format!(
        r#"name = "{name}"
# A model chooses by this sentence.
description = "Looks at a text and says something about it."
version = "1"
# It begins in /workspace; ./ is this folder.
command = ["{program}", "./{file}"]
# pure: sees no workspace. read: cannot write there. idempotent: may, and is given `key`, the same whenever the same
# step is tried again. irreversible: asks a person first.
effect = "pure"
timeout = "10s"
memory_mb = 256
# true: it reaches the hosts of its persona, through the proxy that HTTP_PROXY and HTTPS_PROXY name, and nothing else.
network = false
# "bubblewrap" or "container"; left out: what the settings say (`tools.isolation`).
# isolation = "container"
keywords = ["text"]
# Names of other tools without which it is of no use.
requires = []

# JSON Schema: what does not fit never reaches the tool.
[parameters]
type = "object"
required = ["text"]
additionalProperties = false

[parameters.properties.text]
type = "string"
description = "What is looked at."

[[examples]]
arguments = {{ text = "to be or not to be" }}
"#
    );
    [(super::FILE, manifest), (file, text.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::own::manifest;

    #[test]
    fn a_new_tool_is_sound() {
        for language in [Language::Python, Language::Sh] {
            let [(_, text), _] = files("look_at", language);
            let (manifest, _) = manifest::parse(&text, "look_at").unwrap();
            assert_eq!(manifest.examples.len(), 1);
        }
    }
}
