"""The README's walk-through by a generated client: `scripts/python-client` runs it."""

import os
from datetime import datetime, timezone

from holdfast_client import AuthenticatedClient
from holdfast_client.api.events import create_event, list_events
from holdfast_client.api.reservations import cancel_reservation, confirm_reservation, get_reservation, reserve
from holdfast_client.api.seats import list_seats
from holdfast_client.models import NewEvent, NewReservation, Problem, Reservation, ReservationStatus, SeatStatus


def client(key: str) -> AuthenticatedClient:
    """Every answer that the document does not describe is an error."""
    return AuthenticatedClient(base_url=os.environ["HOLDFAST_URL"], token=key, raise_on_unexpected_status=True)


def main() -> None:
    admin = client("dev-admin-key-12345")
    user = client("dev-user-key-67890")

    assert len(list_events.sync(client=user)) == 3, "the examples are there"
    event = create_event.sync(
        client=admin,
        body=NewEvent(
            name="Chamber music",
            venue="Here",
            start_at=datetime(2099, 1, 1, 9, tzinfo=timezone.utc),
            end_at=datetime(2099, 1, 1, 12, tzinfo=timezone.utc),
            total_seats=10,
            price=5000,
        ),
    )
    seats = list_seats.sync(event.id, client=user)
    assert len(seats) == 10 and all(seat.status == SeatStatus.AVAILABLE for seat in seats), seats

    two = NewReservation(event_id=event.id, seat_ids=[seats[0].id, seats[1].id])
    held = reserve.sync(client=user, body=two, idempotency_key="order-1")
    assert isinstance(held, Reservation) and held.status == ReservationStatus.PENDING, held
    again = reserve.sync_detailed(client=user, body=two, idempotency_key="order-1")
    assert again.parsed.id == held.id and again.headers["idempotent-replayed"] == "true", again

    refused = reserve.sync(client=user, body=NewReservation(event_id=event.id, seat_ids=[seats[1].id]))
    assert isinstance(refused, Problem) and refused.status == 409, refused
    assert refused.conflicts[0].seat_id == seats[1].id, refused

    sold = confirm_reservation.sync(held.id, client=user)
    assert sold.status == ReservationStatus.CONFIRMED and sold.total_amount == 10000, sold
    assert get_reservation.sync(held.id, client=user).status == ReservationStatus.CONFIRMED
    assert cancel_reservation.sync(held.id, client=user).status == ReservationStatus.CANCELLED
    print("a generated client made an event, reserved, was refused, confirmed and gave back")


main()
