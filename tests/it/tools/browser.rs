//! Browser steps on their way through: secrets in, nothing secret out.

use std::collections::HashMap;

use actors::{
    domain::{Ended, Outcome, Step},
    ports::Performer,
};
use tokio_util::sync::CancellationToken;

use super::{Props, Stage, error_text};

fn fill(text: &str) -> Step {
    Step::Type { selector: "#password".into(), text: text.into(), timeout_ms: None }
}

fn script(text: &str) -> Step {
    Step::Evaluate { script: text.into(), save_as: None, effect: None, timeout_ms: None }
}

fn stage() -> Stage {
    let secret = |owner: &str, name: &str, value: &str| ((owner.to_owned(), name.to_owned()), value.to_owned());
    let secrets = HashMap::from([secret("instance", "board", "hunter'2"), secret("instance", "user", "jason")]);
    Stage::with(Props { secrets, ..Props::default() })
}

async fn as_written(stage: &Stage, step: Step) -> Outcome {
    stage.perform_as_written(step.clone(), step).await
}

#[tokio::test]
async fn a_page_cannot_talk_a_persona_out_of_a_secret() {
    let stage = stage();
    // The plan types what an earlier step read; the page it was read from asks for a secret.
    let filled = fill("dear ${secret:board}, ${secret:user}");
    let outcome = stage.perform_as_written(fill("dear {{name}}, ${secret:user}"), filled).await;
    assert!(outcome.holds(), "{outcome:?}");
    assert!(stage.driver.told()[0].contains("dear ${secret:board}, jason"), "{:?}", stage.driver.told());
    stage.perform_as_written(script("say('{{name}}')"), script("say('${secret:board}')")).await;
    assert!(stage.driver.told()[1].contains("say('${secret:board}')"), "{:?}", stage.driver.told());
}

#[tokio::test]
async fn a_secret_reaches_the_page_and_never_comes_back() {
    let stage = stage();
    let outcome = as_written(&stage, fill("${secret:user}/${secret:board}")).await;
    assert!(stage.driver.told()[0].contains("jason/hunter'2"), "{:?}", stage.driver.told());
    let shown = format!("{outcome:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(outcome.summary.contains("${secret:user}/${secret:board}"), "{}", outcome.summary);
    assert_eq!(outcome.data["nested"][0]["value"], outcome.data["step"]);
}

#[tokio::test]
async fn a_secret_that_this_step_never_typed_does_not_come_back_either() {
    // As a page shows it that has it from an earlier session, or a tool that has it from wherever.
    let stage = stage();
    for step in
        [fill("signed in: jason, hunter%272"), fill("signed in: JASON, hunter&#39;2"), script("'hunter\\u00272'")]
    {
        let outcome = stage.perform(step).await;
        let shown = format!("{outcome:?}").to_lowercase();
        assert!(outcome.holds() && shown.contains("${secret:board}"), "{shown}");
        assert!(!shown.contains("hunter") && !shown.contains("jason,"), "{shown}");
    }
}

#[tokio::test]
async fn in_a_script_a_secret_stays_inside_its_quotes() {
    let stage = stage();
    let outcome = as_written(&stage, script("login('${secret:board}')")).await;
    assert!(stage.driver.told()[0].contains(r"login('hunter\\u00272')"), "{:?}", stage.driver.told());
    assert!(!format!("{outcome:?}").contains("hunter"));
}

#[tokio::test]
async fn a_missing_or_misplaced_secret_stops_the_step_before_the_browser() {
    let stage = stage();
    let goto = Step::Goto { url: "http://rehearsal.localhost/?k=${secret:board}".into(), timeout_ms: None };
    for (step, said) in [
        (fill("${secret:none}"), "secret `none` is set neither for this persona nor for the instance"),
        (fill("${secret:a b}"), "must be followed by a name"),
        (fill("${secret:board"), "must be followed by a name"),
        (goto, "only in `type` and `evaluate`"),
    ] {
        let outcome = as_written(&stage, step).await;
        assert_eq!(outcome.ended, Ended::NotBegun, "{said}");
        assert!(error_text(&outcome).contains(said), "{}", error_text(&outcome));
    }
    assert!(stage.driver.told().is_empty());
}

#[tokio::test]
async fn a_call_that_contradicts_itself_is_not_begun() {
    let stage = stage();
    let stop = CancellationToken::new;
    let good = stage.call(&fill("x"), 0);

    let mut wrong = good.clone();
    wrong.tool = "browser_click".into();
    assert!(error_text(&stage.tools.perform(wrong, stop()).await).contains("its arguments are a step of browser_fill"));
    let mut odd = good.clone();
    odd.args = serde_json::json!({"action": "type", "selector": 7});
    assert!(error_text(&stage.tools.perform(odd, stop()).await).contains("cannot be read"));
    let mut stranger = good.clone();
    stranger.persona = [3; 16].into();
    assert!(error_text(&stage.tools.perform(stranger, stop()).await).contains("there is no persona"));
    let stopped = stop();
    stopped.cancel();
    assert_eq!(stage.tools.perform(good, stopped).await.ended, Ended::NotBegun);
    assert!(stage.driver.told().is_empty());

    stage.tools.rest(stage.persona.id).await;
    stage.tools.release(stage.persona.id).await;
    assert_eq!(stage.driver.told(), ["rest", "release"]);
}
