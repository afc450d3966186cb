//! `/api/hosts`: what may be done on a host, whoever does it.

use actix_web::{http::Method, web};
use actors::domain::{HostPolicy, HostTerms, Outreach};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::{
    Deps,
    auth::Caller,
    cursor::Page,
    errors::Problem,
    input::{IfMatch, Loose, version_read},
    routes::{Route, Table, Who},
};

/// `/api/hosts…`.
pub fn routes() -> Table {
    vec![
        Route::get("/api/hosts", Who::Member, "Every host with a policy", list).gives_page::<HostView>(),
        Route::get("/api/hosts/{host}", Who::Member, "The policy of a host", show).gives::<HostView>(),
        Route::new(Method::PUT, "/api/hosts/{host}", Who::Owner, "Replaces the policy of a host", put)
            .takes::<HostPut>()
            .gives::<HostView>(),
    ]
}

/// The policy of a host.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HostView {
    pub host: String,
    /// 0: nobody has set one.
    pub version: i64,
    /// The only tools that may be used there; none: all.
    pub actions: Option<Vec<String>>,
    /// How often each persona may act there; none: as configured.
    pub acts_per_second: Option<f64>,
    /// Put into what outreach sends, shown to whoever approves an effect there.
    pub disclosure: String,
    /// Who may be written to; none: nobody.
    pub outreach: Option<OutreachView>,
}

/// Who may be written to.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OutreachView {
    /// They want to be written to.
    pub recipients: Vec<String>,
    /// They do not, whatever stands above.
    pub opted_out: Vec<String>,
}

impl From<HostPolicy> for HostView {
    fn from(HostPolicy { host, version, terms }: HostPolicy) -> Self {
        let outreach = terms.outreach.map(|Outreach { recipients, opted_out }| OutreachView { recipients, opted_out });
        let acts_per_second = terms.acts_per_1000_s.map(|pace| f64::from(pace) / 1_000.0);
        Self { host, version, actions: terms.actions, acts_per_second, disclosure: terms.disclosure, outreach }
    }
}

/// All of it: what is left out is not limited, and not allowed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HostPut {
    /// The version this change was made from; 0 when there was none.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    pub actions: Option<Vec<String>>,
    /// 0.001 to 1000.
    pub acts_per_second: Option<f64>,
    #[serde(default)]
    pub disclosure: String,
    pub outreach: Option<OutreachView>,
}

impl HostPut {
    fn terms(self) -> Result<HostTerms, Problem> {
        let pace = |pace: f64| {
            let whole = (pace * 1_000.0).round();
            let fits = (1.0..=1_000_000.0).contains(&whole);
            // Within these bounds nothing is cut off.
            fits.then_some(whole as u32)
                .ok_or_else(|| Problem::field("acts_per_second", "must be between 0.001 and 1000"))
        };
        let outreach = self.outreach.map(|all| Outreach { recipients: all.recipients, opted_out: all.opted_out });
        Ok(HostTerms {
            actions: self.actions,
            acts_per_1000_s: self.acts_per_second.map(pace).transpose()?,
            disclosure: self.disclosure.trim().to_owned(),
            outreach,
        })
    }
}

async fn list(deps: web::Data<Deps>) -> Result<web::Json<Page<HostView>>, Problem> {
    let policies = deps.db.host_policies().await?;
    Ok(web::Json(Page::whole(policies.into_iter().map(HostView::from).collect())))
}

async fn read(deps: &Deps, host: &str) -> Result<HostPolicy, Problem> {
    let found = deps.db.host_policies().await?.into_iter().find(|policy| policy.host == host);
    Ok(found.unwrap_or_else(|| HostPolicy { host: host.to_owned(), version: 0, terms: HostTerms::default() }))
}

async fn show(host: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<HostView>, Problem> {
    Ok(web::Json(read(&deps, &host.to_ascii_lowercase()).await?.into()))
}

async fn put(
    host: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<HostPut>,
    deps: web::Data<Deps>,
) -> Result<web::Json<HostView>, Problem> {
    let Loose(input) = input;
    let host = host.trim().to_ascii_lowercase();
    let version = version_read(input.version, input.if_version, if_match)?;
    match deps.company.set_host_policy(host.clone(), version, input.terms()?, &caller.by()).await {
        Ok(policy) => Ok(web::Json(policy.into())),
        Err(error) => {
            let problem = Problem::from(error);
            Err(match problem.status {
                status if status == 409 => problem.with_current_version(read(&deps, &host).await?.version),
                _ => problem,
            })
        }
    }
}
