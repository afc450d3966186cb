//! Presets, traits and style on the pages, and how far texts are from them.

use actors::domain::{ConversationExample, Level, Preset, Profile, Tone, Verbosity};

use super::{
    house::{House, Watch},
    visitor::Visitor,
};

/// Nothing of the form sticks out of it; a picture is kept.
async fn fits(visitor: &Visitor, width: u32) {
    visitor.resize(width).await;
    visitor.fits("traits").await;
    let out: Vec<String> = visitor
        .ask(
            "(form => [...form.querySelectorAll('.fields *')].filter((e) => e.getBoundingClientRect().right > \
             form.getBoundingClientRect().right).map((e) => `${e.tagName} ${e.name}`))(document.querySelector('[data-traits]'))",
        )
        .await;
    assert!(out.is_empty(), "at {width}: {out:?}");
    let _: bool = visitor.ask("(document.querySelector('[data-traits]').scrollIntoView(), true)").await;
    visitor.keep(&format!("traits-{width}")).await;
}

async fn saves(visitor: &Visitor) {
    visitor.press("[data-traits] [type=submit]").await;
}

async fn profile(house: &House) -> Profile {
    house.deps.db.persona_named("devbot").await.unwrap().unwrap().profile
}

/// What a person does with a list or slider, told to the page as the browser tells it.
async fn choose(visitor: &Visitor, name: &str, value: &str) {
    let script = format!(
        "(f => {{ f.value = '{value}'; f.dispatchEvent(new Event('input', {{bubbles: true}})); \
         f.dispatchEvent(new Event('change', {{bubbles: true}})); return f.value !== ''; }})\
         (document.querySelector(\"[name='{name}']\"))"
    );
    assert!(visitor.ask::<bool>(&script).await, "{name} takes {value}");
}

async fn refused(visitor: &Visitor, name: &str) {
    visitor
        .until(&format!("document.querySelector(\"[name='{name}']\").getAttribute('aria-invalid') === 'true'"))
        .await;
}

/// A persona from the dialog; the name follows the preset.
async fn begins_with_a_preset(visitor: &Visitor) {
    visitor.press(".topbar [data-open=add-persona]").await;
    choose(visitor, "preset", "buddy").await;
    visitor.until("document.querySelector('#add-persona [name=name]').value === 'Buddy'").await;
    choose(visitor, "preset", "devbot").await;
    visitor.until("document.querySelector('#add-persona [name=slug]').value === 'devbot'").await;
    visitor.keep("add-preset").await;
    visitor.press("#add-persona [type=submit]").await;
    visitor.until("location.pathname === '/personas/devbot'").await;
}

/// By keyboard: an arrow moves a hundredth, a page a tenth.
async fn a_slider_by_keyboard(visitor: &Visitor, house: &House, watch: &mut Watch) {
    let openness = "document.querySelector(\"[name='profile.personality.openness']\")";
    assert!(visitor.ask::<bool>(&format!("({openness}.focus(), document.activeElement === {openness})")).await);
    for (key, shown) in [("ArrowRight", "0.71"), ("PageUp", "0.81"), ("ArrowLeft", "0.8")] {
        visitor.key(key).await;
        visitor.until(&format!("{openness}.parentElement.querySelector('output').value === '{shown}'")).await;
    }
    saves(visitor).await;
    watch.saw("updated by").await;
    visitor.sees("Personality saved.").await;
    let mut wanted = Preset::DevBot.profile();
    wanted.personality.openness = Level::from_thousandths(800);
    assert_eq!(profile(house).await, wanted, "nothing else was changed");
}

/// Every control of the form gets another value.
fn wanted() -> Profile {
    let level = Level::from_thousandths;
    let mut wanted = Preset::DevBot.profile();
    let traits = &mut wanted.personality;
    [traits.openness, traits.conscientiousness, traits.extraversion] = [level(10), level(20), level(30)];
    [traits.agreeableness, traits.neuroticism] = [level(40), level(1_000)];
    [traits.formality, traits.enthusiasm] = [level(0), level(123)];
    traits.custom = [("patience".to_owned(), level(800)), ("dry wit".to_owned(), level(50))].into();
    let style = &mut wanted.response_style;
    (style.verbosity, style.tone) = (Verbosity::Elaborate, Tone::Supportive);
    [style.humor, style.technical_depth, style.empathy, style.proactivity] =
        [level(60), level(70), level(80), level(90)];
    wanted.expertise_areas = vec!["tea".to_owned(), "rain & wind".to_owned()];
    wanted.conversation_examples = vec![ConversationExample { said: "Is it?".into(), answer: "It <b>is</b>.".into() }];
    wanted.hold_to_style = true;
    wanted
}

