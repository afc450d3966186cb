//! The typed client, against a running server.

use actors::domain::{ConversationExample, Hours, Profile, ProfilePart, Role};
use greenroom::{
    client::{ClientError, Learned, PersonaClient, PersonaConfig},
    storage::UserRole,
};

use super::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn personas_are_made_read_changed_activated_and_deleted() {
    let server = TestServer::start().await;
    let client = PersonaClient::new(&server.base, server.token("mia", UserRole::Member).await).unwrap();
    assert!(client.list().await.unwrap().is_empty());
    assert_eq!(client.get_active_persona().await.unwrap(), None);
    let profile = Profile {
        style_primer: "Short sentences.".into(),
        do_: vec!["Name numbers".into()],
        temperature_thousandths: Some(700),
        ..Profile::default()
    };
    let config = PersonaConfig {
        role: Some(Role::Worker),
        profile,
        weight: 2.5,
        hours: Hours { zone: "Europe/Berlin".parse().unwrap(), ..Hours::ALWAYS },
        ..PersonaConfig::named("Ada Lovelace")
    };
    let made = client.create(&config).await.unwrap();
    assert_eq!(made.config, PersonaConfig { slug: Some("ada-lovelace".into()), ..config.clone() });
    assert_eq!((made.status.as_str(), made.version), ("active", 1));
    let bo = client.create(&PersonaConfig::named("Bo")).await.unwrap();
    let listed: Vec<_> = client.list().await.unwrap().into_iter().map(|persona| persona.id).collect();
    assert_eq!(listed, [made.id, bo.id]);
    assert_eq!(client.get(&made.id.to_string()).await.unwrap().config, made.config, "by id as well");

    let changed = PersonaConfig { description: "Computes.".into(), profile: Profile::default(), ..made.config.clone() };
    let updated = client.update("ada-lovelace", made.version, &changed).await.unwrap();
    assert_eq!((&updated.config, updated.version), (&changed, made.version + 1));
    let late = client.update("ada-lovelace", made.version, &changed).await.unwrap_err();
    assert!(matches!(late, ClientError::Conflict { current_version: Some(2), .. }), "{late:?}");

    client.activate("bo").await.unwrap();
    assert_eq!(client.activate("ada-lovelace").await.unwrap().id, made.id);
    assert_eq!(client.get_active_persona().await.unwrap().unwrap().id, made.id, "the later one");
    let other = PersonaClient::new(&server.base, server.token("bo", UserRole::Member).await).unwrap();
    assert_eq!(other.get_active_persona().await.unwrap(), None, "each user has their own");
    client.delete("ada-lovelace").await.unwrap();
    assert_eq!(client.get_active_persona().await.unwrap(), None, "it is gone");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_learns_examples_and_its_profile_is_fitted_to_them() {
    let server = TestServer::start().await;
    let client = PersonaClient::new(&server.base, server.token("mia", UserRole::Member).await).unwrap();
    client.create(&PersonaConfig::named("Bo")).await.unwrap();
    let example = |n: u32| ConversationExample {
        said: format!("Question {n}?"),
        answer: format!("I'd say {n}, and that's it. Yours, truly computed"),
    };
    let learned = client.learn("bo", 1, &[example(1), example(2), example(3), example(4)]).await.unwrap();
    assert_eq!(learned, Learned { learned: 4, known: 0, examples: 4, version: 2 });
    let late = client.learn("bo", 1, &[example(5)]).await.unwrap_err();
    assert!(matches!(late, ClientError::Conflict { current_version: Some(2), .. }), "{late:?}");
    let tried = client.try_training("bo", &[]).await.unwrap();
    let trained = client.train("bo", 2, &[]).await.unwrap();
    assert_eq!((&tried.profile, &tried.parts, trained.version), (&trained.profile, &trained.parts, 3));
    assert!(trained.drift.after <= trained.drift.before && trained.profile.fitted.contains(&ProfilePart::Length));
    let known = client.get("bo").await.unwrap();
    let same = client.update("bo", 3, &known.config).await.unwrap();
    assert_eq!(same.config, known.config, "what was fitted stays so when it is sent back");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_do() {
    let server = TestServer::start().await;
    let client = PersonaClient::new(&server.base, server.token("mia", UserRole::Member).await).unwrap();
    let missing = client.get("nobody").await.unwrap_err();
    assert!(matches!(missing, ClientError::NotFound(_)), "{missing:?}");
    let wrong = client.create(&PersonaConfig { weight: 99.0, ..PersonaConfig::named("Ada") }).await.unwrap_err();
    assert!(matches!(&wrong, ClientError::Invalid { fields, .. } if fields == &["weight"]), "{wrong:?}");
    let stranger = PersonaClient::new(&server.base, "gr_nobody").unwrap().list().await.unwrap_err();
    assert!(matches!(stranger, ClientError::NotAllowed(_)), "{stranger:?}");
    assert!(matches!(PersonaClient::new("ftp://x", ""), Err(ClientError::Address(_))));
    let base = server.base.clone();
    server.stop().await;
    let gone = PersonaClient::new(&base, "gr").unwrap().list().await.unwrap_err();
    assert!(matches!(gone, ClientError::Unreachable(_)), "{gone:?}");
}
