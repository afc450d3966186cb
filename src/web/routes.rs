//! A route says everything about itself in one place: method, path, who may call it, what it takes and gives.
//!
//! The server and the OpenAPI document are both built from the same tables, so neither can know a route the other
//! does not. A route cannot be mounted without its guard.

use std::collections::BTreeMap;

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, Scope,
    http::{Method, StatusCode, header},
    middleware::from_fn,
    web,
};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        RefOr, Schema,
        path::{Parameter, ParameterIn},
    },
};

use super::{auth::guard, errors::Problem};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone, without login: health, version, the login itself.
    Anyone,
    /// Whoever holds `STATUS_TOKEN`, or is logged in.
    Observer,
    /// Anyone logged in, or with a token.
    Member,
    /// Owners only.
    Owner,
    /// Programs with a virtual key; refusals are in OpenAI's form.
    Key,
    /// Loopback callers, while seeding is switched on.
    Seeder,
}

/// What sort of answer a caller expects when something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Problems as JSON.
    Api,
    /// For people: whoever is not logged in is sent to `/login`.
    Page,
}

/// A schema with its name and those it refers to.
#[derive(Clone)]
pub struct Shape {
    pub(super) name: String,
    pub(super) schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
    /// A page of such.
    pub(super) page: bool,
}

/// One route.
pub struct Route {
    pub method: Method,
    /// In actix's form: `/api/personas/{persona}`.
    pub path: &'static str,
    pub who: Who,
    pub face: Face,
    /// One line for the document.
    pub about: &'static str,
    pub(super) takes: Option<Shape>,
    pub(super) gives: Option<Shape>,
    pub(super) query: Vec<Parameter>,
    make: Box<dyn Fn(Method) -> actix_web::Route>,
}

/// The routes of one noun.
pub type Table = Vec<Route>;

impl Route {
    /// A route of the API.
    pub fn new<F, Args>(method: Method, path: &'static str, who: Who, about: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let make = Box::new(move |method| web::method(method).to(handler.clone()));
        Self { method, path, who, face: Face::Api, about, takes: None, gives: None, query: Vec::new(), make }
    }

    /// `GET`.
    pub fn get<F, Args>(path: &'static str, who: Who, about: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::GET, path, who, about, handler)
    }

    /// `POST`.
    pub fn post<F, Args>(path: &'static str, who: Who, about: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::POST, path, who, about, handler)
    }

    /// A page: whoever is not logged in is sent to `/login`.
    pub fn page<F, Args>(path: &'static str, who: Who, about: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self { face: Face::Page, ..Self::get(path, who, about, handler) }
    }

    /// The body it reads.
    #[must_use]
    pub fn takes<T: ToSchema>(self) -> Self {
        Self { takes: Some(shape::<T>()), ..self }
    }

    /// What it answers with.
    #[must_use]
    pub fn gives<T: ToSchema>(self) -> Self {
        Self { gives: Some(shape::<T>()), ..self }
    }

    /// A page of what it answers with.
    #[must_use]
    pub fn gives_page<T: ToSchema>(self) -> Self {
        Self { gives: Some(Shape { page: true, ..shape::<T>() }), ..self }
    }

    /// The query it understands.
    #[must_use]
    pub fn query<T: IntoParams>(self) -> Self {
        Self { query: T::into_params(|| Some(ParameterIn::Query)), ..self }
    }

    /// As actix mounts it, behind its guard. Who may `GET` may ask for the `HEAD`.
    fn mounted(&self) -> Vec<actix_web::Route> {
        let (who, face) = (self.who, self.face);
        let guarded = |method| (self.make)(method).wrap(from_fn(move |request, next| guard(who, face, request, next)));
        match self.method {
            Method::GET => vec![guarded(Method::GET), guarded(Method::HEAD)],
            ref method => vec![guarded(method.clone())],
        }
    }
}

fn shape<T: ToSchema>() -> Shape {
    Shape {
        name: T::name().into_owned(),
        schemas: |out| {
            out.push((T::name().into_owned(), T::schema()));
            T::schemas(out);
        },
        page: false,
    }
}

/// Mounts every table: one resource per path, other methods answered with 405 and what is allowed.
///
/// Paths are compared one after the other, each as a pattern. So those that begin alike are looked through only for an
/// address that does.
pub fn mount(tables: &[Route], config: &mut web::ServiceConfig) {
    let mut beginnings: BTreeMap<&str, BTreeMap<&str, Vec<&Route>>> = BTreeMap::new();
    for route in tables {
        let (first, rest) = first_segment(route.path);
        beginnings.entry(first).or_default().entry(rest).or_default().push(route);
    }
    for (first, paths) in beginnings {
        // Literal segments before `{names}`: `{` sorts behind every letter.
        let resources = paths.into_iter().map(|(rest, routes)| resource(rest, &routes));
        if first.is_empty() {
            resources.fold(&mut *config, |config, resource| config.service(resource));
        } else {
            config.service(resources.fold(web::scope(first), Scope::service));
        }
    }
}

/// `/api/goals` is `/api` and `/goals`; the root has none.
fn first_segment(path: &'static str) -> (&'static str, &'static str) {
    let behind = path.get(1..).unwrap_or_default();
    let end = match behind.find('/') {
        Some(end) => end + 1,
        None if behind.is_empty() => 0,
        None => path.len(),
    };
    path.split_at(end)
}

fn resource(path: &str, routes: &[&Route]) -> Resource {
    let methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    let mounted = routes.iter().flat_map(|route| route.mounted());
    let resource = mounted.fold(web::resource(path), Resource::route);
    let allow = methods.join(", ");
    resource.default_service(web::to(move || {
        let allow = allow.clone();
        async move { not_allowed(&allow) }
    }))
}

fn not_allowed(allow: &str) -> HttpResponse {
    let detail = format!("This address takes {allow}.");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", detail);
    let mut answer = HttpResponse::from_error(problem);
    if let Ok(value) = header::HeaderValue::from_str(allow) {
        answer.headers_mut().insert(header::ALLOW, value);
    }
    answer
}
