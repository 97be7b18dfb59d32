//! How long the database may take for what.

use std::time::Duration;

/// How long a read may take: enough for the checks, which read an event's tables as a whole.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an activation may take: it reads what is live.
pub(super) const ACTIVATION_TIMEOUT: Duration = Duration::from_secs(10);
