//! `/charts`.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use charts::{ChartFile, Format};
use engine::Chart;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Admin;
use crate::encoding::{self, takes_gzip};
use crate::extract::{FileBody, NothingElse, Parameters, PathId};
use crate::idempotency::IdempotencyKey;
use crate::state::AppState;
use crate::wire::chart_body::{self, ChartBody, ChartMapBody, ChartPathId, NewChartBody};
use crate::wire::name::Name;
use crate::wire::paging::Page;
use crate::wire::problem::{Code, Problem};
use crate::wire::venue_body;

/// What a chart is called.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NewChartQuery {
    /// 1 to 255 characters; the name in the file where absent.
    #[param(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
}

/// Which charts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChartsQuery {
    /// How many at most; 20 where absent.
    #[param(minimum = 1, maximum = 100, nullable = false)]
    limit: Option<i64>,
    /// Where the page begins, from the `Link` of the page before.
    #[param(value_type = Option<uuid::Uuid>, nullable = false)]
    cursor: Option<String>,
}

/// Keeps a chart: a layout without prices, that any number of events can be made of. The body is the JSON of
/// sections, a seating plan of pretix as it is, or CSV. The same content is the same chart, and has the same
/// id.
#[utoipa::path(
    tag = "charts", operation_id = "create_chart", params(NewChartQuery),
    request_body(content(
        (NewChartBody = "application/json"),
        (String = "text/csv"),
    ), description = "Up to 16 MiB"),
    responses((status = 201, description = "The chart", body = ChartBody,
        headers(("Location" = String, description = "Its path")))),
)]
#[post("/charts")]
pub(crate) async fn create(
    state: web::Data<AppState>,
    _: Admin,
    _: IdempotencyKey,
    Parameters(query): Parameters<NewChartQuery>,
    FileBody { bytes, is_csv }: FileBody,
) -> Result<HttpResponse, Problem> {
    let now = state.engine.now();
    // A stadium's file takes a good part of a second.
    let read = web::block(move || read(&bytes, is_csv, query.name)).await;
    let (name, mut file) = read.map_err(|error| Problem::from_broken(error.to_string()))??;
    let (map, allocations) = (file.map_json(), chart_body::allocations(&file));
    if let Some(keys) = file.compiled.listed_keys.take() {
        state.engine.put_seat_keys(&keys).await.map_err(|error| Problem::from_call(error, None))?;
    }
    let chart = Chart::new(name, now, file.compiled.layout.shared(), allocations, map);
    let kept = state.engine.put_chart(chart).await.map_err(|error| Problem::from_call(error, None))?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/charts/{}", kept.id.0)))
        .json(ChartBody::imported(&kept, file.ignored, file.aisles)))
}

fn read(bytes: &[u8], is_csv: bool, name: Option<String>) -> Result<(String, ChartFile), Problem> {
    let format = if is_csv { Format::Csv } else { Format::of(bytes) };
    if format == Format::Csv && !is_csv {
        return Err(Problem::new(Code::MalformedRequest, "the body is no JSON object"));
    }
    let file = charts::read(bytes, format).map_err(|fault| venue_body::refused(&fault))?;
    if !file.compiled.own_prices.is_empty() {
        return Err(Problem::invalid_field("sections", "of a chart have no prices; its events have"));
    }
    let name = Name::of(&name.or_else(|| file.name.clone()).unwrap_or_else(|| "Chart".to_owned()));
    name.check().map_err(|message| Problem::invalid_field("name", message))?;
    Ok((name.into_string(), file))
}

/// Charts, newest first.
#[utoipa::path(
    tag = "charts", operation_id = "list_charts", params(ChartsQuery),
    responses((status = 200, description = "A page of charts", body = Vec<ChartBody>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`; absent on the last page")))),
)]
#[get("/charts")]
pub(crate) async fn list(
    state: web::Data<AppState>,
    Parameters(query): Parameters<ChartsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let takes_gzip = takes_gzip(&request)?;
    let page = Page::<ChartPathId>::new(query.limit, query.cursor.as_deref())?;
    let found = state.engine.charts(page.after.map(|after| after.0), page.fetch()).await;
    let mut charts = found.map_err(|error| Problem::from_call(error, None))?;
    let next = page.cut(&mut charts, "/api/v1/charts", None, |chart| ChartPathId(chart.id));
    let bodies: Vec<_> = charts.iter().map(ChartBody::from).collect();
    let mut response = HttpResponse::Ok();
    if let Some(next) = next {
        response.insert_header((header::LINK, next));
    }
    Ok(encoding::json(&mut response, &bodies, takes_gzip))
}

/// A chart.
#[utoipa::path(
    tag = "charts", operation_id = "get_chart",
    params(("id" = uuid::Uuid, Path, description = "The chart's id")),
    responses((status = 200, description = "The chart", body = ChartBody)),
)]
#[get("/charts/{id}")]
pub(crate) async fn get(
    state: web::Data<AppState>,
    PathId(ChartPathId(id)): PathId<ChartPathId>,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(ChartBody::from(&*found(&state, ChartPathId(id)).await?)))
}

/// Where the seats of a chart are, as it was imported: `{"size", "seats": [[x, y], …]}`, by the numbers of
/// the seats.
#[utoipa::path(
    tag = "charts", operation_id = "get_chart_map",
    params(("id" = uuid::Uuid, Path, description = "The chart's id")),
    responses((status = 200, description = "The map; without seats where the chart has none", body = ChartMapBody)),
)]
#[get("/charts/{id}/map")]
pub(crate) async fn chart_map(
    state: web::Data<AppState>,
    PathId(id): PathId<ChartPathId>,
    request: HttpRequest,
    _: NothingElse,
) -> Result<HttpResponse, Problem> {
    let takes_gzip = takes_gzip(&request)?;
    let map = found(&state, id).await?.map.clone();
    let mut response = HttpResponse::Ok();
    // It never changes.
    response.insert_header((header::CACHE_CONTROL, "max-age=86400, immutable"));
    let json = map.as_deref().unwrap_or("{\"seats\":[]}").as_bytes();
    Ok(encoding::json_bytes(&mut response, json, takes_gzip))
}

async fn found(state: &AppState, id: ChartPathId) -> Result<Arc<Chart>, Problem> {
    let chart = state.engine.chart(id.0).await.map_err(|error| Problem::from_call(error, None))?;
    chart.map(Arc::new).ok_or_else(|| Problem::new(Code::ChartNotFound, "there is no such chart"))
}
