//! Texts by models.

use std::time::Duration;

use actors::{
    domain::{ArtifactKind, Ended, Length, LengthTargets, Outcome, Preset, Profile, Step, Turn},
    evidence::canonical::sha256,
    ports::Performer,
};
use greenroom::config::ProviderConfig;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use super::{Props, Stage, error_text};
use crate::models::{config, provider};

fn compose() -> Step {
    Step::Compose { prompt: "Write one line.".into(), save_as: "line".into(), length: Length::Short, model: None }
}

async fn with_endpoint(template: ResponseTemplate) -> (MockServer, Stage) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(template).mount(&server).await;
    let provider = ProviderConfig {
        key_secret: String::new(),
        timeout: Duration::from_secs(600),
        retries: 0,
        input_micro_usd_per_million: Some(1_000_000),
        output_micro_usd_per_million: Some(1_000_000),
        ..provider(format!("{}/v1", server.uri()))
    };
    let models = config(provider);
    (server, Stage::with(Props { models: Some(models), ..Props::default() }))
}

#[tokio::test]
async fn the_understudy_is_named_and_its_text_kept() {
    let outcome = Stage::new().perform(compose()).await;
    assert!(outcome.holds(), "{outcome:?}");
    assert_eq!((&outcome.data["provider"], &outcome.data["model"]), (&"understudy".into(), &"understudy".into()));
    assert_eq!(outcome.artifacts[0].kind, ArtifactKind::Text);
    assert_eq!(outcome.artifacts[0].bytes, outcome.data["value"].as_str().unwrap().as_bytes());
    assert_eq!(outcome.cost.unwrap().micro_usd, 0);
}

