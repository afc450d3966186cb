//! Both forms, whatever comes and however it is cut.

use actors::domain::Turn;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KINDS: [ProviderKind; 2] = [ProviderKind::OpenAi, ProviderKind::Anthropic];

/// A talk without tools.
fn request() -> ChatRequest {
    ChatRequest {
        model: None,
        turns: vec![Turn::User { text: "Hello".into() }],
        tools: Vec::new(),
        must_answer: false,
        max_output_tokens: 100,
        temperature_thousandths: None,
        answer_schema: None,
    }
}

fn asked(request: &ChatRequest) -> Asked<'_> {
    let output_limit_field = OutputLimitField::MaxTokens;
    Asked { request, raw: None, model: "m", temperature_thousandths: Some(1_500), output_limit_field, streaming: true }
}

/// What is heard of a stream that arrives in parts of these sizes, over and over.
fn heard(kind: ProviderKind, stream: &[u8], parts: &[usize]) -> Result<(String, Answer), Malformed> {
    let (mut events, mut listener) = (Events::default(), Listener::new(kind, &request()));
    let (mut told, mut rest) = (String::new(), stream);
    for part in parts.iter().cycle() {
        if rest.is_empty() || listener.is_over() {
            break;
        }
        let (now, later) = rest.split_at((*part).clamp(1, rest.len()));
        for data in events.push(now)? {
            told.push_str(&listener.hear(&data)?.unwrap_or_default());
        }
        rest = later;
    }
    Ok((told, listener.finish()?))
}

/// An answer's words, and its calls with the parts of their arguments.
type Said = (Vec<String>, Vec<(String, Vec<String>)>);

fn said() -> impl Strategy<Value = Said> {
    let parts = || prop::collection::vec("\\PC{0,12}", 0..6);
    (parts(), prop::collection::vec(("[a-z_]{1,8}", parts()), 0..4))
}

fn events_of(kind: ProviderKind, (words, calls): &Said) -> Vec<Value> {
    let mut events = Vec::new();
    match kind {
        ProviderKind::OpenAi => {
            let chunk = |delta: Value| json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
            events.extend(words.iter().map(|word| chunk(json!({"content": word}))));
            for (index, (name, parts)) in calls.iter().enumerate() {
                let first = json!({"index": index, "id": format!("c{index}"), "function": {"name": name}});
                events.push(chunk(json!({"tool_calls": [first]})));
                events.extend(parts.iter().map(|part| {
                    chunk(json!({"tool_calls": [{"index": index, "function": {"name": "", "arguments": part}}]}))
                }));
            }
            events.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
            events.push(json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}));
        }
        ProviderKind::Anthropic => {
            events.push(json!({"type": "message_start", "message": {"usage": {"input_tokens": 7}}}));
            let block = |index: usize, block: Value, kind: &str, key: &str, parts: &[String]| {
                let delta =
                    |part| json!({"type": "content_block_delta", "index": index, "delta": {"type": kind, key: part}});
                let start = json!({"type": "content_block_start", "index": index, "content_block": block});
                let stop = json!({"type": "content_block_stop", "index": index});
                std::iter::once(start).chain(parts.iter().map(delta)).chain([stop]).collect::<Vec<_>>()
            };
            events.extend(block(0, json!({"type": "text"}), "text_delta", "text", words));
            for (index, (name, parts)) in calls.iter().enumerate() {
                let call = json!({"type": "tool_use", "id": format!("c{index}"), "name": name});
                events.extend(block(index + 1, call, "input_json_delta", "partial_json", parts));
            }
            let delta =
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}});
            events.extend([delta, json!({"type": "message_stop"})]);
        }
    }
    events
}

