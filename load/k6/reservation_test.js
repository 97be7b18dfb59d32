// The same as `load k6`: 100 virtual users list events, list the seats of the newest, and reserve the
// first one that is free.
//
//   k6 run load/k6/reservation_test.js
//   k6 run -e BASE_URL=http://tickets.example:8080 -e ADMIN_API_KEY=... load/k6/reservation_test.js

import http from 'k6/http';
import { check, sleep } from 'k6';
import { Counter } from 'k6/metrics';

const API = `${__ENV.BASE_URL || 'http://127.0.0.1:8080'}/api/v1`;
const KEY = __ENV.ADMIN_API_KEY || 'dev-admin-key-12345';
const SEATS = Number(__ENV.SEATS || 2000);
const HEADERS = { 'Content-Type': 'application/json', 'X-API-Key': KEY };

// A seat that somebody else was quicker to take is a normal answer, not a failed request.
http.setResponseCallback(http.expectedStatuses(200, 201, 409));

const reserved = new Counter('seats_reserved');
const taken = new Counter('seats_taken');

export const options = {
  stages: [
    { duration: '30s', target: 100 },
    { duration: '60s', target: 100 },
    { duration: '30s', target: 0 },
  ],
  thresholds: {
    http_req_duration: ['p(95)<500'],
    http_req_failed: ['rate<0.01'],
    seats_reserved: ['count>0'],
  },
};

export function setup() {
  const event = {
    name: 'k6',
    venue: 'Load',
    start_at: '2099-01-10T09:00:00Z',
    end_at: '2099-01-10T12:00:00Z',
    total_seats: SEATS,
    price: 5000,
    hold_ttl_s: 3600,
    max_hold_s: 3600,
  };
  const response = http.post(`${API}/events`, JSON.stringify(event), { headers: HEADERS });
  if (response.status !== 201) {
    throw new Error(`POST /events was answered ${response.status}: ${response.body}`);
  }
}

export default function () {
  round();
  sleep(1);
}

function round() {
  const events = http.get(`${API}/events`, { headers: HEADERS });
  if (!check(events, { 'events are listed': (r) => r.status === 200 && r.json().length > 0 })) return;
  const event = events.json()[0].id;

  const seats = http.get(`${API}/events/${event}/seats`, { headers: HEADERS, tags: { name: 'seats' } });
  if (!check(seats, { 'seats are listed': (r) => r.status === 200 })) return;
  const free = seats.json().find((seat) => seat.status === 'available');
  if (free === undefined) return;

  const body = { event_id: event, seat_ids: [free.id], user_id: randomUuid() };
  const answer = http.post(`${API}/reservations`, JSON.stringify(body), { headers: HEADERS });
  check(answer, { 'reserved, or taken': (r) => r.status === 201 || r.status === 409 });
  if (answer.status === 201) reserved.add(1);
  if (answer.status === 409) taken.add(1);
}

// Version 4. No module from the network: the script also runs where there is none.
function randomUuid() {
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (letter) => {
    const random = Math.floor(Math.random() * 16);
    return (letter === 'x' ? random : (random & 3) | 8).toString(16);
  });
}
