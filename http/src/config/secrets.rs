//! What a key or a secret must be, where it is used.

/// The administrator's key of the documentation.
pub(crate) const DEV_ADMIN_KEY: &str = "dev-admin-key-12345";
/// The user's key of the documentation.
pub(crate) const DEV_USER_KEY: &str = "dev-user-key-67890";
/// What anybody can read in this project or its history.
const PUBLISHED: [&str; 3] = [DEV_ADMIN_KEY, DEV_USER_KEY, "a-secret-for-trying-it-out"];

pub(crate) const MIN_LENGTH: usize = 16;

/// Who can reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// In development, and from this machine alone.
    Local,
    /// In development, but from other machines, too.
    Network,
    /// It is more than development.
    Real,
}

/// What is wrong with an API key; `None`: nothing.
pub(crate) fn key_problem(key: &str, exposure: Exposure) -> Option<&'static str> {
    if key.chars().count() < MIN_LENGTH {
        return Some("must have at least 16 characters");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("must have visible ASCII characters only");
    }
    guessable(key, exposure)
}

/// Why anybody could guess a secret of some length; `None`: nobody can.
pub(crate) fn guessable(secret: &str, exposure: Exposure) -> Option<&'static str> {
    if PUBLISHED.contains(&secret) {
        return match exposure {
            Exposure::Local => None,
            Exposure::Network => Some(
                "is published in Holdfast's documentation, and BIND lets other machines in; \
                 set one of your own (`openssl rand -hex 24` makes one), or BIND=127.0.0.1",
            ),
            Exposure::Real => Some(
                "is published in Holdfast's documentation; set one of your own \
                 (`openssl rand -hex 24` makes one), or ENVIRONMENT=development",
            ),
        };
    }
    let first = secret.bytes().next();
    let is_repeated = secret.bytes().all(|byte| Some(byte) == first);
    (is_repeated && exposure == Exposure::Real)
        .then_some("is one character repeated; `openssl rand -hex 24` makes a better one")
}
