internal import CSandbox
internal import Glibc
package import Linux

/// Why a connection to an agent's control socket is not taken as that agent's.
package enum ControlStranger: Error, Sendable, Hashable {
    /// Who made it, or connected it, is outside of the agent.
    case foreign(String)
    /// The kernel does not say who connected it: they have ended, or no descriptor is left; errno(3).
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
        let namespace = process.read { number -> stat? in
            var status = stat()
            return unsafe stat("/proc/\(number)/ns/pid", &status) == 0 ? status : nil
        }
        var own = stat()
        guard let other = namespace, unsafe fstat(pidNamespace, &own) == 0 else { throw .unknown(ESRCH) }
        guard own.st_dev == other.st_dev, own.st_ino == other.st_ino else {
            throw .foreign("a process of another pid namespace than the agent's connected it")
        }
    }
}
