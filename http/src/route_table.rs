//! Which paths there are, as templates: for metrics (whose labels must be few) and for `Allow`.
//! It is made from the OpenAPI document, so it cannot miss a route.

use actix_web::http::Method;
use utoipa::openapi::OpenApi;

use crate::metric::RouteMetrics;

/// Second names of calls are left out of the document, but the metrics know them: (name, documented name).
pub(crate) const ALIASES: [(&str, &str); 2] =
    [("/health", "/api/v1/health"), ("/api/v1/metrics", "/metrics")];

/// The routes, and one that stands for every unknown path.
pub struct RouteTable {
    routes: Vec<Route>,
    unknown: Route,
}

/// One path.
pub struct Route {
    /// With the parameters' names in braces.
    pub template: String,
    /// Its metrics.
    pub metrics: RouteMetrics,
    methods: Vec<Method>,
}

impl RouteTable {
    /// The routes of a document.
    pub fn of(document: &OpenApi) -> Self {
        let documented = document.paths.paths.iter().map(|(template, item)| {
            let methods = [
                (item.get.is_some(), Method::GET),
                (item.get.is_some(), Method::HEAD),
                (item.post.is_some(), Method::POST),
                (item.patch.is_some(), Method::PATCH),
                (item.delete.is_some(), Method::DELETE),
            ];
            Route::new(
                template,
                methods.into_iter().filter(|(is_known, _)| *is_known).map(|(_, method)| method),
            )
        });
        let aliases = ALIASES.iter().map(|(name, _)| Route::new(name, [Method::GET, Method::HEAD]));
        Self { routes: documented.chain(aliases).collect(), unknown: Route::new("other", []) }
    }

    /// The route of a path.
    pub fn find(&self, path: &str) -> &Route {
        self.routes.iter().find(|route| route.matches(path)).unwrap_or(&self.unknown)
    }
}

impl Route {
    fn new(template: &str, methods: impl IntoIterator<Item = Method>) -> Self {
        Self {
            template: template.to_owned(),
            metrics: RouteMetrics::new(template),
            methods: methods.into_iter().collect(),
        }
    }

    /// The value of `Allow`; `None` for an unknown path.
    pub fn allow(&self) -> Option<String> {
        let names: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn matches(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let fits = self.template.split('/').all(|segment| match given.next() {
            Some(given) if segment.starts_with('{') => !given.is_empty(),
            Some(given) => given == segment,
            None => false,
        });
        fits && given.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_its_template() {
        let route = Route::new("/a/{id}/b", [Method::GET, Method::HEAD]);
        for (path, fits) in
            [("/a/1/b", true), ("/a/1", false), ("/a//b", false), ("/a/1/b/", false), ("/a/1/c", false)]
        {
            assert_eq!(route.matches(path), fits, "{path}");
        }
        assert_eq!(route.allow().as_deref(), Some("GET, HEAD"));
    }
}
