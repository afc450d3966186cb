//! A whole evening: Livia and Jason carry the templates out on the rehearsal site. What counts is what the site holds at
//! the end.

use actors::domain::{Goal, GoalState, PersonaId, Role};
use greenroom::tools::templates::{self, ProposalWanted};

use super::house::House;

fn done(goal: &Goal) {
    assert_eq!(goal.state, GoalState::Done, "{}: {:?} {:?}", goal.title, goal.result, goal.last_error);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_template_is_proven_on_the_rehearsal_site() {
    let house = House::open().await;
    let livia = house.hire("livia", Role::Manager).await;
    let jason = house.hire("jason", Role::Worker).await;

    done(&house.play(livia, templates::open_rehearsal_mail()).await);
    done(&house.play(jason, templates::master_note_outline()).await);
    let wanted = ProposalWanted::new("data pipeline", "jason@greenroom.example", templates::GOAL_KEY);
    let plain = house.play(jason, templates::submit_proposal(&wanted)).await;
    done(&plain);
    let keyed = house.play(jason, templates::submit_proposal(&ProposalWanted { with_key: true, ..wanted })).await;
    done(&keyed);
    done(&house.play(livia, templates::daily_report()).await);

    let proposals = house.site.store().proposals();
    let references: Vec<_> = proposals.iter().map(|proposal| proposal.reference.clone()).collect();
    assert_eq!(references, [plain.id.to_string(), keyed.id.to_string()]);
    assert_eq!((&proposals[0].idempotency_key, &proposals[1].idempotency_key), (&None, &Some(keyed.id.to_string())));
    assert!(proposals[0].cover.contains("“Data pipeline audit”"), "{}", proposals[0].cover);

    let files = |persona: PersonaId| house.root.path().join(format!("personas/{persona}/files"));
    let rows = std::fs::read_to_string(files(jason).join("proposals.csv")).unwrap();
    assert_eq!(rows.lines().count(), 3, "{rows}");
    assert!(rows.starts_with("posting,client,reference,rate,key\nData pipeline audit,Harbour Analytics,"), "{rows}");
    let report = std::fs::read_to_string(files(livia).join("daily-report.md")).unwrap();
    assert!(report.contains("- proposals proven: 2") && report.contains("**done** Submit a proposal"), "{report}");
    house.close().await;
}
