internal import Glibc
internal import Synchronization

/// A program of Bailey's own that is spoken with over one socket, which is its standard input and output.
///
/// It has no environment and nothing else open; it is killed when its owner is gone.
package final class CompanionProgram: Sendable {
    private let socket: OwnedDescriptor
    private let child: pid_t

    /// Milliseconds within which the end of one that has closed its socket is told.
    private static let farewell = 200

    package init(path: String) throws(ProgramOutput.Failure) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw ProgramOutput.Failure("cannot make a socket", errno)
        }
        socket = OwnedDescriptor(ends[0])
        let theirs = OwnedDescriptor(ends[1])
        // A pipe of another program's, not marked yet, would be open in this one for as long as it lives.
        child = try ProgramOutput.spawning.withLock { _ throws(ProgramOutput.Failure) in
            try ProgramOutput.spawn([path], [], reading: theirs.rawValue, writing: theirs.rawValue)
        }
    }

    deinit {
        _ = kill(-child, SIGKILL)
        // Gone already where its end was told.
        _ = ProgramOutput.wait(child, WEXITED)
    }

    /// Sends all of it; throws where that takes longer than `deadline`, milliseconds of `Uptime`.
    package func send(_ octets: [UInt8], by deadline: UInt64) throws(ProgramOutput.Failure) {
        var start = 0
        while start < octets.count {
            try wait(for: Int16(POLLOUT), by: deadline)
            let count = unsafe octets.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
                return unsafe Glibc.send(
                    socket.rawValue,
                    rest.baseAddress,
                    rest.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                )
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else { throw ended() }
            start += count
        }
    }

    /// What there is of its answer, up to so many octets, as soon as there is anything.
    package func receive(atMost maximum: Int, by deadline: UInt64) throws(ProgramOutput.Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: maximum)
        while true {
            try wait(for: Int16(POLLIN), by: deadline)
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe recv(socket.rawValue, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw ended() }
            return Array(buffer[..<count])
        }
    }

    private func wait(for events: Int16, by deadline: UInt64) throws(ProgramOutput.Failure) {
        while true {
            let now = Uptime.milliseconds()
            guard now < deadline else { throw ProgramOutput.Failure("there was no answer in time") }
            var entry = pollfd(fd: socket.rawValue, events: events, revents: 0)
            let ready = unsafe poll(&entry, 1, Int32(clamping: deadline - now))
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else {
                throw ProgramOutput.Failure("cannot wait for it", errno)
            }
        }
    }

    /// How it ended, which has closed its side.
    private func ended() -> ProgramOutput.Failure {
        for _ in 0..<Self.farewell {
            // Left to be waited for: until then its number is nobody else's.
            if let code = ProgramOutput.wait(child, WEXITED | WNOHANG | WNOWAIT) {
                return ProgramOutput.Failure("it ended with \(code)")
            }
            _ = poll(nil, 0, 1)
        }
        return ProgramOutput.Failure("it closed its output")
    }
}