#[tokio::test]
async fn a_model_s_text_comes_with_its_cost() {
    let answer = json!({"choices": [{"message": {"content": "One line."}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    let (_server, stage) = with_endpoint(ResponseTemplate::new(200).set_body_json(answer)).await;
    let outcome = stage.perform(compose()).await;
    assert_eq!((&outcome.data["value"], &outcome.data["provider"]), (&"One line.".into(), &"house".into()));
    assert_eq!(outcome.cost.unwrap().micro_usd, 5);
}

#[tokio::test]
async fn a_step_may_name_another_model_than_its_persona() {
    let answer = json!({"choices": [{"message": {"content": "One line."}}]});
    let (server, stage) = with_endpoint(ResponseTemplate::new(200).set_body_json(answer)).await;
    let by = |named: &str| {
        let Step::Compose { prompt, save_as, length, .. } = compose() else { panic!("another step") };
        Step::Compose { prompt, save_as, length, model: Some(named.into()) }
    };
    let own = stage.perform(by("understudy")).await;
    assert_eq!((&own.data["provider"], server.received_requests().await.unwrap().len()), (&"understudy".into(), 0));
    let other = stage.perform(by("house/large")).await;
    assert_eq!((&other.data["provider"], &other.data["model"]), (&"house".into(), &"large".into()));
    let unknown = stage.perform(by("nobody")).await;
    assert!(!unknown.holds() && unknown.error.unwrap().text.contains("`nobody` is not configured"));
}

#[tokio::test]
async fn a_text_comes_with_its_drift_and_is_held_to_the_style_where_that_is_wanted() {
    let said = "We don't utilize rows! They are lost.";
    let answer = json!({"choices": [{"message": {"content": said}}]});
    let (_server, mut stage) = with_endpoint(ResponseTemplate::new(200).set_body_json(answer)).await;
    let left = stage.perform(compose()).await;
    assert_eq!((&left.data["value"], left.artifacts.len()), (&said.into(), 2));

    let mut profile = Preset::DevBot.profile();
    profile.length = LengthTargets { short: 7, long: 100 };
    profile.hold_to_style = true;
    stage.becomes(profile.clone());
    let held = stage.perform(compose()).await;
    let brought = "We don't use rows. They are lost.";
    assert_eq!(held.data["value"], brought, "{held:?}");
    let kept: Vec<_> = held.artifacts.iter().map(|one| (one.name.as_str(), one.bytes.as_slice())).collect();
    assert_eq!(kept[..2], [("line.txt", brought.as_bytes()), ("line.as-written.txt", said.as_bytes())]);
    assert_eq!(held.data["drift"]["score"], 0, "{}", held.data["drift"]);

    profile.hold_to_style = false;
    stage.becomes(profile);
    let drifting = stage.perform(compose()).await;
    let (drift, parts) = (&drifting.data["drift"], &drifting.data["drift"]["parts"]);
    assert_eq!((&drift["score"], &parts[3]["why"]), (&350.into(), &"never says “utilize”, “!”".into()), "{drift}");
}

#[tokio::test]
async fn a_text_too_long_to_be_looked_at_is_left_as_it_is_and_says_so() {
    let said = "Utilize it! ".repeat(6_000);
    let answer = json!({"choices": [{"message": {"content": said}}]});
    let (_server, mut stage) = with_endpoint(ResponseTemplate::new(200).set_body_json(answer)).await;
    stage.becomes(Profile { hold_to_style: true, ..Preset::DevBot.profile() });
    let outcome = stage.perform(compose()).await;
    assert!(outcome.holds() && outcome.artifacts.len() == 2);
    assert_eq!(outcome.data["value"], said.trim());
    assert_eq!(
        (&outcome.data["drift"], &outcome.data["drift_skipped"]),
        (&Value::Null, &"longer than 65536 bytes".into())
    );
}

/// The whole prompt, and that it is what the data names.
fn prompt(outcome: &Outcome) -> Value {
    let kept = outcome.artifacts.last().unwrap();
    assert_eq!((kept.kind, kept.name.as_str()), (ArtifactKind::Text, "prompt.json"));
    let named = outcome.data.get("prompt").and_then(Value::as_str);
    assert!(named.is_none_or(|named| named == sha256(&kept.bytes).to_string()), "{}", outcome.data);
    serde_json::from_slice(&kept.bytes).unwrap()
}

#[tokio::test]
async fn what_a_model_was_asked_is_kept_whatever_came_of_it() {
    let answer = json!({"choices": [{"message": {"content": "One line."}}]});
    let (_server, stage) = with_endpoint(ResponseTemplate::new(200).set_body_json(answer)).await;
    let composed = stage.perform(compose()).await;
    assert!(prompt(&composed)["turns"][1]["text"].as_str().unwrap().contains("Write one line."));

    let (_server, stage) = with_endpoint(ResponseTemplate::new(400).set_body_string("no")).await;
    assert!(prompt(&stage.perform(compose()).await)["turns"].is_array());
    let turns = vec![Turn::User { text: "What is next?".into() }];
    let (tools, found) = (Vec::new(), Vec::new());
    let think = Step::Think { turns, tools, model: None, answer_now: false, found, instructions: None };
    let thought = stage.perform(think).await;
    assert!(!thought.holds() && prompt(&thought)["turns"][1]["text"] == "What is next?", "{thought:?}");
}

#[tokio::test]
async fn a_refusal_is_known_and_silence_is_not() {
    let (_server, stage) = with_endpoint(ResponseTemplate::new(400).set_body_string("no")).await;
    let refused = stage.perform(compose()).await;
    assert!(refused.ended == Ended::Done && !refused.holds(), "{refused:?}");

    let late = || ResponseTemplate::new(200).set_delay(Duration::from_secs(600));
    let (_server, stage) = with_endpoint(late()).await;
    let mut call = stage.call(&compose(), 0);
    call.limit = Duration::from_millis(50);
    let timed_out = stage.tools.perform(call, CancellationToken::new()).await;
    assert_eq!(timed_out.ended, Ended::Unknown);
    assert!(prompt(&timed_out)["turns"].is_array());
    assert!(timed_out.error.unwrap().retryable);

    let (server, stage) = with_endpoint(late()).await;
    let stop = CancellationToken::new();
    let (outcome, ()) = tokio::join!(stage.tools.perform(stage.call(&compose(), 0), stop.clone()), async {
        while server.received_requests().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
    assert_eq!(outcome.ended, Ended::Unknown);
    assert!(error_text(&outcome).contains("stopped while the step was under way"));
}
