internal import CSandbox

/// The C library's look-ups of users, groups and hosts.
package enum NameService {
    /// Keeps them to what is built in, `/etc/passwd`, `/etc/group`, `/etc/hosts` and DNS, whatever nsswitch.conf says.
    ///
    /// Call first in a process: every other service would be a shared object, which a static program cannot call into.
    package static func keepBuiltIn() { csb_names_built_in() }
}
