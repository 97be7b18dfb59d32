//! The OpenAPI document and Swagger UI.

use serde_json::Value;

use crate::helpers::TestServer;

#[test]
fn the_committed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json");
    let committed = std::fs::read_to_string(path).expect("openapi.json");
    assert!(
        committed == holdfast_http::openapi::json(),
        "openapi.json is out of date: cargo run -p holdfast -- openapi > openapi.json"
    );
}

#[actix_web::test]
async fn the_document_and_its_reader_are_served() {
    let server = TestServer::start().await;
    let served = server.get("/swagger/openapi.json", None).await;
    let printed: Value = serde_json::from_str(&holdfast_http::openapi::json()).expect("JSON");
    assert_eq!(served.json(), printed);
    let page = server.get("/swagger/index.html", None).await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.bytes).contains("swagger-ui"));
    let script = server.get("/swagger/swagger-ui-bundle.js", None).await;
    assert_eq!(script.status, 200);
    assert_eq!(server.get("/swagger", None).await.header("location"), Some("/swagger/index.html"));
    server.get("/swagger/nothing.js", None).await.problem(404, "not_found");
    server.stop().await;
}

#[test]
fn requests_are_closed_and_names_are_unique() {
    let document: Value = serde_json::from_str(&holdfast_http::openapi::json()).expect("JSON");
    for name in ["NewEvent", "NewSection", "EventPatch", "NewReservation"] {
        assert_eq!(document["components"]["schemas"][name]["additionalProperties"], false, "{name}");
    }
    let mut names: Vec<_> = crate::roles::operations().into_iter().map(|operation| operation.id).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}
