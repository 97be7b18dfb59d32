//! What the allocator is told. It reads its settings from the environment before `main` begins, so the program starts
//! itself once more with them. Whoever sets them differently has their way.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// An event that sells grows, and so always needs new memory. A huge page is cleared as a whole when it is first touched,
/// and memory that was given back to the system is cleared again when it is needed again: while that lasts, which on a
/// virtual machine is milliseconds, every request waits.
const SETTINGS: [(&str, &str); 2] = [
    ("MIMALLOC_ALLOW_THP", "0"),
    // How long free memory is kept, in milliseconds.
    ("MIMALLOC_PURGE_DELAY", "5000"),
];

/// To be called before anything else.
pub fn set_up() {
    let missing: Vec<_> = SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return;
    }
    let mut arguments = env::args_os();
    if let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) {
        // Comes back only if it failed, and then the defaults have to do.
        let _ = Command::new(program).arg0(name).args(arguments).envs(missing).exec();
    }
}
