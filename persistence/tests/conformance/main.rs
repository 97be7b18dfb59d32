//! One suite for every store: each case is a function over a store, and runs on all of them.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod cases;
mod groups;
mod helpers;
mod houses;
mod memory;
mod pooler;
mod postgres;
mod postgres_groups;
mod redis_lease;
mod redis_publications;
mod sqlite;
mod sqlite_groups;

/// A test of each case in a module for each store.
macro_rules! on_every_store {
    ($($case:ident),* $(,)?) => {
        mod on_postgres {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::postgres::TestDatabase::create().await).await;
            })*
        }
        mod behind_a_pooler {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::pooler::PooledDatabase::create("transaction").await).await;
            })*
        }
        mod on_sqlite {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::sqlite::TestFile::create()).await;
            })*
        }
        mod in_memory {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::memory::InMemory::default()).await;
            })*
        }
    };
}

on_every_store! {
    a_house_reads_back_as_it_was_written,
    what_is_set_aside_and_added_reads_back,
    charts_and_keys_are_kept_once,
    a_new_event_reads_back_as_it_was_written,
    an_event_is_created_once,
    a_key_makes_one_event,
    equal_keys_at_once_make_one_event,
    every_kind_of_change_shows_in_what_is_read,
    an_earlier_owner_is_fenced,
    a_batch_of_another_version_is_fenced,
    a_batch_is_written_once,
    a_batch_without_an_event_is_fenced,
    a_seat_is_released_and_claimed_again_in_one_batch,
    a_reservation_is_made_and_cancelled_in_one_batch,
    a_second_claim_of_a_seat_is_refused,
    two_claims_of_a_seat_in_one_batch_are_refused,
    a_release_of_a_free_seat_is_refused,
    a_change_of_an_unknown_reservation_is_refused,
    a_batch_is_found_by_its_number,
    activation_reads_what_an_owner_needs,
    activation_of_an_unknown_event_finds_none,
    keys_of_ended_reservations_are_found_by_their_hashes,
    due_events_come_longest_overdue_first,
    events_are_paged_newest_first,
    reservations_are_paged_and_filtered,
    the_seat_map_shows_every_status,
    the_journal_is_read_in_pages,
    the_journal_keeps_every_kind_of_change,
    amended_details_replace_the_old_ones,
    a_deleted_event_is_read_but_not_listed,
    texts_of_all_kinds_are_kept,
    batches_of_any_size_are_written_whole,
    a_large_batch_is_written_whole,
    concurrent_batches_of_one_version_have_one_winner,
    what_was_written_outlasts_the_connection,
}

/// The same for stores that write batches of many events together.
macro_rules! on_every_grouping_store {
    ($($case:ident),* $(,)?) => {
        mod in_groups_on_postgres {
            $(#[tokio::test] async fn $case() {
                crate::groups::$case(&crate::postgres_groups::PostgresGrouping::start().await).await;
            })*
        }
        mod in_groups_on_sqlite {
            $(#[tokio::test] async fn $case() {
                crate::groups::$case(&crate::sqlite_groups::SqliteGrouping::start().await).await;
            })*
        }
    };
}

on_every_grouping_store! {
    each_batch_of_a_group_is_written_to_its_event,
    every_kind_of_change_finds_its_event,
    a_fenced_batch_harms_no_other_of_its_group,
    a_batch_that_cannot_be_written_harms_no_other_of_its_group,
    two_batches_of_one_event_in_a_group_have_one_winner,
}
