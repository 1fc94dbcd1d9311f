internal import Glibc

/// Copies one direction of a program's standard streams, with one bounded buffer and back-pressure.
///
/// The descriptors belong to others (the caller's terminal, a shell's pipe), so they are never made
/// non-blocking: a read or a write is only tried after poll(2) said that it will not block.
struct Pump {
    /// Bytes held between the two sides: the default capacity of a pipe (pipe(7)).
    static let bufferSize = 64 << 10
    /// Bytes written at once: poll(2) promises room for PIPE_BUF on a pipe that is writable.
    static let writeSize = 4096

    let source: Int32
    let sink: Int32
    private var buffer = [UInt8](repeating: 0, count: Pump.bufferSize)
    private var held = 0..<0
    private(set) var sourceEnded = false
    /// errno(3) of the write after which nothing more is copied; nil while the sink takes what comes.
    private(set) var failure: Int32?

    init(from source: Int32, to sink: Int32) {
        self.source = source
        self.sink = sink
    }

    /// Nothing more will be copied.
    var isFinished: Bool { failure != nil || (sourceEnded && held.isEmpty) }
    var wantsRead: Bool { !isFinished && !sourceEnded && held.isEmpty }
    var wantsWrite: Bool { !isFinished && !held.isEmpty }

    /// Reads once; the caller has seen the source readable, hung up or in error.
    mutating func read() {
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe Glibc.read(source, bytes.baseAddress, bytes.count)
        }
        if count > 0 {
            held = 0..<count
        } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
            // EIO is how a pty master says that the last slave was closed (pty(7)).
            sourceEnded = true
        }
    }

    /// Writes once; the caller has seen the sink writable or in error.
    mutating func write() {
        let count = unsafe buffer.withUnsafeBytes { bytes in
            unsafe Glibc.write(
                sink,
                bytes.baseAddress?.advanced(by: held.lowerBound),
                min(held.count, Self.writeSize)
            )
        }
        if count > 0 {
            held = (held.lowerBound + count)..<held.upperBound
        } else if count < 0, errno != EINTR, errno != EAGAIN {
            failure = errno
            held = 0..<0
        }
    }
}
