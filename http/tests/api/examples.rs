//! The examples of the OpenAPI document: every body has one that fits its schema, and each refusal its own.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::helpers::{ADMIN, TestServer};

/// A body that the document describes: where, and what stands at its media type.
struct Body {
    place: String,
    status: Option<String>,
    media_type: String,
    content: Value,
}

impl Body {
    fn examples(&self) -> Vec<&Value> {
        let named = self.content["examples"].as_object().into_iter().flatten();
        self.content.get("example").into_iter().chain(named.map(|(_, example)| &example["value"])).collect()
    }
}

fn document() -> Value {
    serde_json::from_str(&holdfast_http::openapi::json()).expect("JSON")
}

fn bodies(document: &Value) -> Vec<Body> {
    let mut bodies = Vec::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an id");
            let request = [(None, &operation["requestBody"])];
            let responses = operation["responses"].as_object().expect("responses").iter();
            let responses = responses.map(|(status, response)| (Some(status.clone()), response));
            for (status, described) in request.into_iter().chain(responses) {
                for (media_type, content) in described["content"].as_object().into_iter().flatten() {
                    bodies.push(Body {
                        place: format!("{id} {}", status.as_deref().unwrap_or("request")),
                        status: status.clone(),
                        media_type: media_type.clone(),
                        content: content.clone(),
                    });
                }
            }
        }
    }
    bodies
}

#[test]
fn every_body_has_an_example_that_fits_its_schema() {
    let document = document();
    let bodies = bodies(&document);
    assert!(bodies.len() > 100, "{} bodies", bodies.len());
    for body in bodies {
        let examples = body.examples();
        assert!(!examples.is_empty(), "{} has no example", body.place);
        let mut schema = body.content["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema);
        let validator = validator.unwrap_or_else(|error| panic!("{}: {error}", body.place));
        assert!(!validator.is_valid(&json!(17)), "{}: nothing is a number", body.place);
        for example in examples {
            let errors: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}: {example}", body.place);
        }
    }
}

#[test]
fn every_refusal_has_an_example_of_its_own() {
    let mut details = HashSet::new();
    for body in bodies(&document()).iter().filter(|body| body.media_type == "application/problem+json") {
        let named = body.content["examples"].as_object().expect("examples");
        let has_seats = ["seat_unavailable", "sold_together", "leaves_single_seat"];
        for (code, example) in named {
            let problem = &example["value"];
            assert_eq!(problem["code"], code.as_str(), "{}", body.place);
            assert_eq!(Some(problem["status"].to_string()), body.status, "{}", body.place);
            assert_eq!(
                problem.get("conflicts").is_some(),
                has_seats.contains(&code.as_str()),
                "{}",
                body.place
            );
            assert_eq!(problem.get("errors").is_some(), code == "validation_failed", "{}", body.place);
            details.insert((code.clone(), problem["detail"].clone()));
        }
    }
    let codes: HashSet<_> = details.iter().map(|(code, _)| code).collect();
    let texts: HashSet<_> = details.iter().map(|(_, detail)| detail.to_string()).collect();
    assert!(codes.len() >= 20, "{codes:?}");
    assert_eq!(texts.len(), details.len(), "two codes have the same detail");
}

#[actix_web::test]
async fn the_events_of_the_examples_can_be_made() {
    let server = TestServer::start().await;
    let bodies = bodies(&document());
    let create = bodies.iter().find(|body| body.place == "create_event request").expect("it is described");
    let chart = bodies.iter().find(|body| body.place == "create_chart request").expect("it is described");
    let chart = server.post("/api/v1/charts", Some(ADMIN), chart.examples()[0]).await.json();
    for example in create.examples() {
        let mut example = example.clone();
        if example.get("chart_id").is_some() {
            example["chart_id"] = chart["id"].clone();
        }
        let example = &example;
        let made = server.post("/api/v1/events", Some(ADMIN), example).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_page_says_the_keys_of_the_demo_and_keeps_them() {
    let server = TestServer::start().await;
    let document = server.get("/swagger/openapi.json", None).await.json();
    for scheme in ["api_key", "bearer"] {
        let described = &document["components"]["securitySchemes"][scheme]["description"];
        let described = described.as_str().expect("a description");
        assert!(described.contains(ADMIN) && described.contains("development"), "{described}");
    }
    let page = server.get("/swagger/swagger-initializer.js", None).await;
    assert!(String::from_utf8_lossy(&page.bytes).contains("\"persistAuthorization\": true"));
    assert_ne!(document["paths"], json!({}));
    server.stop().await;
}
