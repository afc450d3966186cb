//! Two fixed vectors, computed by another program (Python's `hashlib`). They never change: form 1 is form 1.

use serde_json::json;

use super::{header, parse, render, sha256};
use crate::domain::{ArtifactKind, ArtifactRef, Body, ChainId, Cost, Draft, Effect, PersonaId, Phase, ReceiptKind};

const LEAST: &str = r#"{"v":1,"chain":"01890a5d-ac96-774b-bcce-b302099a8057","seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","at_ms":0,"node":"n1","kind":"log","body":"5b3e65ac3e68287106e34ec6a001f45dfee2398f72985a983ea4fa8cc1d8f054"}"#;
const LEAST_HASH: &str = "879dab8c035220b5819855c2492d8c904eafbc3ff64c510461faceba68cb7dfb";

const MOST_BODY: &str = r#"{"summary":"clicked \"Śend\"","data":{"n":3,"note":"a\nb"},"artifacts":[{"kind":"screenshot","name":"é.jpg","media_type":"image/jpeg","bytes":5,"hash":"55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8"}],"cost":{"input_tokens":1,"output_tokens":2,"micro_usd":3},"error":"too late"}"#;
const MOST: &str = concat!(
    r#"{"v":1,"chain":"system:node-2","seq":9007199254740991,"prev":"879dab8c035220b5819855c2492d8c904eafbc3ff64c510461faceba68cb7dfb","at_ms":1795176000123,"node":"node-2","kind":"execution","phase":"outcome","state":"done","tool":"browser_click","effect":"irreversible","goal":"01890a5d-ac96-774b-bcce-b302099a8058","run":"01890a5d-ac96-774b-bcce-b302099a8059","step":4294967295,"replay_of":7,"trace":"01890a5dac96774bbcceb302099a805a","project":"café 日本 \"q\" \\ / \b\f\n\r\t\u0001\u001f"#,
    "\u{7f}",
    r#" 🎭","units":-2,"body":"5c5d0a1e88406accdb5755d73fa0283b0fc8d10baca84f16ce435f8c734aa7c0"}"#
);
const MOST_HASH: &str = "dc1ca84163d293e531c5abe5cd35ed8e15d391e0c8db8748bc012173b1af24be";

/// The arguments differ only in what the vector shows.
fn draft(chain: ChainId, node: &str, kind: ReceiptKind) -> Draft {
    Draft::new(chain, 0, node.parse().unwrap(), kind, [0; 16], Body { summary: "began".to_owned(), ..Body::default() })
}

fn id<T: From<[u8; 16]>>(last: u8) -> T {
    let mut bytes = *uuid::uuid!("01890a5d-ac96-774b-bcce-b302099a8000").as_bytes();
    bytes[15] = last;
    bytes.into()
}

fn most() -> Draft {
    let photo = ArtifactRef {
        kind: ArtifactKind::Screenshot,
        name: "é.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        bytes: 5,
        hash: sha256(b"photo"),
        missing: false,
    };
    Draft {
        at_ms: 1_795_176_000_123,
        phase: Some(Phase::Outcome),
        state: Some("done"),
        tool: Some("browser_click".into()),
        effect: Some(Effect::Irreversible),
        goal: Some(id(0x58)),
        run: Some(id(0x59)),
        step: Some(u32::MAX),
        replay_of: Some(7),
        trace: Some(id(0x5a)),
        project: Some("café 日本 \"q\" \\ / \u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f} 🎭".to_owned()),
        units: Some(-2),
        salt: std::array::from_fn(|n| u8::try_from(n).unwrap()),
        body: Body {
            summary: "clicked \"Śend\"".to_owned(),
            data: json!({ "note": "a\nb", "n": 3 }),
            artifacts: vec![photo],
            cost: Some(Cost { input_tokens: 1, output_tokens: 2, micro_usd: 3 }),
            error: Some("too late".to_owned()),
        },
        ..draft(ChainId::System("node-2".parse().unwrap()), "node-2", ReceiptKind::Execution)
    }
}

#[test]
fn the_least_header_is_byte_for_byte_as_written_down() {
    let draft = draft(ChainId::Persona(id(0x57)), "n1", ReceiptKind::Log);
    let rendered = render(&draft);
    assert_eq!(rendered.body, r#"{"summary":"began"}"#);
    let header = header(&draft.chain, 1, &crate::domain::Hash::ZERO, &rendered.header_tail);
    assert_eq!(header, LEAST);
    assert_eq!(sha256(header.as_bytes()).to_string(), LEAST_HASH);
}

#[test]
fn a_header_with_every_key_is_byte_for_byte_as_written_down() {
    let draft = most();
    let rendered = render(&draft);
    assert_eq!(rendered.body, MOST_BODY);
    let prev = LEAST_HASH.parse().unwrap();
    let header = header(&draft.chain, (1 << 53) - 1, &prev, &rendered.header_tail);
    assert_eq!(header, MOST);
    assert_eq!(sha256(header.as_bytes()).to_string(), MOST_HASH);
}

#[test]
fn a_header_is_read_back_as_it_was_meant_and_by_any_json_reader() {
    let (read, draft) = (parse(MOST).unwrap(), most());
    assert_eq!(read.project.as_deref(), draft.project.as_deref());
    assert_eq!((read.seq, read.at_ms, read.step), ((1 << 53) - 1, draft.at_ms, draft.step));
    assert!(matches!(read.tool, Some(std::borrow::Cow::Borrowed("browser_click"))), "read without a copy");
    let any: serde_json::Value = serde_json::from_str(MOST).unwrap();
    assert_eq!(any["project"].as_str(), draft.project.as_deref());
    let PersonaId(persona) = id(0x57);
    assert_eq!(parse(LEAST).unwrap().chain, persona.to_string());
}

#[test]
fn what_is_not_form_1_is_refused() {
    assert!(parse(&LEAST.replace("\"kind\"", "\"colour\":1,\"kind\"")).is_err(), "an unknown key");
    assert!(parse(&LEAST.replace("\"kind\"", "\"kind\":\"log\",\"kind\"")).is_err(), "a key twice");
    assert!(parse(&LEAST.replace("\"at_ms\":0", "\"at_ms\":0.5")).is_err(), "a fraction");
    assert!(parse(&LEAST.replace("\"kind\":\"log\",", "")).is_err(), "a key missing");
    assert!(parse(&LEAST.replace("\"kind\"", "\"phase\":null,\"kind\"")).is_err(), "absent keys are left out");
}
