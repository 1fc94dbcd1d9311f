internal import CSandbox
internal import Glibc
package import Linux

/// Why a connection to an agent's control socket is not taken as that agent's.
package enum ControlStranger: Error, Sendable, Hashable {
    /// Who made it, or connected it, is outside of the agent.
    case foreign(String)
    /// Who connected it cannot be known: they have ended, no descriptor is left, or it may not be looked at; errno(3).
    case unknown(Int32)
}

extension Sandbox {
    /// Makes sure that a connection to the control socket is of a process of this agent.
    ///
    /// The listener says whose it is; this, that nobody else got hold of the listener: the other end was made in the agent's
    /// network namespace (`SO_NETNS_COOKIE`; Linux gives an accepted socket the namespace of the one that connects), and where
    /// the kernel says who connected it (`SO_PEERPIDFD`, Linux 6.5), that process is in the agent's pid namespace. An agent has
    /// one of each, since no system call policy lets it make or join others.
    package func checkMaker(of socket: borrowing OwnedDescriptor) throws(ControlStranger) {
        let cookie = csb_namespace_cookie(socket.rawValue)
        guard cookie != 0, cookie == namespaceCookie else {
            throw .foreign("it was made in network namespace \(cookie), which is not the agent's")
        }
        let process: PeerProcess
        do throws(SystemCallError) { process = try PeerProcess(of: socket.rawValue) } catch {
            guard error.errno != ENOPROTOOPT else { return }
            throw .unknown(error.errno)
        }
        // Unless something else is said, it has ended.
        var failure = ESRCH
        let namespace = process.read { number -> stat? in
            var status = stat()
            guard unsafe stat("/proc/\(number)/ns/pid", &status) == 0 else {
                if errno != ENOENT { failure = errno }
                return nil
            }
            return status
        }
        guard let other = namespace else { throw .unknown(failure) }
        var own = stat()
        guard unsafe fstat(pidNamespace, &own) == 0 else { throw .unknown(errno) }
        guard own.st_dev == other.st_dev, own.st_ino == other.st_ino else {
            throw .foreign("a process of another pid namespace than the agent's connected it")
        }
    }
}