fn stream_of(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn whole_of(kind: ProviderKind, said: &Said) -> String {
    let end = if kind == ProviderKind::OpenAi { "data: [DONE]\n\n" } else { "" };
    stream_of(&events_of(kind, said)) + end
}

const WORDS: &str = "message_start content_block_start content_block_delta content_block_stop message_delta message_stop \
                     text tool_use text_delta input_json_delta error stop tool_calls";
const KEYS: &str = "type choices delta index tool_calls function name arguments content message finish_reason stop_reason \
                    content_block partial_json text usage error code id input model prompt_tokens input_tokens \
                    output_tokens";

/// JSON that looks like what providers send, with anything anywhere.
fn lookalike() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(WORDS.split_whitespace().chain([""]).collect::<Vec<_>>());
    let keys = prop::sample::select(KEYS.split_whitespace().collect::<Vec<_>>());
    let leaf = prop_oneof![
        4 => words.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        2 => (0..3_u32).prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            3 => prop::collection::vec((keys.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

fn is_sound(answer: &Answer) -> bool {
    answer.calls.iter().all(|call| !call.name.is_empty() && !call.id.is_empty())
}

proptest! {
    #[test]
    fn a_stream_says_the_same_however_it_is_cut(said in said(), parts in prop::collection::vec(1_usize..90, 1..40)) {
        for kind in KINDS {
            let (told, answer) = heard(kind, whole_of(kind, &said).as_bytes(), &parts).unwrap();
            let (words, calls) = &said;
            prop_assert_eq!(&told, &words.concat());
            prop_assert_eq!(&answer.text, &told);
            prop_assert_eq!(answer.usage, Some(Usage { input: 7, output: 3 }));
            prop_assert_eq!(answer.finish, if calls.is_empty() { Finish::Stop } else { Finish::Calls });
            prop_assert_eq!(answer.calls.len(), calls.len());
            for (call, (name, parts)) in answer.calls.iter().zip(calls) {
                let arguments = parts.concat();
                prop_assert_eq!(&call.name, name);
                // A call without arguments streams none there, and means an empty object.
                let none = kind == ProviderKind::Anthropic && arguments.is_empty();
                prop_assert_eq!(&call.arguments, if none { "{}" } else { &arguments });
            }
        }
    }

    #[test]
    fn a_stream_that_is_cut_short_is_no_answer(said in said(), at in 0.0..1.0_f64) {
        for kind in KINDS {
            let events = events_of(kind, &said);
            // OpenAI's answer is whole when it says why it stopped; what follows only counts the tokens.
            let needed = events.len() - usize::from(kind == ProviderKind::OpenAi);
            let whole = stream_of(&events[..needed]);
            let cut = ((whole.len() - 1) as f64 * at) as usize;
            prop_assert_eq!(heard(kind, &whole.as_bytes()[..cut], &[61]), Err(Malformed::Cut));
            prop_assert!(heard(kind, whole.as_bytes(), &[61]).is_ok());
        }
    }

    #[test]
    fn events_out_of_order_lost_or_doubled_are_survived(
        said in said(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        for kind in KINDS {
            let events = events_of(kind, &said);
            let mixed: Vec<_> = order.iter().map(|index| index.get(&events).clone()).collect();
            if let Ok((_, answer)) = heard(kind, stream_of(&mixed).as_bytes(), &[61]) {
                prop_assert!(is_sound(&answer));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), parts in prop::collection::vec(1_usize..20, 1..8)) {
        for kind in KINDS {
            prop_assert!(kind.read(&bytes, &request()).is_err());
            prop_assert!(heard(kind, &bytes, &parts).is_err());
        }
    }

    #[test]
    fn what_looks_like_an_answer_is_survived(events in prop::collection::vec(lookalike(), 0..12)) {
        for kind in KINDS {
            for event in &events {
                let whole = kind.read(event.to_string().as_bytes(), &request());
                prop_assert!(whole.is_err() || whole.is_ok_and(|answer| is_sound(&answer)));
            }
            if let Ok((_, answer)) = heard(kind, stream_of(&events).as_bytes(), &[61]) {
                prop_assert!(is_sound(&answer));
            }
        }
    }

    #[test]
    fn a_request_is_json_and_holds_every_byte_it_is_bounded_by(turns in prop::collection::vec(turn(), 0..12)) {
        let request = ChatRequest { turns, ..request() };
        let texts = |turn: &Turn| match turn {
            Turn::System { text } | Turn::User { text } | Turn::Tool { text, .. } => text.trim().len(),
            Turn::Assistant { text, calls } => {
                text.trim().len() + calls.iter().map(|call| call.name.len()).sum::<usize>()
            }
        };
        let said: usize = request.turns.iter().map(texts).sum();
        for kind in KINDS {
            let body = kind.body(&asked(&request));
            let json: Value = serde_json::from_slice(&body).unwrap();
            prop_assert!(body.len() >= said);
            prop_assert_eq!(&json["stream"], &json!(true));
            if kind == ProviderKind::Anthropic {
                let roles: Vec<_> = json["messages"].as_array().unwrap().iter().map(|one| one["role"].clone()).collect();
                prop_assert!(roles.windows(2).all(|pair| pair[0] != pair[1]), "sides take turns: {:?}", roles);
            }
        }
    }
}

fn turn() -> impl Strategy<Value = Turn> {
    let call = ("\\PC{0,6}", "[a-z]{1,6}", "\\PC{0,20}");
    let call = call.prop_map(|(id, name, arguments)| ToolCall { id, name, arguments });
    prop_oneof![
        "\\PC{0,20}".prop_map(|text| Turn::System { text }),
        "\\PC{0,20}".prop_map(|text| Turn::User { text }),
        ("\\PC{0,20}", prop::collection::vec(call, 0..3)).prop_map(|(text, calls)| Turn::Assistant { text, calls }),
        ("\\PC{0,6}", "[a-z]{1,6}", "\\PC{0,20}").prop_map(|(call, name, text)| Turn::Tool { call, name, text }),
    ]
}

#[test]
fn results_stand_together_behind_their_calls_and_arguments_are_objects() {
    let call = |id: &str, arguments: &str| ToolCall { id: id.into(), name: "look".into(), arguments: arguments.into() };
    let result = |call: &str| Turn::Tool { call: call.into(), name: "look".into(), text: "seen".into() };
    let calls = vec![call("functions.look:0", "{\"at\":1}"), call("b", "at the"), call("c", "")];
    let turns = vec![
        Turn::User { text: "Look.".into() },
        Turn::Assistant { text: String::new(), calls },
        result("functions.look:0"),
        result("b"),
        Turn::User { text: "And?".into() },
        Turn::System { text: "Be brief.".into() },
    ];
    let request = ChatRequest { turns, ..request() };
    let json: Value = serde_json::from_slice(&ProviderKind::Anthropic.body(&asked(&request))).unwrap();
    let inputs: Vec<_> = (0..3).map(|index| &json["messages"][1]["content"][index]["input"]).collect();
    assert_eq!(inputs, [&json!({"at": 1}), &json!({"arguments": "at the"}), &json!({})]);
    let kinds: Vec<_> = (0..3).map(|index| &json["messages"][2]["content"][index]["type"]).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
    let ids = (&json["messages"][1]["content"][0]["id"], &json["messages"][2]["content"][0]["tool_use_id"]);
    assert_eq!(ids, (&json!("functions_look_0"), &json!("functions_look_0")), "characters that are refused there");
    assert_eq!((&json["system"], &json["temperature"]), (&json!("Be brief."), &json!(1.0)));
}

#[test]
fn arguments_and_names_that_servers_refuse_do_not_end_a_talk() {
    let call = |arguments: &str| ToolCall { id: "a".into(), name: "look".into(), arguments: arguments.into() };
    let calls = ["{\"at\":1}", "", "[1]", "{\"cut\":"].map(call).to_vec();
    let request = ChatRequest { turns: vec![Turn::Assistant { text: String::new(), calls }], ..request() };
    let json: Value = serde_json::from_slice(&ProviderKind::OpenAi.body(&asked(&request))).unwrap();
    let sent: Vec<_> = json["messages"][0]["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["function"]["arguments"])
        .collect();
    assert_eq!(sent, ["{\"at\":1}", "{}", "{\"arguments\":\"[1]\"}", "{\"arguments\":\"{\\\"cut\\\":\"}"]);

    let name = format!("browser.öffne {}", "x".repeat(1_000));
    let plain = format!("browser__ffne_{}", "x".repeat(50));
    let called = json!({"choices": [{"message": {"tool_calls": [{"function": {"name": name, "arguments": "{}"}}]}}]});
    let used = json!({"content": [{"type": "tool_use", "id": "a", "name": name}], "stop_reason": "tool_use"});
    for (kind, body) in [(ProviderKind::OpenAi, called), (ProviderKind::Anthropic, used)] {
        assert_eq!(kind.read(body.to_string().as_bytes(), &request).unwrap().calls[0].name, plain);
    }
    let delta = json!({"tool_calls": [{"index": 0, "function": {"name": name}}]});
    let mut listener = Listener::new(ProviderKind::OpenAi, &request);
    listener.hear(&json!({"choices": [{"delta": delta, "finish_reason": "tool_calls"}]}).to_string()).unwrap();
    assert_eq!(listener.finish().unwrap().calls[0].name, plain);
}

/// What is not counted would cost nothing.
#[test]
fn half_a_count_is_no_count_and_spoils_no_answer() {
    for (usage, counted) in [
        (json!({"prompt_tokens": 7, "completion_tokens": 3}), Some(Usage { input: 7, output: 3 })),
        (json!({"prompt_tokens": null, "completion_tokens": 3}), None),
        (json!({"prompt_tokens": 7}), None),
        (json!({}), None),
        (json!(null), None),
    ] {
        let body = json!({"choices": [{"message": {"content": "So."}}], "usage": usage}).to_string();
        let answer = ProviderKind::OpenAi.read(body.as_bytes(), &request()).unwrap();
        assert_eq!((answer.text.as_str(), answer.usage), ("So.", counted), "{usage}");
    }
    for (usage, counted) in [
        (
            json!({"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 3}),
            Some(Usage { input: 9, output: 3 }),
        ),
        (json!({"input_tokens": 7}), None),
        (json!({"input_tokens": null, "output_tokens": 3}), None),
    ] {
        let body = json!({"content": [], "stop_reason": "end_turn", "usage": usage}).to_string();
        assert_eq!(ProviderKind::Anthropic.read(body.as_bytes(), &request()).unwrap().usage, counted, "{usage}");
    }
}

/// At its beginning a stream has put out next to nothing: without a later count nobody knows.
#[test]
fn the_count_at_the_beginning_of_a_stream_is_none_of_the_answer() {
    for (later, counted) in [(json!({"output_tokens": 3}), Some(Usage { input: 7, output: 3 })), (json!(null), None)] {
        let mut listener = Listener::new(ProviderKind::Anthropic, &request());
        for event in [
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": later}),
            json!({"type": "message_stop"}),
        ] {
            listener.hear(&event.to_string()).unwrap();
        }
        assert_eq!(listener.finish().unwrap().usage, counted);
    }
}

#[test]
fn the_name_of_a_model_is_kept_up_to_a_bound() {
    let long = "m".repeat(5_000_000);
    let body = json!({"model": long, "choices": [{"message": {"content": "So."}}]}).to_string();
    assert_eq!(ProviderKind::OpenAi.read(body.as_bytes(), &request()).unwrap().model.unwrap().len(), 200);
    let body = json!({"model": long, "content": [], "stop_reason": "end_turn"}).to_string();
    assert_eq!(ProviderKind::Anthropic.read(body.as_bytes(), &request()).unwrap().model.unwrap().len(), 200);
}

/// LiteLLM and Bedrock refuse calls in a talk that names no tools.
#[test]
fn who_must_answer_is_told_what_could_be_called_and_that_it_may_not() {
    let tool = actors::domain::ToolOffer { name: "look".into(), description: String::new(), parameters: json!({}) };
    let request = ChatRequest { tools: vec![tool], must_answer: true, ..request() };
    let sent = |kind: ProviderKind, request: &ChatRequest| {
        let json: Value = serde_json::from_slice(&kind.body(&asked(request))).unwrap();
        (json["tools"].as_array().unwrap().len(), json["tool_choice"].clone())
    };
    assert_eq!(sent(ProviderKind::OpenAi, &request), (1, json!("none")));
    assert_eq!(sent(ProviderKind::Anthropic, &request), (1, json!({"type": "none"})));
    let fitting = ChatRequest { answer_schema: Some(json!({"type": "object"})), ..request };
    assert_eq!(sent(ProviderKind::Anthropic, &fitting), (2, json!({"type": "tool", "name": "final_answer"})));
}

/// What programs say in OpenAI's form means the same there.
#[test]
fn wishes_of_a_program_are_said_in_the_other_form() {
    let tool = actors::domain::ToolOffer { name: "look".into(), description: String::new(), parameters: json!({}) };
    let request = ChatRequest { tools: vec![tool], ..request() };
    let sent = |raw: Value| -> Value {
        let asked = Asked { raw: raw.as_object(), ..asked(&request) };
        serde_json::from_slice(&ProviderKind::Anthropic.body(&asked)).unwrap()
    };
    for (said, choice) in [
        (json!({}), Value::Null),
        (json!({"tool_choice": "auto"}), Value::Null),
        (json!({"tool_choice": "required"}), json!({"type": "any"})),
        (
            json!({"tool_choice": {"type": "function", "function": {"name": "look"}}}),
            json!({"type": "tool", "name": "look"}),
        ),
        (json!({"parallel_tool_calls": false}), json!({"type": "auto", "disable_parallel_tool_use": true})),
        (
            json!({"tool_choice": "required", "parallel_tool_calls": false}),
            json!({"type": "any", "disable_parallel_tool_use": true}),
        ),
    ] {
        assert_eq!(sent(said.clone())["tool_choice"], choice, "{said}");
    }
    let body = sent(json!({"stop": "END", "top_p": 0.25}));
    assert_eq!((&body["stop_sequences"], &body["top_p"]), (&json!(["END"]), &json!(0.25)));
    let body = sent(json!({"stop": ["a", "b"]}));
    assert_eq!((&body["stop_sequences"], &body["top_p"]), (&json!(["a", "b"]), &Value::Null));
    assert_eq!(sent(json!({"stop": null}))["stop_sequences"], Value::Null);
}

/// Newer models refuse a request that has both.
#[test]
fn of_temperature_and_top_p_the_programs_goes_and_never_both() {
    let request = request();
    let sent = |raw: Option<Value>, temperature_thousandths| -> [Value; 2] {
        let raw = raw.as_ref().and_then(Value::as_object);
        let asked = Asked { raw, temperature_thousandths, ..asked(&request) };
        let body: Value = serde_json::from_slice(&ProviderKind::Anthropic.body(&asked)).unwrap();
        ["temperature", "top_p"].map(|name| body[name].clone())
    };
    let own = Some(700);
    assert_eq!(sent(None, own), [json!(0.7), Value::Null], "the persona's own");
    assert_eq!(sent(Some(json!({"temperature": null, "top_p": null})), own), [json!(0.7), Value::Null]);
    assert_eq!(sent(Some(json!({"top_p": 0.25})), own), [Value::Null, json!(0.25)], "the program's before it");
    assert_eq!(sent(Some(json!({"temperature": 0.2, "top_p": 0.25})), Some(200)), [json!(0.2), Value::Null]);
    assert_eq!(sent(Some(json!({"top_p": 0.25})), None), [Value::Null, json!(0.25)]);
    assert_eq!(sent(Some(json!({})), None), [Value::Null, Value::Null]);
}

#[test]
fn why_a_model_stopped_is_understood() {
    let stopped = |reason: &str, extra: Value| {
        let body = json!({"choices": [{"message": extra, "finish_reason": reason}]}).to_string();
        ProviderKind::OpenAi.read(body.as_bytes(), &request()).unwrap()
    };
    assert_eq!(stopped("length", json!({"content": "cut"})).finish, Finish::Length);
    assert_eq!(stopped("content_filter", json!({"content": null})).finish, Finish::Filtered);
    let refused = stopped("stop", json!({"content": null, "refusal": "I will not."}));
    assert_eq!((refused.finish, refused.text.as_str()), (Finish::Filtered, "I will not."));
    let called = stopped("stop", json!({"tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}));
    assert_eq!((called.finish, called.calls[0].id.as_str()), (Finish::Calls, "call_0"), "some say stop, some no id");
    for (reason, finish) in
        [("max_tokens", Finish::Length), ("refusal", Finish::Filtered), ("stop_sequence", Finish::Stop)]
    {
        let body = json!({"content": [{"type": "thinking"}], "stop_reason": reason}).to_string();
        assert_eq!(ProviderKind::Anthropic.read(body.as_bytes(), &request()).unwrap().finish, finish);
    }
}

#[test]
fn a_forced_answer_is_its_text_and_never_a_call() {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}});
    let tool =
        |name: &str| actors::domain::ToolOffer { name: name.into(), description: String::new(), parameters: json!({}) };
    let tools = vec![tool("look"), tool("final_answer")];
    let request = ChatRequest { answer_schema: Some(schema.clone()), tools, ..request() };
    let json: Value = serde_json::from_slice(&ProviderKind::Anthropic.body(&asked(&request))).unwrap();
    assert_eq!(json["tool_choice"], json!({"type": "any"}), "it may still look");
    assert_eq!((&json["tools"][2]["name"], &json["tools"][2]["input_schema"]), (&json!("final_answer_"), &schema));
    let mut listener = Listener::new(ProviderKind::Anthropic, &request);
    let call = json!({"type": "tool_use", "id": "a", "name": "final_answer_"});
    let mut told = String::new();
    for event in [
        json!({"type": "message_start", "message": {}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "So: "}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": call}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"ok\":true}"}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
        json!({"type": "message_stop"}),
    ] {
        told.push_str(&listener.hear(&event.to_string()).unwrap().unwrap_or_default());
    }
    let answer = listener.finish().unwrap();
    assert_eq!((answer.text.as_str(), told.as_str()), (r#"{"ok":true}"#, r#"{"ok":true}"#));
    assert_eq!((answer.finish, answer.calls.len()), (Finish::Stop, 0));
}
