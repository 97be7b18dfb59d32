//! Which paths there are, as templates: for metrics (whose labels must be few) and for `Allow`.
//! It is made from the OpenAPI document, so it cannot miss a route.

use actix_web::http::Method;
use utoipa::openapi::OpenApi;

use crate::calls::Call;
use crate::metric::RouteMetrics;
use crate::wire::repeat::Repeat;

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
    calls: Vec<(Method, Repeat)>,
}

impl RouteTable {
    /// The routes of a document.
    pub fn of(document: &OpenApi) -> Self {
        let documented = document.paths.paths.iter().map(|(template, item)| {
            let operations = [
                (&item.get, Method::GET),
                (&item.get, Method::HEAD),
                (&item.post, Method::POST),
                (&item.put, Method::PUT),
                (&item.patch, Method::PATCH),
                (&item.delete, Method::DELETE),
            ];
            let calls = operations.into_iter().filter_map(|(operation, method)| {
                Some((method, Call::of(operation.as_ref()?.operation_id.as_deref()?).repeat))
            });
            Route::new(template, calls)
        });
        let reads = [Method::GET, Method::HEAD].map(|method| (method, Repeat::Reads));
        let aliases = ALIASES.iter().map(|(name, _)| Route::new(name, reads.clone()));
        Self { routes: documented.chain(aliases).collect(), unknown: Route::new("other", []) }
    }

    /// The route of a path.
    pub fn find(&self, path: &str) -> &Route {
        self.routes.iter().find(|route| route.matches(path)).unwrap_or(&self.unknown)
    }
}

impl Route {
    fn new(template: &str, calls: impl IntoIterator<Item = (Method, Repeat)>) -> Self {
        Self {
            template: template.to_owned(),
            metrics: RouteMetrics::new(template),
            calls: calls.into_iter().collect(),
        }
    }

    /// The value of `Allow`; `None` for an unknown path.
    pub fn allow(&self) -> Option<String> {
        let names: Vec<_> = self.calls.iter().map(|(method, _)| method.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// What a call does that is made once more; one that is not known does nothing.
    pub fn repeat(&self, method: &Method) -> Repeat {
        let call = self.calls.iter().find(|(known, _)| known == method);
        call.map_or(Repeat::Reads, |(_, repeat)| *repeat)
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
        let route = Route::new("/a/{id}/b", [(Method::GET, Repeat::Reads), (Method::HEAD, Repeat::Reads)]);
        for (path, fits) in
            [("/a/1/b", true), ("/a/1", false), ("/a//b", false), ("/a/1/b/", false), ("/a/1/c", false)]
        {
            assert_eq!(route.matches(path), fits, "{path}");
        }
        assert_eq!(route.allow().as_deref(), Some("GET, HEAD"));
    }
}