async fn sets_everything(visitor: &Visitor, wanted: &Profile) {
    let share = |level: Level| (f64::from(level.thousandths()) / 1_000.0).to_string();
    for (name, level) in wanted.personality.traits() {
        choose(visitor, &format!("profile.personality.{name}"), &share(level)).await;
    }
    for (name, level) in wanted.response_style.levels() {
        choose(visitor, &format!("profile.response_style.{name}"), &share(level)).await;
    }
    choose(visitor, "profile.response_style.verbosity", wanted.response_style.verbosity.as_str()).await;
    choose(visitor, "profile.response_style.tone", wanted.response_style.tone.as_str()).await;
    choose(visitor, "profile.hold_to_style", "true").await;
    visitor.write("[name='profile.expertise_areas']", "tea\nrain & wind").await;
    visitor.write("[name='profile.conversation_examples']", "[{").await;
    saves(visitor).await;
    refused(visitor, "profile.conversation_examples").await;
    let examples = r#"[{"said": "Is it?", "answer": "It <b>is</b>."}]"#;
    visitor.write("[name='profile.conversation_examples']", examples).await;
    visitor.write("[name='profile.personality.custom']", "patience: 0.8").await;
    saves(visitor).await;
    refused(visitor, "profile.personality.custom").await;
    visitor.write("[name='profile.personality.custom']", "patience = 2").await;
    saves(visitor).await;
    visitor
        .until("document.querySelector('[data-traits] .field-problem').textContent.includes('between 0 and 1')")
        .await;
    visitor.keep("traits-refused").await;
    visitor.write("[name='profile.personality.custom']", "patience = 0.8\ndry wit = 0.05").await;
    saves(visitor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_begins_with_a_preset_and_every_trait_can_be_set() {
    let house = House::open().await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    begins_with_a_preset(&visitor).await;
    watch.saw("created").await;
    assert_eq!(profile(&house).await, Preset::DevBot.profile());
    visitor.until("document.querySelector('#readiness') && !document.querySelector('.lacks')").await;

    visitor.open("/personas/devbot?tab=settings").await;
    visitor.sees("Missing: it may reach no host but the practice site").await;
    fits(&visitor, 1440).await;
    a_slider_by_keyboard(&visitor, &house, &mut watch).await;
    sets_everything(&visitor, &wanted()).await;
    watch.saw("updated by").await;
    assert_eq!(profile(&house).await, wanted());
    visitor.open("/personas/devbot?tab=settings").await;
    visitor.until("document.querySelector(\"[name='profile.personality.enthusiasm']\").value === '0.123'").await;
    saves(&visitor).await;
    visitor.sees("Personality saved.").await;
    assert_eq!(profile(&house).await, wanted(), "what the page shows is what was set");

    fits(&visitor, 400).await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_learns_examples_and_its_profile_is_fitted_to_them() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    for n in 1..=3 {
        visitor.open("/personas/jason?tab=settings").await;
        visitor.write("[data-learn] [name=said]", &format!("And {n}?")).await;
        visitor.write("[data-learn] [name=answer]", &format!("It's {n}, don't worry. Cheers from the workshop!")).await;
        visitor.press("[data-learn] [type=submit]").await;
        watch.saw("was taught 1 example").await;
        visitor.sees(&format!("{n} of 100 examples")).await;
    }
    visitor.press("[data-try-training] [type=submit]").await;
    visitor
        .until("document.querySelector('[data-try-training] output').textContent.includes('signature phrases: none → “Cheers from the workshop”')")
        .await;
    visitor.resize(400).await;
    visitor.fits("learning").await;
    visitor.keep("learning-400").await;
    visitor.resize(1440).await;
    visitor.press("[data-train] [type=submit]").await;
    watch.saw("fitted to its examples").await;
    visitor
        .until("document.querySelector(\"[name='profile.signature_phrases']\").value === 'Cheers from the workshop'")
        .await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drift_of_a_text_stands_beside_it_with_its_reasons() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.says_to("jason", "Say hello").await;
    watch.saw("compose done").await;
    visitor.open("/personas/jason?tab=output").await;
    visitor.press("#papers summary").await;
    visitor.sees("drift 0.21 length 0.21: 4 words, 40 were aimed at").await;
    visitor.sees("drift 0.21, mean of 1 · 1").await;
    visitor.resize(400).await;
    visitor.fits("drift").await;
    visitor.keep("drift-400").await;
    visitor.resize(1440).await;
    visitor.keep("drift-1440").await;
    visitor.leave().await;
    house.close().await;
}
