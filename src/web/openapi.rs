//! `/api/openapi.json`: the API described, built from the same tables the server is built from.

use actix_web::web;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, HttpMethod, Info, OpenApi, Paths, Ref, RefOr, Required, Response, Schema,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, SchemaType, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{
    errors::{PROBLEM_JSON, Written as Problem},
    routes::{Face, Route, Shape, Table, Who},
};

/// `/api/openapi.json`.
pub fn routes() -> Table {
    vec![Route::get("/api/openapi.json", Who::Member, "This document", show)]
}

async fn show() -> web::Json<OpenApi> {
    web::Json(document(&super::tables()))
}

/// The document of these routes.
pub fn document(tables: &[Route]) -> OpenApi {
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let mut paths = Paths::new();
    for route in tables.iter().filter(|route| route.face == Face::Api) {
        for shape in route.takes.iter().chain(&route.gives) {
            (shape.schemas)(&mut schemas);
        }
        if let Some(method) = method(route) {
            paths.add_path_operation(route.path, vec![method], operation(route));
        }
    }
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("bearer", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()))
        .security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(super::auth::SESSION_COOKIE))),
        );
    let mut info = Info::new("Greenroom", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Field names of input match without regard to case and underscores. Errors are RFC 9457 problems. Lists are \
         pages: send `next` back as `cursor`."
            .to_owned(),
    );
    let mut document = OpenApi::new(info, paths);
    document.components = Some(components.build());
    document
}

fn method(route: &Route) -> Option<HttpMethod> {
    match route.method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        "PATCH" => Some(HttpMethod::Patch),
        "DELETE" => Some(HttpMethod::Delete),
        _ => None,
    }
}

fn operation(route: &Route) -> Operation {
    let mut operation = OperationBuilder::new()
        .summary(Some(route.about))
        .description(Some(match route.who {
            Who::Anyone => "Open.",
            Who::Observer => "Needs a login or `STATUS_TOKEN` (as bearer or `?token=`).",
            Who::Member => "Needs a login.",
            Who::Owner => "Needs an owner's login.",
            Who::Key => "Needs a virtual key (as bearer). Answers and refusals are in OpenAI's form.",
            Who::Seeder => "Answers on loopback, while `allow_seed` is on.",
        }))
        .operation_id(Some(operation_id(route)))
        .tag(noun(route.path))
        .parameters(Some(path_names(route.path)))
        .parameters(Some(route.query.clone()));
    if let Some(takes) = &route.takes {
        let body = RequestBodyBuilder::new().content("application/json", content(takes)).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    let mut done = Response::new("Done.");
    if let Some(gives) = &route.gives {
        done.content.insert("application/json".into(), content(gives).into());
    }
    let mut refused = Response::new("Refused, and why.");
    let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
    refused.content.insert(PROBLEM_JSON.into(), problem.into());
    operation = operation.response("2XX", done).response("default", refused);
    if route.who == Who::Key {
        let none: [String; 0] = [];
        operation = operation.security(SecurityRequirement::new("bearer", none));
    }
    if matches!(route.who, Who::Observer | Who::Member | Who::Owner) {
        let none: [String; 0] = [];
        operation = operation
            .security(SecurityRequirement::new("bearer", none.clone()))
            .security(SecurityRequirement::new("session", none));
    }
    operation.build()
}

fn content(shape: &Shape) -> Content {
    let one = Ref::from_schema_name(&shape.name);
    if !shape.page {
        return Content::new(Some(one));
    }
    let next = SchemaType::from_iter([Type::String, Type::Null]);
    let page = ObjectBuilder::new()
        .property("items", ArrayBuilder::new().items(RefOr::Ref(one)))
        .property("next", ObjectBuilder::new().schema_type(next))
        .required("items");
    Content::new(Some(page))
}

/// `/api/goals/{goal}/retry` → `goals`.
fn noun(path: &str) -> &str {
    let path = path.strip_prefix("/api/").unwrap_or(path);
    let path = path.strip_prefix("admin/").unwrap_or(path);
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// `POST /api/goals/{goal}/retry` → `post_api_goals_goal_retry`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_ascii_lowercase();
    for part in route.path.split(['/', '{', '}', '.', '-', ':', '*']).filter(|part| !part.is_empty()) {
        id.push('_');
        id.push_str(part);
    }
    id
}

fn path_names(path: &str) -> Vec<Parameter> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next());
    let parameter = |name: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };
    names.map(parameter).collect()
}
