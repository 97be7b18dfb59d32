//! What the system is told of this program's memory.

use nix::sys::prctl::set_thp_disable;

/// Asks for small pages only. To be called before anything else.
///
/// An event that sells grows, and so always needs new memory. A huge page is cleared as a whole when it is
/// first touched: while that lasts, which on a virtual machine is milliseconds, every request waits. (That
/// memory which was given back is not cleared again too soon is a matter of `MIMALLOC_PURGE_DELAY`, which is
/// set where the program is started.)
pub fn use_small_pages() {
    // Where the system does not know it, the defaults have to do.
    let _ = set_thp_disable(true);
}
